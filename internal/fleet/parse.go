package fleet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Bounds of a selector: it arrives in URLs.
const (
	maxSelector       = 4096
	maxSelectorTerms  = 64
	maxSelectorValues = 256
)

// ParseSelector reads a selector: terms joined by commas, each one of
//
//	key=value   key!=value   key in (a,b)   key notin (a,b)   key   !key
//
// with spaces allowed between the parts. A value that has a space, a comma, a bracket, = ! " or \ in it stands between double
// quotes, where \" and \\ are a quote and a backslash. Text of spaces only names every host. fault.Invalid says at which
// character the text stops making sense, and what was expected there.
func ParseSelector(text string) (Selector, error) {
	if len(text) > maxSelector {
		return Selector{}, fault.New(fault.Invalid, "selector: longer than %d bytes", maxSelector)
	}
	if !utf8.ValidString(text) {
		return Selector{}, fault.New(fault.Invalid, "selector: not UTF-8")
	}
	p := &parser{text: []rune(text)}
	terms, err := p.selector()
	if err != nil {
		return Selector{}, err
	}
	return Selector{terms: terms}, nil
}

// parser reads text from left to right; at is the next character.
type parser struct {
	text []rune
	at   int
}

func (p *parser) selector() ([]term, error) {
	p.spaces()
	if p.end() {
		return nil, nil
	}
	var terms []term
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		if terms = append(terms, t); len(terms) > maxSelectorTerms {
			return nil, fault.New(fault.Invalid, "selector: more than %d terms", maxSelectorTerms)
		}
		p.spaces()
		if p.end() {
			return terms, nil
		}
		if !p.take(",") {
			return nil, p.expected("',' or end")
		}
	}
}

func (p *parser) term() (term, error) {
	p.spaces()
	if p.take("!") {
		p.spaces()
		key, err := p.key()
		return term{key: key, op: absent}, err
	}
	key, err := p.key()
	if err != nil {
		return term{}, err
	}
	p.spaces()
	switch {
	case p.take("!="):
		return p.comparison(key, differs)
	case p.take("=="), p.take("="):
		return p.comparison(key, equals)
	case p.takeWord("in"):
		return p.set(key, in)
	case p.takeWord("notin"):
		return p.set(key, notIn)
	case p.end() || p.text[p.at] == ',':
		return term{key: key, op: exists}, nil
	}
	return term{}, p.expected("one of = != in notin, or ',' or end")
}

func (p *parser) key() (string, error) {
	start := p.at
	for !p.end() && isKeyRune(p.text[p.at]) {
		p.at++
	}
	key := string(p.text[start:p.at])
	if key == "" {
		return "", p.expected("a label key")
	}
	if len(key) > maxLabelKey {
		return "", p.wrong(start, "key %q is longer than %d characters", clip(key), maxLabelKey)
	}
	if strings.HasPrefix(key, reservedPrefix) && !slices.Contains(reservedKeys, key) {
		return "", p.wrong(start, "there is no key %q; below %q are %s", key, reservedPrefix, strings.Join(reservedKeys, ", "))
	}
	return key, nil
}

func (p *parser) comparison(key string, o op) (term, error) {
	p.spaces()
	v, err := p.value()
	return term{key: key, op: o, values: []string{v}}, err
}

// set reads (a,b); the order in which values are written means nothing, so they are kept sorted.
func (p *parser) set(key string, o op) (term, error) {
	p.spaces()
	if !p.take("(") {
		return term{}, p.expected("'('")
	}
	var values []string
	for {
		p.spaces()
		v, err := p.value()
		if err != nil {
			return term{}, err
		}
		if values = append(values, v); len(values) > maxSelectorValues {
			return term{}, fault.New(fault.Invalid, "selector: more than %d values for %q", maxSelectorValues, key)
		}
		p.spaces()
		if p.take(")") {
			slices.Sort(values)
			return term{key: key, op: o, values: slices.Compact(values)}, nil
		}
		if !p.take(",") {
			return term{}, p.expected("',' or ')'")
		}
	}
}

// value reads a bare or a quoted value; a bare one may be empty, as in "env=".
func (p *parser) value() (string, error) {
	start := p.at
	var v string
	if p.take(`"`) {
		var err error
		if v, err = p.quoted(start); err != nil {
			return "", err
		}
	} else {
		for !p.end() && isBareRune(p.text[p.at]) {
			p.at++
		}
		v = string(p.text[start:p.at])
	}
	if problem := valueProblem(v); problem != "" {
		return "", p.wrong(start, "the value %s", problem)
	}
	return v, nil
}

func (p *parser) quoted(start int) (string, error) {
	var b strings.Builder
	for !p.end() {
		r := p.text[p.at]
		p.at++
		switch r {
		case '"':
			return b.String(), nil
		case '\\':
			if p.end() || p.text[p.at] != '"' && p.text[p.at] != '\\' {
				return "", p.expected(`" or \ after \`)
			}
			b.WriteRune(p.text[p.at])
			p.at++
		default:
			b.WriteRune(r)
		}
	}
	return "", p.wrong(start, "this quote is never closed")
}

func (p *parser) end() bool { return p.at >= len(p.text) }

func (p *parser) spaces() {
	for !p.end() && isSpace(p.text[p.at]) {
		p.at++
	}
}

// take moves past s if it comes next.
func (p *parser) take(s string) bool {
	runes := []rune(s)
	if p.at+len(runes) > len(p.text) || !slices.Equal(p.text[p.at:p.at+len(runes)], runes) {
		return false
	}
	p.at += len(runes)
	return true
}

// takeWord moves past word if it comes next and ends there.
func (p *parser) takeWord(word string) bool {
	before := p.at
	if p.take(word) && (p.end() || !isKeyRune(p.text[p.at])) {
		return true
	}
	p.at = before
	return false
}

// expected is the error for what comes next.
func (p *parser) expected(what string) error {
	got := "end"
	if !p.end() {
		got = fmt.Sprintf("%q", clip(string(p.text[p.at:min(p.at+20, len(p.text))])))
	}
	return p.wrong(p.at, "expected %s, got %s", what, got)
}

// wrong is an error at the character with index at; people count from one.
func (p *parser) wrong(at int, format string, args ...any) error {
	return fault.New(fault.Invalid, "selector: at character %d: %s", at+1, fmt.Sprintf(format, args...))
}

func isSpace(r rune) bool { return unicode.IsSpace(r) }

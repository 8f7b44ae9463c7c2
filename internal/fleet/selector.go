package fleet

import (
	"slices"
	"strings"
)

// Keys that say what a host is rather than how it is labelled; the caller of Matches answers them.
const (
	KeyHostName  = "host.name"
	KeyHostOS    = "host.os"
	KeyHostArch  = "host.arch"
	KeyHostState = "host.state"

	KeyHostOnline          = "host.online"           // yes, no
	KeyHostAssessed        = "host.assessed"         // yes, no
	KeyHostLifecycle       = "host.lifecycle"        // supported, extended, ended, unknown: its release
	KeyHostMetadata        = "host.metadata"         // fresh, stale: its package lists
	KeyHostReboot          = "host.reboot"           // yes, no; no such key before the first facts
	KeyHostFailedUnits     = "host.failed-units"     // yes, no; as above
	KeyHostUpdates         = "host.updates"          // known, unknown
	KeyHostSecurityUpdates = "host.security-updates" // yes, no; no such key while updates are unknown
)

// reservedKeys are all keys below "host." that a selector may name.
var reservedKeys = []string{
	KeyHostArch, KeyHostAssessed, KeyHostFailedUnits, KeyHostLifecycle, KeyHostMetadata, KeyHostName, KeyHostOnline, KeyHostOS, KeyHostReboot,
	KeyHostSecurityUpdates, KeyHostState, KeyHostUpdates,
}

// Selector names hosts by labels and by what they are: terms joined by commas, all of which must hold. The zero value names every host.
type Selector struct {
	terms []term
}

// term is one condition on one key.
type term struct {
	key    string
	op     op
	values []string // one for equals and differs, sorted and distinct for in and notIn, none for exists and absent
}

type op string

const (
	equals  op = "="
	differs op = "!="
	in      op = "in"
	notIn   op = "notin"
	exists  op = "exists"
	absent  op = "absent"
)

// Matches reports whether every term holds. attr gives a key's value, and false when the host has no such key; a host without the
// key differs from every value, so key!=value and key notin (…) hold for it.
func (s Selector) Matches(attr func(key string) (string, bool)) bool {
	for _, t := range s.terms {
		if !t.holds(attr) {
			return false
		}
	}
	return true
}

func (t term) holds(attr func(string) (string, bool)) bool {
	value, has := attr(t.key)
	switch t.op {
	case exists:
		return has
	case absent:
		return !has
	case equals, in:
		return has && slices.Contains(t.values, value)
	default:
		return !has || !slices.Contains(t.values, value)
	}
}

// Term is one condition of a selector, for indexes: the host has the key with one of the values, or with any where there are none; Not
// turns that round, so that a host without the key differs from every value.
type Term struct {
	Key    string
	Values []string
	Not    bool
}

// Terms are the conditions of s: all of them hold for the hosts that it names.
func (s Selector) Terms() []Term {
	out := make([]Term, 0, len(s.terms))
	for _, t := range s.terms {
		out = append(out, Term{Key: t.key, Values: t.values, Not: t.op == differs || t.op == notIn || t.op == absent})
	}
	return out
}

// Holds says whether a host for which attr gives the key's value, and false when it has no such key, meets the condition.
func (t Term) Holds(attr func(key string) (string, bool)) bool {
	value, has := attr(t.Key)
	return t.Not != (has && (len(t.Values) == 0 || slices.Contains(t.Values, value)))
}

// IsZero reports whether s names every host.
func (s Selector) IsZero() bool { return len(s.terms) == 0 }

// String is s in the form ParseSelector reads, with nothing optional in it.
func (s Selector) String() string {
	texts := make([]string, len(s.terms))
	for i, t := range s.terms {
		texts[i] = t.String()
	}
	return strings.Join(texts, ",")
}

func (t term) String() string {
	switch t.op {
	case exists:
		return t.key
	case absent:
		return "!" + t.key
	case equals, differs:
		return t.key + string(t.op) + quoteValue(t.values[0])
	default:
		quoted := make([]string, len(t.values))
		for i, v := range t.values {
			quoted[i] = quoteValue(v)
		}
		return t.key + " " + string(t.op) + " (" + strings.Join(quoted, ",") + ")"
	}
}

// quoteValue writes a value so that it reads back: bare where it can be, else between double quotes.
func quoteValue(v string) string {
	if v != "" && !strings.ContainsFunc(v, func(r rune) bool { return !isBareRune(r) }) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

// isBareRune says which characters a value may have without quotes: all that mean nothing to the grammar.
func isBareRune(r rune) bool {
	return r > ' ' && r != 0x7f && !strings.ContainsRune(`,()=!"\`, r) && !isSpace(r)
}

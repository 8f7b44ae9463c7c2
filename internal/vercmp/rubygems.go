package vercmp

import "strings"

// gemCheck gives the rule that v breaks: numbers and words with dots, beginning with a number, then a hyphen and what may follow it.
// An empty version is version 0.
func gemCheck(v string) (reason string) {
	v = debTrim(v)
	if v == "" {
		return ""
	}
	if !isDigit(v[0]) {
		return "it does not start with a number"
	}
	v, after, hyphen := strings.Cut(v, "-")
	first, _, _ := strings.Cut(v, ".")
	if run, rest := digits(first); run == "" || rest != "" {
		return "its first segment is not a number"
	}
	if !gemSegments(v, false) || hyphen && !gemSegments(after, true) {
		return "a segment is empty or holds a character that is not allowed"
	}
	return ""
}

func gemSegments(s string, hyphens bool) bool {
	before := true
	for i := range len(s) {
		now := s[i] == '.'
		if now && before || !now && !isDigit(s[i]) && !isAlpha(s[i]) && !(hyphens && s[i] == '-') {
			return false
		}
		before = now
	}
	return !before
}

func gemValid(v string) error {
	if reason := gemCheck(v); reason != "" {
		return invalid(RubyGems, v, reason)
	}
	return nil
}

// gemReader gives the segments of a version in turn: runs of digits or letters; a hyphen stands for ".pre.".
type gemReader struct {
	rest  string
	words bool // a word has been given
}

// next gives a number's digits or a word; past the end, zeros. Zeros right before the first word do not count.
func (r *gemReader) next() (text string, word bool) {
	for r.rest != "" {
		switch c := r.rest[0]; {
		case isDigit(c):
			text, r.rest = digits(r.rest)
			if significant(text) == "" && !r.words && r.zerosBeforeWord() {
				continue
			}
			return text, false
		case isAlpha(c):
			text, r.rest = letters(r.rest)
			r.words = true
			return text, true
		case c == '-':
			r.rest = r.rest[1:]
			r.words = true
			return "pre", true
		}
		r.rest = r.rest[1:]
	}
	return "", false
}

// zerosBeforeWord: what follows is zeros, if anything, and then a word.
func (r *gemReader) zerosBeforeWord() bool {
	for i := range len(r.rest) {
		if c := r.rest[i]; c != '.' && c != '0' {
			return isAlpha(c) || c == '-'
		}
	}
	return false
}

func gemCompare(a, b string) (int, error) {
	if err := gemValid(a); err != nil {
		return 0, err
	}
	if err := gemValid(b); err != nil {
		return 0, err
	}
	x, y := gemReader{rest: a}, gemReader{rest: b}
	for x.rest != "" || y.rest != "" {
		textX, wordX := x.next()
		textY, wordY := y.next()
		var n int
		switch {
		case wordX && wordY:
			n = strings.Compare(textX, textY)
		case wordX:
			n = -1
		case wordY:
			n = 1
		default:
			n = compareNumbers(textX, textY)
		}
		if n != 0 {
			return n, nil
		}
	}
	return 0, nil
}

package vercmp

import (
	"cmp"
	"strings"
)

// pepVersion is [N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]. Absent parts have rank or number as PEP 440 orders them.
type pepVersion struct {
	epoch, release string
	pre            byte // rank of the pre-release's word; pepNone is none
	preNumber      string
	post, dev      string
	hasPost        bool
	hasDev         bool
	local          string
}

// Ranks of what may follow the release: a development release of the release itself is before its pre-releases.
const (
	pepDevOnly = 1 + iota
	pepA
	pepB
	pepRC
	pepNone
)

func pepParse(text string) (v pepVersion, reason string) {
	s := debTrim(text)
	for i := range len(s) {
		if s[i] >= 0x80 {
			return v, "it is not ASCII"
		}
	}
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	run, rest := digits(s)
	if strings.HasPrefix(rest, "!") && run != "" {
		v.epoch = run
		s = rest[1:]
	}
	if v.release, s = pepRelease(s); v.release == "" {
		return v, "it does not start with a number"
	}
	v.pre, v.preNumber, s = pepPre(s)
	v.post, s, v.hasPost = pepPost(s)
	v.dev, s, v.hasDev = pepTagged(s, "dev")
	if v.pre == pepNone && !v.hasPost && v.hasDev {
		v.pre = pepDevOnly
	}
	if s == "" {
		return v, ""
	}
	if s[0] != '+' {
		return v, "what follows its numbers is no part of a version"
	}
	if v.local = s[1:]; !pepLocal(v.local) {
		return v, "its local label is not letters and digits with single separators"
	}
	return v, ""
}

// pepRelease splits numbers with dots off the start of s.
func pepRelease(s string) (release, rest string) {
	end := 0
	for at := 0; ; at = end + 1 {
		run, _ := digits(s[at:])
		if run == "" {
			return s[:end], s[end:]
		}
		if end = at + len(run); end == len(s) || s[end] != '.' {
			return s[:end], s[end:]
		}
	}
}

func pepSeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }

// pepTagged splits [sep]word[[sep]N] off the start of s; N is "" when it is left out.
func pepTagged(s, word string) (number, rest string, ok bool) {
	t := s
	if t != "" && pepSeparator(t[0]) {
		t = t[1:]
	}
	if len(t) < len(word) || !strings.EqualFold(t[:len(word)], word) {
		return "", s, false
	}
	t = t[len(word):]
	if len(t) > 1 && pepSeparator(t[0]) && isDigit(t[1]) {
		t = t[1:]
	}
	number, t = digits(t)
	return number, t, true
}

// pepPre splits a pre-release off the start of s.
func pepPre(s string) (rank byte, number, rest string) {
	for _, tag := range [...]struct {
		word string
		rank byte
	}{{"alpha", pepA}, {"a", pepA}, {"beta", pepB}, {"b", pepB}, {"preview", pepRC}, {"pre", pepRC}, {"rc", pepRC}, {"c", pepRC}} {
		if number, rest, ok := pepTagged(s, tag.word); ok {
			return tag.rank, number, rest
		}
	}
	return pepNone, "", s
}

// pepPost splits a post-release off the start of s: also written -N.
func pepPost(s string) (number, rest string, ok bool) {
	if len(s) > 1 && s[0] == '-' && isDigit(s[1]) {
		number, rest = digits(s[1:])
		return number, rest, true
	}
	for _, word := range [...]string{"post", "rev", "r"} {
		if number, rest, ok := pepTagged(s, word); ok {
			return number, rest, true
		}
	}
	return "", s, false
}

func pepLocal(s string) bool {
	before := true
	for i := range len(s) {
		now := pepSeparator(s[i])
		if !now && !isDigit(s[i]) && !isAlpha(s[i]) || now && before {
			return false
		}
		before = now
	}
	return !before
}

func pepValid(v string) error {
	if _, reason := pepParse(v); reason != "" {
		return invalid(PEP440, v, reason)
	}
	return nil
}

func pepCompare(a, b string) (int, error) {
	x, reason := pepParse(a)
	if reason != "" {
		return 0, invalid(PEP440, a, reason)
	}
	y, reason := pepParse(b)
	if reason != "" {
		return 0, invalid(PEP440, b, reason)
	}
	return cmp.Or(
		compareNumbers(x.epoch, y.epoch),
		compareDotted(x.release, y.release),
		sign(int(x.pre)-int(y.pre)),
		compareNumbers(x.preNumber, y.preNumber),
		compareOptional(x.hasPost, y.hasPost),
		compareNumbers(x.post, y.post),
		-compareOptional(x.hasDev, y.hasDev), // a development release is before the release
		compareNumbers(x.dev, y.dev),
		pepCompareLocal(x.local, y.local),
	), nil
}

// compareOptional: absent is before present.
func compareOptional(a, b bool) int {
	switch {
	case a && !b:
		return 1
	case b && !a:
		return -1
	}
	return 0
}

// compareDotted compares numbers with dots; missing ones are zero.
func compareDotted(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if n := compareNumbers(x, y); n != 0 {
			return n
		}
	}
	return 0
}

// pepCompareLocal: no label is before every label, numbers are after words, and a shorter list is before a longer one.
func pepCompareLocal(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a = pepLocalPart(a)
		y, b = pepLocalPart(b)
		var n int
		switch numX, numY := semNumeric(x), semNumeric(y); {
		case numX && numY:
			n = compareNumbers(x, y)
		case numX:
			n = 1
		case numY:
			n = -1
		default:
			n = compareFold(x, y)
		}
		if n != 0 {
			return n
		}
	}
	return sign(len(a) - len(b))
}

func pepLocalPart(s string) (part, rest string) {
	i := strings.IndexAny(s, ".-_")
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// compareFold compares ASCII text as if it were in lower case.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return sign(int(x) - int(y))
		}
	}
	return sign(len(a) - len(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

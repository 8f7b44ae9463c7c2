package vercmp

import (
	"math"
	"strconv"
	"strings"
)

// debVersion is [epoch:]upstream[-revision], taken apart as dpkg does.
type debVersion struct {
	epoch              int
	upstream, revision string
}

// debParse gives the parts of v, or the rule that it breaks.
func debParse(v string) (d debVersion, reason string) {
	v = debTrim(v)
	if v == "" {
		return d, "it is empty"
	}
	if epoch, rest, ok := strings.Cut(v, ":"); ok {
		n, err := strconv.ParseUint(epoch, 10, 31)
		if err != nil {
			return d, "the epoch is not a number up to " + strconv.Itoa(math.MaxInt32)
		}
		d.epoch, v = int(n), rest
	}
	d.upstream = v
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		d.upstream, d.revision = v[:i], v[i+1:]
		if d.revision == "" {
			return d, "the revision is empty"
		}
	}
	if d.upstream == "" {
		return d, "the upstream version is empty"
	}
	if !isDigit(d.upstream[0]) {
		return d, "the upstream version does not start with a digit"
	}
	for i := range len(d.upstream) {
		if debOrder(d.upstream[i]) == debBad {
			return d, "a character is not allowed in an upstream version"
		}
	}
	for i := range len(d.revision) {
		if c := d.revision[i]; debOrder(c) == debBad || c == ':' || c == '-' {
			return d, "a character is not allowed in a revision"
		}
	}
	return d, ""
}

// debTrim drops white space around a version, as dpkg does when it reads a field.
func debTrim(v string) string {
	for v != "" && isSpace(v[0]) {
		v = v[1:]
	}
	for v != "" && isSpace(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	return v
}

// What debOrder gives beside the letters and signs.
const (
	debBad   = 0
	debTilde = 1
	debEnd   = 2
)

// debOrder is dpkg's order() for the characters that a version may hold, in one byte: tilde before the end of a text (and a digit
// ends a text), then letters, then signs. debBad is for characters that a version must not hold.
func debOrder(c byte) byte {
	switch {
	case isDigit(c):
		return debEnd
	case 'a' <= c && c <= 'z':
		return debEnd + 27 + (c - 'a')
	case c == '.':
		return debEnd + 55
	case c == '~':
		return debTilde
	case c == '+':
		return debEnd + 53
	case c == '-':
		return debEnd + 54
	case 'A' <= c && c <= 'Z':
		return debEnd + 1 + (c - 'A')
	case c == ':':
		return debEnd + 56
	}
	return debBad
}

func debValid(v string) error {
	if _, reason := debParse(v); reason != "" {
		return invalid(Deb, v, reason)
	}
	return nil
}

func debCompare(a, b string) (int, error) {
	x, reason := debParse(a)
	if reason != "" {
		return 0, invalid(Deb, a, reason)
	}
	y, reason := debParse(b)
	if reason != "" {
		return 0, invalid(Deb, b, reason)
	}
	if x.epoch != y.epoch {
		return sign(x.epoch - y.epoch), nil
	}
	if n := debComparePart(x.upstream, y.upstream); n != 0 {
		return n, nil
	}
	return debComparePart(x.revision, y.revision), nil
}

// debComparePart compares two upstream versions or two revisions: text, number, text, number in turn. Past its end a part goes on
// with empty texts and zeros, so "1.0" and "1.0-0" are equal.
func debComparePart(a, b string) int {
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		for {
			x, y := debAt(a, i), debAt(b, j)
			if x != y {
				return sign(int(x) - int(y))
			}
			if x == debEnd {
				break
			}
			i++
			j++
		}
		for i < len(a) && a[i] == '0' {
			i++
		}
		for j < len(b) && b[j] == '0' {
			j++
		}
		first := 0
		for i < len(a) && isDigit(a[i]) && j < len(b) && isDigit(b[j]) {
			if first == 0 {
				first = int(a[i]) - int(b[j])
			}
			i++
			j++
		}
		if i < len(a) && isDigit(a[i]) {
			return 1
		}
		if j < len(b) && isDigit(b[j]) {
			return -1
		}
		if first != 0 {
			return sign(first)
		}
	}
	return 0
}

func debAt(s string, i int) byte {
	if i >= len(s) {
		return debEnd
	}
	return debOrder(s[i])
}

func debKey(dst []byte, v string) ([]byte, error) {
	d, reason := debParse(v)
	if reason != "" {
		return nil, invalid(Deb, v, reason)
	}
	dst = appendNumber(dst, strconv.Itoa(d.epoch))
	dst = debAppendPart(dst, d.upstream)
	return debAppendPart(dst, d.revision), nil
}

// debAppendPart writes text, end, number in turn, and an end after the last number: there, a longer version has a tilde, which is
// less, or another character, which is more. What follows the end is the next part.
func debAppendPart(dst []byte, s string) []byte {
	for {
		for s != "" && !isDigit(s[0]) {
			dst = append(dst, debOrder(s[0]))
			s = s[1:]
		}
		var run string
		run, s = digits(s)
		dst = appendNumber(append(dst, debEnd), run)
		if s == "" {
			return append(dst, debEnd)
		}
	}
}

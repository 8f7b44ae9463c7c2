package vercmp

import "strings"

// rpmVersion is [epoch:]version[-release]. No epoch is epoch 0; no release is before every release, an
// empty one included. As in rpm, only digits before a colon are an epoch, and what else a version holds only separates.
type rpmVersion struct {
	epoch, version, release string
	released                bool
}

// rpmParse gives the parts of v, or the rule that it breaks.
func rpmParse(v string) (r rpmVersion, reason string) {
	for i := range len(v) {
		if v[i] <= ' ' || v[i] == 0x7f {
			return r, "it holds white space or a control character"
		}
	}
	if run, rest := digits(v); strings.HasPrefix(rest, ":") {
		if run == "" {
			return r, "the epoch is empty"
		}
		r.epoch, v = run, rest[1:]
	}
	r.version = v
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		r.version, r.release, r.released = v[:i], v[i+1:], true
	}
	if r.version == "" {
		return r, "the version is empty"
	}
	return r, ""
}

func rpmValid(v string) error {
	if _, reason := rpmParse(v); reason != "" {
		return invalid(RPM, v, reason)
	}
	return nil
}

func rpmCompare(a, b string) (int, error) {
	x, reason := rpmParse(a)
	if reason != "" {
		return 0, invalid(RPM, a, reason)
	}
	y, reason := rpmParse(b)
	if reason != "" {
		return 0, invalid(RPM, b, reason)
	}
	if n := compareNumbers(x.epoch, y.epoch); n != 0 {
		return n, nil
	}
	if n := rpmComparePart(x.version, y.version); n != 0 {
		return n, nil
	}
	switch {
	case x.released && !y.released:
		return 1, nil
	case y.released && !x.released:
		return -1, nil
	}
	return rpmComparePart(x.release, y.release), nil
}

// Kinds of segments, in the order in which rpm has them at one place: a tilde is before the end, a caret after it, and a number is
// newer than letters.
const (
	rpmNoRelease = iota
	rpmTilde
	rpmEnd
	rpmCaret
	rpmLetters
	rpmNumber
)

// rpmNext takes the next segment off s: everything but ASCII letters, digits, tilde and caret only separates.
func rpmNext(s string) (kind byte, text, rest string) {
	for s != "" {
		switch c := s[0]; {
		case isDigit(c):
			text, rest = digits(s)
			return rpmNumber, text, rest
		case isAlpha(c):
			text, rest = letters(s)
			return rpmLetters, text, rest
		case c == '~':
			return rpmTilde, "", s[1:]
		case c == '^':
			return rpmCaret, "", s[1:]
		}
		s = s[1:]
	}
	return rpmEnd, "", ""
}

// rpmComparePart is rpmvercmp.
func rpmComparePart(a, b string) int {
	if a == b {
		return 0
	}
	for {
		var kindA, kindB byte
		var textA, textB string
		kindA, textA, a = rpmNext(a)
		kindB, textB, b = rpmNext(b)
		if kindA != kindB {
			return sign(int(kindA) - int(kindB))
		}
		n := 0
		switch kindA {
		case rpmEnd:
			return 0
		case rpmNumber:
			n = compareNumbers(textA, textB)
		case rpmLetters:
			n = strings.Compare(textA, textB)
		}
		if n != 0 {
			return n
		}
	}
}

func rpmKey(dst []byte, v string) ([]byte, error) {
	r, reason := rpmParse(v)
	if reason != "" {
		return nil, invalid(RPM, v, reason)
	}
	dst = appendNumber(dst, r.epoch)
	dst = rpmAppendPart(dst, r.version)
	if !r.released {
		return append(dst, rpmNoRelease), nil
	}
	return rpmAppendPart(dst, r.release), nil
}

func rpmAppendPart(dst []byte, s string) []byte {
	for {
		var kind byte
		var text string
		kind, text, s = rpmNext(s)
		dst = append(dst, kind)
		switch kind {
		case rpmEnd:
			return dst
		case rpmNumber:
			dst = appendNumber(dst, text)
		case rpmLetters:
			dst = append(append(dst, text...), 0)
		}
	}
}

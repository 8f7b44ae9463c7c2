package vercmp

import "strings"

// Kinds of parts of an apk version, in the order in which apk has them at one place: a pre-release suffix is before the end, all else
// after it.
const (
	apkPre = 1 + iota
	apkEnd
	apkRevision
	apkCommit
	apkSuffixNumber
	apkPost
	apkLetter
	apkNumber
	apkFirst // the first number
)

// apkPart is one part: its text (a number's digits, a letter, a commit), or the rank of its suffix.
type apkPart struct {
	kind byte
	rank byte
	text string
}

// apkNext takes the next part off s, after a part of kind before (0: at the start):
//
//	number{.number}[letter]{_suffix[number]}[~commit][-rnumber]
func apkNext(s string, before byte) (p apkPart, rest, reason string) {
	if before == 0 {
		if p.text, rest = digits(s); p.text == "" {
			return p, "", "it does not start with a digit"
		}
		p.kind = apkFirst
		return p, rest, ""
	}
	if s == "" {
		return apkPart{kind: apkEnd}, "", ""
	}
	number := before == apkFirst || before == apkNumber
	suffix := before == apkPre || before == apkPost
	switch c := s[0]; {
	case c == '.' && number:
		if p.text, rest = digits(s[1:]); p.text == "" {
			return p, "", "a dot without a number"
		}
		p.kind = apkNumber
	case 'a' <= c && c <= 'z' && number:
		p.kind, p.text, rest = apkLetter, s[:1], s[1:]
	case c == '_' && before != apkCommit && before != apkRevision:
		word, more := letters(s[1:])
		if p.kind, p.rank = apkSuffix(word); p.kind == 0 {
			return p, "", "a suffix that apk does not know"
		}
		rest = more
	case isDigit(c) && suffix:
		p.kind = apkSuffixNumber
		p.text, rest = digits(s)
	case c == '~' && before != apkCommit && before != apkRevision:
		n := 1
		for n < len(s) && (isDigit(s[n]) || 'a' <= s[n] && s[n] <= 'f') {
			n++
		}
		if n == 1 {
			return p, "", "a commit without hexadecimal digits"
		}
		p.kind, p.text, rest = apkCommit, s[1:n], s[n:]
	case strings.HasPrefix(s, "-r") && before != apkRevision:
		if p.text, rest = digits(s[2:]); p.text == "" {
			return p, "", "a revision without a number"
		}
		p.kind = apkRevision
	default:
		return p, "", "a character is not allowed there"
	}
	return p, rest, ""
}

// apkSuffix ranks a suffix among those of its kind.
func apkSuffix(word string) (kind, rank byte) {
	switch word {
	case "alpha":
		return apkPre, 1
	case "beta":
		return apkPre, 2
	case "pre":
		return apkPre, 3
	case "rc":
		return apkPre, 4
	case "cvs":
		return apkPost, 1
	case "svn":
		return apkPost, 2
	case "git":
		return apkPost, 3
	case "hg":
		return apkPost, 4
	case "p":
		return apkPost, 5
	}
	return 0, 0
}

func apkValid(v string) error {
	var p apkPart
	var reason string
	for rest := v; p.kind != apkEnd; {
		if p, rest, reason = apkNext(rest, p.kind); reason != "" {
			return invalid(APK, v, reason)
		}
	}
	return nil
}

func apkCompare(a, b string) (int, error) {
	if err := apkValid(a); err != nil {
		return 0, err
	}
	if err := apkValid(b); err != nil {
		return 0, err
	}
	var x, y apkPart
	for {
		x, a, _ = apkNext(a, x.kind)
		y, b, _ = apkNext(b, y.kind)
		n := sign(int(x.kind) - int(y.kind))
		if n == 0 {
			n = apkComparePart(x, y)
		}
		if n != 0 || x.kind == apkEnd {
			return n, nil
		}
	}
}

// apkComparePart compares parts of one kind. A number that begins with a zero is a decimal fraction, as in Gentoo: "1.06" is before
// "1.1", and "1.0015" before "1.002".
func apkComparePart(x, y apkPart) int {
	switch x.kind {
	case apkPre, apkPost:
		return sign(int(x.rank) - int(y.rank))
	case apkLetter, apkCommit:
		return strings.Compare(x.text, y.text)
	case apkNumber:
		if x.text[0] == '0' || y.text[0] == '0' {
			return strings.Compare(x.text, y.text)
		}
	case apkEnd:
		return 0
	}
	return compareNumbers(x.text, y.text)
}

func apkKey(dst []byte, v string) ([]byte, error) {
	if err := apkValid(v); err != nil {
		return nil, err
	}
	for p, rest := (apkPart{}), v; p.kind != apkEnd; {
		p, rest, _ = apkNext(rest, p.kind)
		dst = append(dst, p.kind)
		switch p.kind {
		case apkPre, apkPost:
			dst = append(dst, p.rank)
		case apkLetter, apkCommit:
			dst = append(append(dst, p.text...), 0)
		case apkNumber:
			if p.text[0] == '0' { // before every other number, as "0…" is before "1…"
				dst = append(append(append(dst, 0), p.text...), 0)
			} else {
				dst = appendNumber(append(dst, 1), p.text)
			}
		case apkFirst, apkSuffixNumber, apkRevision:
			dst = appendNumber(dst, p.text)
		}
	}
	return dst, nil
}

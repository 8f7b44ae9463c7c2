package vercmp

import "strings"

// pacmanVersion is [epoch:]pkgver[-pkgrel].
type pacmanVersion struct {
	epoch, version, release string
	released                bool
}

func pacmanParse(v string) (p pacmanVersion, reason string) {
	for i := range len(v) {
		if c := v[i]; c <= ' ' || c >= 0x7f || c == '/' {
			return p, "it holds a slash, white space or what is not ASCII"
		}
	}
	if epoch, rest, ok := strings.Cut(v, ":"); ok {
		if run, more := digits(epoch); run == "" || more != "" {
			return p, "the epoch is not a number"
		}
		p.epoch, v = epoch, rest
	}
	p.version, p.release, p.released = strings.Cut(v, "-")
	switch {
	case p.version == "":
		return p, "the version is empty"
	case p.released && p.release == "":
		return p, "the release is empty"
	case strings.ContainsAny(p.version, ":") || strings.ContainsAny(p.release, ":-"):
		return p, "a colon or hyphen too many"
	}
	return p, ""
}

func pacmanValid(v string) error {
	if _, reason := pacmanParse(v); reason != "" {
		return invalid(Pacman, v, reason)
	}
	return nil
}

// pacmanCompare ignores the releases when one is missing: 1.5-1 = 1.5 = 1.5-2, and yet 1.5-1 < 1.5-2.
func pacmanCompare(a, b string) (int, error) {
	x, reason := pacmanParse(a)
	if reason != "" {
		return 0, invalid(Pacman, a, reason)
	}
	y, reason := pacmanParse(b)
	if reason != "" {
		return 0, invalid(Pacman, b, reason)
	}
	n := compareNumbers(x.epoch, y.epoch)
	if n == 0 {
		n = pacmanComparePart(x.version, y.version)
	}
	if n == 0 && x.released && y.released {
		n = pacmanComparePart(x.release, y.release)
	}
	return n, nil
}

// separators splits what is neither letter nor digit off the start of s.
func separators(s string) (n int, rest string) {
	for n < len(s) && !isDigit(s[n]) && !isAlpha(s[n]) {
		n++
	}
	return n, s[n:]
}

// pacmanComparePart is libalpm's version of rpmvercmp: how many separators stand before a segment counts, and what is left at the end
// is newer unless it begins with a letter.
func pacmanComparePart(a, b string) int {
	for a != "" && b != "" {
		gapA, restA := separators(a)
		gapB, restB := separators(b)
		a, b = restA, restB
		if a == "" || b == "" {
			break
		}
		if gapA != gapB {
			return sign(gapA - gapB)
		}
		if isDigit(a[0]) != isDigit(b[0]) {
			if isDigit(a[0]) {
				return 1
			}
			return -1
		}
		var textA, textB string
		var n int
		if isDigit(a[0]) {
			textA, a = digits(a)
			textB, b = digits(b)
			n = compareNumbers(textA, textB)
		} else {
			textA, a = letters(a)
			textB, b = letters(b)
			n = strings.Compare(textA, textB)
		}
		if n != 0 {
			return n
		}
	}
	switch {
	case a == "" && b == "":
		return 0
	case a == "" && !isAlpha(b[0]) || a != "" && isAlpha(a[0]):
		return -1
	}
	return 1
}

// What may follow a segment, in pacman's order, when no two separators stand together and none at an end.
const (
	pacmanJoinedLetters = 1 + iota // 1a, before the end
	pacmanEnd
	pacmanJoinedNumber // a1
	pacmanLetters      // .a
	pacmanNumber       // .1
)

// pacmanKey exists for full versions without empty components only: among the others pacman's order has cycles.
func pacmanKey(dst []byte, v string) ([]byte, error) {
	p, reason := pacmanParse(v)
	if reason != "" {
		return nil, invalid(Pacman, v, reason)
	}
	if !p.released || emptyComponent(p.version) || emptyComponent(p.release) {
		return nil, ErrNoKey
	}
	dst = appendNumber(dst, p.epoch)
	dst = pacmanAppendPart(dst, p.version)
	return pacmanAppendPart(dst, p.release), nil
}

// emptyComponent: s begins or ends with a separator, or has two together.
func emptyComponent(s string) bool {
	before := true // a separator, or the start
	for i := range len(s) {
		now := !isDigit(s[i]) && !isAlpha(s[i])
		if now && before {
			return true
		}
		before = now
	}
	return before
}

func pacmanAppendPart(dst []byte, s string) []byte {
	for first := true; s != ""; first = false {
		var gap int
		gap, s = separators(s)
		apart := gap > 0 || first
		var text string
		if isDigit(s[0]) {
			kind := byte(pacmanJoinedNumber)
			if apart {
				kind = pacmanNumber
			}
			text, s = digits(s)
			dst = appendNumber(append(dst, kind), text)
			continue
		}
		kind := byte(pacmanJoinedLetters)
		if apart {
			kind = pacmanLetters
		}
		text, s = letters(s)
		dst = append(append(append(dst, kind), text...), 0)
	}
	return append(dst, pacmanEnd)
}

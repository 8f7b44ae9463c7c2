package vercmp

import "strings"

// semVersion is MAJOR[.MINOR[.PATCH]][-prerelease][+build], after an optional v. As with Go's modules, missing numbers are zero.
type semVersion struct {
	numbers    [3]string
	prerelease string // "" is a release
}

func semParse(v string) (s semVersion, reason string) {
	rest := strings.TrimPrefix(v, "v")
	rest, build, built := strings.Cut(rest, "+")
	if reason := semIdentifiers(build, false); built && reason != "" {
		return s, reason
	}
	rest, s.prerelease, built = strings.Cut(rest, "-")
	if reason := semIdentifiers(s.prerelease, true); built && reason != "" {
		return s, reason
	}
	for i := 0; ; i++ {
		if i == len(s.numbers) {
			return s, "more than three numbers"
		}
		var run string
		if run, rest = digits(rest); run == "" {
			return s, "a number is missing"
		}
		if len(run) > 1 && run[0] == '0' {
			return s, "a number begins with a zero"
		}
		s.numbers[i] = run
		if rest == "" {
			return s, ""
		}
		if rest[0] != '.' {
			return s, "a character is not allowed in a number"
		}
		rest = rest[1:]
	}
}

// semIdentifiers checks dot-separated identifiers; those of a pre-release must not be numbers that begin with a zero.
func semIdentifiers(text string, strict bool) (reason string) {
	for more := true; more; {
		var id string
		id, text, more = strings.Cut(text, ".")
		if id == "" {
			return "an identifier is empty"
		}
		for i := range len(id) {
			if !isDigit(id[i]) && !isAlpha(id[i]) && id[i] != '-' {
				return "a character is not allowed in an identifier"
			}
		}
		if strict && len(id) > 1 && id[0] == '0' && semNumeric(id) {
			return "a numeric identifier begins with a zero"
		}
	}
	return ""
}

func semNumeric(id string) bool {
	run, rest := digits(id)
	return run != "" && rest == ""
}

func semValid(v string) error {
	if _, reason := semParse(v); reason != "" {
		return invalid(SemVer, v, reason)
	}
	return nil
}

func semCompare(a, b string) (int, error) {
	x, reason := semParse(a)
	if reason != "" {
		return 0, invalid(SemVer, a, reason)
	}
	y, reason := semParse(b)
	if reason != "" {
		return 0, invalid(SemVer, b, reason)
	}
	for i := range x.numbers {
		if n := compareNumbers(x.numbers[i], y.numbers[i]); n != 0 {
			return n, nil
		}
	}
	return semComparePrerelease(x.prerelease, y.prerelease, strings.Compare), nil
}

// semComparePrerelease: a release is after its pre-releases; numbers are before words, and a shorter list before a longer one.
func semComparePrerelease(a, b string, words func(a, b string) int) int {
	if a == "" || b == "" {
		return sign(len(b) - len(a))
	}
	for {
		idA, restA, moreA := strings.Cut(a, ".")
		idB, restB, moreB := strings.Cut(b, ".")
		var n int
		switch numA, numB := semNumeric(idA), semNumeric(idB); {
		case numA && numB:
			n = compareNumbers(idA, idB)
		case numA:
			n = -1
		case numB:
			n = 1
		default:
			n = words(idA, idB)
		}
		switch {
		case n != 0:
			return n
		case !moreA && !moreB:
			return 0
		case !moreA:
			return -1
		case !moreB:
			return 1
		}
		a, b = restA, restB
	}
}

// What follows the numbers in a key: the end of a list of identifiers is before a further one, and a release is after any list.
const (
	semEnd = iota
	semNumber
	semWord
	semRelease
)

func semKey(dst []byte, v string) ([]byte, error) {
	s, reason := semParse(v)
	if reason != "" {
		return nil, invalid(SemVer, v, reason)
	}
	for _, run := range s.numbers {
		dst = appendNumber(dst, run)
	}
	if s.prerelease == "" {
		return append(dst, semRelease), nil
	}
	for more, text := true, s.prerelease; more; {
		var id string
		id, text, more = strings.Cut(text, ".")
		if semNumeric(id) {
			dst = appendNumber(append(dst, semNumber), id)
		} else {
			dst = append(append(append(dst, semWord), id...), 0)
		}
	}
	return append(dst, semEnd), nil
}

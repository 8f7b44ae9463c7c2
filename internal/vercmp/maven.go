package vercmp

import (
	"cmp"
	"strings"
)

// mavenItem is one element of a version as Maven's ComparableVersion has it: a number, a qualifier, or the beginning of the list that a
// hyphen, or a change between digits and letters, opens. A list is always the last element of the one it hangs in, so a version is one
// row of items, and what follows a beginning is inside.
type mavenItem struct {
	kind byte
	rank int8   // of a qualifier
	text string // a number's digits without leading zeros, or an unknown qualifier
}

// Kinds of items, in their order at one place: 1-sp < 1-1 < 1.1.
const (
	mavenQualifier = iota
	mavenList
	mavenNumber
)

// mavenRelease is the rank of a release among qualifiers; unknown ones come last, in alphabetical order.
const (
	mavenRelease = 5
	mavenUnknown = 7
)

func mavenCheck(v string) (reason string) {
	if v == "" {
		return "it is empty"
	}
	for i := range len(v) {
		if v[i] <= ' ' || v[i] == 0x7f {
			return "it holds white space or a control character"
		}
	}
	return ""
}

func mavenValid(v string) error {
	if reason := mavenCheck(v); reason != "" {
		return invalid(Maven, v, reason)
	}
	return nil
}

func mavenCompare(a, b string) (int, error) {
	if err := mavenValid(a); err != nil {
		return 0, err
	}
	if err := mavenValid(b); err != nil {
		return 0, err
	}
	var bufA, bufB [mavenUsual]mavenItem
	return mavenCompareItems(mavenParse(bufA[:0], a), mavenParse(bufB[:0], b)), nil
}

// mavenUsual is how many items nearly every version fits in, so that comparing allocates nothing.
const mavenUsual = 16

// mavenParse takes a version apart, into buf where it fits.
func mavenParse(buf []mavenItem, v string) []mavenItem {
	items := buf
	for s, nested := strings.ToLower(v), true; nested; {
		if len(items) > 0 {
			items = append(items, mavenItem{kind: mavenList})
		}
		items, s, nested = mavenSegment(items, s)
	}
	return mavenTrim(items)
}

// mavenSegment reads items up to where a list begins: at a hyphen, between digits and letters, and at a qualifier after a dot that is
// the last one or has a number. "." and "-" with nothing before them stand for a zero.
func mavenSegment(items []mavenItem, s string) (all []mavenItem, rest string, nested bool) {
	first := len(items)
	for s != "" {
		switch c := s[0]; {
		case c == '.' || c == '-':
			items = append(items, mavenItem{kind: mavenNumber})
		case isDigit(c):
			var run string
			run, s = digits(s)
			items = append(items, mavenItem{kind: mavenNumber, text: significant(run)})
			if s != "" && s[0] != '.' && s[0] != '-' {
				return items, s, true
			}
		default:
			n := 0
			for n < len(s) && s[n] != '.' && s[n] != '-' && !isDigit(s[n]) {
				n++
			}
			followed := n < len(s) && isDigit(s[n])
			if (followed || n == len(s)) && len(items) > first {
				return items, s, true // 1.rc1 and 1.a are 1-rc1 and 1-a
			}
			items = append(items, mavenWord(s[:n], followed))
			if s = s[n:]; followed {
				return items, s, true
			}
		}
		if s == "" {
			break
		}
		if s[0] == '-' {
			return items, s[1:], true
		}
		s = s[1:]
	}
	return items, "", false
}

func mavenWord(word string, beforeDigit bool) mavenItem {
	item := mavenItem{kind: mavenQualifier}
	switch {
	case word == "alpha" || word == "a" && beforeDigit:
		item.rank = 0
	case word == "beta" || word == "b" && beforeDigit:
		item.rank = 1
	case word == "milestone" || word == "m" && beforeDigit:
		item.rank = 2
	case word == "rc" || word == "cr":
		item.rank = 3
	case word == "snapshot":
		item.rank = 4
	case word == "ga" || word == "final" || word == "release":
		item.rank = mavenRelease
	case word == "sp":
		item.rank = 6
	default:
		item.rank, item.text = mavenUnknown, word
	}
	return item
}

// null says nothing: a zero, or the qualifier of a release.
func (i *mavenItem) null() bool {
	return i.kind == mavenNumber && i.text == "" || i.kind == mavenQualifier && i.rank == mavenRelease
}

// mavenTrim drops what says nothing at the end of a list, and before a list at its end: 1.0.0-x is 1-x. Lists that are then empty go too.
// It works in place, from the back.
func mavenTrim(items []mavenItem) []mavenItem {
	kept, atEnd := len(items), true
	for i := len(items) - 1; i >= 0; i-- {
		list := items[i].kind == mavenList
		if list && kept == len(items) || !list && atEnd && items[i].null() {
			continue
		}
		kept--
		items[kept], atEnd = items[i], list
	}
	return items[kept:]
}

// mavenCompareItems: where one version ends, each item of the other is compared with nothing.
func mavenCompareItems(a, b []mavenItem) int {
	for i := range max(len(a), len(b)) {
		var n int
		switch {
		case i >= len(a):
			n = -b[i].compareNothing()
		case i >= len(b):
			n = a[i].compareNothing()
		default:
			n = a[i].compare(&b[i])
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

func (i *mavenItem) compare(j *mavenItem) int {
	if i.kind != j.kind {
		return cmp.Compare(i.kind, j.kind)
	}
	switch i.kind {
	case mavenNumber:
		return compareNumbers(i.text, j.text)
	case mavenQualifier:
		return cmp.Or(cmp.Compare(i.rank, j.rank), strings.Compare(i.text, j.text))
	}
	return 0 // both go into a list
}

// compareNothing compares with the absence of an item: 1-rc is before 1, 1-sp after it.
func (i *mavenItem) compareNothing() int {
	switch i.kind {
	case mavenNumber:
		return sign(len(i.text))
	case mavenQualifier:
		return cmp.Compare(i.rank, mavenRelease)
	}
	return 0 // what is in the list decides
}

package vercmp

import (
	"cmp"
	"strings"
)

// mavenItem is one element of a version as Maven's ComparableVersion has it: a number, a qualifier, or the list that a hyphen, or a
// change between digits and letters, begins.
type mavenItem struct {
	kind byte
	text string // a number's digits, or an unknown qualifier
	rank int    // of a qualifier
	list []mavenItem
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
	return mavenCompareLists(mavenParse(a), mavenParse(b)), nil
}

// mavenParse takes a version apart. Each new list hangs in the one before, so lists are made from the innermost out.
func mavenParse(v string) []mavenItem {
	items, rest, nested := mavenSegment(strings.ToLower(v))
	if nested {
		if inner := mavenParse(rest); len(inner) > 0 {
			items = append(items, mavenItem{kind: mavenList, list: inner})
		}
	}
	return mavenTrim(items)
}

// mavenSegment reads items up to where a list begins: at a hyphen, between digits and letters, and at a qualifier after a dot that is
// the last one or has a number. "." and "-" with nothing before them stand for a zero.
func mavenSegment(s string) (items []mavenItem, rest string, nested bool) {
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
			n := strings.IndexAny(s, ".-0123456789")
			if n < 0 {
				n = len(s)
			}
			followed := n < len(s) && isDigit(s[n])
			if (followed || n == len(s)) && len(items) > 0 {
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

func (i *mavenItem) null() bool {
	return i.kind == mavenNumber && i.text == "" || i.kind == mavenQualifier && i.rank == mavenRelease || i.kind == mavenList && len(i.list) == 0
}

// mavenTrim drops what says nothing at the end of a list, and before a list at its end: 1.0.0-x is 1-x.
func mavenTrim(items []mavenItem) []mavenItem {
	for i := len(items) - 1; i >= 0; i-- {
		switch {
		case items[i].null():
			items = append(items[:i], items[i+1:]...)
		case items[i].kind != mavenList:
			return items
		}
	}
	return items
}

func mavenCompareLists(a, b []mavenItem) int {
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
	return mavenCompareLists(i.list, j.list)
}

// compareNothing compares with the absence of an item: 1-rc is before 1, 1-sp after it.
func (i *mavenItem) compareNothing() int {
	switch i.kind {
	case mavenNumber:
		return sign(len(i.text))
	case mavenQualifier:
		return cmp.Compare(i.rank, mavenRelease)
	}
	for k := range i.list {
		if n := i.list[k].compareNothing(); n != 0 {
			return n
		}
	}
	return 0
}

package intake

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrDamaged is a file that cannot be read as a whole: an archive that is damaged, a list with mistakes.
var ErrDamaged = errors.New("not as it should be")

// Damaged is ErrDamaged with what is wrong. The end of a file is said in words.
func Damaged(format string, args ...any) error {
	for i, arg := range args {
		switch err, _ := arg.(error); err {
		case io.EOF: //nolint:errorlint // one that is wrapped says more than this
			args[i] = "it is empty"
		case io.ErrUnexpectedEOF:
			args[i] = "it ends in the middle"
		}
	}
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// ShownName is how many bytes of a foreign name are kept.
const ShownName = 200

// Shown makes a foreign name fit to be stored and shown.
func Shown(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, s)
	return Cut(s, ShownName)
}

// CVEIn finds the CVE id that a name is or ends with, as DEBIAN-CVE-2024-1234; empty when there is none.
func CVEIn(name string) string {
	i := strings.LastIndex(name, "CVE-")
	if i < 0 || i > 0 && name[i-1] != '-' {
		return ""
	}
	id := name[i:]
	if !IsCVE(id) {
		return ""
	}
	return id
}

// IsCVE: CVE, a year of four digits, and four digits or more.
func IsCVE(id string) bool {
	year, number, ok := strings.Cut(strings.TrimPrefix(id, "CVE-"), "-")
	return ok && strings.HasPrefix(id, "CVE-") && len(year) == 4 && AllDigits(year) && len(number) >= 4 && len(number) <= 19 && AllDigits(number)
}

func AllDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Sorted is a sorted copy without repeats; nil for none.
func Sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// Cut shortens s to at most n bytes, at a rune boundary.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// IsNotice: an advisory without a CVE that says by its title that it mends an earlier update, or brings data and not code. It is no
// vulnerability of who has not installed it. Debian and Ubuntu publish such under numbers like any other: 300 of 17,579 to August 2023
// speak of a regression.
func IsNotice(cves []string, title string) bool {
	if len(cves) > 0 {
		return false
	}
	title = strings.ToLower(title)
	return strings.Contains(title, "regression") || strings.HasSuffix(title, "new timezone database") || strings.HasSuffix(title, "version number correction")
}

// PackageName is a language's package as hosts and advisories name it where its registry takes several spellings for one: Python's names
// are compared in lower case with runs of - _ . as one dash (PEP 503), NuGet's and Packagist's without regard to case.
func PackageName(ecosystem, name string) string {
	switch ecosystem {
	case "PyPI":
		return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
	case "NuGet", "Packagist":
		return strings.ToLower(name)
	}
	return name
}

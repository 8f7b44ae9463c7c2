package fleet

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Bounds of labels: generous for people, small enough that a host's row stays a row.
const (
	maxLabels      = 64
	maxLabelKey    = 63
	maxLabelValue  = 253
	reservedPrefix = "host."
)

// Validate says what is wrong with l: keys are 1 to 63 letters, digits or . _ - / and do not begin with "host.", which selectors
// use for what a host is; values are at most 253 bytes of printable text, and may be empty; at most 64 labels. fault.Invalid.
func (l Labels) Validate() error {
	if len(l) > maxLabels {
		return fault.New(fault.Invalid, "%d labels are too many: a host has at most %d", len(l), maxLabels)
	}
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if problem := keyProblem(key); problem != "" {
			return fault.New(fault.Invalid, "label key %q %s", clip(key), problem)
		}
		if strings.HasPrefix(key, reservedPrefix) {
			return fault.New(fault.Invalid, "label key %q is reserved: keys that begin with %q are what a host is, not what it is called", key, reservedPrefix)
		}
		if problem := valueProblem(l[key]); problem != "" {
			return fault.New(fault.Invalid, "the value of label %q %s", key, problem)
		}
	}
	return nil
}

// String is the labels as a selector that they match: sorted, joined by commas.
func (l Labels) String() string {
	terms := make([]string, 0, len(l))
	for _, key := range slices.Sorted(maps.Keys(l)) {
		terms = append(terms, key+"="+quoteValue(l[key]))
	}
	return strings.Join(terms, ",")
}

func keyProblem(key string) string {
	switch {
	case key == "":
		return "is empty"
	case len(key) > maxLabelKey:
		return "is longer than 63 characters"
	case strings.ContainsFunc(key, func(r rune) bool { return !isKeyRune(r) }):
		return "may have letters, digits and . _ - / only"
	}
	return ""
}

func valueProblem(value string) string {
	switch {
	case len(value) > maxLabelValue:
		return "is longer than 253 bytes"
	case !utf8.ValidString(value):
		return "is not UTF-8"
	case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has characters that cannot be printed"
	}
	return ""
}

// isKeyRune keeps keys to ASCII, so that no two keys look alike.
func isKeyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
}

// clip shortens foreign text that is about to be quoted in a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

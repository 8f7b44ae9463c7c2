package vercmp

import (
	"cmp"
	"strings"
)

// nugetVersion is up to four numbers, then a pre-release and build metadata as in SemVer, both without regard to case.
type nugetVersion struct {
	numbers    string
	prerelease string
}

func nugetParse(v string) (n nugetVersion, reason string) {
	rest := debTrim(v)
	rest, build, ok := strings.Cut(rest, "+")
	if reason := semIdentifiers(build, false); ok && reason != "" {
		return n, reason
	}
	rest, n.prerelease, ok = strings.Cut(rest, "-")
	if reason := semIdentifiers(n.prerelease, false); ok && reason != "" {
		return n, reason
	}
	n.numbers = rest
	for count := 1; ; count++ {
		var run string
		run, rest = digits(rest)
		switch {
		case run == "":
			return n, "a number is missing"
		case count > 4:
			return n, "more than four numbers"
		case rest == "":
			return n, ""
		case rest[0] != '.':
			return n, "a character is not allowed in a number"
		}
		rest = rest[1:]
	}
}

func nugetValid(v string) error {
	if _, reason := nugetParse(v); reason != "" {
		return invalid(NuGet, v, reason)
	}
	return nil
}

func nugetCompare(a, b string) (int, error) {
	x, reason := nugetParse(a)
	if reason != "" {
		return 0, invalid(NuGet, a, reason)
	}
	y, reason := nugetParse(b)
	if reason != "" {
		return 0, invalid(NuGet, b, reason)
	}
	return cmp.Or(compareDotted(x.numbers, y.numbers), semComparePrerelease(x.prerelease, y.prerelease, compareFold)), nil
}

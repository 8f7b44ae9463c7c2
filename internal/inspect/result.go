package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Result is what was found in one place.
type Result struct {
	OS       apiv1.OSRelease
	Packages []Package // sorted by ecosystem, name, architecture, version, location; every one once
	Warnings []string  // sentences: what could not be read or is not certain; at most maxWarnings and a closing one
}

// Package is an installed package and where it was seen. Its Ecosystem is always set where one is known: the OS's with release, as
// Debian:12, or a language's, as PyPI.
type Package struct {
	apiv1.Package
	Location string // the file that says so, below the root, or the component's purl; empty for what a package database says
}

// Bounds of one inspection.
const (
	maxPackages = 200_000
	maxWarnings = 100
	maxText     = 256 // of a name or a version, as on the wire
)

// findings gathers a Result.
type findings struct {
	packages []Package
	warnings []string
	more     int
	full     bool
}

func (f *findings) warn(format string, args ...any) {
	if len(f.warnings) >= maxWarnings {
		f.more++
		return
	}
	f.warnings = append(f.warnings, clip(fmt.Sprintf(format, args...), 1000))
}

// add takes a package when it has a name and a version that the wire would take.
func (f *findings) add(p Package) {
	switch {
	case p.Name == "" || p.Version == "":
		f.warn("%s: left out, since it has no %s", cmp.Or(p.Name, p.Location, "a component"), missing(p))
	case !plain(p.Name) || !plain(p.Version) || !plain(p.Arch) || !plain(p.Source) || !plain(p.SourceVersion) || !plain(p.Stream):
		f.warn("%q: left out, since its name or version is longer than %d bytes or holds control characters", clip(p.Name, 64), maxText)
	case len(f.packages) >= maxPackages:
		if !f.full {
			f.warnings = append(f.warnings, fmt.Sprintf("more than %d packages: the rest is left out", maxPackages))
		}
		f.full = true
	default:
		p.Location = clip(p.Location, 1024)
		p.Origin = clip(p.Origin, 128)
		f.packages = append(f.packages, p)
	}
}

func missing(p Package) string {
	if p.Name == "" {
		return "name"
	}
	return "version"
}

func (f *findings) result(os apiv1.OSRelease) Result {
	slices.SortFunc(f.packages, comparePackages)
	f.packages = slices.CompactFunc(f.packages, func(a, b Package) bool { return comparePackages(a, b) == 0 })
	if f.more > 0 {
		f.warnings = append(f.warnings, fmt.Sprintf("and %d more", f.more))
	}
	r := Result{OS: os, Packages: f.packages, Warnings: f.warnings}
	if r.Packages == nil {
		r.Packages = []Package{}
	}
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	return r
}

func comparePackages(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch),
		cmp.Compare(a.Version, b.Version), cmp.Compare(a.Location, b.Location))
}

// plain reports whether the wire would take s as a name or a version.
func plain(s string) bool {
	return len(s) <= maxText && clip(s, maxText) == s
}

// clip makes foreign text fit to be shown: valid UTF-8, no control characters, at most n bytes.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

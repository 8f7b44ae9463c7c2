package inventory

import "github.com/staunch-dev/staunch/internal/apiv1"

// PackageID is the small integer a package version is interned to. Never reused.
type PackageID int64

// Package is one interned binary package version. Two hosts that have the same one share the row.
type Package struct {
	ID            PackageID
	Ecosystem     string // OSV name with release, as Debian:12; empty when unknown
	Name          string
	Arch          string
	Version       string
	VersionKey    []byte // order-preserving; nil where the version has none
	Source        string // equals Name when the package database names no source
	SourceVersion string
	SourceKey     []byte
	Stream        string
	Origin        string // empty: unknown, which is stated and not guessed
}

// Release is the ecosystem of a host's distribution, as the packages of one set tell: that of most of them. What came by snap or flatpak
// is always fewer, and where only such packages are there no release is known.
func Release(packages []Package) string {
	count, best := map[string]int{}, ""
	for _, p := range packages {
		if p.Ecosystem != apiv1.EcosystemSnap && p.Ecosystem != apiv1.EcosystemFlatpak {
			count[p.Ecosystem]++
		}
	}
	for e, n := range count {
		if n > count[best] || n == count[best] && e < best {
			best = e
		}
	}
	return best
}

package inventory

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

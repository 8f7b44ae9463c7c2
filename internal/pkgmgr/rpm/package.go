package rpm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Databases are the folders below the root where distributions keep rpm's database.
func Databases() []string { return []string{"var/lib/rpm", "usr/lib/sysimage/rpm"} }

// Files are the names of the database in such a folder, by the backends that write them: SQLite, NDB, BerkeleyDB. Where an upgrade of
// the distribution changed the backend, the first that is there is the one in use.
func Files() []string { return []string{"rpmdb.sqlite", "Packages.db", "Packages"} }

// Present reports whether the root has a database of rpm.
func Present(root *pkgmgr.Root) bool {
	for _, dir := range Databases() {
		for _, file := range Files() {
			if info, err := root.Stat(dir + "/" + file); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
	}
	return false
}

// Tags are the values of a header that make a package; empty where the header has none.
type Tags struct {
	Name, Epoch, Version, Release, Arch string
	SourceRPM                           string // as openssl-3.0.7-24.el9.src.rpm
	Module                              string // MODULARITYLABEL, as nodejs:18:8090020231019:rhel8
	Vendor                              string
}

// Package is an installed package.
type Package struct {
	Name, Arch            string
	Version               string // [epoch:]version-release; an epoch of 0 is not written
	Source, SourceVersion string // of the source rpm; its epoch is taken to be the package's where both have one version-release, and is not known otherwise
	Stream                string // module and stream, as nodejs:18; empty outside modules
	Vendor                string // who built it, by its own word
}

// publicKey is how rpm keeps the keys it trusts: not software.
const publicKey = "gpg-pubkey"

// Make makes a package of tags. ok is false for what is no package at all, a public key.
func Make(t Tags) (p Package, ok bool, err error) {
	if t.Name == publicKey {
		return Package{}, false, nil
	}
	switch {
	case !pkgmgr.Plain(t.Name):
		return p, false, fmt.Errorf("%q is not a package name", pkgmgr.Printable(t.Name, 64))
	case !pkgmgr.Plain(t.Version) || !pkgmgr.Plain(t.Release) || len(t.Epoch)+len(t.Version)+len(t.Release)+2 > pkgmgr.MaxText:
		return p, false, fmt.Errorf("package %q: %q-%q is not a version", t.Name, pkgmgr.Printable(t.Version, 64), pkgmgr.Printable(t.Release, 64))
	case t.Epoch != "" && (len(t.Epoch) > 10 || strings.Trim(t.Epoch, "0123456789") != ""):
		return p, false, fmt.Errorf("package %q: %q is not an epoch", t.Name, pkgmgr.Printable(t.Epoch, 64))
	case t.Arch != "" && (!pkgmgr.Plain(t.Arch) || len(t.Arch) > 32):
		return p, false, fmt.Errorf("package %q: %q is not an architecture", t.Name, pkgmgr.Printable(t.Arch, 64))
	}
	p = Package{Name: t.Name, Arch: t.Arch, Vendor: pkgmgr.Printable(t.Vendor, 128)}
	evr := t.Version + "-" + t.Release
	p.Version = evr
	if epoch := strings.TrimLeft(t.Epoch, "0"); epoch != "" {
		p.Version = epoch + ":" + evr
	}
	p.Source, p.SourceVersion = source(t.SourceRPM)
	if p.Source == "" || p.SourceVersion == evr {
		p.Source, p.SourceVersion = cmp.Or(p.Source, p.Name), p.Version
	}
	p.Stream = stream(t.Module)
	return p, true, nil
}

// source parts the name of a source rpm: NAME-VERSION-RELEASE.src.rpm. Empty when it is none, as for a package that a person built.
func source(file string) (name, version string) {
	base, ok := strings.CutSuffix(file, ".src.rpm")
	if !ok {
		base, ok = strings.CutSuffix(file, ".nosrc.rpm")
	}
	release := strings.LastIndexByte(base, '-')
	if !ok || release <= 0 {
		return "", ""
	}
	at := strings.LastIndexByte(base[:release], '-')
	if at <= 0 || !pkgmgr.Plain(base) || at+1 == release || release+1 == len(base) {
		return "", ""
	}
	return base[:at], base[at+1:]
}

// stream is name:stream of a label name:stream:version:context.
func stream(label string) string {
	parts := strings.SplitN(label, ":", 3)
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return ""
	}
	s := parts[0] + ":" + parts[1]
	if !pkgmgr.Plain(s) || len(s) > 128 {
		return ""
	}
	return s
}

// Sorted orders packages by name, architecture and version and drops what is there twice: a damaged database names a package again.
func Sorted(ps []Package) []Package {
	slices.SortFunc(ps, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Source, b.Source))
	})
	return slices.CompactFunc(ps, func(a, b Package) bool { return a.Name == b.Name && a.Arch == b.Arch && a.Version == b.Version })
}

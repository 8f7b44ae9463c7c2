package collect

import (
	"errors"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// ReadPackages reads the package database below root ("" means "/") directly: every package that has files on disk (all states but
// not-installed and config-files), sorted by name, architecture and version, and those whose state is unfinished.
// ecosystem chooses the database; with "" whatever is there is read. fault.NotFound: there is no database;
// fault.Invalid: one that is not supported yet, or one that cannot be read.
func ReadPackages(root, ecosystem string) ([]apiv1.Package, []apiv1.PackageState, error) {
	tree, err := pkgmgr.OpenRoot(root)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", root)
	}
	defer func() { _ = tree.Close() }()
	if !readsWithDpkg(ecosystem) {
		return nil, nil, fault.New(fault.Invalid, "reading the packages of %s is not supported yet", ecosystem)
	}
	db, err := readDpkg(tree)
	if err != nil {
		return nil, nil, err
	}
	return packagesOf(db), brokenOf(db), nil
}

func readsWithDpkg(ecosystem string) bool {
	name, _, _ := strings.Cut(ecosystem, ":")
	return name == "" || name == "Debian" || name == "Ubuntu"
}

func readDpkg(tree *pkgmgr.Root) (dpkg.Database, error) {
	db, err := dpkg.Read(tree)
	if errors.Is(err, dpkg.ErrNoDatabase) {
		return db, fault.Wrap(err, fault.NotFound, "the root has no dpkg database (%s)", dpkg.StatusFile)
	}
	if err != nil {
		return db, fault.Wrap(err, fault.Invalid, "the dpkg database cannot be read")
	}
	return db, nil
}

func packagesOf(db dpkg.Database) []apiv1.Package {
	out := make([]apiv1.Package, 0, len(db.Packages))
	for _, p := range db.Packages {
		if !p.OnDisk() || p.Version == "" { // half-installed for the first time: no version yet; it is among the broken
			continue
		}
		w := apiv1.Package{Name: p.Name, Arch: p.Arch, Version: p.Version, Origin: p.Origin}
		if p.Source != p.Name {
			w.Source = p.Source
		}
		if p.SourceVersion != p.Version {
			w.SourceVersion = p.SourceVersion
		}
		out = append(out, w)
	}
	return out
}

func brokenOf(db dpkg.Database) []apiv1.PackageState {
	out := []apiv1.PackageState{}
	for _, p := range db.Packages {
		if !p.Broken() {
			continue
		}
		state := p.State
		if p.Flag != "ok" {
			state += " " + clip(p.Flag, 32)
		}
		out = append(out, apiv1.PackageState{Name: p.Name, Arch: p.Arch, State: state})
	}
	return out
}

package inspect

import (
	"context"
	"errors"
	"slices"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/rpmdb"
)

// Options say what to look for beside the distribution's packages.
type Options struct {
	Languages bool   // Python, Node, Ruby, Java packages, and what Go and Rust programs were built from
	Ecosystem string // in place of the one that the root's os-release gives; empty: that one
}

// Root reads what is installed below dir ("" means "/"), with whichever package manager: its database, rpm's included, is read as a file.
// A root without one, as of a container with one program, is no error: a warning says so. fault.NotFound: dir cannot be opened;
// fault.Invalid: a database is there and cannot be read.
func Root(ctx context.Context, dir string, opts Options) (Result, error) {
	tree, err := pkgmgr.OpenRoot(dir)
	if err != nil {
		return Result{}, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", dir)
	}
	defer func() { _ = tree.Close() }()
	var f findings
	os, err := collect.ReadOS(dir)
	if err != nil {
		f.warn("%s", fault.Message(err))
	}
	if opts.Ecosystem != "" {
		os.Ecosystem = opts.Ecosystem
	}
	manager := collect.ManagerOf(tree, os.Ecosystem)
	if err := f.packagesOf(tree, manager, os); err != nil {
		return Result{}, err
	}
	if opts.Languages {
		if err := f.languages(ctx, tree, manager); err != nil {
			return Result{}, err
		}
	}
	return f.result(os), nil
}

// packagesOf reads the distribution's packages, snaps and flatpaks.
func (f *findings) packagesOf(tree *pkgmgr.Root, manager string, os apiv1.OSRelease) error {
	var (
		packages []apiv1.Package
		err      error
	)
	switch manager {
	case "":
		f.warn("there is no package database: what the distribution has installed is not known")
		return nil
	case "rpm":
		var db rpmdb.Database
		if db, err = rpmdb.Read(tree); err != nil && !errors.Is(err, rpmdb.ErrNoDatabase) {
			return fault.Wrap(err, fault.Invalid, "rpm's database cannot be read: %s", clip(err.Error(), 300))
		}
		packages = slices.Concat(collect.FromRPM(db.Packages), collect.Besides(tree))
		for _, p := range db.Problems {
			f.warn("left out: %s", p)
		}
	default:
		var said []string
		if packages, said, err = collect.ReadTree(tree, os.Ecosystem); err != nil {
			return err
		}
		for _, s := range said {
			f.warn("%s", s)
		}
	}
	for _, p := range packages {
		if p.Ecosystem == "" {
			p.Ecosystem = os.Ecosystem
		}
		f.add(Package{Package: p})
	}
	return nil
}

package pacman

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Where pacman keeps its database and configuration, below the root.
const (
	Local = "var/lib/pacman/local"
	Conf  = "etc/pacman.conf"
	lock  = "var/lib/pacman/db.lck"
)

// maxDesc bounds one desc file; the longest in Arch are some 20 KB.
const maxDesc = 1 << 20

// ErrNoDatabase says that the root has no pacman database.
var ErrNoDatabase = errors.New("no pacman database")

// Package is an installed package.
type Package struct {
	Name, Arch, Version string
	Base                string // what it was built from; the name where there is none
}

// Database is what is installed, sorted by name.
type Database struct {
	Packages    []Package
	Held        []string // IgnorePkg of the configuration, sorted
	Interrupted bool     // the lock is there: a transaction goes on now or was cut off
	Problems    []string // records that were left out, and why
}

// Read reads the database below root: a folder for each package with a file desc. ErrNoDatabase when there is none.
func Read(root *pkgmgr.Root) (Database, error) {
	entries, err := root.ReadDir(Local)
	if errors.Is(err, fs.ErrNotExist) {
		return Database{}, ErrNoDatabase
	}
	if err != nil {
		return Database{}, err
	}
	if len(entries) > pkgmgr.MaxPackages {
		return Database{}, fmt.Errorf("%s: more than %d packages", Local, pkgmgr.MaxPackages)
	}
	var (
		out      = make([]Package, 0, len(entries))
		problems pkgmgr.Problems
		seen     = map[string]bool{}
	)
	for _, e := range entries {
		if !e.IsDir() { // ALPM_DB_VERSION
			continue
		}
		b, err := root.ReadFile(path.Join(Local, e.Name(), "desc"), maxDesc)
		if err != nil {
			problems.Add("%s/%s: its file desc cannot be read", Local, e.Name())
			continue
		}
		p, err := Parse(b)
		switch {
		case err != nil:
			problems.Add("%s/%s: %s", Local, e.Name(), err)
		case seen[p.Name]:
			problems.Add("package %q twice: the one whose folder comes first counts", p.Name)
		default:
			seen[p.Name] = true
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Package) int { return cmp.Compare(a.Name, b.Name) })
	db := Database{Packages: out, Problems: problems.List()}
	_, err = root.Lstat(lock)
	db.Interrupted = err == nil
	if conf, err := root.ReadFile(Conf, 1<<20); err == nil {
		db.Held = ignored(conf)
	}
	return db, nil
}

// Parse reads one desc file: %FIELD% on a line, its values on the lines after it, a blank line.
func Parse(b []byte) (Package, error) {
	var p Package
	fields := map[string]*string{"%NAME%": &p.Name, "%VERSION%": &p.Version, "%BASE%": &p.Base, "%ARCH%": &p.Arch}
	var into *string
	for line := range bytes.Lines(b) {
		text := strings.TrimRight(string(line), "\r\n")
		switch field, ok := fields[text]; {
		case ok && *field != "":
			return p, fmt.Errorf("field %s twice", text)
		case ok:
			into = field
		case into != nil:
			*into = text
			into = nil
		}
	}
	p.Base = cmp.Or(p.Base, p.Name)
	switch {
	case !pkgmgr.Plain(p.Name) || !pkgmgr.Plain(p.Base):
		return p, fmt.Errorf("%q of %q is not a package name", pkgmgr.Printable(p.Name, 64), pkgmgr.Printable(p.Base, 64))
	case !pkgmgr.Plain(p.Version):
		return p, fmt.Errorf("package %q: %q is not a version", p.Name, pkgmgr.Printable(p.Version, 64))
	case p.Arch != "" && (!pkgmgr.Plain(p.Arch) || len(p.Arch) > 32):
		return p, fmt.Errorf("package %q: %q is not an architecture", p.Name, pkgmgr.Printable(p.Arch, 64))
	}
	return p, nil
}

// ignored gives the values of IgnorePkg in pacman.conf. Included files set servers in practice and are not followed.
func ignored(b []byte) []string {
	held := []string{}
	for line := range bytes.Lines(b) {
		name, value, ok := strings.Cut(string(line), "=")
		if !ok || strings.TrimSpace(name) != "IgnorePkg" {
			continue
		}
		for _, word := range strings.Fields(value) {
			if pkgmgr.Plain(word) {
				held = append(held, word)
			}
		}
	}
	slices.Sort(held)
	return slices.Compact(held)
}

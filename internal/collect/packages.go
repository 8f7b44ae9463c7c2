package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apk"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
	"github.com/staunch-dev/staunch/internal/pkgmgr/flatpak"
	"github.com/staunch-dev/staunch/internal/pkgmgr/pacman"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
	"github.com/staunch-dev/staunch/internal/pkgmgr/snap"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// The package managers whose databases are read here. A database of rpm is read by asking rpm, so only on the running system.
const (
	byDpkg   = "dpkg"
	byAPK    = "apk"
	byPacman = "pacman"
	byRPM    = "rpm"
)

// ReadPackages reads the package database below root ("" means "/") directly: every package that has files on disk (all states but
// not-installed and config-files), sorted by name, architecture and version, and those whose state is unfinished. Snaps and flatpaks
// are among them, each with its own ecosystem. ecosystem chooses the database; with "" whatever is there is read.
// fault.NotFound: there is no database; fault.Invalid: one that cannot be read, or a database of rpm, which internal/rpmdb reads.
func ReadPackages(root, ecosystem string) ([]apiv1.Package, []apiv1.PackageState, error) {
	tree, err := pkgmgr.OpenRoot(root)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", root)
	}
	defer func() { _ = tree.Close() }()
	in, err := readInstalled(tree, ecosystem)
	if err != nil {
		return nil, nil, err
	}
	in.besides(tree)
	return in.packages, in.broken, nil
}

// ReadTree is ReadPackages of an open tree, with sentences about what is unfinished or was left out in place of the unfinished.
func ReadTree(tree *pkgmgr.Root, ecosystem string) ([]apiv1.Package, []string, error) {
	in, err := readInstalled(tree, ecosystem)
	if err != nil {
		return nil, nil, err
	}
	in.besides(tree)
	var said []string
	for _, b := range in.broken {
		said = append(said, fmt.Sprintf("package %s is %s", b.Name, b.State))
	}
	for _, p := range in.problems {
		said = append(said, "left out: "+p)
	}
	if in.interrupted {
		said = append(said, "a transaction of "+in.manager+" was cut off, or goes on now")
	}
	return in.packages, said, nil
}

// ManagerOf names the package manager whose database below the tree is that of a release: dpkg, apk, pacman or rpm; empty when there is
// none of it. A root can hold several (rpm installs on Debian): the release decides, and for an unknown one the first that is there.
func ManagerOf(tree *pkgmgr.Root, ecosystem string) string {
	there := map[string]func() bool{
		byDpkg:   func() bool { return present(tree, dpkg.StatusFile) || present(tree, dpkg.StatusDir) },
		byAPK:    func() bool { return present(tree, "lib/apk/db/installed") || present(tree, "usr/lib/apk/db/installed") },
		byPacman: func() bool { return present(tree, pacman.Local) },
		byRPM:    func() bool { return rpm.Present(tree) },
	}
	if scheme, ok := vercmp.ForEcosystem(ecosystem); ok {
		manager := map[vercmp.Scheme]string{vercmp.Deb: byDpkg, vercmp.APK: byAPK, vercmp.Pacman: byPacman, vercmp.RPM: byRPM}[scheme]
		if manager != "" && there[manager]() {
			return manager
		}
		return ""
	}
	for _, manager := range []string{byDpkg, byAPK, byPacman, byRPM} {
		if there[manager]() {
			return manager
		}
	}
	return ""
}

func present(tree *pkgmgr.Root, name string) bool {
	_, err := tree.Stat(name)
	return err == nil
}

// installed is what a root's package database says.
type installed struct {
	manager     string
	packages    []apiv1.Package
	broken      []apiv1.PackageState
	held        []string
	problems    []string
	interrupted bool
	dpkg        dpkg.Database // apt is asked with it
}

// readInstalled reads the database of the release's package manager as files.
func readInstalled(tree *pkgmgr.Root, ecosystem string) (installed, error) {
	in := installed{manager: ManagerOf(tree, ecosystem), packages: []apiv1.Package{}, broken: []apiv1.PackageState{}, held: []string{}}
	switch in.manager {
	case byDpkg:
		db, err := readDpkg(tree)
		if err != nil {
			return in, err
		}
		in.dpkg, in.packages, in.broken, in.problems, in.interrupted = db, packagesOf(db), brokenOf(db), db.Problems, db.Interrupted
		for _, p := range db.Packages {
			if p.Held() {
				in.held = append(in.held, p.Name)
			}
		}
		slices.Sort(in.held)
		in.held = slices.Compact(in.held)
	case byAPK:
		db, err := apk.Read(tree)
		if err != nil {
			return in, fault.Wrap(err, fault.Invalid, "the apk database cannot be read")
		}
		for _, p := range db.Packages {
			in.add(p.Name, p.Arch, p.Version, p.Origin, p.Version)
		}
		in.held, in.problems = append(in.held, db.Held...), db.Problems
	case byPacman:
		db, err := pacman.Read(tree)
		if err != nil {
			return in, fault.Wrap(err, fault.Invalid, "the pacman database cannot be read")
		}
		for _, p := range db.Packages {
			in.add(p.Name, p.Arch, p.Version, p.Base, p.Version)
		}
		in.held, in.problems, in.interrupted = append(in.held, db.Held...), db.Problems, db.Interrupted
	case byRPM:
		return in, fault.New(fault.Invalid, "the root has a database of rpm, which is read only by asking the rpm of the running system")
	default:
		return in, fault.New(fault.NotFound, "the root has no package database of %s", cmp.Or(ecosystem, "dpkg, apk, pacman or rpm"))
	}
	return in, nil
}

// add takes a package over in the shape of the wire, where a source that says nothing new is absent.
func (in *installed) add(name, arch, version, source, sourceVersion string) *apiv1.Package {
	p := apiv1.Package{Name: name, Arch: arch, Version: version}
	if source != name {
		p.Source = source
	}
	if sourceVersion != version {
		p.SourceVersion = sourceVersion
	}
	in.packages = append(in.packages, p)
	return &in.packages[len(in.packages)-1]
}

// askRPM asks the running system's rpm.
func (in *installed) askRPM(ctx context.Context, config rpm.Config) error {
	answer, err := rpm.Query(ctx, config)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "rpm could not be asked what is installed")
	}
	in.problems = answer.Problems
	in.packages = FromRPM(answer.Packages)
	return nil
}

// FromRPM puts rpm's packages into the shape of the wire.
func FromRPM(packages []rpm.Package) []apiv1.Package {
	in := installed{packages: make([]apiv1.Package, 0, len(packages))}
	for _, p := range packages {
		w := in.add(p.Name, p.Arch, p.Version, p.Source, p.SourceVersion)
		w.Stream, w.Origin = p.Stream, p.Vendor
	}
	return in.packages
}

// Besides lists the snaps and flatpaks of a tree, each with its ecosystem.
func Besides(tree *pkgmgr.Root) []apiv1.Package {
	var in installed
	in.besides(tree)
	return in.packages
}

// besides adds what is installed beside the distribution's packages and keeps the order.
func (in *installed) besides(tree *pkgmgr.Root) {
	add := func(ecosystem, name, arch, version string) {
		w := in.add(name, arch, version, name, version)
		w.Ecosystem = ecosystem
	}
	snaps, problems := snap.Read(tree)
	for _, p := range snaps {
		add(apiv1.EcosystemSnap, p.Name, p.Arch, p.Version)
	}
	flatpaks, more := flatpak.Read(tree)
	for _, p := range flatpaks {
		add(apiv1.EcosystemFlatpak, p.Name, p.Arch, p.Version)
	}
	in.problems = slices.Concat(in.problems, problems, more)
	in.problems = in.problems[:min(len(in.problems), 200)]
	if len(snaps)+len(flatpaks) > 0 {
		slices.SortFunc(in.packages, func(a, b apiv1.Package) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), strings.Compare(a.Version, b.Version), strings.Compare(a.Ecosystem, b.Ecosystem))
		})
	}
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
	in := installed{packages: make([]apiv1.Package, 0, len(db.Packages))}
	for _, p := range db.Packages {
		if p.OnDisk() && p.Version != "" { // half-installed for the first time: no version yet; it is among the broken
			in.add(p.Name, p.Arch, p.Version, p.Source, p.SourceVersion).Origin = p.Origin
		}
	}
	return in.packages
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

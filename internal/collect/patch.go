package collect

import (
	"context"
	"path"
	"path/filepath"
	"slices"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
)

// Simulate asks the package manager what installing exactly these versions would do, and changes nothing. What it cannot say is in
// Problem. Sections, Able and Unable are not its business and stay empty. The error is that nobody could be asked.
func (c *Collector) Simulate(ctx context.Context, packages []apiv1.SimulateEntry) (apiv1.SimulateAnswer, error) {
	answer := apiv1.SimulateAnswer{Changes: []apiv1.LockChange{}}
	if !c.live() || !c.apt.Available() {
		answer.Problem = "the package manager of this system is not supported yet"
		return answer, nil
	}
	tree, err := pkgmgr.OpenRoot(c.opt.Root)
	if err != nil {
		return answer, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", c.opt.Root)
	}
	defer func() { _ = tree.Close() }()
	db, err := readDpkg(tree)
	if err != nil {
		return answer, err
	}
	wanted := make([]apt.Wanted, len(packages))
	for i, p := range packages {
		wanted[i] = apt.Wanted{Name: p.Name, Arch: p.Arch, Version: p.Version}
	}
	in, err := c.apt.Install(ctx, db, wanted)
	if err != nil {
		return answer, fault.Wrap(err, fault.Unavailable, "apt could not be asked")
	}
	if answer.Problem = in.Problem; in.Problem == "" {
		answer.Known, answer.Changes, answer.Reboot = true, in.Changes, expectsReboot(in.Changes)
	}
	return answer, nil
}

// rebooters are the packages whose new version is in use only after a reboot: the kernel and what is loaded with it, the C library,
// which every running process holds, PID 1, and the bus, which cannot be restarted. It is the expectation before a run, from names alone
// (ROLLOUT §2.5 takes the union of all evidence); after a run the root half says what it has found.
var rebooters = []string{
	"linux-image-*", "linux-modules-*", "initramfs-tools*", "*-microcode", "firmware-*", "linux-firmware",
	"libc6", "systemd", "systemd-sysv", "dbus", "dbus-daemon", "dbus-broker",
}

func expectsReboot(changes []apiv1.LockChange) bool {
	return slices.ContainsFunc(changes, func(c apiv1.LockChange) bool {
		return c.Action != apiv1.ActionRemove && slices.ContainsFunc(rebooters, func(glob string) bool {
			ok, err := path.Match(glob, c.Name)
			return err == nil && ok
		})
	})
}

// Stage puts what an installation of files needs into a folder: the package lists that updates are known from into lists, the files
// into debs, all of it verified and on the disk. It goes on where an earlier call was cut off. Errors: *apt.Gone, *apt.NoSpace, others.
func (c *Collector) Stage(ctx context.Context, dir string, files []apt.File, say func(done, total int64)) error {
	lists := filepath.Join(dir, "lists")
	if err := c.apt.StageLists(ctx, lists); err != nil {
		return err
	}
	return c.apt.Download(ctx, lists, filepath.Join(dir, "debs"), files, say)
}

// States says how each of some packages stands in the package database, as "installed 1.2-3", and which packages of all are unfinished.
// Only Name and Arch of what is asked for count; one that is not there is "not-installed".
func (c *Collector) States(of []apt.Wanted) (states, broken []apiv1.PackageState, err error) {
	tree, err := pkgmgr.OpenRoot(c.opt.Root)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", c.opt.Root)
	}
	defer func() { _ = tree.Close() }()
	db, err := readDpkg(tree)
	if err != nil {
		return nil, nil, err
	}
	found := map[string]string{}
	for _, p := range db.Packages {
		found[p.Name+" "+p.Arch] = p.State + " " + p.Version
	}
	for _, w := range of {
		state := apiv1.PackageState{Name: w.Name, Arch: w.Arch, State: "not-installed"}
		if s, ok := found[w.Name+" "+w.Arch]; ok {
			state.State = clip(s, 64)
		}
		states = append(states, state)
	}
	return states, brokenOf(db), nil
}

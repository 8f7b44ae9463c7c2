package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	"github.com/staunch-dev/staunch/internal/pkgmgr/pacman"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// Options say what to collect from. Zero values are the defaults named.
type Options struct {
	Root         string        // "/": the running system. Another folder: what its files say, nothing that runs.
	StateDir     string        // our own folder; package lists and remembered origins are kept there
	Log          *slog.Logger  // slog.Default
	RefreshEvery time.Duration // how old package lists may grow, 6 h
	FetchTimeout time.Duration // of one fetch, 30 s
	// OldCode is asked which replaced files still run when we may not look at all processes ourselves; it gives nil when it does not know.
	OldCode func(context.Context) []apiv1.OldCode
}

// Snapshot is everything known of a host at one instant. All but Vitals is free of what moves by itself.
type Snapshot struct {
	Facts        apiv1.Facts
	Packages     apiv1.Packages
	Updates      apiv1.Updates
	Repositories apiv1.Repositories
	Hardware     apiv1.Hardware
	Vitals       apiv1.Vitals
}

// Collector collects again and again, and remembers what would be costly to find out each time.
type Collector struct {
	opt  Options
	apt  *apt.Manager // made with the first os-release
	once sync.Once
	virt string
}

// New makes a Collector; nothing is read before the first Collect.
func New(opt Options) *Collector {
	opt.Root = cmp.Or(opt.Root, "/")
	opt.RefreshEvery = cmp.Or(opt.RefreshEvery, 6*time.Hour)
	opt.FetchTimeout = cmp.Or(opt.FetchTimeout, 30*time.Second)
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	c := &Collector{opt: opt}
	distribution := ""
	if rel, err := ReadOS(opt.Root); err == nil {
		distribution = rel.ID
	}
	c.apt = apt.New(apt.Config{StateDir: opt.StateDir, Distribution: distribution, FetchTimeout: opt.FetchTimeout, Log: opt.Log})
	return c
}

// live reports whether we look at the running system, and not at files alone.
func (c *Collector) live() bool { return c.opt.Root == "/" && runtime.GOOS == "linux" }

// Collect reads the host. Parts that cannot be read are empty and say so where their section has a place for it; the error is for a root
// that cannot be opened, a package database that cannot be read, or a state folder that cannot be written.
func (c *Collector) Collect(ctx context.Context, now time.Time) (Snapshot, error) {
	tree, err := pkgmgr.OpenRoot(c.opt.Root)
	if err != nil {
		return Snapshot{}, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", c.opt.Root)
	}
	defer func() { _ = tree.Close() }()
	rel, err := readOS(tree)
	if err != nil {
		c.opt.Log.Debug("os-release", "error", err)
	}
	s := Snapshot{
		Packages:     apiv1.Packages{Ecosystem: rel.Ecosystem, Packages: []apiv1.Package{}},
		Updates:      apiv1.Updates{Updates: []apiv1.Update{}, Problem: "no supported package manager"},
		Repositories: apiv1.Repositories{Repositories: []apiv1.Repository{}},
		Hardware:     emptyHardware(),
	}
	in, err := c.installed(ctx, tree, rel)
	if err != nil {
		return Snapshot{}, err
	}
	s.Packages.Packages = in.packages
	s.Facts = c.facts(ctx, tree, rel, in)
	if c.live() {
		s.Hardware = hardware(tree)
		s.Vitals = vitals(tree)
	}
	if err := c.askApt(ctx, now, in, &s); err != nil {
		return Snapshot{}, err
	}
	return s, nil
}

// installed reads what is installed; of the running system rpm is asked. A system of which nothing can be read is no error: its facts
// and hardware are worth knowing, and the problem is said where updates are.
func (c *Collector) installed(ctx context.Context, tree *pkgmgr.Root, rel apiv1.OSRelease) (installed, error) {
	in, err := readInstalled(tree, rel.Ecosystem)
	switch {
	case in.manager == byRPM && c.live():
		if err = in.askRPM(ctx, rpm.Config{}); errors.Is(err, exec.ErrNotFound) { // an image whose rpm was taken out: its facts are still worth having
			in.problems, err = append(in.problems, "there is a database of rpm and no rpm to ask: what is installed is not known"), nil
		}
	case in.manager == byRPM || in.manager == "":
		err = nil
	}
	if err != nil {
		return in, err
	}
	in.besides(tree)
	return in, nil
}

// askApt fills in what apt knows. A tree that is not the running system's has no updates that anybody could install now.
func (c *Collector) askApt(ctx context.Context, _ time.Time, in installed, s *Snapshot) error {
	switch {
	case in.manager == "":
		return nil
	case in.manager != byDpkg:
		s.Updates.Problem = fmt.Sprintf("which updates %s would install is not asked yet: what is installed is assessed all the same", in.manager)
		return nil
	case len(in.dpkg.Packages) == 0:
		return nil
	}
	db := in.dpkg
	if !c.live() || !c.apt.Available() {
		s.Updates.Manager, s.Updates.Problem = "", "not the running system, or apt is not installed: its updates are not known"
		return nil
	}
	a, err := c.apt.Ask(ctx, db)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "asking apt")
	}
	s.Updates = a.Updates
	s.Repositories.Repositories = a.Repositories
	for i, p := range s.Packages.Packages {
		if p.Ecosystem == "" {
			s.Packages.Packages[i].Origin = cmp.Or(a.Origins[apt.Key(p.Name, p.Arch, p.Version)], p.Origin)
		}
	}
	v := &s.Vitals
	v.Metadata, v.Phasing, v.Lists, v.RefreshError = a.Metadata, a.Phasing, a.Lists, a.RefreshError
	v.RefreshedAt, v.RefreshTried = instant(a.RefreshedAt), instant(a.RefreshTried)
	return nil
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// Refresh fetches the package lists into our own folder. What failed is in the next Collect's vitals; the error is that nothing could be tried.
func (c *Collector) Refresh(ctx context.Context, now time.Time) error {
	if !c.live() || !c.apt.Available() {
		return nil
	}
	if err := c.apt.Refresh(ctx, now); err != nil {
		return fault.Wrap(err, fault.Internal, "refreshing package lists")
	}
	return nil
}

// NextRefresh says when Refresh is due.
func (c *Collector) NextRefresh() time.Time {
	if !c.live() || !c.apt.Available() {
		return time.Now().AddDate(1, 0, 0)
	}
	return c.apt.NextRefresh(c.opt.RefreshEvery)
}

// Watched names the files whose change makes a new Collect worth while before its time.
func (c *Collector) Watched() []string {
	watched := slices.Concat(c.apt.Watched(), []string{"/run/reboot-required", "/etc/os-release", "/etc/hostname",
		"/lib/apk/db", "/usr/lib/apk/db", "/" + pacman.Local, "/snap", "/var/lib/snapd/snap", "/var/lib/flatpak/.changed"})
	for _, dir := range rpm.Databases() {
		for _, file := range append(rpm.Files(), "rpmdb.sqlite-wal") {
			watched = append(watched, "/"+dir+"/"+file)
		}
	}
	return watched
}

// Simulations counts the simulations of the package manager that were run.
func (c *Collector) Simulations() int { return c.apt.Simulations() }

// hostname is the system's, or what a tree's own file says.
func (c *Collector) hostname(tree *pkgmgr.Root) string {
	if c.live() {
		if name, err := os.Hostname(); err == nil {
			return clip(name, 253)
		}
	}
	return clip(line(tree, "etc/hostname"), 253)
}

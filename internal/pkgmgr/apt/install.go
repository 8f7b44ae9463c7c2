package apt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Wanted is one package to bring to exactly one version.
type Wanted struct{ Name, Arch, Version string }

// The grammar of what becomes an argument (Debian policy 5.6.1, 5.6.7). Nothing that fits can be taken for an option or for a pattern
// of several packages: none begins with a dash, and apt is told besides to take patterns for names.
var (
	packageName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]{0,254}$`) })
	archName    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`) })
	sha256Hex   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })
)

// Validate says why w must not become an argument of apt, or nil.
func (w Wanted) Validate() error {
	switch {
	case !packageName().MatchString(w.Name):
		return fmt.Errorf("%q is not a package name", clip(w.Name, 64))
	case !archName().MatchString(w.Arch):
		return fmt.Errorf("%q is not an architecture", clip(w.Arch, 64))
	case len(w.Version) > 256 || vercmp.Valid("deb", w.Version) != nil || strings.HasPrefix(w.Version, "-"):
		return fmt.Errorf("%q is not a version of %s", clip(w.Version, 64), w.Name)
	}
	return nil
}

func (w Wanted) argument() string { return w.Name + ":" + w.Arch + "=" + w.Version }

// arguments are the wanted packages as apt takes them, behind the end of options.
func arguments(wanted []Wanted) ([]string, error) {
	args := []string{"--"}
	for _, w := range wanted {
		if err := w.Validate(); err != nil {
			return nil, err
		}
		args = append(args, w.argument())
	}
	return args, nil
}

// Installation is what apt would do for wanted packages.
type Installation struct {
	Changes []apiv1.LockChange // sorted by name and architecture; every one but removals with its bytes' sha256 and size
	Problem string             // not empty: apt cannot do it, or not so that it could be locked; Changes is empty then
}

// Install asks apt what installing exactly wanted would do, with the lists that Ask answers from. Nothing is changed. Removals and new
// packages are in the answer, not refused: who asks decides. It waits for a refresh of package lists as long as ctx allows. The error
// is that apt could not be asked.
func (m *Manager) Install(ctx context.Context, db dpkg.Database, wanted []Wanted) (Installation, error) {
	args, err := arguments(wanted)
	if err != nil {
		return Installation{Problem: err.Error()}, nil //nolint:nilerr // an answer: it was asked for what cannot be
	}
	if err := m.take(ctx); err != nil {
		return Installation{}, err
	}
	defer m.mu.Unlock()
	if err := m.prepare(); err != nil {
		return Installation{}, err
	}
	whose, _ := m.chooseLists(m.loadRefresh())
	if whose == "" {
		return Installation{Problem: "no package lists have been fetched yet"}, nil
	}
	defer func() { _ = os.Remove(m.state("cache/pkgcache.bin")) }()
	// Assumed yes, apt refuses what it would ask about: downgrades, held and essential packages.
	sim, out, err := m.simulate(ctx, whose, append([]string{"-o", "APT::Cmd::Pattern-Only=true", "--assume-yes", "install"}, args...)...)
	switch {
	case err != nil:
		return Installation{}, err
	case out.Code != 0:
		return Installation{Problem: clip(strings.Join(slices.Concat([]string{complaints(out)}, sim.Unmet[:min(len(sim.Unmet), 5)]), "; "), 4000)}, nil
	case len(sim.Bad) > 0:
		return Installation{Problem: "apt's answer was not understood: " + sim.Bad[0]}, nil
	}
	return m.lockable(ctx, whose, sim, db)
}

// lockable completes a simulation's changes with the bytes that each stands for.
func (m *Manager) lockable(ctx context.Context, whose string, sim Simulation, db dpkg.Database) (Installation, error) {
	out, err := m.get(ctx, whose, "indextargets", "Created-By: Packages")
	if err == nil && out.Code != 0 {
		err = errors.New("apt cannot read its sources: " + complaints(out))
	}
	if err != nil {
		return Installation{}, err
	}
	sought := map[string]bool{}
	for _, c := range sim.Changes {
		if !c.Remove {
			sought[Key(c.Name, c.Arch, c.To)] = true
		}
	}
	found, err := m.offers(ctx, ParseTargets(out.Stdout), sought)
	if err != nil {
		return Installation{}, err
	}
	origins := m.loadOrigins()
	in := Installation{Changes: []apiv1.LockChange{}}
	for _, c := range sim.Changes {
		u := fromChange(c, db, origins)
		lock := apiv1.LockChange{Name: u.Name, Arch: u.Arch, Action: u.Action, From: u.From, To: u.To, Archive: u.Archive, Origin: u.Origin}
		if !c.Remove {
			o, err := found[Key(c.Name, c.Arch, c.To)].only(c)
			if err != nil {
				return Installation{Problem: err.Error()}, nil //nolint:nilerr // the answer is that it cannot be locked
			}
			lock.SHA256, lock.Size = o.sha256, o.size
		}
		in.Changes = append(in.Changes, lock)
	}
	slices.SortFunc(in.Changes, func(a, b apiv1.LockChange) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch))
	})
	return in, nil
}

// offer is one repository's file for a version.
type offer struct {
	sha256 string
	size   int64
}

type offers []offer

// only gives the one file that a version stands for.
func (os offers) only(c Change) (offer, error) {
	switch {
	case len(os) == 0:
		return offer{}, fmt.Errorf("%s %s is in no package list that can be read, so there is no sha256 and it cannot be locked", c.Name, c.To)
	case slices.ContainsFunc(os, func(o offer) bool { return o.sha256 == "" || o.size <= 0 }):
		return offer{}, fmt.Errorf("the package list has no sha256 for %s %s: it cannot be locked", c.Name, c.To)
	case slices.ContainsFunc(os, func(o offer) bool { return o != os[0] }):
		return offer{}, fmt.Errorf("two repositories carry different files as %s %s: it cannot be locked", c.Name, c.To)
	}
	return os[0], nil
}

// offers reads the Packages files once for the versions sought.
func (m *Manager) offers(ctx context.Context, targets []Target, sought map[string]bool) (map[string]offers, error) {
	found := map[string]offers{}
	for _, t := range targets {
		err := m.readPackages(ctx, t.File, func(r io.Reader) error { return readOffers(r, sought, found) })
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("reading the package list %s: %w", t.File, err)
		}
	}
	return found, nil
}

// readOffers adds the files of the versions sought in one Packages file; damaged stanzas are skipped.
func readOffers(r io.Reader, sought map[string]bool, found map[string]offers) error {
	return eachStanza(dpkg.NewReader(r, "Package", "Architecture", "Version", "SHA256", "Size"), func(s dpkg.Stanza) {
		key := Key(s.Get("Package"), s.Get("Architecture"), s.Get("Version"))
		if !sought[key] {
			return
		}
		o := offer{sha256: strings.ToLower(s.Get("SHA256"))}
		if !sha256Hex().MatchString(o.sha256) {
			o.sha256 = ""
		}
		var err error
		if o.size, err = strconv.ParseInt(s.Get("Size"), 10, 64); err != nil {
			o.size = 0
		}
		if !slices.Contains(found[key], o) {
			found[key] = append(found[key], o)
		}
	})
}

// takeEvery is how often a caller that waits for its turn looks whether it has come.
const takeEvery = 50 * time.Millisecond

// take waits for our turn, which a refresh may hold for minutes, no longer than ctx allows. The caller unlocks m.mu.
func (m *Manager) take(ctx context.Context) error {
	for !m.mu.TryLock() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("package lists are being refreshed: %w", ctx.Err())
		case <-time.After(takeEvery):
		}
	}
	return nil
}

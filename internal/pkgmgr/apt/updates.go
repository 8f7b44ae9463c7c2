package apt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// maxReasons is how many kept-back packages are asked about one by one: a simulation costs a second or two of CPU.
const maxReasons = 10

// reasonsFor is how long all of them together may take.
const reasonsFor = time.Minute

// archOf completes the name of an installed package: apt leaves the native architecture (and "all") out.
func archOf(db dpkg.Database, name, arch, version string) string {
	if arch != "" {
		return arch
	}
	for _, p := range db.Packages {
		if p.Name == name && p.OnDisk() && (p.Version == version || version == "") {
			return p.Arch
		}
	}
	return ""
}

// candidates are the keys of all versions that the answer names, so that one pass over the lists finds their origins.
func candidates(sim Simulation, pinned []Kept, db dpkg.Database) []string {
	var keys []string
	for _, c := range sim.Changes {
		if !c.Remove {
			keys = append(keys, Key(c.Name, c.Arch, c.To))
		}
	}
	for _, k := range slices.Concat(sim.Kept, pinned) {
		keys = append(keys, Key(k.Name, archOf(db, k.Name, k.Arch, k.From), k.To))
	}
	return keys
}

// updates puts the answer together: what apt would do, then what it would not do and why.
func (m *Manager) updates(ctx context.Context, whose string, sim Simulation, pinned []Kept, db dpkg.Database, origins *originMemory) ([]apiv1.Update, []apiv1.Phasing) {
	byKey := map[string]apiv1.Update{}
	put := func(u apiv1.Update) { byKey[u.Name+" "+u.Arch] = u }
	for _, c := range sim.Changes {
		put(fromChange(c, db, origins))
	}
	phased := m.phased(ctx, whose, sim.Kept, db)
	phasing := []apiv1.Phasing{}
	asked, deadline := 0, time.Now().Add(reasonsFor)
	for _, k := range sim.Kept {
		u := fromKept(k, db, origins)
		percent, isPhased := phased[u.Name+" "+u.Arch]
		switch {
		case held(db, u.Name, u.Arch):
			u.State, u.Reason = apiv1.UpdateHeld, "held by the administrator"
		case isPhased:
			u.State, u.Reason = apiv1.UpdatePhased, fmt.Sprintf("phased %d %%", percent)
			phasing = append(phasing, apiv1.Phasing{Package: u.Name, Version: u.To, Percent: percent})
		case k.Phased:
			u.State, u.Reason = apiv1.UpdatePhased, "phased"
		case asked < maxReasons && time.Now().Before(deadline):
			asked++
			u.Reason = m.reason(ctx, whose, k)
		default:
			u.Reason = "apt was not asked why: too many packages are kept back"
		}
		put(u)
	}
	for _, k := range pinned {
		u := fromKept(k, db, origins)
		u.Reason = m.pinnedBy(k.Name)
		put(u)
	}
	out := make([]apiv1.Update, 0, len(byKey))
	for _, u := range byKey {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b apiv1.Update) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch)) })
	slices.SortFunc(phasing, func(a, b apiv1.Phasing) int { return cmp.Compare(a.Package, b.Package) })
	return out, phasing[:min(len(phasing), 1000)]
}

func fromChange(c Change, db dpkg.Database, origins *originMemory) apiv1.Update {
	u := apiv1.Update{Name: c.Name, Arch: c.Arch, From: c.From, To: c.To, State: apiv1.UpdateInstallable, Action: apiv1.ActionUpgrade}
	switch {
	case c.Remove:
		u.Action = apiv1.ActionRemove
		u.Arch = archOf(db, c.Name, c.Arch, c.From)
		return u
	case c.From == "":
		u.Action = apiv1.ActionInstall
	}
	for i, f := range c.Files {
		if i == 0 || f.Security() && !u.Security {
			u.Archive, u.Security = clip(f.Archive, 128), f.Security()
		}
	}
	u.Origin = origins.get(Key(c.Name, c.Arch, c.To)).Origin
	return u
}

func fromKept(k Kept, db dpkg.Database, origins *originMemory) apiv1.Update {
	u := apiv1.Update{Name: k.Name, Arch: archOf(db, k.Name, k.Arch, k.From), From: k.From, To: k.To, State: apiv1.UpdateKeptBack, Action: apiv1.ActionUpgrade}
	o := origins.get(Key(k.Name, u.Arch, k.To))
	u.Origin, u.Archive, u.Security = o.Origin, o.Archive, o.Security
	return u
}

func held(db dpkg.Database, name, arch string) bool {
	return slices.ContainsFunc(db.Packages, func(p dpkg.Package) bool { return p.Name == name && p.Arch == arch && p.Held() })
}

// fullName is how apt wants to be asked for a package of another architecture.
func (k Kept) fullName() string {
	if k.Arch == "" {
		return k.Name
	}
	return k.Name + ":" + k.Arch
}

// phased asks apt's policy which of the kept versions are phased, and to what percentage. Keys are "name arch".
func (m *Manager) phased(ctx context.Context, whose string, kept []Kept, db dpkg.Database) map[string]int {
	percent := map[string]int{}
	names := []string{}
	for _, k := range kept {
		names = append(names, k.fullName())
	}
	if len(names) == 0 {
		return percent
	}
	out, err := m.run(ctx, "apt-cache", whose, append([]string{"policy", "--"}, names...))
	if err != nil {
		return percent
	}
	policies := ParsePolicy(out.Stdout)
	for _, k := range kept {
		if n, ok := policies[k.fullName()].Phased[k.To]; ok && n < 100 {
			percent[k.Name+" "+archOf(db, k.Name, k.Arch, k.From)] = n
		}
	}
	return percent
}

// reason asks apt to install this one version and reads what that would take.
func (m *Manager) reason(ctx context.Context, whose string, k Kept) string {
	sim, out, err := m.simulate(ctx, whose, "install", "--", k.fullName()+"="+k.To)
	if err != nil {
		return "apt gives no reason"
	}
	return explain(sim, k, out.Code)
}

// explain reads a simulated installation of one kept-back package.
func explain(sim Simulation, k Kept, code int) string {
	var removals, fresh []string
	for _, c := range sim.Changes {
		switch {
		case c.Remove:
			removals = append(removals, c.Name)
		case c.From == "" && c.Name != k.Name:
			fresh = append(fresh, c.Name)
		}
	}
	switch {
	case code == 0 && len(removals) > 0:
		return "needs removal of " + names(removals)
	case code == 0 && len(fresh) > 0:
		return "needs new " + names(fresh)
	case len(sim.Unmet) > 0:
		return clip(strings.Join(strings.Fields(strings.Join(sim.Unmet[:min(len(sim.Unmet), 5)], "; ")), " "), 900)
	}
	return "apt gives no reason"
}

func names(list []string) string {
	slices.Sort(list)
	if len(list) > 20 {
		list = append(list[:20:20], fmt.Sprintf("and %d more", len(list)-20))
	}
	return clip(strings.Join(list, ", "), 900)
}

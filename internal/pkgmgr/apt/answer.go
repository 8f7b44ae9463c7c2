package apt

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// remembered is what answer.json keeps: the last answer and the fingerprint of all that it came from. An agent that is restarted on an
// unchanged host asks apt nothing.
type remembered struct {
	Fingerprint string
	Updates     apiv1.Updates
	Configured  []apiv1.Repository
	Targets     []Target
	Releases    map[string]Release // repository id to its index's own words
	Phasing     []apiv1.Phasing
	failed      bool // apt could not be asked, or gave no answer
}

// Ask gives apt's answer for the packages in db, from the fresher of the system's lists and our own. apt is run only if a file that it
// reads has changed since the last answer. What apt cannot say is in Updates.Problem; the error is for our own state folder alone.
func (m *Manager) Ask(ctx context.Context, db dpkg.Database) (Answer, error) {
	if err := m.take(ctx); err != nil {
		return Answer{}, err
	}
	defer m.mu.Unlock()
	if err := m.prepare(); err != nil {
		return Answer{}, err
	}
	refresh := m.loadRefresh()
	whose, listed := m.chooseLists(refresh)
	fingerprint := m.fingerprint(whose)
	var r remembered
	m.load("answer.json", &r)
	origins := m.loadOrigins()
	if r.Fingerprint != fingerprint {
		r = m.ask(ctx, whose, db, origins)
		if !r.failed { // a failure may pass though no file changes
			r.Fingerprint = fingerprint
		}
		if err := ctx.Err(); err != nil {
			return Answer{}, err
		}
		if err := m.save("answer.json", r); err != nil {
			return Answer{}, err
		}
		if err := m.save("origins.json", origins); err != nil {
			return Answer{}, err
		}
	}
	a := Answer{Updates: r.Updates, Phasing: r.Phasing, Lists: whose, Origins: origins.installed(db)}
	a.RefreshTried = refresh.Tried
	switch whose {
	case ListsAgent:
		a.RefreshedAt = refresh.Succeeded
		a.RefreshError = refresh.Error
	case ListsSystem:
		a.RefreshedAt = listed
	default:
		a.RefreshError = refresh.Error
	}
	a.Repositories, a.Metadata = m.repositories(r, refresh, whose, listed)
	return a, nil
}

// ask runs apt and reads its lists.
func (m *Manager) ask(ctx context.Context, whose string, db dpkg.Database, origins *originMemory) remembered {
	defer func() { _ = os.Remove(m.state("cache/pkgcache.bin")) }() // 60 MB that only these calls share; apt makes it again
	r := remembered{Updates: apiv1.Updates{Manager: "apt", Updates: []apiv1.Update{}}, Releases: map[string]Release{}, Configured: m.configured()}
	out, err := m.get(ctx, whose, "indextargets", "Created-By: Packages")
	switch {
	case err != nil:
		r.failed, r.Updates.Problem = true, clip(err.Error(), 4000)
		return r
	case out.Code != 0:
		r.failed = true
		r.Updates.Problem = "apt cannot read its sources: " + complaints(out)
		return r
	}
	r.Targets = ParseTargets(out.Stdout)
	for _, t := range r.Targets {
		if _, ok := r.Releases[t.Repository]; !ok {
			r.Releases[t.Repository] = readRelease(t)
		}
	}
	if problem := nothingToAsk(r); problem != "" {
		r.Updates.Problem = problem
		origins.scan(ctx, m, r.Targets, db, nil)
		return r
	}
	sim, out, err := m.simulate(ctx, whose, "dist-upgrade")
	switch {
	case err != nil:
		r.Updates.Problem = clip(err.Error(), 4000)
	case out.Code != 0:
		r.Updates.Problem = complaints(out)
	case len(sim.Bad) > 0:
		r.Updates.Problem = "apt's answer was not understood: " + clip(sim.Bad[0], 300)
	}
	if r.Updates.Problem != "" {
		r.failed = true
		origins.scan(ctx, m, r.Targets, db, nil)
		return r
	}
	pinned := m.pinned(ctx, whose, sim)
	origins.scan(ctx, m, r.Targets, db, candidates(sim, pinned, db))
	r.Updates.Known = true
	r.Updates.Problem = m.unreadablePreferences()
	r.Updates.Updates, r.Phasing = m.updates(ctx, whose, sim, pinned, db, origins)
	return r
}

// nothingToAsk says why a simulation would prove nothing: without lists "no updates" is not an answer.
func nothingToAsk(r remembered) string {
	if len(r.Targets) == 0 && len(r.Configured) == 0 {
		return "no package sources are configured"
	}
	for _, t := range r.Targets {
		if present([]string{t.File}) {
			return ""
		}
	}
	return "no package lists have been fetched yet"
}

// repositories are the configured ones, with what their indexes say, and how current each is; both sorted by id.
func (m *Manager) repositories(r remembered, refresh refreshState, whose string, listed time.Time) ([]apiv1.Repository, []apiv1.MetadataTime) {
	byID, files := merge(r.Configured, r.Targets)
	repos, times := []apiv1.Repository{}, []apiv1.MetadataTime{}
	for id, repo := range byID {
		slices.Sort(repo.Components)
		problem := refresh.Problems[id]
		repo.Problem = m.standing(problem)
		meta := apiv1.MetadataTime{Repository: id, Released: instant(r.Releases[id].Date), ValidUntil: instant(r.Releases[id].ValidUntil)}
		switch {
		case !present(files[id]):
			meta.Error = cmp.Or(problem, "its package lists were never fetched")
		case whose == ListsAgent:
			meta.FetchedAt, meta.Error = instant(refresh.Fetched[id]), problem
		default:
			meta.FetchedAt = instant(listed)
		}
		repos, times = append(repos, *repo), append(times, meta)
	}
	repos = append(repos, m.unreadableSources()...)
	slices.SortFunc(repos, func(a, b apiv1.Repository) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(times, func(a, b apiv1.MetadataTime) int { return cmp.Compare(a.Repository, b.Repository) })
	return repos[:min(len(repos), 10_000)], times[:min(len(times), 256)]
}

// merge brings together what sources files configure and what apt has of it, by id, and the Packages files of each.
func merge(configured []apiv1.Repository, targets []Target) (byID map[string]*apiv1.Repository, files map[string][]string) {
	byID, files = map[string]*apiv1.Repository{}, map[string][]string{}
	get := func(id string) *apiv1.Repository {
		if byID[id] == nil {
			byID[id] = &apiv1.Repository{ID: id, Components: []string{}}
		}
		return byID[id]
	}
	add := func(r *apiv1.Repository, component string) {
		if component != "" && !slices.Contains(r.Components, component) && len(r.Components) < 100 {
			r.Components = append(r.Components, component)
		}
	}
	for _, c := range configured {
		r := get(c.ID)
		r.URI, r.Suite, r.File = c.URI, c.Suite, cmp.Or(r.File, c.File)
		for _, component := range c.Components {
			add(r, component)
		}
	}
	for _, t := range targets {
		r := get(t.Repository)
		r.URI, r.Suite, r.Origin, r.Label, r.File = t.URI, t.Suite, t.Origin, t.Label, cmp.Or(r.File, t.Sources)
		add(r, t.Component)
		files[t.Repository] = append(files[t.Repository], t.File)
	}
	return byID, files
}

// present reports whether all of a repository's Packages files are there.
func present(files []string) bool {
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			return false
		}
	}
	return len(files) > 0
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func readRelease(t Target) Release {
	for _, ending := range []string{"InRelease", "Release"} {
		if f, err := os.Open(t.Release + ending); err == nil {
			rel := ParseRelease(f)
			_ = f.Close()
			return rel
		}
	}
	return Release{}
}

// load reads a file of our state folder; one that is absent or damaged is as good as empty, since all of it can be made again.
func (m *Manager) load(name string, into any) {
	b, err := os.ReadFile(m.state(name))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil && !os.IsNotExist(err) && m.cfg.Log != nil {
		m.cfg.Log.Warn("a state file is unreadable and is made again", "file", m.state(name), "error", err)
	}
}

func (m *Manager) save(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return pkgmgr.WriteFile(m.state(name), b, 0o644)
}

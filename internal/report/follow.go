package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// key of what is followed over time. Versions are not in it: an upgrade from one vulnerable version to another ends nothing.
type key struct{ vulnerability, source string }

// follower follows one host.
type follower struct {
	k         *Knowledge
	intervals []Interval
	deeds     []Deed
	running   bool // what runs counts, and not what is on disk

	open map[key]*stretch
	out  []Exposure

	i        int // the interval
	moment   int // counts what the host said, in all intervals
	at       time.Time
	setting  assess.Setting                 // of the moment
	kernels  []inventory.Package            // of the interval: images, and what else is built from the kernel
	moving   []key                          // what may end though no package changes: that of kernels, and of old code
	images   map[string][]inventory.Package // that ran, by what they run as
	versions map[string][]string            // of the interval, by source; nil: not asked for yet
}

// stretch is one vulnerability of one source while it counts.
type stretch struct {
	since time.Time
	why   string
	fresh int       // the moment at which since was last set: it is then the earliest of what is seen at it
	disk  sightings // in packages whose presence alone decides
	live  sightings // in kernels and in old code
	ran   sighting  // the kernel that has it and was the last to run; of nil: none did
}

// sightings are where it was last seen.
type sightings struct {
	at       int // the interval or the moment, from 1 on; 0: nowhere
	subjects []sighting
	packages []*inventory.Package
}

// sighting is one subject that has it.
type sighting struct {
	of       *known
	match    *match
	standing assess.Standing // of live ones
}

// see notes that a subject has it, at one interval or moment.
func (s *sightings) see(at int, one sighting, packages ...*inventory.Package) {
	if s.at != at {
		s.at, s.subjects, s.packages = at, s.subjects[:0], s.packages[:0]
	}
	if !slices.ContainsFunc(s.subjects, func(other sighting) bool { return other.of == one.of }) {
		s.subjects = append(s.subjects, one)
	}
	s.packages = append(s.packages, packages...)
}

// forget clears what was not seen at an interval or moment.
func (s *sightings) forget(at int) {
	if s.at != at {
		s.at, s.subjects, s.packages = 0, nil, nil
	}
}

func (f *follower) follow() {
	f.open = map[key]*stretch{}
	for i := range f.intervals {
		now := &f.intervals[i]
		f.i, f.versions, f.kernels = i+1, nil, nil
		for n, said := range now.said() {
			f.moment++
			f.at = said.From
			before, setting := f.moving, f.setting
			f.moving = nil
			if n == 0 {
				f.onDisk(now)
			}
			f.live(now, said.State)
			if n > 0 {
				for _, id := range before {
					f.still(id, f.open[id], setting)
				}
				continue
			}
			for id, st := range f.open {
				f.still(id, st, setting)
			}
		}
	}
	for id, st := range f.open {
		f.emit(f.exposure(id, st, f.setting))
	}
	slices.SortFunc(f.out, func(a, b Exposure) int {
		return cmp.Or(cmp.Compare(assess.Rank(a.Priority), assess.Rank(b.Priority)), a.Since.Compare(b.Since),
			strings.Compare(a.Vulnerability, b.Vulnerability), strings.Compare(a.Source, b.Source), a.Until.Compare(b.Until))
	})
}

// emit keeps an exposure that is a finding and has a length.
func (f *follower) emit(e Exposure) {
	if e.Priority != "" && (e.Until.IsZero() || e.Until.After(e.Since)) {
		f.out = append(f.out, e)
	}
}

// onDisk sees what packages have, and sets kernels apart: what they have depends on what the host says.
func (f *follower) onDisk(now *Interval) {
	for i := range now.Packages {
		p := &now.Packages[i]
		of := f.k.of(assess.SubjectOf(*p), *p)
		if of.kernel || assess.IsImage(*p) {
			f.kernels = append(f.kernels, *p)
		}
		if of.kernel {
			continue
		}
		for n := range of.found {
			m := &of.found[n]
			f.seen(of, m).disk.see(f.i, sighting{of: of, match: m}, p)
		}
	}
}

// live sees what the host says that kernels have and, where what runs counts, code that has gone from the disk.
func (f *follower) live(now *Interval, state assess.HostState) {
	kernels := f.kernels
	if removed := f.removed(state.Running); f.running {
		kernels = slices.Concat(kernels, removed)
	}
	f.setting = assess.SettingOf(kernels, state)
	for i := range kernels {
		p := &kernels[i]
		of := f.k.of(assess.SubjectOf(*p), *p)
		standing := f.setting.Standing(of.subject)
		if !of.kernel || f.running && !runs(&standing, state) {
			continue
		}
		f.sees(of, standing, p)
	}
	if !f.running {
		return
	}
	for _, old := range assess.OldOf(now.Packages, state) {
		of, standing := f.k.of(old.Subject, old.Packages[0]), f.setting.Loaded(old)
		f.sees(of, standing, &old.Packages[0])
	}
}

// sees notes what a subject has that lives.
func (f *follower) sees(of *known, standing assess.Standing, p *inventory.Package) {
	for n := range of.found {
		m := &of.found[n]
		if standing.Role.Livepatched.Has(m.vulnerability) {
			continue
		}
		st := f.seen(of, m)
		if st.live.at != f.moment {
			f.moving = append(f.moving, key{m.vulnerability, of.subject.Source})
		}
		one := sighting{of, m, standing}
		st.live.see(f.moment, one, p)
		if of.kernel && standing.Role.Part == assess.Plain {
			st.ran = one
		}
	}
}

// runs says whether a kernel runs. Where nothing tells which does, every image that is installed may.
func runs(standing *assess.Standing, state assess.HostState) bool {
	switch standing.Role.Part {
	case assess.NotLoaded:
		return false
	case assess.NotRunning:
		if state.Running != "" {
			return false
		}
		standing.Role = assess.Role{}
	}
	return true
}

// removed is the kernel that runs though its image has been removed since.
func (f *follower) removed(running string) []inventory.Package {
	var image []inventory.Package
	for _, p := range f.kernels {
		if assess.RunsAs(p, running) {
			image = append(image, p)
		}
	}
	if len(image) == 0 {
		return f.images[running]
	}
	f.images[running] = image
	return nil
}

// seen is the stretch of a vulnerability that a subject has at the moment.
func (f *follower) seen(of *known, m *match) *stretch {
	id := key{m.vulnerability, of.subject.Source}
	st := f.open[id]
	if st == nil {
		st = &stretch{}
		f.open[id] = st
	}
	since, why := m.disclosed, m.why
	if f.at.After(since) {
		since, why = f.at, packageSeen
	}
	switch {
	case st.fresh == 0, !st.since.Before(f.at) && st.fresh != f.moment && st.disk.at != f.i, // it has not counted before now
		!st.since.Before(f.at) && since.Before(st.since):
		st.since, st.why, st.fresh = since, why, f.moment
	}
	return st
}

// still ends a stretch of which the moment has nothing. setting is of the moment before.
func (f *follower) still(id key, st *stretch, setting assess.Setting) {
	if st == nil {
		return // a key that is twice in the list
	}
	if st.disk.at == f.i || st.live.at == f.moment {
		st.disk.forget(f.i)
		st.live.forget(f.moment)
		return
	}
	delete(f.open, id)
	e := f.exposure(id, st, setting)
	e.Until = f.at
	if f.deeds != nil && f.at.Equal(f.intervals[f.i-1].From) {
		e.By = attribute(f.deeds, f.intervals, f.i-1, slices.Concat(st.disk.packages, st.live.packages))
	}
	e.Patched = slices.ContainsFunc(st.live.subjects, func(s sighting) bool {
		return f.setting.Standing(s.of.subject).Role.Livepatched.Has(id.vulnerability)
	})
	if !f.running {
		e.To = f.versionsOf(id.source)
	}
	f.emit(e)
}

// versionsOf are those of a source in the interval, sorted.
func (f *follower) versionsOf(source string) []string {
	if f.versions == nil {
		f.versions = map[string][]string{}
		for _, p := range f.intervals[f.i-1].Packages {
			s := assess.SubjectOf(p)
			f.versions[s.Source] = append(f.versions[s.Source], s.Version)
		}
		for name, all := range f.versions {
			f.versions[name] = distinct(all)
		}
	}
	return f.versions[source]
}

// exposure judges a stretch by its worst subject. No priority: none is a finding.
func (f *follower) exposure(id key, st *stretch, setting assess.Setting) Exposure {
	k := f.k
	e := Exposure{Vulnerability: id.vulnerability, Source: id.source, KEV: k.threats[id.vulnerability].KEV != nil, Since: st.since, SinceWhy: st.why}
	judge := func(s sighting, on assess.Standing) {
		subject := s.of.subject
		v := assess.Judge(assess.Case{Vulnerability: id.vulnerability, Subject: subject, Hit: s.match.hit, Threat: k.threats[id.vulnerability], Standing: on, Ended: k.endOf(subject.Ecosystem)}, k.now)
		if v.IsFinding() && (e.Priority == "" || assess.Rank(v.Priority) < assess.Rank(e.Priority)) {
			e.Priority, e.Status = v.Priority, v.Status
			e.Advisory, e.Feed, e.FixedIn = s.match.hit.Advisory.ID, s.match.hit.Advisory.Feed, s.match.hit.Fixed(on)
		}
		e.Versions = append(e.Versions, subject.Version)
	}
	for _, s := range st.disk.subjects {
		judge(s, setting.Standing(s.of.subject))
	}
	for _, s := range st.live.subjects {
		judge(s, s.standing)
	}
	if ended := st.live.at != f.moment; ended && st.ran.of != nil {
		judge(st.ran, st.ran.standing) // that it runs no more was no reason to fix it later
	}
	for _, packages := range [][]*inventory.Package{st.disk.packages, st.live.packages} {
		for _, p := range packages {
			e.Packages = append(e.Packages, p.Name)
		}
	}
	e.Packages, e.Versions = distinct(e.Packages), distinct(e.Versions)
	return e
}

func distinct(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

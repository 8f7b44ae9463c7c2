package assess

import (
	"encoding/binary"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// cohort are the hosts of which the same is found: they have the same package set in the same setting.
type cohort struct {
	set     *packageSet
	setting *setting
	hosts   int
	worst   uint8 // rank of the worst that is found; fine: nothing is
	counts  atomic.Pointer[counted]
	loaded  []loaded
}

// loaded is what a cohort's hosts still run though it is not on their disks any more.
type loaded struct {
	Old
	subject *subject
	kind    Standing
}

// counted is what is found in a cohort, and the knowledge it was counted with.
type counted struct {
	generation int64
	counts     apiv1.FindingCounts
}

// settingKey is everything beside the package set that what is found depends on.
type settingKey struct {
	images string // ids of the kernel images
	SettingKey
}

// setting is shared by the cohorts of an equal key.
type setting struct {
	Setting
	images  string
	place   int // its number
	cohorts int
}

// elsewhere is what hosts have in common that stand at different places.
func (s *setting) elsewhere() SettingKey {
	out := s.SettingKey
	out.place = Place{}
	return out
}

func (s *setting) key() settingKey { return settingKey{s.images, s.SettingKey} }

// kind of standing that a subject has in the cohort.
func (c *cohort) kind(s *subject) Standing {
	switch {
	case s.kernel:
		out := c.setting.Standing(s.Subject)
		out.Place = Place{}
		return out
	case s.sells:
		return Standing{Entitlements: c.setting.entitlements}
	}
	return Standing{}
}

// join gives the cohort of a set that a host belongs to, with the host counted in.
func (ix *index) join(set *packageSet, of SettingKey) *cohort {
	key := settingKey{set.images, of}
	for _, c := range set.cohorts {
		if c.setting.key() == key {
			c.hosts++
			return c
		}
	}
	at := ix.settings[key]
	if at == nil {
		var images []inventory.Package
		ix.each(set, func(p *heldPackage) {
			if p.image {
				images = append(images, p.Package)
			}
		})
		at = &setting{Setting: Setting{SettingKey: of, kernels: KernelsOf(images, of.running)}, images: set.images, place: ix.place(of.place)}
		ix.settings[key] = at
	}
	at.cohorts++
	c := &cohort{set: set, setting: at, hosts: 1, worst: unjudged}
	set.cohorts = append(set.cohorts, c)
	c.loaded = ix.loadedOn(c)
	return c
}

// loadedOn finds what a cohort still runs, with its subjects held and judged.
func (ix *index) loadedOn(c *cohort) []loaded {
	state := HostState{Running: c.setting.running, OldCode: c.setting.old.said()}
	var packages []inventory.Package
	ix.each(c.set, func(p *heldPackage) {
		if p.image || len(state.OldCode) > 0 {
			packages = append(packages, p.Package)
		}
	})
	var out []loaded
	for _, old := range OldOf(packages, state) {
		one := loaded{old, ix.subject(old.Subject), c.setting.Loaded(old).at(Place{})}
		one.subject.packages++
		ix.presence(one.subject, one.kind)
		out = append(out, one)
	}
	return out
}

// part counts a host out of its cohort; the last one takes it, and what only it had, along.
func (ix *index) part(c *cohort) {
	if c.hosts--; c.hosts > 0 {
		return
	}
	for _, one := range c.loaded {
		if one.subject.packages--; one.subject.packages == 0 {
			ix.lose(one.subject)
		}
	}
	if c.setting.cohorts--; c.setting.cohorts == 0 {
		delete(ix.settings, c.setting.key())
	}
	c.set.cohorts = slices.DeleteFunc(c.set.cohorts, func(other *cohort) bool { return other == c })
	if len(c.set.cohorts) == 0 {
		ix.release(c.set)
	}
}

// eachFound calls fn with every presence of a cohort of which something is found; with one that several packages have, several times.
func (ix *index) eachFound(c *cohort, fn func(*presence)) {
	visit := func(s *subject, kind Standing) {
		if len(s.found) > 0 {
			if at := s.in(kind); at != nil {
				fn(at)
			}
		}
	}
	ix.each(c.set, func(p *heldPackage) { visit(p.subject, c.kind(p.subject)) })
	for _, one := range c.loaded {
		visit(one.subject, one.kind)
	}
}

// worsts are the worst ranks, by place, of what is found in a set's cohorts that are in a cohort's setting but for the place.
func (ix *index) worsts(c *cohort) (out [16]uint8) {
	for n := range out {
		out[n] = fine
	}
	ix.eachFound(c, func(at *presence) {
		for n, worst := range at.worst {
			out[n] = min(out[n], worst)
		}
	})
	return out
}

// judgeSet says of each cohort of a set how bad the worst is.
func (ix *index) judgeSet(set *packageSet) {
	for c, worst := range ix.worstOf(set) {
		c.worst = worst
	}
}

// worstOf gives the worst rank in each cohort of a set, going through its packages once for all that differ by place alone.
func (ix *index) worstOf(set *packageSet) iter.Seq2[*cohort, uint8] {
	return func(yield func(*cohort, uint8) bool) {
		known := map[SettingKey][16]uint8{}
		for _, c := range set.cohorts {
			k := c.setting.elsewhere()
			if _, there := known[k]; !there {
				known[k] = ix.worsts(c)
			}
			if !yield(c, known[k][c.setting.place]) {
				return
			}
		}
	}
}

// worstOfAll gives the worst rank in every cohort. It joins the bitmaps of what is equally bad, which takes a nanosecond for each host of
// each presence; going through the packages of every set takes a hundred.
func (ix *index) worstOfAll() map[*cohort]uint8 {
	type bad struct {
		rank uint8
		at   placeSet
	}
	alike := map[bad]*roaring.Bitmap{}
	for _, s := range ix.subjects {
		if len(s.found) == 0 {
			continue
		}
		for _, p := range s.presences {
			var where [fine + 1]placeSet
			for n, rank := range p.worst {
				if p.there[n] > 0 {
					where[rank] |= placeNumber(n)
				}
			}
			for rank, at := range where[:fine] {
				if at == 0 {
					continue
				}
				k := bad{uint8(rank), at} //nolint:gosec // there are five
				if alike[k] == nil {
					alike[k] = roaring.New()
				}
				p.hosts.addTo(alike[k])
			}
		}
	}
	var by [fine]*roaring.Bitmap
	for rank := range by {
		by[rank] = roaring.New()
	}
	whole := ix.selection(ix.live)
	for k, hosts := range alike {
		hosts.And(whole.standing(k.at))
		by[k.rank].Or(hosts)
	}
	out := make(map[*cohort]uint8, len(ix.sets))
	for _, set := range ix.sets {
		for _, c := range set.cohorts {
			out[c] = fine
		}
	}
	settled := roaring.New()
	for rank, hosts := range by {
		hosts.AndNot(settled)
		settled.Or(hosts)
		hosts.Iterate(func(ordinal uint32) bool {
			out[ix.host(ordinal).cohort] = uint8(rank) //nolint:gosec // as above
			return true
		})
	}
	return out
}

// each calls fn with every package of a set, by id.
func (ix *index) each(set *packageSet, fn func(*heldPackage)) {
	body := set.ids
	_, n := binary.Uvarint(body) // the count
	at, look := uint64(0), ix.packages.ascending()
	for body = body[n:]; len(body) > 0; body = body[n:] {
		var step uint64
		step, n = binary.Uvarint(body)
		at += step
		if p := look(at); p != nil {
			fn(p)
		}
	}
}

// unit is a subject in a set, with the binary packages it is installed through.
type unit struct {
	subject  *subject
	packages []*heldPackage
}

// units of a set, in the order of their first packages.
func (ix *index) units(set *packageSet, wanted func(*subject) bool) []unit {
	at := map[*subject]int{}
	var out []unit
	ix.each(set, func(p *heldPackage) {
		if !wanted(p.subject) {
			return
		}
		i, there := at[p.subject]
		if !there {
			i = len(out)
			at[p.subject] = i
			out = append(out, unit{subject: p.subject})
		}
		out[i].packages = append(out[i].packages, p)
	})
	return out
}

func hasFindings(s *subject) bool { return len(s.found) > 0 }

// tallies counts distinct vulnerabilities by the worst of their ranks, by their numbers: no map, since a fleet has hundreds of
// thousands of pairs to count.
type tallies struct {
	worst   []uint8 // 0: not counted; else the rank + 1
	touched []uint32
}

func (ix *index) newTallies() *tallies { return &tallies{worst: make([]uint8, len(ix.numbered))} }

func (t *tallies) add(v *vulnerability, rank uint8) {
	switch was := t.worst[v.number]; {
	case rank == fine:
	case was == 0:
		t.touched = append(t.touched, v.number)
		t.worst[v.number] = rank + 1
	case rank+1 < was:
		t.worst[v.number] = rank + 1
	}
}

// take adds what was counted to counts and begins anew.
func (t *tallies) take(c *apiv1.FindingCounts) {
	names := priorities()
	for _, n := range t.touched {
		tally(c, names[t.worst[n]-1])
		t.worst[n] = 0
	}
	t.touched = t.touched[:0]
}

// count is a cohort's distinct vulnerabilities by their worst priority: its hosts share the counting.
func (ix *index) count(c *cohort, t *tallies) apiv1.FindingCounts {
	if known := c.counts.Load(); known != nil && known.generation == ix.generation {
		return known.counts
	}
	ix.eachFound(c, func(at *presence) {
		for i, v := range at.of.found {
			t.add(v, at.at(c.setting.place)[i])
		}
	})
	made := &counted{generation: ix.generation, counts: apiv1.FindingCounts{Assessed: true, Reason: c.set.unsaid()}}
	t.take(&made.counts)
	c.counts.Store(made)
	return made.counts
}

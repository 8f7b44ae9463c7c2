package assess

import (
	"encoding/binary"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// cohort are the hosts that are alike but for where they stand: they have the same package set in the same setting and are offered the
// same updates. Bitmaps are of cohorts, by number: a fleet has several times as many hosts.
type cohort struct {
	number  uint32
	set     *packageSet
	setting *setting
	updates *updates // nil: none reported
	held    int      // hosts that are counted in
	hosts   members  // their ordinals, once they are in bitmaps
	worst   byPlace
	counts  atomic.Pointer[counted]
	loaded  []loaded
}

// byPlace is, for each of the sixteen places there can be, the rank of the worst that is found there; fine: nothing is.
type byPlace [16]uint8

func everyPlace(rank uint8) (out byPlace) {
	for n := range out {
		out[n] = rank
	}
	return out
}

// loaded is what a cohort's hosts still run though it is not on their disks any more.
type loaded struct {
	Old
	subject *subject
	kind    Standing
}

// counted is what is found in a cohort at a place, and the knowledge it was counted with.
type counted struct {
	generation int64
	place      uint8
	counts     apiv1.FindingCounts
	next       *counted // at another place
}

// at is what was counted at a place with some knowledge; nil when nobody has.
func (c *counted) at(place uint8, generation int64) *counted {
	for ; c != nil; c = c.next {
		if c.place == place && c.generation == generation {
			return c
		}
	}
	return nil
}

// settingKey is everything beside the package set, and the place, that what is found depends on.
type settingKey struct {
	images string // ids of the kernel images
	SettingKey
}

// setting is shared by the cohorts of an equal key.
type setting struct {
	Setting
	images  string
	cohorts int
}

func (s *setting) key() settingKey { return settingKey{s.images, s.SettingKey} }

// kind of standing that a subject has in the cohort.
func (c *cohort) kind(s *subject) Standing {
	switch {
	case s.kernel:
		return c.setting.Standing(s.Subject)
	case s.sells:
		return Standing{Entitlements: c.setting.entitlements}
	}
	return Standing{}
}

// join gives the cohort of a set that a host belongs to, with the host counted in.
func (ix *index) join(set *packageSet, of SettingKey, pending *updates) *cohort {
	key := settingKey{set.images, of}
	for _, c := range set.cohorts {
		if c.updates == pending && c.setting.key() == key {
			c.held++
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
		at = &setting{Setting: Setting{SettingKey: of, kernels: KernelsOf(images, of.running)}, images: set.images}
		ix.settings[key] = at
	}
	at.cohorts++
	c := &cohort{number: ix.freeCohort(), set: set, setting: at, updates: pending, held: 1, worst: everyPlace(unjudged)}
	ix.cohorts[c.number] = c
	set.cohorts = append(set.cohorts, c)
	c.loaded = ix.loadedOn(c)
	return c
}

// freeCohort is a number that no cohort has.
func (ix *index) freeCohort() uint32 {
	if last := len(ix.unnumbered) - 1; last >= 0 {
		n := ix.unnumbered[last]
		ix.unnumbered = ix.unnumbered[:last]
		return n
	}
	ix.cohorts = append(ix.cohorts, nil)
	return uint32(len(ix.cohorts) - 1) //nolint:gosec // fewer than ordinals
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
		one := loaded{old, ix.subject(old.Subject), c.setting.Loaded(old)}
		one.subject.packages++
		ix.presence(one.subject, one.kind)
		out = append(out, one)
	}
	return out
}

// part counts a host out of its cohort; the last one takes it, and what only it had, along.
func (ix *index) part(c *cohort) {
	if c.held--; c.held > 0 {
		return
	}
	ix.cohorts[c.number] = nil
	ix.unnumbered = append(ix.unnumbered, c.number)
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

// worsts are the worst ranks of what is found in a cohort.
func (ix *index) worsts(c *cohort) byPlace {
	out := everyPlace(fine)
	ix.eachFound(c, func(at *presence) {
		for n, worst := range at.worst {
			out[n] = min(out[n], worst)
		}
	})
	return ix.known(out)
}

// known says of places at which nobody has stood yet that nothing is judged there.
func (ix *index) known(ranks byPlace) byPlace {
	for n := len(ix.places); n < len(ranks); n++ {
		ranks[n] = unjudged
	}
	return ranks
}

// judgeSet says of each cohort of a set how bad the worst is.
func (ix *index) judgeSet(set *packageSet) {
	for c, worst := range ix.worstOf(set) {
		c.worst = worst
	}
}

// worstOf gives the worst ranks in each cohort of a set, going through its packages once for all that differ by what they are offered.
func (ix *index) worstOf(set *packageSet) iter.Seq2[*cohort, byPlace] {
	return func(yield func(*cohort, byPlace) bool) {
		known := map[*setting]byPlace{}
		for _, c := range set.cohorts {
			if _, there := known[c.setting]; !there {
				known[c.setting] = ix.worsts(c)
			}
			if !yield(c, known[c.setting]) {
				return
			}
		}
	}
}

// worstOfAll gives the worst ranks in every cohort, by number. It joins the sets of what is equally bad, which takes a nanosecond for each cohort
// of each presence; going through the packages of every set takes a hundred.
func (ix *index) worstOfAll() []byPlace {
	type bad struct {
		rank uint8
		at   placeSet
	}
	alike := map[bad]numbers{}
	for _, s := range ix.affected {
		for _, p := range s.presences {
			var where [fine + 1]placeSet
			for n, rank := range p.worst {
				where[rank] |= placeNumber(n)
			}
			for rank, at := range where[:fine] {
				if at == 0 {
					continue
				}
				k := bad{uint8(rank), at} //nolint:gosec // there are five
				if alike[k] == nil {
					alike[k] = newNumbers(len(ix.cohorts))
				}
				alike[k].joinMembers(&p.cohorts)
			}
		}
	}
	out := slices.Repeat([]byPlace{ix.known(everyPlace(fine))}, len(ix.cohorts))
	for k, cohorts := range alike {
		for number := range out {
			if !cohorts.has(uint32(number)) { //nolint:gosec // fewer than ordinals
				continue
			}
			for n := range ix.places {
				if k.at&placeNumber(n) != 0 {
					out[number][n] = min(out[number][n], k.rank)
				}
			}
		}
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

// count is a cohort's distinct vulnerabilities by their worst priority at a place: its hosts share the counting.
func (ix *index) count(c *cohort, place uint8, t *tallies) apiv1.FindingCounts {
	first := c.counts.Load()
	if known := first.at(place, ix.generation); known != nil {
		return known.counts
	}
	ix.eachFound(c, func(at *presence) {
		for i, v := range at.of.found {
			t.add(v, at.at(int(place))[i])
		}
	})
	if first != nil && first.generation != ix.generation {
		first = nil
	}
	made := &counted{generation: ix.generation, place: place, counts: apiv1.FindingCounts{Assessed: true, Reason: c.set.unsaid()}, next: first}
	t.take(&made.counts)
	c.counts.Store(made) // whoever counts another place meanwhile may be forgotten, and counts again
	return made.counts
}

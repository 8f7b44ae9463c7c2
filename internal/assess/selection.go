package assess

import (
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"
)

// selection is the hosts that a question is about, and the cohorts that they are of, cut by place as often as it takes. For one question
// and one goroutine.
type selection struct {
	*roaring.Bitmap
	size   int
	whole  bool                         // every live host
	places placeSet                     // those where at least one of them stands
	at     map[placeSet]*roaring.Bitmap // the ones that stand at some of the places
	ix     *index

	noted  map[*presence]placeSet // of a small selection: what present gives
	where  []placeSet             // of a larger one: by number of a cohort, where its selected hosts stand
	of     map[placeSet]numbers   // cohorts that have selected hosts at some of the places
	counts map[placeSet]headCount // how many; not of the whole
}

const (
	smallSelection = 100  // hosts whose packages are gone through sooner than the bitmaps of the whole fleet
	fewLooks       = 8192 // cohorts of a presence that are looked at one by one
)

// headCount is how many selected hosts the cohorts have: by number, and to be summed up quickly.
type headCount struct {
	by  []uint32
	all heads
}

// placeSet is a set of places by their numbers; there are sixteen at most.
type placeSet uint16

func placeNumber[N int | uint8](n N) placeSet { return 1 << n }

func (ix *index) selection(hosts *roaring.Bitmap) *selection {
	s := &selection{Bitmap: hosts, size: cardinality(hosts), ix: ix, at: map[placeSet]*roaring.Bitmap{}, of: map[placeSet]numbers{}, counts: map[placeSet]headCount{}}
	s.whole = s.size == cardinality(ix.live) // a selection is of live hosts
	for n, p := range ix.places {
		if s.whole && !p.hosts.IsEmpty() || p.hosts.Intersects(hosts) {
			s.places |= placeNumber(n)
		}
	}
	return s
}

func cardinality(b *roaring.Bitmap) int {
	return int(b.GetCardinality()) //nolint:gosec // hosts are fewer than an int holds
}

// standing are those of the selected hosts that stand at some of the places.
func (s *selection) standing(at placeSet) *roaring.Bitmap {
	if at &= s.places; at == s.places {
		return s.Bitmap // whoever has packages stands somewhere
	}
	known := s.at[at]
	if known == nil {
		known = roaring.New()
		for n, p := range s.ix.places {
			if at&placeNumber(n) != 0 {
				known.Or(p.hosts)
			}
		}
		known.And(s.Bitmap)
		s.at[at] = known
	}
	return known
}

// eachStanding calls fn with the selected hosts that stand at some of the places and have packages, until it says false.
func (s *selection) eachStanding(at placeSet, fn func(*host) bool) {
	look := s.ix.byOrdinal.ascending()
	s.standing(at).Iterate(func(ordinal uint32) bool {
		h := look(uint64(ordinal))
		return h.cohort == nil || fn(h)
	})
}

// located is where the selected hosts of each cohort stand. It counts them too, since it looks at each.
func (s *selection) located() []placeSet {
	if s.where == nil {
		s.where = make([]placeSet, len(s.ix.cohorts))
		s.counts[s.places] = s.countStanding(s.places, s.where)
	}
	return s.where
}

// countStanding counts the selected hosts at some of the places by cohort, and notes where they stand.
func (s *selection) countStanding(at placeSet, where []placeSet) headCount {
	by := make([]uint32, len(s.ix.cohorts))
	s.eachStanding(at, func(h *host) bool {
		n := h.cohort.number
		by[n]++
		if where != nil {
			where[n] |= placeNumber(h.place)
		}
		return true
	})
	return headCount{by, headsOf(by)}
}

// countEachPlace counts them at each place, in one go.
func (s *selection) countEachPlace() {
	by := make([][]uint32, len(s.ix.places))
	for n := range by {
		by[n] = make([]uint32, len(s.ix.cohorts))
	}
	s.eachStanding(s.places, func(h *host) bool {
		by[h.place][h.cohort.number]++
		return true
	})
	for n := range by {
		s.counts[placeNumber(n)] = headCount{by[n], headsOf(by[n])}
	}
}

// releases are the ecosystems of what selected hosts have.
func (s *selection) releases() (out releaseSet) {
	if s.whole {
		return ^out
	}
	for number, where := range s.located() {
		if where != 0 {
			out |= s.ix.cohorts[number].set.releases
		}
	}
	return out
}

// cohortsAt are those that have selected hosts at some of the places.
func (s *selection) cohortsAt(at placeSet) numbers {
	at &= s.places
	known := s.of[at]
	if known == nil {
		known = newNumbers(len(s.ix.cohorts))
		for number, where := range s.located() {
			if where&at != 0 {
				known.add(uint32(number)) //nolint:gosec // fewer than ordinals
			}
		}
		s.of[at] = known
	}
	return known
}

// heads is how many selected hosts some cohorts have at some of the places.
func (s *selection) heads(at placeSet, cohorts numbers) int {
	if !s.whole {
		return s.counted(at).all.of(cohorts)
	}
	sum := 0
	for n, h := range s.ix.crowds {
		if at&placeNumber(n) != 0 {
			sum += h.of(cohorts)
		}
	}
	return sum
}

// counted is how many selected hosts every cohort has at some of the places.
func (s *selection) counted(at placeSet) headCount {
	if at &= s.places; at == s.places {
		s.located()
	}
	known, there := s.counts[at]
	if !there && bits.OnesCount16(uint16(at)) == 1 {
		s.countEachPlace()
		return s.counts[at]
	}
	if !there {
		known = s.countStanding(at, nil)
		s.counts[at] = known
	}
	return known
}

// having is how many selected hosts have a presence at some of the places.
func (s *selection) having(p *presence, at placeSet) int {
	sum := uint32(0)
	if s.whole {
		for place, hosts := range p.there {
			if at&placeNumber(place) != 0 {
				sum += hosts
			}
		}
		return int(sum)
	}
	by := s.counted(at).by
	p.cohorts.batches(func(some []uint32) bool {
		for _, n := range some {
			sum += by[n]
		}
		return true
	})
	return int(sum)
}

// present are the places at which selected hosts have a subject so.
func (s *selection) present(p *presence) placeSet {
	there := p.places & s.places
	switch {
	case s.whole || there == 0:
		return there
	case s.small():
		return s.note()[p]
	case p.cohorts.len() > fewLooks:
		return s.crossing(p, there)
	}
	where, found := s.located(), placeSet(0)
	p.cohorts.each(func(number uint32) bool {
		found |= where[number]
		return found&there != there
	})
	return found & there
}

// crossing are those of some places where selected hosts are among a presence's.
func (s *selection) crossing(p *presence, places placeSet) (out placeSet) {
	for n := range s.ix.places {
		if one := placeNumber(n); places&one != 0 && s.cohortsAt(one).meets(&p.cohorts) {
			out |= one
		}
	}
	return out
}

// small says whether the packages of the selected hosts are gone through.
func (s *selection) small() bool { return !s.whole && s.size <= smallSelection }

// note goes through the packages of every selected host, the first time, once for those that are alike.
func (s *selection) note() map[*presence]placeSet {
	if s.noted != nil {
		return s.noted
	}
	s.noted = map[*presence]placeSet{}
	where := map[*cohort]placeSet{}
	s.eachStanding(s.places, func(h *host) bool {
		where[h.cohort] |= placeNumber(h.place)
		return true
	})
	for c, at := range where {
		s.ix.eachFound(c, func(p *presence) { s.noted[p] |= at })
	}
	return s.noted
}

// rarely is the share of all cohorts below which a presence's own are gone through for their hosts, in place of the selected hosts.
const rarely = 64

// each calls fn with the selected hosts of a group from an ordinal on, ascending, until it says false.
func (s *selection) each(g group, from uint32, fn func(*host) bool) {
	hosts := s.standing(g.places)
	if g.at.cohorts.len() < len(s.ix.cohorts)/rarely {
		among := hosts
		hosts = roaring.New()
		g.at.cohorts.each(func(number uint32) bool {
			s.ix.cohorts[number].hosts.each(func(ordinal uint32) bool {
				if among.Contains(ordinal) {
					hosts.Add(ordinal)
				}
				return true
			})
			return true
		})
	}
	it := hosts.Iterator()
	it.AdvanceIfNeeded(from)
	for it.HasNext() {
		if h := s.ix.host(it.Next()); h.cohort != nil && g.at.cohorts.has(h.cohort.number) && !fn(h) {
			return
		}
	}
}

// count is how many selected hosts are in a group.
func (s *selection) count(g group) int { return s.having(g.at, g.places) }

package assess

import "github.com/RoaringBitmap/roaring/v2"

// selection is the hosts that a question is about, cut by place as often as it takes. For one question and one goroutine.
type selection struct {
	*roaring.Bitmap
	size   int
	whole  bool                         // every live host
	places placeSet                     // those where at least one of them stands
	at     map[placeSet]*roaring.Bitmap // the ones that stand at some of the places
	ix     *index

	noted map[*presence]placeSet // of a small selection: what present gives
	where []placeSet             // of a larger one: by ordinal, where a selected host stands
}

const (
	smallSelection = 100  // hosts whose packages are gone through sooner than the bitmaps of the whole fleet
	fewLooks       = 8192 // hosts of a presence that are looked at one by one
	sparse         = 8    // ordinals for each host, from where on a list by ordinal is too long
)

// placeSet is a set of places by their numbers; there are sixteen at most.
type placeSet uint16

func placeNumber(n int) placeSet { return 1 << n }

func (ix *index) selection(hosts *roaring.Bitmap) *selection {
	s := &selection{Bitmap: hosts, size: cardinality(hosts), ix: ix, at: map[placeSet]*roaring.Bitmap{}}
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

// present are the places at which selected hosts have a subject so.
func (s *selection) present(p *presence) placeSet {
	there := p.places() & s.places
	switch {
	case s.whole || there == 0:
		return there
	case s.small():
		return s.note()[p]
	case p.hosts.many != nil && p.hosts.len() > fewLooks:
		return s.crossing(p.hosts.many, there)
	}
	if s.where == nil && !s.locate() {
		return s.crossing(p.hosts.among(s.Bitmap), there)
	}
	found := placeSet(0)
	p.hosts.each(func(ordinal uint32) bool {
		if int(ordinal) < len(s.where) {
			found |= s.where[ordinal]
		}
		return found != there
	})
	return found
}

// crossing are those of some places where selected hosts are among others.
func (s *selection) crossing(hosts *roaring.Bitmap, places placeSet) (out placeSet) {
	for n := range s.ix.places {
		if one := placeNumber(n); places&one != 0 && hosts.Intersects(s.standing(one)) {
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
	seen := map[*cohort]bool{}
	s.Iterate(func(ordinal uint32) bool {
		c := s.ix.host(ordinal).cohort
		if c == nil || seen[c] {
			return true
		}
		seen[c] = true
		s.ix.eachFound(c, func(p *presence) { s.noted[p] |= placeNumber(c.setting.place) })
		return true
	})
	return s.noted
}

// locate lists where each selected host stands; false when ordinals are too far apart for a list.
func (s *selection) locate() bool {
	last := int(s.Maximum())
	if last > sparse*len(s.ix.hosts)+fewLooks {
		return false
	}
	s.where = make([]placeSet, last+1)
	for n := range s.ix.places {
		if one := placeNumber(n); s.places&one != 0 {
			s.standing(one).Iterate(func(ordinal uint32) bool {
				s.where[ordinal] = one
				return true
			})
		}
	}
	return true
}

// among are the selected hosts that are in a group.
func (s *selection) among(g group) *roaring.Bitmap { return g.at.hosts.among(s.standing(g.places)) }

// everywhere says whether all hosts of a presence stand at some of the places.
func (p *presence) everywhere(at placeSet) bool {
	for n, hosts := range p.there {
		if hosts > 0 && at&placeNumber(n) == 0 {
			return false
		}
	}
	return true
}

// count is how many they are.
func (s *selection) count(g group) int {
	if s.whole {
		n := 0
		for place, hosts := range g.at.there {
			if g.places&placeNumber(place) != 0 {
				n += int(hosts)
			}
		}
		return n
	}
	return g.at.hosts.count(s.standing(g.places))
}

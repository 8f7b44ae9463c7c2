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
}

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
	there := placeSet(0)
	for n, hosts := range p.there {
		if hosts > 0 {
			there |= placeNumber(n)
		}
	}
	switch there &= s.places; {
	case s.whole || there == 0:
		return there
	case there&(there-1) == 0: // one place
		if !p.hosts.in(s.standing(there)) {
			return 0
		}
		return there
	case p.hosts.many == nil:
		there = 0
		for _, ordinal := range p.hosts.few {
			if s.Contains(ordinal) {
				there |= placeNumber(s.ix.host(ordinal).cohort.setting.place)
			}
		}
		return there
	case s.size < len(s.ix.hosts)/4 && !p.hosts.in(s.Bitmap):
		return 0
	}
	for n := range s.ix.places {
		if one := placeNumber(n); there&one != 0 && !p.hosts.many.Intersects(s.standing(one)) {
			there &^= one
		}
	}
	return there
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

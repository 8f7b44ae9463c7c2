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
	if s.places&(s.places-1) == 0 { // one place, or none
		if s.whole || p.hosts.in(s.Bitmap) {
			return s.places
		}
		return 0
	}
	out := placeSet(0)
	if p.hosts.many == nil {
		for _, ordinal := range p.hosts.few {
			if s.whole || s.Contains(ordinal) {
				out |= placeNumber(s.ix.host(ordinal).cohort.setting.place)
			}
		}
		return out
	}
	for n := range s.ix.places {
		if one := placeNumber(n); s.places&one != 0 && p.hosts.many.Intersects(s.standing(one)) {
			out |= one
		}
	}
	return out
}

// among are the selected hosts that are in a group.
func (s *selection) among(g group) *roaring.Bitmap { return g.at.hosts.among(s.standing(g.places)) }

// count is how many they are.
func (s *selection) count(g group) int {
	if s.whole && g.places&s.places == s.places {
		return g.at.hosts.len()
	}
	return g.at.hosts.count(s.standing(g.places))
}

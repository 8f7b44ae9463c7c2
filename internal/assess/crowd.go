package assess

import "github.com/RoaringBitmap/roaring/v2"

// heads counts hosts by cohort: the n-th bitmap has the cohorts whose count has its n-th bit set. So how many hosts some cohorts have
// is a few intersections of bitmaps, and no going through cohorts.
type heads []*roaring.Bitmap

// add counts a host of a cohort in.
func (h *heads) add(cohort uint32) {
	for n := 0; ; n++ {
		if n == len(*h) {
			*h = append(*h, roaring.New())
		}
		if (*h)[n].CheckedAdd(cohort) {
			return
		}
		(*h)[n].Remove(cohort) // carried
	}
}

// sub counts a host of a cohort out. One must be counted in.
func (h heads) sub(cohort uint32) {
	for _, bit := range h {
		if bit.CheckedRemove(cohort) {
			return
		}
		bit.Add(cohort) // borrowed
	}
}

// headsOf counts all at once: counts are by number.
func headsOf(counts []uint32) (h heads) {
	var bits [32][]uint32
	for number, n := range counts {
		for bit := 0; n > 0; n, bit = n>>1, bit+1 {
			if n&1 != 0 {
				bits[bit] = append(bits[bit], uint32(number)) //nolint:gosec // fewer than ordinals
			}
		}
	}
	for _, numbers := range bits {
		one := roaring.New()
		one.AddMany(numbers)
		h = append(h, one)
	}
	for len(h) > 0 && h[len(h)-1].IsEmpty() {
		h = h[:len(h)-1]
	}
	return h
}

// of is how many hosts some cohorts have.
func (h heads) of(cohorts *members) int {
	sum := 0
	for n, bit := range h {
		sum += cohorts.count(bit) << n
	}
	return sum
}

// crowd are the selected hosts of some cohorts, those that stand at some of the places.
type crowd struct {
	selected *selection
	cohorts  map[placeSet]*roaring.Bitmap
}

func (s *selection) crowd() *crowd { return &crowd{s, map[placeSet]*roaring.Bitmap{}} }

// add adds the hosts of a group.
func (c *crowd) add(g group) {
	at := g.places & c.selected.places
	if at == 0 {
		return
	}
	if c.cohorts[at] == nil {
		c.cohorts[at] = roaring.New()
	}
	g.at.cohorts.addTo(c.cohorts[at])
}

// addOffered adds those hosts of a group that could install a version now.
func (c *crowd) addOffered(g group, o *offer) {
	at := g.places & c.selected.places
	if at == 0 {
		return
	}
	if c.cohorts[at] == nil {
		c.cohorts[at] = roaring.New()
	}
	if both := &o.cohorts; both.many != nil && g.at.cohorts.many != nil {
		c.cohorts[at].Or(roaring.And(both.many, g.at.cohorts.many))
		return
	}
	o.cohorts.each(func(number uint32) bool {
		if g.at.cohorts.has(number) {
			c.cohorts[at].Add(number)
		}
		return true
	})
}

// count is how many they are, each once.
func (c *crowd) count() int {
	if len(c.cohorts) == 1 {
		for at, cohorts := range c.cohorts {
			return c.selected.heads(at, &members{many: cohorts})
		}
	}
	sum := 0
	for n := range c.selected.ix.places {
		all := members{many: roaring.New()}
		for at, cohorts := range c.cohorts {
			if at&placeNumber(n) != 0 {
				all.many.Or(cohorts)
			}
		}
		sum += c.selected.heads(placeNumber(n), &all)
	}
	return sum
}

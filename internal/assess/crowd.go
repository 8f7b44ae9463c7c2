package assess

import "math/bits"

// numbers is a set of numbers of cohorts, a bit for each: what a question makes and throws away. Joining a stored set to it takes a
// nanosecond for each member, whatever form that has.
type numbers []uint64

// newNumbers makes an empty set with room for so many.
func newNumbers(cohorts int) numbers { return make(numbers, (cohorts+63)/64) }

func (s numbers) add(n uint32) { s[n/64] |= 1 << (n % 64) }

func (s numbers) has(n uint32) bool { return s[n/64]&(1<<(n%64)) != 0 }

func (s numbers) join(other numbers) {
	for i, word := range other {
		s[i] |= word
	}
}

func (s numbers) joinMembers(m *members) {
	m.batches(func(some []uint32) bool {
		for _, n := range some {
			s.add(n)
		}
		return true
	})
}

// meets says whether any of some members is in the set. As a rule one of the first is, so they are looked at one by one.
func (s numbers) meets(m *members) (met bool) {
	m.each(func(n uint32) bool {
		met = s.has(n)
		return !met
	})
	return met
}

// heads counts hosts by cohort: the n-th set has the cohorts whose count has its n-th bit set. So how many hosts some cohorts have is a
// few intersections of sets, and no going through cohorts.
type heads []numbers

// add counts a host of a cohort in.
func (h *heads) add(cohort uint32) {
	for n := 0; ; n++ {
		if n == len(*h) {
			*h = append(*h, nil)
		}
		bit := &(*h)[n]
		if need := int(cohort/64) + 1 - len(*bit); need > 0 {
			*bit = append(*bit, make(numbers, need)...)
		}
		(*bit)[cohort/64] ^= 1 << (cohort % 64)
		if bit.has(cohort) {
			return
		} // else it is carried
	}
}

// sub counts a host of a cohort out. One must be counted in.
func (h heads) sub(cohort uint32) {
	for _, bit := range h {
		bit[cohort/64] ^= 1 << (cohort % 64)
		if !bit.has(cohort) {
			return
		} // else it is borrowed
	}
}

// headsOf counts all at once: counts are by number.
func headsOf(counts []uint32) (h heads) {
	for number, n := range counts {
		for bit := 0; n > 0; n, bit = n>>1, bit+1 {
			if bit == len(h) {
				h = append(h, newNumbers(len(counts)))
			}
			if n&1 != 0 {
				h[bit].add(uint32(number)) //nolint:gosec // fewer than ordinals
			}
		}
	}
	return h
}

// of is how many hosts some cohorts have.
func (h heads) of(some numbers) int {
	sum := 0
	for n, bit := range h {
		both := 0
		for i := range min(len(bit), len(some)) {
			both += bits.OnesCount64(bit[i] & some[i])
		}
		sum += both << n
	}
	return sum
}

// crowd are the selected hosts of some cohorts, those that stand at some of the places.
type crowd struct {
	selected *selection
	cohorts  map[placeSet]numbers
}

func (s *selection) crowd() *crowd { return &crowd{s, map[placeSet]numbers{}} }

// at are the cohorts of which those hosts count that stand at some of the places; nil when none is selected there.
func (c *crowd) at(places placeSet) numbers {
	places &= c.selected.places
	if places != 0 && c.cohorts[places] == nil {
		c.cohorts[places] = newNumbers(len(c.selected.ix.cohorts))
	}
	return c.cohorts[places]
}

// add adds the hosts of a group.
func (c *crowd) add(g group) {
	if cohorts := c.at(g.places); cohorts != nil {
		cohorts.joinMembers(&g.at.cohorts)
	}
}

// addOffered adds those hosts of a group that could install a version now.
func (c *crowd) addOffered(g group, o *offer) {
	cohorts := c.at(g.places)
	if cohorts == nil {
		return
	}
	have := newNumbers(len(c.selected.ix.cohorts))
	have.joinMembers(&g.at.cohorts)
	o.cohorts.batches(func(some []uint32) bool {
		for _, n := range some {
			if have.has(n) {
				cohorts.add(n)
			}
		}
		return true
	})
}

// count is how many they are, each once.
func (c *crowd) count() int {
	if len(c.cohorts) == 1 {
		for places, cohorts := range c.cohorts {
			return c.selected.heads(places, cohorts)
		}
	}
	sum := 0
	all := newNumbers(len(c.selected.ix.cohorts))
	for n := range c.selected.ix.places {
		clear(all)
		for places, cohorts := range c.cohorts {
			if places&placeNumber(n) != 0 {
				all.join(cohorts)
			}
		}
		sum += c.selected.heads(placeNumber(n), all)
	}
	return sum
}

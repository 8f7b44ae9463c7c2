package assess

import (
	"runtime"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// bulk is the building of an index that nobody reads yet: hosts are noted by their cohort, and each cohort's packages are gone through once
// for all of them.
type bulk struct {
	ix    *index
	hosts map[*cohort][]*host
}

func newBulk(ix *index) *bulk { return &bulk{ix: ix, hosts: map[*cohort][]*host{}} }

// put notes a host. Every place must be known.
func (b *bulk) put(p portrait) error {
	h, err := b.ix.admit(p)
	if err != nil {
		return err
	}
	b.ix.list(h)
	if h.cohort != nil {
		b.hosts[h.cohort] = append(b.hosts[h.cohort], h)
	}
	return nil
}

// end makes the bitmaps and judges the cohorts. Each core has subjects of its own, with their presences and offers, and goes through all
// cohorts for them: no two write the same.
func (b *bulk) end() {
	ix := b.ix
	counts := make([][]uint32, len(ix.places)) // by place and cohort
	for n := range counts {
		counts[n] = make([]uint32, len(ix.cohorts))
	}
	for c, hosts := range b.hosts {
		for _, h := range hosts {
			c.hosts.few = append(c.hosts.few, h.ordinal)
			counts[h.place][c.number]++
		}
		c.hosts.settle()
	}
	b.hosts = nil
	for n := range counts {
		ix.crowds[n] = headsOf(counts[n])
	}
	cores := runtime.GOMAXPROCS(0)
	worst := make([][]byPlace, cores) // by core and cohort
	var group errgroup.Group
	for n := range cores {
		worst[n] = make([]byPlace, len(ix.cohorts))
		group.Go(func() error {
			mine := func(s *subject) bool { return coreOf(s, cores) == n }
			for number, c := range ix.cohorts {
				worst[n][number] = b.enter(c, counts, mine)
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	for number, c := range ix.cohorts {
		c.worst = ix.known(everyPlace(fine))
		for n := range cores {
			for at := range ix.places {
				c.worst[at] = min(c.worst[at], worst[n][number][at])
			}
		}
	}
	b.settle()
}

// coreOf gives each of some cores about as many subjects, by the last letters of names.
func coreOf(s *subject, cores int) int {
	sum := 0
	for i := max(0, len(s.Name)-2); i < len(s.Name); i++ {
		sum = 31*sum + int(s.Name[i])
	}
	return sum % cores
}

// settle gives every set of cohorts its lasting form, on every core: none has anything to do with another.
func (b *bulk) settle() {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	part := make([]*subject, 0, 256)
	start := func(part []*subject) {
		group.Go(func() error {
			for _, s := range part {
				for _, p := range s.presences {
					p.cohorts.settle()
				}
				for _, o := range s.offers {
					o.cohorts.settle()
				}
			}
			return nil
		})
	}
	for _, s := range b.ix.subjects {
		if part = append(part, s); len(part) == cap(part) {
			start(part)
			part = make([]*subject, 0, cap(part))
		}
	}
	start(part)
	_ = group.Wait() // none fails
}

// enter notes a cohort in everything of some subjects that it has, and that is offered for it, with how many of its hosts stand where. It
// gives the worst that is found.
func (b *bulk) enter(c *cohort, counts [][]uint32, mine func(*subject) bool) byPlace {
	ix, worst := b.ix, everyPlace(fine)
	offers := map[nameArch]string{}
	c.updates.eachOffer(func(one *apiv1.Update) { offers[nameArch{one.Name, one.Arch}] = one.To })
	has := func(one *presence) {
		if !one.cohorts.note(c.number) {
			return // noted already, for another of its binary packages
		}
		for n := range ix.places {
			if hosts := counts[n][c.number]; hosts > 0 {
				one.there[n] += hosts
				one.places |= placeNumber(n)
			}
			worst[n] = min(worst[n], one.worst[n])
		}
	}
	for _, one := range c.loaded {
		if mine(one.subject) {
			has(ix.presence(one.subject, one.kind))
		}
	}
	ix.each(c.set, func(p *heldPackage) {
		if !mine(p.subject) {
			return
		}
		has(ix.presence(p.subject, c.kind(p.subject)))
		if len(offers) == 0 {
			return
		}
		if to, ok := offers[nameArch{p.Name, p.Arch}]; ok && follows(&p.Package, p.subject.Subject) {
			p.subject.offer(to).note(c.number)
		}
	})
	return worst
}

// noteRoom is how many numbers are noted before they are put in order.
const noteRoom = 1 << 14

// note adds a number while an index is built: false when it was the last one noted too. settle must follow before anything else is
// asked of the members.
func (m *members) note(number uint32) bool {
	if n := len(m.few); n > 0 && m.few[n-1] == number {
		return false
	}
	if len(m.few) == noteRoom {
		m.gather()
		m.few = m.few[:0]
	}
	m.few = append(m.few, number)
	return true
}

// gather puts what was noted into the bitmap.
func (m *members) gather() {
	slices.Sort(m.few)
	part := roaring.New()
	part.AddMany(m.few)
	if m.many == nil {
		m.many = part
		return
	}
	m.many.Or(part)
}

// settle ends noting.
func (m *members) settle() {
	slices.Sort(m.few)
	m.few = slices.Compact(m.few)
	if m.many == nil && len(m.few) <= fewMembers {
		m.few = slices.Clone(m.few)
		return
	}
	m.gather()
	m.many.RunOptimize()
	m.many, m.few = m.many.Clone(), nil // without the room that growing left over
}

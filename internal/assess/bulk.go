package assess

import (
	"runtime"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// bulk is the building of an index that nobody reads yet: hosts are noted by the set that they have, and each set is gone through once
// for all of them, in place of once for each.
type bulk struct {
	ix    *index
	hosts map[*packageSet][]*host
}

func newBulk(ix *index) *bulk { return &bulk{ix: ix, hosts: map[*packageSet][]*host{}} }

// put notes a host. Every place must be known.
func (b *bulk) put(p portrait) error {
	h, err := b.ix.admit(p)
	if err != nil {
		return err
	}
	b.ix.list(h)
	if h.cohort != nil {
		b.hosts[h.cohort.set] = append(b.hosts[h.cohort.set], h)
	}
	return nil
}

// end makes the bitmaps and judges the cohorts. Each core has subjects of its own, with their presences and offers, and goes through all
// hosts for them: no two write the same.
func (b *bulk) end() {
	var groups [][]*host
	for _, hosts := range b.hosts {
		groups = appendAlike(groups, hosts)
	}
	b.hosts = nil
	cores := runtime.GOMAXPROCS(0)
	worst := make([][]byPlace, cores) // by core and group
	var group errgroup.Group
	for n := range cores {
		worst[n] = make([]byPlace, len(groups))
		group.Go(func() error {
			mine := func(s *subject) bool { return coreOf(s, cores) == n }
			for i, hosts := range groups {
				worst[n][i] = b.enter(hosts, mine)
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	for i, hosts := range groups {
		for _, h := range hosts {
			h.cohort.worst = fine
			for n := range cores {
				h.cohort.worst = min(h.cohort.worst, worst[n][i][h.cohort.setting.place])
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

// byPlace is a rank for each of the sixteen places there can be.
type byPlace [16]uint8

// appendAlike parts the hosts of a set into those that are alike but for where they stand.
func appendAlike(groups [][]*host, hosts []*host) [][]*host {
	for len(hosts) > 0 {
		setting, offered := hosts[0].cohort.setting.elsewhere(), hosts[0].updates
		n := 0
		for i, h := range hosts {
			if h.updates == offered && h.cohort.setting.elsewhere() == setting {
				hosts[n], hosts[i] = h, hosts[n]
				n++
			}
		}
		groups, hosts = append(groups, hosts[:n]), hosts[n:]
	}
	return groups
}

// settle gives every set of hosts its lasting form, on every core: none has anything to do with another.
func (b *bulk) settle() {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	part := make([]*subject, 0, 256)
	start := func(part []*subject) {
		group.Go(func() error {
			for _, s := range part {
				for _, p := range s.presences {
					p.hosts.settle()
				}
				for _, o := range s.offers {
					o.hosts.settle()
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

// enter notes in everything of some subjects that a set has, and that is offered for it, hosts that are alike. It gives the worst that is
// found.
func (b *bulk) enter(hosts []*host, mine func(*subject) bool) (worst byPlace) {
	ix, c := b.ix, hosts[0].cohort
	var at [16]uint32 // hosts by place
	ordinals := make([]uint32, 0, len(hosts))
	for _, h := range hosts {
		ordinals = append(ordinals, h.ordinal)
		at[h.cohort.setting.place]++
	}
	for n := range worst {
		worst[n] = fine
	}
	offers := map[nameArch]string{}
	hosts[0].updates.eachOffer(func(one *apiv1.Update) { offers[nameArch{one.Name, one.Arch}] = one.To })
	has := func(one *presence) {
		if !one.hosts.note(ordinals) {
			return // noted already, for another of its binary packages
		}
		for n := range ix.places {
			one.there[n] += at[n]
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
			p.subject.offer(to).note(ordinals)
		}
	})
	return worst
}

// noteRoom is how many ordinals are noted before they are put in order.
const noteRoom = 1 << 14

// note adds hosts in no order while an index is built, all of them new or none: false when the last notes were the same ones. settle
// must follow before anything else is asked of the members.
func (m *members) note(ordinals []uint32) bool {
	if n := len(m.few); n > 0 && m.few[n-1] == ordinals[len(ordinals)-1] {
		return false
	}
	if len(m.few)+len(ordinals) > noteRoom {
		last := ordinals[len(ordinals)-1]
		m.few = append(m.few, ordinals...)
		m.gather()
		m.few = append(m.few[:0], last) // twice is once, and note looks at the last
		return true
	}
	m.few = append(m.few, ordinals...)
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

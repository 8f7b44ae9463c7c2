package assess

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// bulk is the building of an index that nobody reads yet: hosts are noted by the set that they have, and each set is gone through once
// for all of them, in place of once for each.
type bulk struct {
	ix       *index
	hosts    map[*packageSet][]*host
	ordinals map[*members][]uint32 // of what bitmaps are to be made
}

func newBulk(ix *index) *bulk {
	return &bulk{ix: ix, hosts: map[*packageSet][]*host{}, ordinals: map[*members][]uint32{}}
}

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

// end makes the bitmaps.
func (b *bulk) end() {
	for set, hosts := range b.hosts {
		for len(hosts) > 0 { // those that are alike but for where they stand, at a time
			like := func(h *host) bool {
				return h.cohort.setting.elsewhere() == hosts[0].cohort.setting.elsewhere() && h.updates == hosts[0].updates
			}
			alike := slices.Collect(func(yield func(*host) bool) {
				for _, h := range hosts {
					if like(h) && !yield(h) {
						return
					}
				}
			})
			b.enter(set, alike)
			first := hosts[0]
			hosts = slices.DeleteFunc(hosts, func(h *host) bool {
				return h.cohort.setting.elsewhere() == first.cohort.setting.elsewhere() && h.updates == first.updates
			})
		}
		b.hosts[set] = nil
		b.ix.judgeSet(set)
	}
	for m, ordinals := range b.ordinals {
		slices.Sort(ordinals)
		if ordinals = slices.Compact(ordinals); len(ordinals) <= fewMembers {
			m.few = slices.Clone(ordinals)
			continue
		}
		m.many = roaring.New()
		m.many.AddMany(ordinals)
		m.many = m.many.Clone() // without the room that growing left over
	}
	b.ordinals = nil
}

// enter notes in everything that a set has, and that is offered for it, hosts that are alike.
func (b *bulk) enter(set *packageSet, hosts []*host) {
	ix, c := b.ix, hosts[0].cohort
	var at [16]uint32 // hosts by place
	ordinals := make([]uint32, 0, len(hosts))
	for _, h := range hosts {
		ordinals = append(ordinals, h.ordinal)
		at[h.cohort.setting.place]++
	}
	offers := map[nameArch]string{}
	hosts[0].updates.eachOffer(func(one *apiv1.Update) { offers[nameArch{one.Name, one.Arch}] = one.To })
	entered := map[*presence]bool{}
	has := func(one *presence) {
		if entered[one] {
			return // by another of its binary packages
		}
		entered[one] = true
		b.ordinals[&one.hosts] = append(b.ordinals[&one.hosts], ordinals...)
		for n := range ix.places {
			one.there[n] += at[n]
		}
	}
	for _, one := range c.loaded {
		has(ix.presence(one.subject, one.kind))
	}
	ix.each(set, func(p *heldPackage) {
		has(ix.presence(p.subject, c.kind(p.subject)))
		if to, ok := offers[nameArch{p.Name, p.Arch}]; ok && follows(&p.Package, p.subject.Subject) {
			m := p.subject.offer(to)
			b.ordinals[m] = append(b.ordinals[m], ordinals...)
		}
	})
}

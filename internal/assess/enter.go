package assess

import (
	"slices"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// enter counts a host in with what it has. The first host of a cohort brings the cohort into bitmaps.
func (ix *index) enter(h *host) {
	c := h.cohort
	if c == nil {
		return
	}
	first := c.hosts.len() == 0
	c.hosts.add(h.ordinal)
	ix.crowds[h.place].add(c.number)
	ix.walk(c, func(p *presence) {
		p.there[h.place]++
		p.places |= placeNumber(h.place)
		if first {
			p.cohorts.add(c.number)
		}
	})
	if first {
		ix.eachOffer(c, func(s *subject, version string) { s.offer(version).add(c.number) })
	}
}

// leave takes a host out of what it has. The last one takes its cohort along.
func (ix *index) leave(h *host) {
	c := h.cohort
	if c == nil {
		return
	}
	c.hosts.remove(h.ordinal)
	last := c.hosts.len() == 0
	ix.crowds[h.place].sub(c.number)
	var gone []*presence
	ix.walk(c, func(p *presence) {
		if p.there[h.place]--; p.there[h.place] == 0 {
			p.places &^= placeNumber(h.place)
		}
		if !last {
			return
		}
		if p.cohorts.remove(c.number); p.cohorts.len() == 0 {
			gone = append(gone, p)
		}
	})
	for _, p := range gone {
		p.of.presences = slices.DeleteFunc(p.of.presences, func(other *presence) bool { return other == p })
	}
	if last {
		ix.eachOffer(c, func(s *subject, version string) { s.unoffer(version, c.number) })
	}
}

// walk calls fn once with every presence that a cohort's hosts are in. One that is new is judged.
func (ix *index) walk(c *cohort, fn func(*presence)) {
	ix.turn++
	once := func(p *presence) {
		if p.turn != ix.turn {
			p.turn = ix.turn
			fn(p)
		}
	}
	ix.each(c.set, func(p *heldPackage) { once(ix.presence(p.subject, c.kind(p.subject))) })
	for _, one := range c.loaded {
		once(ix.presence(one.subject, one.kind))
	}
}

// eachOffer calls fn with every version that a cohort's hosts could install now of what they have.
func (ix *index) eachOffer(c *cohort, fn func(s *subject, version string)) {
	clear(ix.pending)
	c.updates.eachOffer(func(one *apiv1.Update) { ix.pending[nameArch{one.Name, one.Arch}] = one.To })
	if len(ix.pending) == 0 {
		return
	}
	ix.each(c.set, func(p *heldPackage) {
		if to, ok := ix.pending[nameArch{p.Name, p.Arch}]; ok && follows(&p.Package, p.subject.Subject) {
			fn(p.subject, to)
		}
	})
}

type nameArch struct{ name, arch string }

// offer are the cohorts that could install a version of it.
func (s *subject) offer(version string) *members {
	for i := range s.offers {
		if s.offers[i].version == version {
			return &s.offers[i].cohorts
		}
	}
	s.offers = append(s.offers, &offer{version: version})
	return &s.offers[len(s.offers)-1].cohorts
}

func (s *subject) unoffer(version string, number uint32) {
	s.offers = slices.DeleteFunc(s.offers, func(o *offer) bool {
		if o.version == version {
			o.cohorts.remove(number)
		}
		return o.cohorts.len() == 0
	})
}

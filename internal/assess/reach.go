package assess

import (
	"cmp"
	"container/heap"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// reached is a vulnerability and how far it reaches among some hosts.
type reached struct {
	*vulnerability
	rank   uint8 // of its worst finding
	exact  bool
	atMost int // hosts, those with two of its subjects counted twice; exactly those once exact
}

// reach is how far each vulnerability reaches among the selected hosts.
type reach struct {
	ix       *index
	filter   filter
	selected *selection
	all      []reached
}

// reachOf gathers the vulnerabilities that a filter wants and that selected hosts have.
func (ix *index) reachOf(f filter, selected *selection) *reach {
	r := &reach{ix: ix, filter: f, selected: selected, all: make([]reached, 0, len(ix.vulns))}
	at := make([]int32, len(ix.numbered)) // by number, the place in all + 1
	ix.eachPresence(f, selected, func(p *presence, places placeSet) {
		hosts := p.hosts.len()
		f.eachWorst(p, places, func(v *vulnerability, rank uint8) {
			i := at[v.number]
			if i == 0 {
				r.all = append(r.all, reached{vulnerability: v, rank: rank})
				i = int32(len(r.all)) //nolint:gosec // vulnerabilities are fewer
				at[v.number] = i
			}
			one := &r.all[i-1]
			one.rank = min(one.rank, rank)
			one.atMost = min(one.atMost+hosts, selected.size)
		})
	})
	return r
}

// each calls fn with every group of a vulnerability.
func (r *reach) each(v *reached, fn func(group)) {
	f := r.filter
	f.only = map[string]bool{v.id: true}
	r.ix.eachPresence(f, r.selected, func(p *presence, places placeSet) { f.each(p, places, fn) })
}

// hosts are the selected hosts that have a vulnerability.
func (r *reach) hosts(v *reached) *roaring.Bitmap {
	out := roaring.New()
	r.each(v, func(g group) {
		if r.selected.whole && g.at.everywhere(g.places) {
			g.at.hosts.addTo(out)
		} else {
			out.Or(r.selected.among(g))
		}
	})
	return out
}

// count makes sure of the number of hosts.
func (r *reach) count(v *reached) int {
	if !v.exact {
		v.atMost, v.exact = cardinality(r.hosts(v)), true
	}
	return v.atMost
}

// published is when the first advisory that names a vulnerability was; the zero time when none says.
func (ix *index) published(v *vulnerability) time.Time {
	var first time.Time
	for _, a := range ix.byName[v.id] {
		if p := a.Published; a.Withdrawn.IsZero() && !p.IsZero() && (first.IsZero() || p.Before(first)) {
			first = p
		}
	}
	return first
}

// place sorts vulnerabilities: by priority is worst first, then most hosts.
func (r *reach) place(v *reached, sort string) place {
	switch sort {
	case "id":
		return place{v.key, v.id}
	case "hosts":
		return place{number(r.count(v)), v.id}
	case "published":
		return place{instantKey(r.ix.published(v.vulnerability)), v.id}
	}
	return place{number(int(v.rank)) + number(1_000_000_000-r.count(v)), v.id}
}

// page cuts a page out of the vulnerabilities.
func (r *reach) page(q Query, sort string) ([]*reached, string, error) {
	if (sort == "priority" && !q.Desc) || (sort == "hosts" && q.Desc) {
		return r.widest(q, sort)
	}
	all := make([]*reached, len(r.all))
	for i := range r.all {
		all[i] = &r.all[i]
	}
	return paged(all, q, sort, func(v *reached) place { return r.place(v, sort) })
}

// widest is page for the orders in which the widest reach comes first. How far at most is known for nothing and how far exactly takes a
// union of bitmaps, so only those are made sure of that come to the front.
func (r *reach) widest(q Query, sort string) ([]*reached, string, error) {
	after, err := readCursor[place](q, sort)
	if err != nil {
		return nil, "", err
	}
	front := &byReach{priority: sort == "priority"}
	for i := range r.all {
		front.all = append(front.all, &r.all[i])
	}
	heap.Init(front)
	var out []*reached
	var last place
	for len(front.all) > 0 {
		v := front.all[0]
		if !v.exact {
			r.count(v)
			heap.Fix(front, 0)
			continue
		}
		heap.Pop(front)
		at := r.place(v, sort)
		if after != nil && turned(at.compare(*after), q.Desc) <= 0 {
			continue
		}
		if len(out) == q.limit() {
			return out, writeCursor(sort, q.Desc, last), nil
		}
		out, last = append(out, v), at
	}
	return out, "", nil
}

// byReach is a heap with the worst, if priority counts, and widest vulnerability in front; ties are in the order of places.
type byReach struct {
	all      []*reached
	priority bool
}

func (h *byReach) Len() int      { return len(h.all) }
func (h *byReach) Swap(i, j int) { h.all[i], h.all[j] = h.all[j], h.all[i] }
func (h *byReach) Less(i, j int) bool {
	a, b := h.all[i], h.all[j]
	if !h.priority { // descending, and so are the ids
		return cmp.Or(cmp.Compare(b.atMost, a.atMost), strings.Compare(b.id, a.id)) < 0
	}
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.atMost, a.atMost), strings.Compare(a.id, b.id)) < 0
}

// Push is not used.
func (h *byReach) Push(any) { panic("assess: nothing is added to the reach of vulnerabilities") }

// Pop takes the last out.
func (h *byReach) Pop() any {
	last := h.all[len(h.all)-1]
	h.all = h.all[:len(h.all)-1]
	return last
}

// tally counts the vulnerabilities by their worst priority.
func (r *reach) tally(c *apiv1.FindingCounts) {
	names := priorities()
	for i := range r.all {
		tally(c, names[r.all[i].rank])
	}
}

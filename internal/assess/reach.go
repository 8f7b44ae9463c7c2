package assess

import (
	"bytes"
	"cmp"
	"container/heap"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// reached is a vulnerability and how far it reaches among some hosts.
type reached struct {
	*vulnerability
	rank   uint8 // of its worst finding
	sure   uint8 // of atMost
	atMost int   // hosts
}

// How sure is how many hosts a vulnerability reaches: the more so, the longer it takes.
const (
	unsaid  = iota
	roughly // all hosts that have its subjects, selected or not
	closely // the selected ones, those with two of its subjects counted twice
	exactly
)

// reach is how far each vulnerability reaches among the selected hosts.
type reach struct {
	ix       *index
	filter   filter
	selected *selection
	all      []reached
	counts   map[*presence]int // selected hosts, of those that were counted
}

// reachOf gathers the vulnerabilities that a filter wants and that selected hosts have.
func (ix *index) reachOf(f filter, selected *selection) *reach {
	r := &reach{ix: ix, filter: f, selected: selected, counts: map[*presence]int{}}
	g := &gathering{selected: selected, worst: bytes.Repeat([]byte{fine}, len(ix.numbered))}
	switch {
	case f.priority != "" || f.only != nil || f.search != "":
		ix.eachPresence(f, selected, func(p *presence, places placeSet) {
			f.each(p, places, func(one group) {
				g.worst[one.number] = min(g.worst[one.number], one.rank)
			})
		})
	case selected.small():
		ix.eachPresence(f, selected, func(p *presence, places placeSet) {
			if f.wantsSubject(p.of) {
				g.take(p, places)
			}
		})
	default:
		g.order = ix.harshest()
		releases := selected.releases()
		for _, s := range ix.affected {
			if s.release&releases != 0 && f.wantsSubject(s) {
				g.subject(s)
			}
		}
	}
	n := 0
	for _, rank := range g.worst {
		if rank < fine {
			n++
		}
	}
	r.all = make([]reached, 0, n)
	for number, rank := range g.worst {
		if rank < fine {
			r.all = append(r.all, reached{vulnerability: ix.numbered[number], rank: rank})
		}
	}
	return r
}

// gathering finds the worst rank of every vulnerability among selected hosts. Whether any of them has a presence at a place is a question
// to bitmaps, and it is asked only where the answer may make something worse than it is known to be: older versions of a source mostly
// have what newer ones have, and the harshest place first mostly settles the others.
type gathering struct {
	selected *selection
	order    []int   // of places
	worst    []uint8 // by number
}

// take counts in a presence that selected hosts have at some places.
func (g *gathering) take(p *presence, places placeSet) {
	for i, number := range p.of.numbers {
		for n := range p.worst {
			if places&placeNumber(n) != 0 {
				g.worst[number] = min(g.worst[number], p.at(n)[i])
			}
		}
	}
}

// subject counts in all presences of a subject.
func (g *gathering) subject(s *subject) {
	for _, p := range s.presences {
		there := p.places & g.selected.places
		if there == 0 {
			continue
		}
		met, whole := false, g.selected.whole
		for _, n := range g.order {
			ranks := p.at(n)
			if there&placeNumber(n) == 0 || !g.worsens(s.numbers, ranks) {
				continue
			}
			if !whole && !met && !g.selected.cohortsAt(there).meets(&p.cohorts) { // as a rule the quickest to say, when there are some
				break
			}
			met = true
			if !whole && !g.selected.cohortsAt(placeNumber(n)).meets(&p.cohorts) {
				continue
			}
			for i, number := range s.numbers {
				g.worst[number] = min(g.worst[number], ranks[i])
			}
		}
	}
}

// worsens says whether ranks make anything worse.
func (g *gathering) worsens(numbers []uint32, ranks []uint8) bool {
	for i, number := range numbers {
		if ranks[i] < g.worst[number] {
			return true
		}
	}
	return false
}

// harshest are the numbers of places, those first where ranks are mostly worse: some hundred subjects show which these are.
func (ix *index) harshest() []int {
	sums, order, looked := make([]int, len(ix.places)), make([]int, len(ix.places)), 0
	for _, s := range ix.affected {
		for _, p := range s.presences {
			for _, n := range p.worst {
				looked += int(fine - n)
			}
			for i := range p.ranks {
				sums[i/len(s.found)] += int(p.ranks[i])
			}
		}
		if looked > 10_000 {
			break
		}
	}
	for n := range order {
		order[n] = n
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(sums[a], sums[b]), cmp.Compare(a, b)) })
	return order
}

// each calls fn with every group of a vulnerability.
func (r *reach) each(v *reached, fn func(group)) {
	f := r.filter
	f.only = map[string]bool{v.id: true}
	r.ix.eachPresence(f, r.selected, func(p *presence, places placeSet) { f.each(p, places, fn) })
}

// count makes sure of the number of selected hosts that have a vulnerability.
func (r *reach) count(v *reached) int {
	if v.sure < exactly {
		hosts := r.selected.crowd()
		r.each(v, hosts.add)
		v.atMost, v.sure = hosts.count(), exactly
	}
	return v.atMost
}

// surer makes surer of the number of hosts, by one step.
func (r *reach) surer(v *reached) {
	if v.sure == closely || v.sure == roughly && r.selected.whole {
		r.count(v)
		return
	}
	sum := 0
	for _, s := range v.subjects {
		for _, p := range s.presences {
			if v.sure == unsaid {
				for _, hosts := range p.there {
					sum += int(hosts)
				}
				continue
			}
			n, known := r.counts[p]
			if !known {
				n = r.selected.having(p, r.selected.places)
				r.counts[p] = n
			}
			sum += n
		}
	}
	v.atMost = min(sum, r.selected.size)
	v.sure++
}

// published is when the first advisory that names a vulnerability was; the zero time when none says.
func (ix *index) published(v *vulnerability) time.Time {
	var first time.Time
	for _, a := range ix.naming(v.id) {
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
	var out []*reached
	var last place
	for front := range r.fronts(sort) {
		for len(front.all) > 0 {
			v := front.all[0]
			if v.sure < exactly {
				r.surer(v)
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
	}
	return out, "", nil
}

// fronts gives the vulnerabilities in heaps, one after the other: those of a priority, or all at once when priority does not count.
func (r *reach) fronts(sort string) iter.Seq[*byReach] {
	return func(yield func(*byReach) bool) {
		for rank := range uint8(fine) {
			front := &byReach{priority: sort == "priority"}
			for i := range r.all {
				if v := &r.all[i]; !front.priority || v.rank == rank {
					if v.sure == unsaid {
						r.surer(v)
					}
					front.all = append(front.all, v)
				}
			}
			heap.Init(front)
			if !yield(front) || !front.priority {
				return
			}
		}
	}
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

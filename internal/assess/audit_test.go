package assess

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// audit compares everything that an index keeps of who has what with what its hosts' own packages say.
func audit(ix *index) string {
	type kept struct {
		Cohorts []uint32
		There   []int
	}
	// The lines are of presences, offers and crowds alike, by what they are of.
	got, want := map[string]kept{}, map[string]kept{}
	list := func(m *members) (out []uint32) {
		m.each(func(n uint32) bool { out = append(out, n); return true })
		return out
	}
	for n, s := range ix.affected {
		if len(s.found) == 0 || s.place != n || ix.subjects[s.Subject] != s {
			return fmt.Sprintf("%v is listed as affected at %d", s.Subject, n)
		}
	}
	for _, s := range ix.subjects {
		if len(s.found) > 0 && (s.place >= len(ix.affected) || ix.affected[s.place] != s) {
			return fmt.Sprintf("%v is not listed as affected", s.Subject)
		}
		for _, p := range s.presences {
			there := make([]int, 0, len(p.there))
			for n, hosts := range p.there {
				there = append(there, int(hosts))
				if (hosts > 0) != (p.places&placeNumber(n) != 0) {
					return fmt.Sprintf("%v: %d hosts at %d, noted at %b", s.Subject, hosts, n, p.places)
				}
			}
			got[fmt.Sprint("presence ", s.Subject, p.kind.Value().text())] = kept{list(&p.cohorts), there}
		}
		for _, o := range s.offers {
			got[fmt.Sprint("offer ", s.Subject, o.version)] = kept{Cohorts: list(&o.cohorts)}
		}
	}
	for n := range ix.places {
		for number, c := range ix.cohorts {
			if c != nil {
				one := newNumbers(len(ix.cohorts))
				one.add(uint32(number)) //nolint:gosec // small
				got[fmt.Sprint("crowd ", n, number)] = kept{There: []int{ix.crowds[n].of(one)}}
				want[fmt.Sprint("crowd ", n, number)] = kept{There: []int{0}}
			}
		}
	}
	var absent Subject
	for _, h := range ix.hosts {
		if h.cohort == nil {
			continue
		}
		crowd := want[fmt.Sprint("crowd ", h.place, h.cohort.number)]
		crowd.There[0]++
		put := func(key string, counted bool) {
			one := want[key]
			if counted && one.There == nil {
				one.There = make([]int, len(ix.places))
			}
			if counted {
				one.There[h.place]++
			}
			if !slices.Contains(one.Cohorts, h.cohort.number) {
				one.Cohorts = append(one.Cohorts, h.cohort.number)
				slices.Sort(one.Cohorts)
			}
			want[key] = one
		}
		here := map[string]bool{}
		ix.each(h.cohort.set, func(p *heldPackage) {
			if h.cohort.set.releases&p.subject.release == 0 {
				absent = p.subject.Subject
			}
			here[fmt.Sprint("presence ", p.subject.Subject, h.cohort.kind(p.subject).text())] = true
			if to, ok := h.updates.offers(&p.Package); ok && follows(&p.Package, p.subject.Subject) {
				put(fmt.Sprint("offer ", p.subject.Subject, to), false)
			}
		})
		for _, one := range h.cohort.loaded {
			here[fmt.Sprint("presence ", one.subject.Subject, one.kind.text())] = true
		}
		for key := range here {
			put(key, true)
		}
		if h.cohort.worst[h.place] != ix.worsts(h.cohort)[h.place] {
			return fmt.Sprintf("host %s: the worst is held as %d, its packages say %d", h.name, h.cohort.worst[h.place], ix.worsts(h.cohort)[h.place])
		}
	}
	if absent != (Subject{}) {
		return fmt.Sprintf("the set of a host does not name the release of %v", absent)
	}
	return cmp.Diff(want, got)
}

// Head counts are sums over cohorts, however they came to be.
func TestHeadsCountHostsByCohort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h heads
		counts := make([]uint32, 40)
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			n := rapid.IntRange(0, len(counts)-1).Draw(t, "cohort")
			if counts[n] == 0 || rapid.IntRange(0, 2).Draw(t, "less") > 0 {
				h.add(uint32(n)) //nolint:gosec // small
				counts[n]++
			} else {
				h.sub(uint32(n)) //nolint:gosec // small
				counts[n]--
			}
		}
		some := newNumbers(len(counts))
		want := 0
		for _, n := range rapid.SliceOfDistinct(rapid.IntRange(0, len(counts)-1), rapid.ID).Draw(t, "some") {
			some.add(uint32(n)) //nolint:gosec // small
			want += int(counts[n])
		}
		if at, once := h.of(some), headsOf(counts).of(some); at != want || once != want {
			t.Fatalf("%d hosts counted one by one, %d at once; there are %d", at, once, want)
		}
	})
}

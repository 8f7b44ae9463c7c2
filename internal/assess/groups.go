package assess

import (
	"cmp"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// group is every finding that is the same but for the host: one vulnerability of one subject in one kind of standing, at all the places
// where it is as bad.
type group struct {
	*vulnerability
	at     *presence
	rank   uint8
	places placeSet
}

// filter is what a query asks of findings, hosts apart.
type filter struct {
	priority, source string
	search           string          // lower case; part of the vulnerability's or the source's name
	only             map[string]bool // vulnerabilities; nil: all
}

func filterOf(q Query) filter {
	return filter{priority: q.Priority, source: q.Source, search: strings.ToLower(q.Search)}
}

func (f filter) wantsSubject(s *subject) bool {
	return f.source == "" || s.Source == f.source || s.Name == f.source
}

// wants is asked of subjects that are wanted; inSource says that the search text is part of the source's name.
func (f filter) wants(v *vulnerability, rank uint8, inSource bool) bool {
	if f.priority != "" && priorities()[rank] != f.priority {
		return false
	}
	return (f.only == nil || f.only[v.id]) && (f.search == "" || inSource || strings.Contains(strings.ToLower(v.id), f.search))
}

// each calls fn with every group of a presence at some places that the filter wants, one for each rank.
func (f filter) each(at *presence, places placeSet, fn func(group)) {
	if places == 0 || len(at.of.found) == 0 || !f.wantsSubject(at.of) {
		return
	}
	inSource := f.search != "" && strings.Contains(strings.ToLower(at.of.Source), f.search)
	plain := f.priority == "" && f.only == nil && f.search == ""
	for i, v := range at.of.found {
		var where [fine + 1]placeSet
		for n, at2 := i, placeSet(1); n < len(at.ranks); n, at2 = n+len(at.of.found), at2<<1 {
			where[at.ranks[n]] |= at2 & places
		}
		for rank, at2 := range where[:fine] {
			if at2 != 0 && (plain || f.wants(v, uint8(rank), inSource)) { //nolint:gosec // there are five
				fn(group{v, at, uint8(rank), at2}) //nolint:gosec // as above
			}
		}
	}
}

// eachPresence calls fn with every presence of subjects that may have what a filter wants, and the places of selected hosts that have it.
func (ix *index) eachPresence(f filter, selected *selection, fn func(*presence, placeSet)) {
	visit := func(s *subject) {
		for _, at := range s.presences {
			if places := selected.present(at); places != 0 {
				fn(at, places)
			}
		}
	}
	if f.only == nil {
		if selected.small() {
			for at, places := range selected.note() {
				fn(at, places)
			}
			return
		}
		for _, s := range ix.affected {
			visit(s)
		}
		return
	}
	seen := map[*subject]bool{}
	for id := range f.only {
		if v := ix.vulns[id]; v != nil {
			for _, s := range v.subjects {
				if !seen[s] {
					seen[s] = true
					visit(s)
				}
			}
		}
	}
}

// groups lists the groups that a filter wants and that at least one selected host is in, and counts their findings on those hosts.
func (ix *index) groups(f filter, selected *selection) (out []group, findings int) {
	ix.eachPresence(f, selected, func(at *presence, places placeSet) {
		counts := map[placeSet]int{}
		f.each(at, places, func(g group) {
			n, known := counts[g.places]
			if !known {
				n = selected.count(g)
				counts[g.places] = n
			}
			findings += n
			out = append(out, g)
		})
	})
	return out, findings
}

// hostGroups is groups of one host, from its own packages and what it still runs of those before.
func (ix *index) hostGroups(h *host, f filter) []group {
	var out []group
	if h.cohort == nil {
		return nil
	}
	for _, u := range ix.units(h.cohort.set, hasFindings) {
		f.each(u.subject.in(h.cohort.kind(u.subject)), placeNumber(h.place), func(g group) { out = append(out, g) })
	}
	for _, one := range h.cohort.loaded {
		if at := one.subject.in(one.kind); at != nil {
			f.each(at, placeNumber(h.place), func(g group) { out = append(out, g) })
		}
	}
	return out
}

// findingColumns are what findings can be sorted by.
func findingColumns() []string { return []string{"priority", "vulnerability", "host", "source"} }

// spot is a finding's place in a list of findings: its group and its host.
type spot struct {
	Rank          int    `json:"r"`
	Vulnerability string `json:"v"`
	Source        string `json:"s"`
	Version       string `json:"i"`
	Name          string `json:"n"`
	Rest          string `json:"x,omitempty"`
	Host          string `json:"h,omitempty"` // name, when hosts come first
	Ordinal       uint32 `json:"o"`
	name          string // nameKey of the vulnerability, made once: sorting a fleet compares millions of times
	of            *presence
}

// spot leaves Rest to be made where it is needed.
func (g group) spot() spot {
	s := &g.at.of.Subject
	return spot{Rank: int(g.rank), Vulnerability: g.id, Source: s.Source, Version: s.Version, Name: s.Name, name: g.key, of: g.at}
}

// rest tells apart what is alike in everything that people see.
func (s *spot) rest() string {
	if s.of == nil {
		return s.Rest
	}
	of := &s.of.of.Subject
	return strings.Join([]string{s.of.kind.Value().text(), of.Ecosystem, of.Stream, flag(of.Foreign)}, "\x00")
}

// compareSpots orders groups: by priority worst first, then the newest vulnerability; or by the column that was asked for, then so.
func compareSpots(a, b *spot, sort string) int {
	names := func() int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.Vulnerability, b.Vulnerability))
	}
	byPriority := func() int {
		if a.Rank != b.Rank {
			return a.Rank - b.Rank
		}
		if order := names(); order != 0 {
			return -order
		}
		if order := cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Version, b.Version), strings.Compare(a.Name, b.Name)); order != 0 {
			return order
		}
		return strings.Compare(a.rest(), b.rest())
	}
	switch sort {
	case "vulnerability":
		if order := names(); order != 0 {
			return order
		}
	case "source":
		if order := strings.Compare(a.Source, b.Source); order != 0 {
			return order
		}
	}
	return byPriority()
}

// placedGroup is a group with its spot.
type placedGroup struct {
	group
	at spot
}

// sortGroups gives the first groups in order, at most so many, from after a spot on or from it on (nil: from the first); desc turns the
// order round.
func sortGroups(groups []group, sort string, desc bool, from *spot, most int) []placedGroup {
	placed := func(yield func(placedGroup) bool) {
		for _, g := range groups {
			p := placedGroup{g, g.spot()}
			if (from == nil || turned(compareSpots(&p.at, from, sort), desc) >= 0) && !yield(p) {
				return
			}
		}
	}
	return least(placed, most, func(a, b placedGroup) int { return turned(compareSpots(&a.at, &b.at, sort), desc) })
}

func turned(order int, desc bool) int {
	if desc {
		return -order
	}
	return order
}

// counting is the counts over a selection before anything is counted: what can be said of how many hosts.
func (ix *index) counting(selected *selection) apiv1.FindingCounts {
	c := apiv1.FindingCounts{}
	unknown := ix.unassessed(selected.Bitmap)
	switch {
	case selected.IsEmpty():
		c.Reason = "no host is selected"
	case unknown == selected.size:
		c.Reason = "none of the hosts is assessed"
	default:
		c.Assessed = true
		if unknown > 0 {
			c.Reason = plural(unknown, "host is", "hosts are") + " not assessed"
		}
	}
	return c
}

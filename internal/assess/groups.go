package assess

import (
	"cmp"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// group is every finding that is the same but for the host: one vulnerability of one subject in one role.
type group struct {
	Case
	Verdict
	subject *subject
	hosts   *roaring.Bitmap // of the whole fleet; shared, not to be changed
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

func (f filter) wants(vulnerability string, s *subject) bool {
	if f.only != nil && !f.only[vulnerability] {
		return false
	}
	if f.source != "" && s.Source != f.source && s.Name != f.source {
		return false
	}
	return f.search == "" || strings.Contains(strings.ToLower(vulnerability), f.search) || strings.Contains(strings.ToLower(s.Source), f.search)
}

// groups lists the groups that a filter wants and that at least one selected host is in.
func (ix *index) groups(f filter, selection *roaring.Bitmap) []group {
	var out []group
	now := ix.now()
	visit := func(vulnerability string, subjects map[*subject]Hit) {
		for s, hit := range subjects {
			if !f.wants(vulnerability, s) {
				continue
			}
			for standing, hosts := range s.roles {
				if !hosts.Intersects(selection) {
					continue
				}
				c := ix.caseOf(vulnerability, s, hit, standing)
				if v := Judge(c, now); v.IsFinding() && (f.priority == "" || v.Priority == f.priority) {
					out = append(out, group{c, v, s, hosts})
				}
			}
		}
	}
	if f.only != nil {
		for vulnerability := range f.only {
			visit(vulnerability, ix.vulns[vulnerability])
		}
		return out
	}
	for vulnerability, subjects := range ix.vulns {
		visit(vulnerability, subjects)
	}
	return out
}

// hostGroups is groups of one host, from its own packages.
func (ix *index) hostGroups(h *host, f filter) []group {
	var out []group
	now := ix.now()
	if h.set == nil {
		return nil
	}
	for _, u := range h.set.units {
		standing := h.setting.Standing(u.subject.Subject)
		for vulnerability, hit := range u.subject.hits {
			if !f.wants(vulnerability, u.subject) {
				continue
			}
			c := ix.caseOf(vulnerability, u.subject, hit, standing)
			if v := Judge(c, now); v.IsFinding() && (f.priority == "" || v.Priority == f.priority) {
				out = append(out, group{c, v, u.subject, u.subject.roles[standing]})
			}
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
}

func (g group) spot() spot {
	rest := strings.Join([]string{g.Standing.text(), g.Subject.Ecosystem, g.Subject.Stream, flag(g.Subject.Foreign)}, "\x00")
	return spot{Rank: rank(g.Priority), Vulnerability: g.Vulnerability, Source: g.Subject.Source, Version: g.Subject.Version, Name: g.Subject.Name, Rest: rest,
		name: nameKey(g.Vulnerability)}
}

// compareSpots orders groups: by priority worst first, then the newest vulnerability; or by the column that was asked for, then so.
func compareSpots(a, b spot, sort string) int {
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
		return cmp.Or(strings.Compare(a.Source, b.Source),
			strings.Compare(a.Version, b.Version), strings.Compare(a.Name, b.Name), strings.Compare(a.Rest, b.Rest))
	}
	switch sort {
	case "vulnerability":
		return cmp.Or(names(), byPriority())
	case "source":
		return cmp.Or(strings.Compare(a.Source, b.Source), byPriority())
	}
	return byPriority()
}

// sortGroups gives the groups in order, with their spots; desc turns the order round.
func sortGroups(groups []group, sort string, desc bool) []placedGroup {
	out := make([]placedGroup, 0, len(groups))
	for _, g := range groups {
		out = append(out, placedGroup{g, g.spot()})
	}
	slices.SortFunc(out, func(a, b placedGroup) int { return turned(compareSpots(a.at, b.at, sort), desc) })
	return out
}

type placedGroup struct {
	group
	at spot
}

func turned(order int, desc bool) int {
	if desc {
		return -order
	}
	return order
}

// countVulnerabilities counts distinct vulnerabilities by the worst of their priorities.
func (ix *index) countVulnerabilities(reached []reached, selection *roaring.Bitmap) apiv1.FindingCounts {
	c := apiv1.FindingCounts{}
	unknown := ix.unassessed(selection)
	switch {
	case selection.IsEmpty():
		c.Reason = "no host is selected"
	case unknown == int(selection.GetCardinality()): //nolint:gosec // hosts are fewer than an int holds
		c.Reason = "none of the hosts is assessed"
	default:
		c.Assessed = true
		if unknown > 0 {
			c.Reason = plural(unknown, "host is", "hosts are") + " not assessed"
		}
	}
	for _, v := range reached {
		tally(&c, priorities()[v.rank])
	}
	return c
}

// unassessed counts the selected hosts about which nothing is known.
func (ix *index) unassessed(selection *roaring.Bitmap) int {
	n := 0
	for it := selection.Iterator(); it.HasNext(); {
		if ix.notAssessed(ix.byOrdinal[it.Next()]) != "" {
			n++
		}
	}
	return n
}

package assess

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// reached is a vulnerability and how far it reaches among some hosts.
type reached struct {
	id      string
	rank    int // of its worst priority
	hosts   *roaring.Bitmap
	groups  []group
	publish time.Time
}

// reach lists the vulnerabilities that selected hosts have.
func (ix *index) reach(q Query, selection *roaring.Bitmap) []reached {
	return ix.reachOf(filterOf(q), selection)
}

func (ix *index) reachOf(f filter, selection *roaring.Bitmap) []reached {
	at := map[string]int{}
	var out []reached
	for _, g := range ix.groups(f, selection) {
		i, there := at[g.Vulnerability]
		if !there {
			i = len(out)
			at[g.Vulnerability] = i
			out = append(out, reached{id: g.Vulnerability, rank: rank(g.Priority), hosts: roaring.New()})
		}
		v := &out[i]
		v.rank = min(v.rank, rank(g.Priority))
		v.hosts.Or(g.hosts)
		v.groups = append(v.groups, g)
		if p := g.Hit.Advisory.Published; v.publish.IsZero() || (!p.IsZero() && p.Before(v.publish)) {
			v.publish = p
		}
	}
	for i := range out {
		out[i].hosts.And(selection)
	}
	return out
}

// reachPlace sorts vulnerabilities: by priority is worst first, then most hosts, then newest.
func reachPlace(sort string) func(reached) place {
	return func(v reached) place {
		count := int(v.hosts.GetCardinality()) //nolint:gosec // hosts are fewer than an int holds
		switch sort {
		case "id":
			return place{nameKey(v.id), v.id}
		case "hosts":
			return place{number(count), v.id}
		case "published":
			return place{instantKey(v.publish), v.id}
		}
		return place{number(v.rank) + number(1_000_000_000-count), v.id}
	}
}

func (ix *index) vulnRow(v reached, selection *roaring.Bitmap) apiv1.VulnRow {
	row := apiv1.VulnRow{ID: v.id, Priority: priorities()[v.rank], KEV: wireKEV(ix.threats[v.id].KEV), Hosts: int(v.hosts.GetCardinality()), Sources: []string{}} //nolint:gosec // as above
	fixable := roaring.New()
	for _, g := range v.groups {
		if !slices.Contains(row.Sources, g.Subject.Source) {
			row.Sources = append(row.Sources, g.Subject.Source)
		}
		if row.Summary == "" {
			row.Summary = g.Hit.Advisory.Summary
		}
		for version, hosts := range g.subject.offers {
			if g.Hit.Reaches(withoutRebuild(version), g.Standing) {
				fixable.Or(roaring.And(hosts, g.hosts))
			}
		}
	}
	slices.Sort(row.Sources)
	fixable.And(selection)
	row.Fixable = int(fixable.GetCardinality()) //nolint:gosec // as above
	if !v.publish.IsZero() {
		row.Published = &v.publish
	}
	return row
}

// Vulnerabilities lists vulnerabilities of the selected hosts, worst first.
func (s *Service) Vulnerabilities(ctx context.Context, q Query) (apiv1.VulnPage, error) {
	var page apiv1.VulnPage
	sort, err := q.order("priority", "id", "hosts", "published")
	if err != nil {
		return page, err
	}
	err = s.answering(ctx, q.Past, func(ix *index) error {
		selection := s.selected(ix, q)
		all := ix.reach(q, selection)
		chosen, next, err := paged(all, q, sort, reachPlace(sort))
		if err != nil {
			return err
		}
		page = apiv1.VulnPage{Items: make([]apiv1.VulnRow, 0, len(chosen)), Total: len(all), Next: next, NotAssessed: ix.unassessed(selection), Seq: ix.seq, Past: ix.past.wire()}
		for _, v := range chosen {
			page.Items = append(page.Items, ix.vulnRow(v, selection))
		}
		return nil
	})
	return page, err
}

// Vulnerability is one vulnerability, by CVE or advisory id, with a page of its findings. One that no feed names is not known: then
// that there are no findings says nothing.
func (s *Service) Vulnerability(ctx context.Context, id string, q Query) (apiv1.VulnDetail, error) {
	out := apiv1.VulnDetail{ID: id, Advisories: []apiv1.AdvisoryRef{}}
	err := s.answering(ctx, q.Past, func(ix *index) error {
		id = ix.spelled(id)
		out.ID = id
		advisories := ix.naming(id)
		out.KEV = wireKEV(ix.threats[id].KEV)
		out.Known = len(advisories) > 0 || out.KEV != nil
		f := filterOf(q)
		f.only = map[string]bool{id: true}
		for _, a := range advisories {
			out.Advisories = append(out.Advisories, advisoryRef(a))
			if out.Summary == "" {
				out.Summary = a.Summary
			}
			if out.Details == "" {
				out.Details = a.Details
			}
			if a.ID == id { // an erratum: its findings are those of what it fixes
				for _, v := range vulnerabilities(a) {
					f.only[v] = true
				}
			}
		}
		if out.Summary == "" && out.KEV != nil {
			out.Summary = out.KEV.Name
		}
		selection := s.selected(ix, q)
		page, err := s.findings(ix, q, f, selection)
		if err != nil {
			return err
		}
		out.Hosts, out.Past = page, ix.past.wire()
		whole := f
		whole.priority, whole.source, whole.search = "", "", ""
		out.ByPriority = ix.hostsByPriority(whole, selection)
		return nil
	})
	return out, err
}

// spelled is an id as the feeds spell it: people write cve-2024-1.
func (ix *index) spelled(id string) string {
	if ix.byName[id] == nil && ix.threats[id].KEV == nil {
		if upper := strings.ToUpper(id); ix.byName[upper] != nil || ix.threats[upper].KEV != nil {
			return upper
		}
	}
	return id
}

// naming lists the current advisories that have a name, by feed and id.
func (ix *index) naming(id string) []*advisory.Advisory {
	var out []*advisory.Advisory
	for r := range ix.byName[id] {
		out = append(out, ix.advisories[r])
	}
	slices.SortFunc(out, func(a, b *advisory.Advisory) int {
		return strings.Compare(a.Feed+"\x00"+a.ID, b.Feed+"\x00"+b.ID)
	})
	return out
}

func advisoryRef(a *advisory.Advisory) apiv1.AdvisoryRef {
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	r := apiv1.AdvisoryRef{ID: a.ID, Feed: a.Feed, Published: when(a.Published), Modified: when(a.Modified), Withdrawn: when(a.Withdrawn), Affected: []apiv1.AffectedRange{}}
	for _, affected := range a.Affected {
		for _, one := range affected.Ranges {
			r.Affected = append(r.Affected, apiv1.AffectedRange{Ecosystem: affected.Ecosystem, Package: affected.Package, Range: rangeText(one), Fixed: one.Fixed})
		}
		for _, v := range affected.Versions {
			r.Affected = append(r.Affected, apiv1.AffectedRange{Ecosystem: affected.Ecosystem, Package: affected.Package, Range: "= " + v})
		}
	}
	return r
}

// hostsByPriority counts hosts by the worst priority of their findings that a filter wants.
func (ix *index) hostsByPriority(f filter, selection *roaring.Bitmap) apiv1.FindingCounts {
	all := ix.reachOf(f, selection)
	c := ix.countVulnerabilities(nil, selection)
	counted := roaring.New()
	for r := range priorities() {
		for _, v := range all {
			for _, g := range v.groups {
				if rank(g.Priority) != r {
					continue
				}
				fresh := roaring.And(g.hosts, selection)
				fresh.AndNot(counted)
				for range fresh.GetCardinality() {
					tally(&c, g.Priority)
				}
				counted.Or(fresh)
			}
		}
	}
	return c
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

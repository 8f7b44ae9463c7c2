package assess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// vulnRow is a vulnerability's row. hits are those of subjects that were looked at before.
func (r *reach) vulnRow(v *reached, hits map[*subject]map[string]Hit) apiv1.VulnRow {
	ix := r.ix
	row := apiv1.VulnRow{ID: v.id, Priority: priorities()[v.rank], KEV: wireKEV(ix.threats[v.id].KEV), Hosts: r.count(v), Sources: []string{}}
	fixable := r.selected.crowd()
	r.each(v, func(g group) {
		s := g.at.of
		if !slices.Contains(row.Sources, s.Source) {
			row.Sources = append(row.Sources, s.Source)
		}
		if len(s.offers) == 0 {
			return
		}
		if _, known := hits[s]; !known {
			hits[s] = ix.hits(s)
		}
		for i := range s.offers {
			for n, p := range ix.places { // whose fix it is depends on what a host is entitled to, not on where it stands
				if g.places&placeNumber(n) != 0 && hits[s][v.id].Reaches(withoutRebuild(s.offers[i].version), g.at.kind.Value().at(p.Place)) {
					fixable.addOffered(g, s.offers[i])
					break
				}
			}
		}
	})
	for _, a := range ix.naming(v.id) {
		if row.Summary == "" && a.Withdrawn.IsZero() {
			row.Summary = a.Summary
		}
	}
	slices.Sort(row.Sources)
	row.Fixable = fixable.count()
	if first := ix.published(v.vulnerability); !first.IsZero() {
		row.Published = &first
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
		selected := ix.selection(s.selected(ix, q))
		reach := ix.reachOf(filterOf(q), selected)
		chosen, next, err := reach.page(q, sort)
		if err != nil {
			return err
		}
		page = apiv1.VulnPage{Items: make([]apiv1.VulnRow, 0, len(chosen)), Total: len(reach.all), Next: next, NotAssessed: ix.unassessed(selected.Bitmap), Seq: ix.seq, Past: ix.past.wire()}
		if count := ix.counting(selected); !count.Assessed {
			page.Reason = count.Reason
		}
		hits := map[*subject]map[string]Hit{}
		for _, v := range chosen {
			page.Items = append(page.Items, reach.vulnRow(v, hits))
		}
		return nil
	})
	return page, err
}

// Vulnerability is one vulnerability, by CVE or advisory id, with a page of its findings. One that no feed names is not known: then
// that there are no findings says nothing.
func (s *Service) Vulnerability(ctx context.Context, id string, q Query) (apiv1.VulnDetail, error) {
	out := apiv1.VulnDetail{ID: id, Names: []string{}, Advisories: []apiv1.AdvisoryRef{}}
	var refs []advisory.Ref
	var said sayer
	err := s.answering(ctx, q.Past, func(ix *index) error {
		id = ix.spelled(id)
		out.ID = id
		f := filterOf(q)
		f.only = map[string]bool{id: true}
		for _, a := range ix.naming(id) {
			refs = append(refs, ref(a.Advisory))
			if a.ID == id { // an erratum: its findings are those of what it fixes
				for _, v := range vulnerabilities(a.Advisory) {
					f.only[v] = true
				}
			}
		}
		for v := range f.only {
			if v != id {
				out.Names = append(out.Names, v)
			}
		}
		slices.SortFunc(out.Names, compareNames)
		out.KEV = wireKEV(ix.worstKEV(f.only))
		said = ix.said
		out.Known = len(refs) > 0 || out.KEV != nil
		selected := ix.selection(s.selected(ix, q))
		page, err := s.findings(ix, q, f, selected)
		if err != nil {
			return err
		}
		out.Hosts, out.Past = page, ix.past.wire()
		whole := f
		whole.priority, whole.source, whole.search = "", "", ""
		out.ByPriority = ix.hostsByPriority(whole, selected)
		return nil
	})
	if err == nil {
		err = describe(ctx, said, &out, refs)
	}
	return out, err
}

// worstKEV is the entry in CISA's catalogue that weighs most among some vulnerabilities: one that ransomware uses, then the oldest.
func (ix *index) worstKEV(ids map[string]bool) *advisory.KEV {
	var worst *advisory.KEV
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		k := ix.threats[id].KEV
		switch {
		case k == nil:
		case worst == nil, k.Ransomware && !worst.Ransomware, k.Ransomware == worst.Ransomware && k.Added < worst.Added:
			worst = k
		}
	}
	return worst
}

// describe reads what the advisories of a vulnerability say. One that was withdrawn from its feed since the index was asked is passed over.
func describe(ctx context.Context, said sayer, out *apiv1.VulnDetail, refs []advisory.Ref) error {
	for _, r := range refs {
		a, err := said.CurrentAdvisory(ctx, r)
		if errors.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading advisory %q: %w", r.ID, err)
		}
		out.Advisories = append(out.Advisories, advisoryRef(&a))
		out.Summary, out.Details = cmp.Or(out.Summary, a.Summary), cmp.Or(out.Details, a.Details)
	}
	if out.Summary == "" && out.KEV != nil {
		out.Summary = out.KEV.Name
	}
	return nil
}

// spelled is an id as the feeds spell it: people write cve-2024-1, and paste it with the blank beside it.
func (ix *index) spelled(id string) string {
	id = strings.TrimSpace(id)
	known := func(id string) bool { return len(ix.naming(id)) > 0 || ix.threats[id].KEV != nil }
	if !known(id) {
		if upper := strings.ToUpper(id); known(upper) {
			return upper
		}
	}
	return id
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
		r.Affected = append(r.Affected, affectedRanges(affected)...)
	}
	return r
}

// affectedRanges are what an advisory says of one package: a line for each range and version, or one for what it says of all of them.
func affectedRanges(a advisory.Affected) []apiv1.AffectedRange {
	line := apiv1.AffectedRange{Ecosystem: a.Ecosystem, Package: a.Package, Status: string(a.Status), Note: a.Note}
	var lines []apiv1.AffectedRange
	for _, one := range a.Ranges {
		line.Range, line.Fixed = rangeText(one), one.Fixed
		lines = append(lines, line)
	}
	line.Fixed = ""
	for _, v := range a.Versions {
		line.Range = "= " + v
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		return lines
	}
	if a.Status != advisory.StatusNotAffected {
		line.Range = "every version"
	}
	return []apiv1.AffectedRange{line}
}

// hostsByPriority counts hosts by the worst priority of their findings that a filter wants.
func (ix *index) hostsByPriority(f filter, selected *selection) apiv1.FindingCounts {
	groups, _ := ix.groups(f, selected)
	c := ix.counting(selected)
	counted, before := selected.crowd(), 0
	for r, priority := range priorities() {
		for _, g := range groups {
			if int(g.rank) == r {
				counted.add(g)
			}
		}
		now := counted.count()
		tallyMany(&c, priority, now-before)
		before = now
	}
	return c
}

// tallyMany adds n of a priority.
func tallyMany(c *apiv1.FindingCounts, priority string, n int) {
	var one apiv1.FindingCounts
	tally(&one, priority)
	c.Total += n
	c.Urgent += n * one.Urgent
	c.High += n * one.High
	c.Normal += n * one.Normal
	c.Low += n * one.Low
	c.Lowest += n * one.Lowest
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

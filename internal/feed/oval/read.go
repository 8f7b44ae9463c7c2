package oval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Read reads a file of OVAL definitions, plain or packed, giving an advisory for each definition that says something of a wanted release.
func (d Dialect) Read(ctx context.Context, f intake.File, o intake.Options, to intake.Sink) (intake.Survey, error) {
	p := pass{dialect: d, o: o, to: to, s: intake.Survey{FixesOnly: true}, seen: intake.NewSeen(), ecosystems: map[string]bool{}}
	limits := o.Limits.OrDefault()
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return p.s, err
	}
	if err := intake.EachXML(ctx, plain, limits, "definitions", "definition", p.one); err != nil {
		return p.s, err
	}
	for name := range p.ecosystems {
		p.s.Ecosystems = append(p.s.Ecosystems, name)
	}
	slices.Sort(p.s.Ecosystems)
	if p.s.Records == 0 && p.s.Left == 0 {
		return p.s, intake.Damaged("it holds no definition that can be read")
	}
	return p.s, nil
}

// pass is one reading of a file.
type pass struct {
	dialect    Dialect
	o          intake.Options
	to         intake.Sink
	s          intake.Survey
	seen       intake.Seen
	ecosystems map[string]bool
}

// one gives a definition's advisory.
func (p *pass) one(d *Definition) error {
	a, problem, err := p.dialect.advisory(d, p.o)
	if problem != nil {
		p.s.Name(d.ID, "a part says nothing: "+problem.Error())
	}
	switch {
	case err != nil:
		p.s.Skip(d.ID, err.Error())
		return nil
	case a.ID == "" || len(a.Affected) == 0:
		p.s.Left++
		return nil
	case !p.seen.Add(a.ID):
		p.s.Skip(d.ID, "a second definition of "+a.ID)
		return nil
	}
	p.s.Records++
	for i := range a.Affected {
		p.ecosystems[a.Affected[i].Ecosystem] = true
		if e := &a.Affected[i]; e.Status == advisory.StatusOpen && len(e.Ranges) == 0 {
			p.s.FixesOnly = false // it names what is not fixed too
		}
	}
	if a.Modified.After(p.s.Newest) {
		p.s.Newest = a.Modified
	}
	return p.to.GiveAdvisory(a)
}

// advisory reduces a definition. The problem is that of a part, where others say something.
func (d Dialect) advisory(def *Definition, o intake.Options) (a advisory.Advisory, problem, err error) {
	a = advisory.Advisory{
		Feed: o.Feed, ID: d.ID(def),
		Summary:   intake.Cut(plainText(def.Title), intake.MaxSummary),
		Details:   intake.Cut(strings.TrimSpace(strings.ToValidUTF8(def.Text, "\uFFFD")), intake.MaxDetails),
		Severity:  intake.Cut(intake.Shown(strings.TrimSpace(def.Severity)), intake.MaxWord),
		Published: day(def.Issued.Date), Modified: day(def.Updated.Date),
	}
	if a.Modified.IsZero() {
		a.Modified = a.Published
	}
	if a.ID == "" {
		return a, nil, nil
	}
	if err := intake.CheckID(a.ID); err != nil {
		return a, nil, err
	}
	for _, cve := range def.CVEs {
		a.CVEs = append(a.CVEs, firstCVE(cve))
	}
	for _, r := range def.Refs {
		if r.Source == "CVE" {
			a.CVEs = append(a.CVEs, firstCVE(r.ID))
		}
	}
	a.CVEs = intake.Sorted(slices.DeleteFunc(a.CVEs, func(id string) bool { return id == "" }))
	said, problem := d.reduce(&def.Criteria, where{})
	if problem != nil && len(said) == 0 {
		return a, nil, problem
	}
	said = slices.DeleteFunc(said, func(e advisory.Affected) bool { return !o.Wants(e.Ecosystem) })
	if a.Affected = intake.Merged(said); len(a.Affected) > intake.MaxAffected {
		return a, nil, fmt.Errorf("it has more than %d affected entries", intake.MaxAffected)
	}
	for i := range a.Affected {
		if e := &a.Affected[i]; d.Tidy != nil && len(e.Ranges) > 1 {
			e.Ranges = d.Tidy(e.Ranges)
		}
	}
	return a, problem, nil
}

// plainText is a text of several lines as one.
func plainText(s string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
}

// firstCVE is the CVE id in a text as "Mitre CVE-2021-1234" or "CVE-2021-1234 at SUSE"; empty when there is none.
func firstCVE(s string) string {
	for _, word := range strings.Fields(s) {
		if intake.IsCVE(word) {
			return word
		}
	}
	return ""
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

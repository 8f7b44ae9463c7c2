package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

// formatHTML is for documents only.
const formatHTML format = "html"

// documentFormat is format for commands that can also write a page to print.
type documentFormat format

func (f *documentFormat) String() string { return string(*f) }

// Type is what --help calls the value.
func (f *documentFormat) Type() string { return "table|html|csv|json" }

// Set takes a value from the command line.
func (f *documentFormat) Set(text string) error {
	if format(text) == formatHTML {
		*f = documentFormat(formatHTML)
		return nil
	}
	var plain format
	if plain.Set(text) != nil {
		return fmt.Errorf("%q is none of table, html, csv, json", text)
	}
	*f = documentFormat(plain)
	return nil
}

func (p *program) report() *cobra.Command {
	return group("report", "Make documents about what was wrong and what was done",
		"  staunch report compliance -l env=prod -o html > compliance.html",
		p.reportCompliance(), p.reportMetrics(), p.reportTrend())
}

func (p *program) reportCompliance() *cobra.Command {
	var selector, since, worst string
	c := p.remote(&cobra.Command{
		Use: "compliance", Short: "Say of each host what is open and what was fixed, since when",
		Long: `Say of each host what is open, since when, and what was fixed: when, by which rollout or outside
Staunch, approved by whom.

It is derived from the hosts' own inventories over time, judged with today's knowledge. A finding
counts from when the package was first seen on the host, or from when its advisory was published,
whichever came later; it is fixed when an inventory shows so. Hosts of which nothing is known come
first: their empty lists say nothing.

The table is a summary by host. -o html is a page of its own
to print or to send, -o csv has a row for each finding.`,
		Example: `  staunch report compliance
  staunch report compliance -l env=prod --since 30d -o html > compliance.html
  staunch report compliance --since 2026-07-01 --priority high -o csv`,
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		from, err := pastInstant(since, p.env.Now())
		if err != nil {
			return err
		}
		r, err := o.Compliance(ctx, selector, from, worst)
		if err != nil {
			return err
		}
		return p.showCompliance(r)
	})
	c.Flags().Lookup("output").Value = (*documentFormat)(&p.format)
	c.Flags().StringVarP(&selector, "selector", "l", "", "only hosts that this `SELECTOR` names, as env=prod,role in (web,api),!retired")
	c.Flags().StringVar(&since, "since", "90d", "what was fixed since `WHEN`: a date as 2026-07-01, or how long ago, as 30d or 12h")
	priorityFlag(c, &worst, "only findings of this `PRIORITY` or a worse one")
	return c
}

// pastInstant reads a date, a time or how long ago.
func pastInstant(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usage("%q is neither a date, as 2026-07-01, nor how long ago, as 30d or 12h", text)
}

func (p *program) showCompliance(r apiv1.ComplianceReport) error {
	switch p.format {
	case formatJSON:
		return p.json(r)
	case formatHTML:
		return complianceHTML(p.env.Stdout, r)
	case formatCSV:
		return p.csv(cells(complianceLines(r), complianceLineColumns(), inCSV))
	}
	write(p.env.Stdout, "%s\n", compliancePairs(r).render(p.env.Width))
	if err := show(p, r, r.Hosts, complianceHostColumns()); err != nil {
		return err
	}
	p.shown(len(r.Hosts), len(r.Hosts), "hosts")
	p.unassessed(r.NotAssessed)
	return nil
}

func compliancePairs(r apiv1.ComplianceReport) pairs {
	list := pairs{
		{"as_of", moment(&r.AsOf)}, {"hosts", fmt.Sprintf("%d (%s)", len(r.Hosts), or(r.Selector, "every host"))},
		{"not_assessed", fmt.Sprint(r.NotAssessed)}, {"open", fmt.Sprint(r.Open)},
		{"fixed", fmt.Sprintf("%d since %s: %d by rollouts, %d outside Staunch", r.Fixed, moment(&r.Since), r.Fixed-r.Outside, r.Outside)},
	}
	var without []string
	for _, f := range r.Feeds {
		if f.AsOf == nil {
			without = append(without, f.Name)
			continue
		}
		list = append(list, [2]string{"feed", f.Name + " as of " + moment(f.AsOf)})
	}
	if len(without) > 0 {
		list = append(list, [2]string{"feed", "no data from " + strings.Join(without, ", ")})
	}
	return list
}

// openCounts counts open findings by priority.
func openCounts(h apiv1.ComplianceHost) apiv1.FindingCounts {
	c := apiv1.FindingCounts{Assessed: h.Assessed, Reason: h.Reason, Total: len(h.Open)}
	for _, f := range h.Open {
		switch f.Priority {
		case apiv1.PriorityUrgent:
			c.Urgent++
		case apiv1.PriorityHigh:
			c.High++
		case apiv1.PriorityNormal:
			c.Normal++
		case apiv1.PriorityLow:
			c.Low++
		default:
			c.Lowest++
		}
	}
	return c
}

// oldest is since when the oldest open finding of the worst priority there is stands.
func oldest(h apiv1.ComplianceHost) *time.Time {
	var at *time.Time
	for i, f := range h.Open {
		if f.Priority == h.Open[0].Priority && (at == nil || f.Since.Before(*at)) {
			at = &h.Open[i].Since
		}
	}
	return at
}

func complianceHostColumns() []column[apiv1.ComplianceHost] {
	number := func(h apiv1.ComplianceHost, n int) string {
		if !h.Assessed && n == 0 {
			return "?"
		}
		return strconv.Itoa(n)
	}
	return []column[apiv1.ComplianceHost]{
		{name: "host", text: func(h apiv1.ComplianceHost) string { return h.Host }, least: 10},
		{name: "open", text: func(h apiv1.ComplianceHost) string { return countsText(openCounts(h)) }, tone: func(h apiv1.ComplianceHost) tone { return countsTone(openCounts(h)) }, least: len(notAssessed)},
		{name: "worst_since", text: func(h apiv1.ComplianceHost) string { return dateOf(oldest(h)) }},
		{name: "fixed", text: func(h apiv1.ComplianceHost) string { return number(h, len(h.Fixed)) }, right: true},
		{name: "by_rollout", text: func(h apiv1.ComplianceHost) string { return number(h, byRollouts(h)) }, right: true},
		{name: "seen", text: func(h apiv1.ComplianceHost) string { return dateOf(h.LastSeen) }},
		{name: "note", text: func(h apiv1.ComplianceHost) string { return or(h.Reason, h.OS) }, least: 8, below: func(h apiv1.ComplianceHost) string { return h.Reason }},
	}
}

func byRollouts(h apiv1.ComplianceHost) int {
	n := 0
	for _, f := range h.Fixed {
		if f.By == apiv1.FixedByRollout {
			n++
		}
	}
	return n
}

func dateOf(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// complianceLine is one finding of one host, or a host that has none.
type complianceLine struct {
	host   apiv1.ComplianceHost
	status string // open, fixed, none, not assessed
	open   apiv1.OpenFinding
	fixed  apiv1.FixedFinding
}

// complianceLines leaves no host out: silence is not good news.
func complianceLines(r apiv1.ComplianceReport) []complianceLine {
	var all []complianceLine
	for _, h := range r.Hosts {
		if !h.Assessed {
			all = append(all, complianceLine{host: h, status: notAssessed})
		} else if len(h.Open)+len(h.Fixed) == 0 {
			all = append(all, complianceLine{host: h, status: "none"})
		}
		for _, f := range h.Open {
			all = append(all, complianceLine{host: h, status: "open", open: f})
		}
		for _, f := range h.Fixed {
			all = append(all, complianceLine{host: h, status: "fixed", fixed: f})
		}
	}
	return all
}

func complianceLineColumns() []column[complianceLine] {
	either := func(open func(apiv1.OpenFinding) string, fixed func(apiv1.FixedFinding) string) func(complianceLine) string {
		return func(l complianceLine) string {
			switch l.status {
			case "open":
				return open(l.open)
			case "fixed":
				return fixed(l.fixed)
			}
			return ""
		}
	}
	fixed := func(text func(apiv1.FixedFinding) string) func(complianceLine) string {
		return either(func(apiv1.OpenFinding) string { return "" }, text)
	}
	return []column[complianceLine]{
		{name: "host", text: func(l complianceLine) string { return l.host.Host }},
		{name: "host_id", text: func(l complianceLine) string { return l.host.HostID }},
		{name: "status", text: func(l complianceLine) string { return l.status }},
		{name: "reason", text: func(l complianceLine) string { return l.host.Reason }},
		{name: "priority", text: either(func(f apiv1.OpenFinding) string { return f.Priority }, func(f apiv1.FixedFinding) string { return f.Priority })},
		{name: "vulnerability", text: either(func(f apiv1.OpenFinding) string { return f.Vulnerability }, func(f apiv1.FixedFinding) string { return f.Vulnerability })},
		{name: "kev", text: either(func(f apiv1.OpenFinding) string { return yesNo(f.KEV) }, func(f apiv1.FixedFinding) string { return yesNo(f.KEV) })},
		{name: "source", text: either(func(f apiv1.OpenFinding) string { return f.Source }, func(f apiv1.FixedFinding) string { return f.Source })},
		{name: "packages", text: either(func(f apiv1.OpenFinding) string { return strings.Join(f.Packages, " ") }, func(f apiv1.FixedFinding) string { return strings.Join(f.Packages, " ") })},
		{name: "version", text: either(func(f apiv1.OpenFinding) string { return f.Installed }, func(f apiv1.FixedFinding) string { return f.From })},
		{name: "fixed_in", text: either(func(f apiv1.OpenFinding) string { return f.FixedIn }, func(f apiv1.FixedFinding) string { return f.To })},
		{name: "finding_status", text: either(func(f apiv1.OpenFinding) string { return f.Status }, func(apiv1.FixedFinding) string { return "" })},
		{name: "since", text: either(func(f apiv1.OpenFinding) string { return stamp(&f.Since) }, func(f apiv1.FixedFinding) string { return stamp(&f.Since) })},
		{name: "since_why", text: either(func(f apiv1.OpenFinding) string { return f.SinceWhy }, func(f apiv1.FixedFinding) string { return f.SinceWhy })},
		{name: "fixed_at", text: fixed(func(f apiv1.FixedFinding) string { return stamp(&f.FixedAt) })},
		{name: "fixed_by", text: fixed(func(f apiv1.FixedFinding) string { return f.By })},
		{name: "rollout", text: fixed(func(f apiv1.FixedFinding) string { return f.Rollout })},
		{name: "run", text: fixed(func(f apiv1.FixedFinding) string { return f.Run })},
		{name: "fix_state", text: fixed(func(f apiv1.FixedFinding) string { return f.FixState })},
		{name: "run_state", text: fixed(func(f apiv1.FixedFinding) string { return f.RunState })},
		{name: "plan", text: fixed(func(f apiv1.FixedFinding) string { return f.Plan })},
		{name: "approved_by", text: fixed(func(f apiv1.FixedFinding) string { return strings.Join(f.ApprovedBy, " ") })},
		{name: "approved_at", text: fixed(func(f apiv1.FixedFinding) string { return stamp(f.ApprovedAt) })},
		{name: "advisory", text: either(func(f apiv1.OpenFinding) string { return f.Advisory }, func(f apiv1.FixedFinding) string { return f.Advisory })},
		{name: "feed", text: either(func(f apiv1.OpenFinding) string { return f.Feed }, func(f apiv1.FixedFinding) string { return f.Feed })},
		{name: "last_seen", text: func(l complianceLine) string { return stamp(l.host.LastSeen) }},
		{name: "packages_as_of", text: func(l complianceLine) string { return stamp(l.host.AsOf) }},
	}
}

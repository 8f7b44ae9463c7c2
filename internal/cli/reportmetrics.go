package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) reportMetrics() *cobra.Command {
	var selector, from, to, clock string
	c := p.remote(&cobra.Command{
		Use: "metrics", Short: "Say how long patching took, and how much was in time",
		Long: `Say of a period how long patching took, how much was exposed, how much of the fleet was seen, and
how much was fixed in time. Durations are in days; a finding counts once for each host.

It is derived from the hosts' own inventories over time, judged with today's knowledge. A finding
counts from when the package was first seen on the host, or from when its advisory was published,
whichever came later, until an inventory shows that it is gone: of a kernel, until the host has booted
another one or patched it in memory. The formulas are in docs/metrics.md.

--clock says how long a finding of a priority may stay open: 15 and 30 days for urgent and high are
those of CISA's directive 19-02.`,
		Example: `  staunch report metrics
  staunch report metrics -l env=prod --from 2026-10-01 --to 2026-11-01 \
      --clock urgent=3d,high=14d
  staunch report metrics --from 90d -o json`,
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		begin, end, err := period(from, to, p.env.Now())
		if err != nil {
			return err
		}
		m, err := o.Metrics(ctx, selector, begin, end, clock)
		if err != nil {
			return err
		}
		if p.format == formatTable {
			write(p.env.Stdout, "%s\n", metricsPairs(m).render(p.env.Width))
		}
		if m.Hosts == 0 {
			p.note("no host is selected, or none was enrolled by then: the figures say nothing")
		}
		return show(p, m, m.Rows, metricsColumns())
	})
	c.Flags().StringVarP(&selector, "selector", "l", "", "only hosts that this `SELECTOR` names, as env=prod,role in (web,api),!retired")
	c.Flags().StringVar(&from, "from", "30d", "the period's beginning: `WHEN`, a date as 2026-07-01, or how long ago, as 30d or 12h")
	c.Flags().StringVar(&to, "to", "", "its end: `WHEN`, likewise; now when it is left out")
	c.Flags().StringVar(&clock, "clock", "", "`RULES`, as urgent=15d,high=30d: how long findings may stay open")
	return c
}

func metricsPairs(m apiv1.Metrics) pairs {
	var rules []string
	for _, r := range m.Clock {
		rules = append(rules, fmt.Sprintf("%s %g days", r.Priority, r.Days))
	}
	return pairs{
		{"period", moment(&m.From) + " to " + moment(&m.To)},
		{"hosts", fmt.Sprintf("%d (%s)", m.Hosts, or(m.Selector, "every host"))},
		{"coverage", fmt.Sprintf("%s of %g host days; %s not assessed", percentText(m.Coverage.Percent), m.Coverage.HostDays, plural(m.Coverage.NotAssessed, "host"))},
		{"clock", strings.Join(rules, ", ")},
		{"time_to_patch", spreadWords(m, func(r apiv1.MetricsRow) *apiv1.Spread { return r.TimeToPatch }, "none was fixed")},
		{"open_age", spreadWords(m, func(r apiv1.MetricsRow) *apiv1.Spread { return r.OpenAge }, "none is open")},
	}
}

// spreadWords is what the row of all priorities says of durations; the table has those of each for what was fixed.
func spreadWords(m apiv1.Metrics, of func(apiv1.MetricsRow) *apiv1.Spread, none string) string {
	for _, r := range m.Rows {
		if s := of(r); r.Priority == "all" && s != nil {
			return fmt.Sprintf("median %g days, 90 %% within %g days", s.Median, s.P90)
		}
	}
	return none
}

func metricsColumns() []column[apiv1.MetricsRow] {
	number := func(of func(apiv1.MetricsRow) int) func(apiv1.MetricsRow) string {
		return func(r apiv1.MetricsRow) string { return fmt.Sprint(of(r)) }
	}
	took := func(of func(*apiv1.Spread) float64, none string) func(apiv1.MetricsRow) string {
		return func(r apiv1.MetricsRow) string {
			if r.TimeToPatch == nil {
				return none
			}
			return fmt.Sprintf("%g", of(r.TimeToPatch))
		}
	}
	median := func(s *apiv1.Spread) float64 { return s.Median }
	p90 := func(s *apiv1.Spread) float64 { return s.P90 }
	return []column[apiv1.MetricsRow]{
		{name: "priority", text: func(r apiv1.MetricsRow) string { return r.Priority }},
		{name: "opened", text: number(func(r apiv1.MetricsRow) int { return r.Opened }), right: true},
		{name: "fixed", text: number(func(r apiv1.MetricsRow) int { return r.Fixed }), right: true},
		{name: "open", text: number(func(r apiv1.MetricsRow) int { return r.Open }), right: true},
		{name: "median_days", text: took(median, "-"), right: true, where: inTable},
		{name: "median_days", text: took(median, ""), where: inCSV},
		{name: "p90", text: took(p90, "-"), right: true, where: inTable}, // so named that the table fits into 80 columns
		{name: "p90_days", text: took(p90, ""), where: inCSV},
		{name: "exposure_days", text: func(r apiv1.MetricsRow) string { return fmt.Sprintf("%g", r.ExposureDays) }, right: true},
		{name: "due", text: number(func(r apiv1.MetricsRow) int { return r.Due }), right: true},
		{name: "in_time", text: func(r apiv1.MetricsRow) string { return percentText(r.PercentInTime) }, right: true, where: inTable},
		{name: "in_time", text: func(r apiv1.MetricsRow) string { return strings.TrimPrefix(percentText(r.PercentInTime), "-") }, where: inCSV},
	}
}

// percentText is "-" where there is nothing to be a part of.
func percentText(p *float64) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%g %%", *p)
}

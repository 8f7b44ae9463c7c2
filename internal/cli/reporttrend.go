package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) reportTrend() *cobra.Command {
	var from, to string
	c := p.remote(&cobra.Command{
		Use: "trend", Short: "Show the whole fleet at the end of each day, as it was known then",
		Long: `Show the whole fleet at the end of each day (UTC), judged with what was known then. Days before the
first feed was imported are not assessed, which is not the same as nothing being wrong.

Days are counted in the background once they are over, newest first.`,
		Example: "  staunch report trend\n  staunch report trend --from 2026-01-01 --to 2026-06-30 -o csv",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		begin, end, err := period(from, to, p.env.Now())
		if err != nil {
			return err
		}
		t, err := o.Trend(ctx, begin, end)
		if err != nil {
			return err
		}
		if err := show(p, t, t.Items, trendColumns()); err != nil {
			return err
		}
		if len(t.Items) == 0 && t.Missing == 0 {
			p.note("nothing counted yet: a day is counted once it is over, in UTC")
		}
		if t.Missing > 0 {
			p.note("not counted yet: %s; ask again later", plural(t.Missing, "day"))
		}
		return nil
	})
	c.Flags().StringVar(&from, "from", "90d", "the first day: `WHEN`, a date as 2026-07-01, or how long ago, as 30d")
	c.Flags().StringVar(&to, "to", "", "the last day: `WHEN`, likewise; yesterday when it is left out")
	return c
}

func trendColumns() []column[apiv1.DailyTotal] {
	count := func(of func(apiv1.FindingCounts) int) func(apiv1.DailyTotal) string {
		return func(d apiv1.DailyTotal) string { return findingNumber(d.Findings, of(d.Findings)) }
	}
	return []column[apiv1.DailyTotal]{
		{name: "day", text: func(d apiv1.DailyTotal) string { return d.Day }},
		{name: "hosts", text: func(d apiv1.DailyTotal) string { return strconv.Itoa(d.Hosts) }, right: true},
		{name: "not_assessed", text: func(d apiv1.DailyTotal) string { return strconv.Itoa(d.NotAssessed) }, right: true},
		{name: "vulnerabilities", text: func(d apiv1.DailyTotal) string { return countsText(d.Findings) }, where: inTable, least: len(notAssessed)},
		{name: "urgent", text: count(func(c apiv1.FindingCounts) int { return c.Urgent }), where: inCSV},
		{name: "high", text: count(func(c apiv1.FindingCounts) int { return c.High }), where: inCSV},
		{name: "normal", text: count(func(c apiv1.FindingCounts) int { return c.Normal }), where: inCSV},
		{name: "low", text: count(func(c apiv1.FindingCounts) int { return c.Low }), where: inCSV},
		{name: "lowest", text: count(func(c apiv1.FindingCounts) int { return c.Lowest }), where: inCSV},
		{name: "hosts_urgent", text: func(d apiv1.DailyTotal) string { return fmt.Sprint(d.HostsByWorst.Urgent) }, right: true},
		{name: "hosts_high", text: func(d apiv1.DailyTotal) string { return fmt.Sprint(d.HostsByWorst.High) }, right: true},
	}
}

package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) feed() *cobra.Command {
	return group("feed", "Show and update what is known about packages",
		"  staunch feed status\n  staunch feed import ./feeds",
		p.feedStatus(), p.feedUpdate(), p.feedImport(), p.feedExport())
}

func (p *program) feedStatus() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "status", Short: "Show each feed: what it last gave, and how old that is",
		Example: "  staunch feed status",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		list, err := o.Feeds(ctx)
		if err != nil {
			return err
		}
		if err := show(p, list, list.Items, p.feedColumns()); err != nil {
			return err
		}
		for _, f := range list.Items {
			switch {
			case f.Error != "":
				p.sentence(f.Name + ": " + f.Error + after("; ", f.Means))
			case f.Reason != "":
				p.sentence(f.Name + " is not supported: " + f.Reason)
			case f.Absent:
				p.sentence(f.Name + " is not at " + f.URL + after(": ", f.Means))
			}
		}
		for _, gap := range list.NotAssessed {
			p.sentence(gap.Release + " is not assessed (" + plural(gap.Hosts, "host") + "): " + gap.Reason)
		}
		if list.More > 0 {
			p.sentence(plural(list.More, "more release") + " not assessed: see staunch hosts -l host.assessed=no")
		}
		if len(list.Items) == 0 {
			p.note("no feed has data yet: nothing can be assessed")
		}
		return nil
	})
}

func (p *program) feedColumns() []column[apiv1.FeedStatus] {
	now := p.env.Now()
	return []column[apiv1.FeedStatus]{
		{name: "name", text: func(f apiv1.FeedStatus) string { return f.Name }, least: 12},
		{name: "records", text: func(f apiv1.FeedStatus) string { return strconv.Itoa(f.Records) }, right: true},
		{name: "skipped", text: func(f apiv1.FeedStatus) string { return strconv.Itoa(f.Skipped) }, right: true, tone: func(f apiv1.FeedStatus) tone { return unless(f.Skipped == 0, warn) }},
		{name: "as_of", text: func(f apiv1.FeedStatus) string { return ago(f.AsOf, now) }, where: inTable},
		{name: "as_of", text: func(f apiv1.FeedStatus) string { return stamp(f.AsOf) }, where: inCSV},
		{name: "changed", text: func(f apiv1.FeedStatus) string { return stamp(f.Changed) }, where: inCSV},
		{name: "last_attempt", text: func(f apiv1.FeedStatus) string { return stamp(f.LastAttempt) }, where: inCSV},
		{name: "state", text: feedState, tone: func(f apiv1.FeedStatus) tone { return unless(f.Error == "", bad) }},
		{name: "title", text: func(f apiv1.FeedStatus) string { return f.Title }, least: 10},
		{name: "support", text: func(f apiv1.FeedStatus) string { return f.Support }, where: inCSV},
		{name: "error", text: func(f apiv1.FeedStatus) string { return f.Error }, where: inCSV},
		{name: "url", text: func(f apiv1.FeedStatus) string { return f.URL }, where: inCSV},
	}
}

// after is a text behind what joins it to the one before it; empty when there is none.
func after(joint, text string) string {
	if text == "" {
		return ""
	}
	return joint + text
}

func feedState(f apiv1.FeedStatus) string {
	switch {
	case f.Error != "":
		return "failed"
	case f.Support == "not supported":
		return "not supported"
	case f.Absent:
		return "not there"
	case f.AsOf == nil:
		return "no data"
	}
	return "ok"
}

func (p *program) feedUpdate() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "update [NAME…]", Short: "Ask the server to fetch feeds now",
		Long:    "Ask the server to fetch feeds now: those named, or all.\n\nIt does so in the background; see staunch feed status.",
		Example: "  staunch feed update\n  staunch feed update osv/Debian kev",
		Args:    cobra.ArbitraryArgs,
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		if err := o.UpdateFeeds(ctx, args); err != nil {
			return err
		}
		p.note("the server fetches %s in the background: see staunch feed status", or(strings.Join(args, ", "), "all feeds"))
		return nil
	})
}

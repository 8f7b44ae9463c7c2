package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) events() *cobra.Command {
	var list listFlags
	var host string
	c := p.remote(&cobra.Command{
		Use: "events", Short: "Show what happened, newest first",
		Example: "  staunch events --limit 50\n  staunch events --host web1 -o csv --limit 0",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		hostID := ""
		if host != "" {
			d, err := o.Host(ctx, host)
			if err != nil {
				return err
			}
			hostID = d.Host.ID
		}
		items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.Event, string, error) {
			got, err := o.Events(ctx, hostID, list.page(cursor, size))
			return got.Items, got.Next, err
		})
		if err != nil {
			return err
		}
		return show(p, apiv1.EventPage{Items: items, Next: next}, items, []column[apiv1.Event]{
			{name: "seq", text: func(e apiv1.Event) string { return itoa(e.Seq) }, where: inCSV},
			{name: "at", text: func(e apiv1.Event) string { return stamp(&e.At) }},
			{name: "kind", text: func(e apiv1.Event) string { return e.Kind }, least: 10},
			{name: "actor", text: func(e apiv1.Event) string { return e.Actor }, least: 8},
			{name: "host", text: func(e apiv1.Event) string { return e.Host }, where: inCSV},
			{name: "text", text: func(e apiv1.Event) string { return e.Text }, least: 20},
			{name: "data", text: func(e apiv1.Event) string { return labelText(e.Data) }, where: inCSV},
		})
	})
	c.Flags().StringVar(&host, "host", "", "only events about this `HOST`, by id or name")
	c.Flags().IntVar(&list.limit, "limit", 100, "at most this many rows; 0 is all")
	c.AddCommand(p.eventsVerify())
	return c
}

func (p *program) watch() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "watch", Short: "Print what changes, as it changes, until interrupted",
		Long:    "Print what changes, as it changes, until interrupted: a line for each change, or a JSON object\nwith -o json.",
		Example: "  staunch watch\n  staunch watch -o json",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		return o.Live(ctx, func(m apiv1.LiveMessage) error {
			switch p.format {
			case formatJSON:
				return p.jsonLine(m)
			case formatCSV:
				return p.csv([][]string{{itoa(m.Seq), m.Kind, m.Ref}})
			}
			now := p.env.Now()
			write(p.env.Stdout, "%s  %-8s  %s\n", stamp(&now), clean(m.Kind), clean(m.Ref))
			return nil
		})
	})
}

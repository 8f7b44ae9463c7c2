package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) updates() *cobra.Command {
	var list listFlags
	c := p.remote(&cobra.Command{
		Use:     "updates",
		Short:   "List updates that hosts would install now",
		Example: "  staunch updates\n  staunch updates -l env=prod -o csv\n  staunch updates --as-of 2026-07-01",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		var page apiv1.FleetUpdatePage
		items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.FleetUpdate, string, error) {
			got, err := o.Updates(ctx, list.page(cursor, size))
			page = got
			return got.Items, got.Next, err
		})
		if err != nil {
			return err
		}
		page.Items, page.Next = items, next
		if err := show(p, page, items, fleetUpdateColumns()); err != nil {
			return err
		}
		if page.Reason != "" {
			p.note("%s", page.Reason)
		} else {
			p.shown(len(items), page.Total, "updates")
		}
		if page.Unknown > 0 {
			p.note("of %s the updates are not known", plural(page.Unknown, "host"))
		}
		p.pastNote(page.Past)
		return nil
	})
	list.add(c, "name, hosts, security")
	list.pastFlags(p, c)
	return c
}

func fleetUpdateColumns() []column[apiv1.FleetUpdate] {
	return []column[apiv1.FleetUpdate]{
		{name: "name", text: func(u apiv1.FleetUpdate) string { return u.Name }, least: 12},
		{name: "action", text: func(u apiv1.FleetUpdate) string { return u.Action }, usual: apiv1.ActionUpgrade},
		{name: "security", head: "sec", text: func(u apiv1.FleetUpdate) string { return yesNo(u.Security) }, tone: func(u apiv1.FleetUpdate) tone { return unless(!u.Security, warn) }},
		{name: "hosts", text: func(u apiv1.FleetUpdate) string { return strconv.Itoa(u.Hosts) }, right: true},
		{name: "states", text: func(u apiv1.FleetUpdate) string { return statesText(u.States) }, short: narrowStates, least: 11},
		{name: "to", text: func(u apiv1.FleetUpdate) string { return u.To }, least: 16, ends: true, apart: fromWords},
		{name: "from", text: func(u apiv1.FleetUpdate) string { return strings.Join(u.From, " ") }, short: fromWords, least: 16, ends: true, apart: func(u apiv1.FleetUpdate) string { return u.To }},
		{name: "archive", text: func(u apiv1.FleetUpdate) string { return u.Archive }, where: inCSV},
		{name: "origin", text: func(u apiv1.FleetUpdate) string { return u.Origin }, where: inCSV},
	}
}

// fromWords is the version that hosts have, or of how many they are.
func fromWords(u apiv1.FleetUpdate) string {
	if len(u.From) > 1 {
		return plural(len(u.From), "version")
	}
	return strings.Join(u.From, " ")
}

// statesText is "installable", or "3 installable 1 held" when hosts differ.
func statesText(states []apiv1.NameCount) string {
	if len(states) == 1 {
		return states[0].Name
	}
	var parts []string
	for _, s := range states {
		parts = append(parts, strconv.Itoa(s.Count)+" "+s.Name)
	}
	return strings.Join(parts, " ")
}

// narrowStates is statesText where its end may be cut off: what is not simply installable comes first.
func narrowStates(u apiv1.FleetUpdate) string {
	return statesText(slices.SortedStableFunc(slices.Values(u.States), func(a, b apiv1.NameCount) int {
		last := func(s apiv1.NameCount) int {
			if s.Name == apiv1.UpdateInstallable {
				return 1
			}
			return 0
		}
		return last(a) - last(b)
	}))
}

func (p *program) hostUpdates() *cobra.Command {
	return p.remote(&cobra.Command{
		Use: "updates HOST", Short: "List what a host's own package manager would do now",
		Example: "  staunch host updates web1",
		Args:    exactly("the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		u, err := o.HostUpdates(ctx, args[0])
		if err != nil {
			return err
		}
		if err := show(p, u, u.Updates.Updates, updateColumns()); err != nil {
			return err
		}
		switch {
		case u.AsOf == nil:
			p.note("this host has not reported its updates yet")
		case !u.Known:
			p.note("the updates of this host are not known: %s", or(u.Problem, "it gives no reason"))
		}
		if u.Metadata.Stale {
			p.note("package lists: %s", metadataWords(u.Metadata))
		}
		return nil
	})
}

func updateColumns() []column[apiv1.Update] {
	return []column[apiv1.Update]{
		{name: "name", text: func(u apiv1.Update) string { return u.Name }, least: 16},
		{name: "arch", text: func(u apiv1.Update) string { return u.Arch }, where: inCSV},
		{name: "action", text: func(u apiv1.Update) string { return u.Action }, usual: apiv1.ActionUpgrade},
		{name: "security", head: "sec", text: func(u apiv1.Update) string { return yesNo(u.Security) }, tone: func(u apiv1.Update) tone { return unless(!u.Security, warn) }},
		{name: "state", text: func(u apiv1.Update) string { return u.State }, tone: func(u apiv1.Update) tone { return unless(u.State == apiv1.UpdateInstallable, faint) }},
		{name: "from", text: func(u apiv1.Update) string { return u.From }, least: 16, ends: true, apart: func(u apiv1.Update) string { return u.To }},
		{name: "to", text: func(u apiv1.Update) string { return u.To }, least: 16, ends: true, apart: func(u apiv1.Update) string { return u.From }},
		{name: "archive", text: func(u apiv1.Update) string { return u.Archive }, where: inCSV},
		{name: "origin", text: func(u apiv1.Update) string { return u.Origin }, where: inCSV},
		{name: "reason", text: func(u apiv1.Update) string { return u.Reason }, below: func(u apiv1.Update) string { return u.Reason }},
	}
}

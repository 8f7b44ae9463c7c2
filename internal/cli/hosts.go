package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

// notAssessed stands where a number would be read as good news.
const notAssessed = "not assessed"

func (p *program) hosts() *cobra.Command {
	var list listFlags
	c := p.remote(&cobra.Command{
		Use:   "hosts",
		Short: "List hosts",
		Long: `List hosts: their state, what is wrong with them and when they were last seen.

FINDINGS counts distinct vulnerabilities by priority: u urgent, h high, n normal, l low, z lowest.
"not assessed" means that nothing is known, not that nothing is wrong. SEC counts security updates
that the host's package manager would install now.`,
		Example: `  staunch hosts
  staunch hosts -l 'env=prod,role in (web,api)' --sort findings --desc
  staunch hosts --state pending -o csv`,
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		var page apiv1.HostPage
		items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.Host, string, error) {
			got, err := o.Hosts(ctx, list.page(cursor, size))
			page = got
			return got.Items, got.Next, err
		})
		if err != nil {
			return err
		}
		page.Items, page.Next = items, next
		if err := show(p, page, items, p.hostColumns(page.Past != nil)); err != nil {
			return err
		}
		p.shown(len(items), page.Total, "hosts")
		p.pastNote(page.Past)
		return nil
	})
	list.add(c, "name, state, os, findings, security, last_seen")
	list.pastFlags(p, c)
	c.Flags().Var(choice{&list.State, []string{apiv1.HostPending, apiv1.HostApproved, apiv1.HostRevoked}}, "state", "only hosts that are `STATE`: pending, approved or revoked")
	return c
}

// shown says when a list is not all there is, or is empty.
func (p *program) shown(n, total int, what string) {
	switch {
	case total == 0:
		p.note("no %s", what)
	case n < total:
		p.note("%d of %d %s", n, total, what)
	}
}

// hostColumns are those of hosts now, or in the past: whether a host was there then, and when it was seen, nobody keeps.
func (p *program) hostColumns(past bool) []column[apiv1.Host] {
	now := p.env.Now()
	present := func(of func(apiv1.Host) string, then string) func(apiv1.Host) string {
		return func(h apiv1.Host) string {
			if past {
				return then
			}
			return of(h)
		}
	}
	count := func(of func(apiv1.FindingCounts) int) func(apiv1.Host) string {
		return func(h apiv1.Host) string { return findingNumber(h.Findings, of(h.Findings)) }
	}
	updates := func(of func(apiv1.UpdateCounts) int) func(apiv1.Host) string {
		return func(h apiv1.Host) string { return updateNumber(h.Updates, of(h.Updates)) }
	}
	return []column[apiv1.Host]{
		{name: "id", text: func(h apiv1.Host) string { return h.ID }, where: inCSV},
		{name: "name", text: func(h apiv1.Host) string { return h.Name }, least: 10},
		{name: "state", text: func(h apiv1.Host) string { return h.State }, tone: func(h apiv1.Host) tone { return stateTone(h.State) }},
		{name: "online", text: present(func(h apiv1.Host) string { return yesNo(h.Online) }, "-"), tone: func(h apiv1.Host) tone { return unless(h.Online, faint) }, where: inTable},
		{name: "online", text: present(func(h apiv1.Host) string { return yesNo(h.Online) }, ""), where: inCSV},
		{name: "os", text: func(h apiv1.Host) string { return h.OS }, where: inCSV},
		{name: "os", text: osOf, tone: func(h apiv1.Host) tone { return lifecycleTone(h.Lifecycle) }, where: inTable, least: 9},
		{name: "ecosystem", text: func(h apiv1.Host) string { return h.Ecosystem }, where: inCSV},
		{name: "arch", text: func(h apiv1.Host) string { return h.Arch }, where: inCSV},
		{name: "kernel", text: func(h apiv1.Host) string { return h.Kernel }, where: inCSV},
		{name: "labels", text: func(h apiv1.Host) string { return labelText(h.Labels) }, where: inCSV},
		{name: "findings", text: func(h apiv1.Host) string { return countsText(h.Findings) }, tone: func(h apiv1.Host) tone { return countsTone(h.Findings) }, where: inTable, least: len(notAssessed)},
		{name: "urgent", text: count(func(c apiv1.FindingCounts) int { return c.Urgent }), where: inCSV},
		{name: "high", text: count(func(c apiv1.FindingCounts) int { return c.High }), where: inCSV},
		{name: "normal", text: count(func(c apiv1.FindingCounts) int { return c.Normal }), where: inCSV},
		{name: "low", text: count(func(c apiv1.FindingCounts) int { return c.Low }), where: inCSV},
		{name: "lowest", text: count(func(c apiv1.FindingCounts) int { return c.Lowest }), where: inCSV},
		{name: "sec", text: updates(func(c apiv1.UpdateCounts) int { return c.Security }), right: true, where: inTable},
		{name: "security_updates", text: updates(func(c apiv1.UpdateCounts) int { return c.Security }), where: inCSV},
		{name: "updates", text: updates(func(c apiv1.UpdateCounts) int { return c.Installable }), where: inCSV},
		{name: "reboot", text: func(h apiv1.Host) string { return yesNo(h.RebootRequired) }, tone: func(h apiv1.Host) tone { return unless(!h.RebootRequired, warn) }},
		{name: "seen", text: present(func(h apiv1.Host) string { return ago(h.LastSeen, now) }, "-"), where: inTable},
		{name: "last_seen", text: func(h apiv1.Host) string { return stamp(h.LastSeen) }, where: inCSV},
		{name: "lifecycle", text: func(h apiv1.Host) string { return h.Lifecycle.State }, where: inCSV},
		{name: "lifecycle_until", text: func(h apiv1.Host) string { return h.Lifecycle.Until }, where: inCSV},
		{name: "stale_metadata", text: func(h apiv1.Host) string { return yesNo(h.Metadata.Stale) }, where: inCSV},
		{name: "agent_version", text: func(h apiv1.Host) string { return h.AgentVersion }, where: inCSV},
	}
}

// osOf is the short name of a release where there is one, and that it is over where it is.
func osOf(h apiv1.Host) string {
	if h.Ecosystem != "" {
		name := strings.Replace(h.Ecosystem, ":", " ", 1)
		if h.Lifecycle.State == "ended" {
			name += ", ended"
		}
		return name
	}
	if h.OS != "" {
		return h.OS
	}
	return "unknown"
}

func unless(ok bool, t tone) tone {
	if ok {
		return plain
	}
	return t
}

func stateTone(state string) tone {
	switch state {
	case apiv1.HostApproved:
		return plain
	case apiv1.HostPending:
		return warn
	}
	return bad
}

func findingNumber(c apiv1.FindingCounts, n int) string {
	if !c.Assessed {
		return notAssessed
	}
	return strconv.Itoa(n)
}

func updateNumber(c apiv1.UpdateCounts, n int) string {
	if !c.Known {
		return "?"
	}
	return strconv.Itoa(n)
}

// countsText is "2u 14h 120n"; priorities with no finding are left out.
func countsText(c apiv1.FindingCounts) string {
	if !c.Assessed {
		return notAssessed
	}
	var parts []string
	for _, n := range []struct {
		count  int
		letter string
	}{{c.Urgent, "u"}, {c.High, "h"}, {c.Normal, "n"}, {c.Low, "l"}, {c.Lowest, "z"}} {
		if n.count > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n.count, n.letter))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

func countsTone(c apiv1.FindingCounts) tone {
	switch {
	case !c.Assessed:
		return warn
	case c.Urgent > 0:
		return bad
	case c.High > 0:
		return warn
	case c.Total == 0:
		return good
	}
	return plain
}

// countsWords is countsText for a page with room.
func countsWords(c apiv1.FindingCounts) string {
	if !c.Assessed {
		if c.Reason != "" {
			return notAssessed + ": " + c.Reason
		}
		return notAssessed
	}
	return fmt.Sprintf("%d: %d urgent, %d high, %d normal, %d low, %d lowest", c.Total, c.Urgent, c.High, c.Normal, c.Low, c.Lowest)
}

func updatesWords(c apiv1.UpdateCounts) string {
	if !c.Known {
		if c.Problem != "" {
			return "unknown: " + c.Problem
		}
		return "unknown"
	}
	return fmt.Sprintf("%d installable, %d of them security; %d phased, %d held, %d kept back", c.Installable, c.Security, c.Phased, c.Held, c.KeptBack)
}

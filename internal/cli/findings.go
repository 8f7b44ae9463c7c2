package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

// findingFlags are those of commands that list findings.
type findingFlags struct {
	listFlags
	explain bool
}

func (f *findingFlags) add(c *cobra.Command) {
	priorityFlag(c, &f.Priority, "only findings of this `PRIORITY`")
	c.Flags().StringVar(&f.Source, "source", "", "only findings of this source `PACKAGE`")
	c.Flags().BoolVar(&f.explain, "explain", false, "say of each finding why it is one")
}

func (p *program) findings() *cobra.Command {
	var list findingFlags
	c := p.remote(&cobra.Command{
		Use:   "findings",
		Short: "List vulnerabilities of packages on hosts",
		Long: `List findings: a vulnerability of a source package on a host, the worst first.

Hosts of which nothing is known have no findings; how many they are is said on standard error.`,
		Example: "  staunch findings -l env=prod --priority urgent\n  staunch findings --source openssl --explain",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		return p.listFindings(list, true, func(l client.List) (apiv1.FindingPage, error) { return o.Findings(ctx, l) })
	})
	list.listFlags.add(c, "priority, vulnerability, host, source")
	list.pastFlags(p, c)
	list.add(c)
	return c
}

func (p *program) hostFindings() *cobra.Command {
	var list findingFlags
	c := p.remote(&cobra.Command{
		Use: "findings HOST", Short: "List what is wrong on a host",
		Example: "  staunch host findings web1 --explain",
		Args:    exactly("the id or name of the host"),
	}, func(ctx context.Context, o *client.Operator, args []string) error {
		return p.listFindings(list, false, func(l client.List) (apiv1.FindingPage, error) { return o.HostFindings(ctx, args[0], l) })
	})
	c.Flags().StringVarP(&list.Search, "search", "q", "", "only rows with this `TEXT`")
	list.limitFlag(c)
	list.pastFlags(p, c)
	list.add(c)
	return c
}

func (p *program) listFindings(list findingFlags, withHost bool, fetch func(client.List) (apiv1.FindingPage, error)) error {
	var page apiv1.FindingPage
	items, next, err := pages(list.limit, func(cursor string, size int) ([]apiv1.Finding, string, error) {
		got, err := fetch(list.page(cursor, size))
		page = got
		return got.Items, got.Next, err
	})
	if err != nil {
		return err
	}
	page.Items, page.Next = items, next
	if list.explain && p.format == formatTable {
		p.explain(items, withHost)
	} else if err := show(p, page, items, findingColumns(withHost)); err != nil {
		return err
	}
	p.assessedNote(page, len(items))
	p.pastNote(page.Past)
	return nil
}

// assessedNote keeps a short list from being read as good news.
func (p *program) assessedNote(page apiv1.FindingPage, shown int) {
	if page.Count.Assessed || page.Total > 0 {
		p.shown(shown, page.Total, "findings")
	}
	switch {
	case page.NotAssessed > 0 && page.Count.Assessed:
		p.unassessed(page.NotAssessed)
	case !page.Count.Assessed:
		p.note("%s", countsWords(page.Count))
	}
}

// unassessed says of how many hosts nothing is known.
func (p *program) unassessed(hosts int) {
	if hosts > 0 {
		p.note("%s not assessed: nothing is known about what is wrong there", plural(hosts, "host"))
	}
}

// explain prints a finding as a line and its explanation below.
func (p *program) explain(items []apiv1.Finding, withHost bool) {
	for _, f := range items {
		head := f.Priority + "  " + f.Vulnerability + "  " + f.Source
		if withHost {
			head += "  on " + f.Host
		}
		write(p.env.Stdout, "%s\n", clean(head))
		room := 0
		if p.env.Width > 0 {
			room = p.env.Width - 2
		}
		write(p.env.Stdout, "  %s\n", strings.ReplaceAll(paragraphs(f.Explanation, room), "\n", "\n  "))
		for _, r := range f.Reasons {
			if r.Effect != "none" {
				text := r.Input + " " + r.Value + " (" + strings.Join(strings.Fields(r.Source+" "+r.Date), ", ") + "): " + r.Effect
				write(p.env.Stdout, "    %s\n", strings.Join(wrap(clean(text), max(0, room-2)), "\n      "))
			}
		}
	}
}

func findingColumns(withHost bool) []column[apiv1.Finding] {
	host := inCSV
	if withHost {
		host = everywhere
	}
	return []column[apiv1.Finding]{
		{name: "priority", text: func(f apiv1.Finding) string { return f.Priority }, tone: func(f apiv1.Finding) tone { return priorityTone(f.Priority) }},
		{name: "vulnerability", text: func(f apiv1.Finding) string { return f.Vulnerability }, least: 14},
		{name: "host", text: func(f apiv1.Finding) string { return f.Host }, where: host, least: 8, ends: true},
		{name: "host_id", text: func(f apiv1.Finding) string { return f.HostID }, where: inCSV},
		{name: "source", text: func(f apiv1.Finding) string { return f.Source }, least: 8},
		{name: "packages", text: func(f apiv1.Finding) string { return strings.Join(f.Packages, " ") }, where: inCSV},
		{name: "installed", text: func(f apiv1.Finding) string { return f.Installed }, least: 11, ends: true, apart: fixWords},
		{name: "fix", text: fixWords, where: inTable, least: fixRoom, ends: true, apart: func(f apiv1.Finding) string { return f.Installed }},
		{name: "fixed", text: func(f apiv1.Finding) string { return or(f.Fixed, "none") }, where: inCSV},
		{name: "status", text: func(f apiv1.Finding) string { return f.Status }, where: inCSV},
		{name: "update", text: func(f apiv1.Finding) string { return f.Update }, where: inCSV},
		{name: "severity", text: func(f apiv1.Finding) string { return f.Severity }, where: inCSV},
		{name: "epss", text: func(f apiv1.Finding) string { return epssScore(f.EPSS) }, where: inCSV},
		{name: "ssvc", text: func(f apiv1.Finding) string { return ssvcWords(f.SSVC) }, where: inCSV},
		{name: "source_status", text: func(f apiv1.Finding) string { return f.SourceStatus }, where: inCSV},
		{name: "entitlement", text: func(f apiv1.Finding) string { return f.Entitlement }, where: inCSV},
		{name: "kev_added", text: func(f apiv1.Finding) string { return kevAdded(f.KEV) }, where: inCSV},
		{name: "advisory", text: func(f apiv1.Finding) string { return f.Advisory }, where: inCSV},
		{name: "feed", text: func(f apiv1.Finding) string { return f.Feed }, where: inCSV},
		{name: "feed_as_of", text: func(f apiv1.Finding) string { return stamp(f.FeedAsOf) }, where: inCSV},
		{name: "explanation", text: func(f apiv1.Finding) string { return f.Explanation }, where: inCSV},
	}
}

// fixWords is the version to install, or why there is none to: in 80 columns there is no room for both.
// fixRoom is what the column of fixes always has, however narrow the table: every status has words that fit.
const fixRoom = 18

// fixWords is the version that fixes a finding, else its status in words that fit; CSV, JSON and --explain have all of them.
func fixWords(f apiv1.Finding) string {
	switch f.Status {
	case apiv1.StatusFixed:
		return or(f.Fixed, f.Status)
	case apiv1.StatusNotLoaded:
		return "kernel not loaded"
	case apiv1.StatusNotRunning:
		return "kernel not running"
	case apiv1.StatusRebootPending:
		return "fixed, not booted"
	case apiv1.StatusOldCode:
		return "fixed, not loaded"
	case apiv1.StatusEntitlement:
		return "needs subscription"
	case apiv1.StatusPostponed:
		return "fix postponed"
	case apiv1.StatusUndetermined:
		return "not yet determined"
	case apiv1.StatusUnimportant:
		return "no security impact"
	case apiv1.StatusEndOfLife:
		return "end of life"
	case apiv1.StatusUntold:
		return "stream not known"
	}
	return f.Status
}

func epssScore(e *apiv1.EPSS) string {
	if e == nil {
		return ""
	}
	return strconv.FormatFloat(e.Score, 'f', 3, 64)
}

func ssvcWords(s *apiv1.SSVC) string {
	if s == nil {
		return ""
	}
	return s.Exploitation + "/" + s.Automatable + "/" + s.Impact
}

func kevAdded(k *apiv1.KEV) string {
	if k == nil {
		return ""
	}
	return k.Added
}

func priorityTone(priority string) tone {
	switch priority {
	case apiv1.PriorityUrgent:
		return bad
	case apiv1.PriorityHigh:
		return warn
	case apiv1.PriorityLow, apiv1.PriorityLowest:
		return faint
	}
	return plain
}

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

func (p *program) overview() *cobra.Command {
	var list listFlags
	c := p.remote(&cobra.Command{
		Use: "overview", Short: "Show the state of the fleet on one page",
		Example: "  staunch overview\n  staunch overview -l env=prod\n  staunch overview --as-of 2026-07-01 --hindsight",
	}, func(ctx context.Context, o *client.Operator, _ []string) error {
		v, err := o.Overview(ctx, list.page("", 0))
		if err != nil {
			return err
		}
		p.pastNote(v.Past)
		if err := p.details(v, overviewPairs(v)); err != nil || p.format != formatTable {
			return err
		}
		if len(v.Top) > 0 {
			p.heading("Worst vulnerabilities")
			if err := show(p, v, v.Top, vulnColumns()); err != nil {
				return err
			}
		}
		if len(v.Feeds) > 0 {
			if v.Past != nil {
				p.heading("Feeds today")
			} else {
				p.heading("Feeds")
			}
			return show(p, v, v.Feeds, p.feedColumns())
		}
		return nil
	})
	list.selector(c)
	list.pastFlags(p, c)
	return c
}

// worstWords counts the assessed hosts by their worst finding, and those that have none: together they are all that are assessed.
func worstWords(v apiv1.Overview) string {
	text := countsWords(v.HostsByWorst)
	if v.HostsByWorst.Assessed {
		text += fmt.Sprintf("; %d assessed with none", v.Hosts-v.NotAssessed-v.HostsByWorst.Total)
	}
	return text
}

func overviewPairs(v apiv1.Overview) pairs {
	var releases []string
	for _, r := range v.Releases {
		releases = append(releases, fmt.Sprintf("%s %d", r.Name, r.Count))
	}
	living := pairs{{"online", fmt.Sprint(v.Online)}, {"pending", fmt.Sprint(v.Pending)}, {"stale_package_lists", fmt.Sprint(v.StaleMetadata)}}
	if v.Past != nil {
		living = nil // it has no history
	}
	return slices.Concat(pairs{{"hosts", fmt.Sprint(v.Hosts)}}, living, pairs{
		{"not_assessed", fmt.Sprint(v.NotAssessed)}, {"end_of_life", fmt.Sprint(v.EndOfLife)},
		{"updates_unknown", fmt.Sprint(v.UpdatesUnknown)}, {"security_updates", fmt.Sprint(v.WithSecurity)},
		{"reboot_required", fmt.Sprint(v.RebootRequired)}, {"failed_units", fmt.Sprint(v.FailedUnits)},
		{"vulnerabilities", countsWords(v.Findings)}, {"hosts_by_worst", worstWords(v)},
		{"releases", strings.Join(releases, ", ")},
	})
}

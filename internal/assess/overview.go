package assess

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// topVulnerabilities is how many the front page shows.
const topVulnerabilities = 10

// Overview counts over the hosts that a selector names. Feeds is left empty: that is the feed service's to say.
func (s *Service) Overview(ctx context.Context, q Query) (apiv1.Overview, error) {
	out := apiv1.Overview{Releases: []apiv1.NameCount{}, Feeds: []apiv1.FeedStatus{}, Top: []apiv1.VulnRow{}}
	now := s.now()
	err := s.answering(ctx, q.Past, func(ix *index) error {
		selection := s.selected(ix, q)
		releases := map[string]int{}
		for it := selection.Iterator(); it.HasNext(); {
			r := s.row(ix, ix.byOrdinal[it.Next()], now)
			countHost(&out, r)
			if r.OS != "" {
				releases[r.OS]++
			}
		}
		for name, n := range releases {
			out.Releases = append(out.Releases, apiv1.NameCount{Name: name, Count: n})
		}
		slices.SortFunc(out.Releases, func(a, b apiv1.NameCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
		})
		reached := ix.reach(q, selection)
		out.Findings = ix.countVulnerabilities(reached, selection)
		top, _, err := paged(reached, Query{Limit: topVulnerabilities}, "priority", reachPlace("priority"))
		if err != nil {
			return err
		}
		for _, v := range top {
			out.Top = append(out.Top, ix.vulnRow(v, selection))
		}
		out.Seq, out.Past = ix.seq, ix.past.wire()
		return nil
	})
	return out, err
}

func countHost(out *apiv1.Overview, r apiv1.Host) {
	yes := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	yes(&out.Hosts, true)
	yes(&out.Online, r.Online)
	yes(&out.Pending, r.State == string(fleet.Pending))
	yes(&out.NotAssessed, !r.Findings.Assessed)
	yes(&out.StaleMetadata, r.Metadata.Stale)
	yes(&out.RebootRequired, r.RebootRequired)
	yes(&out.FailedUnits, r.FailedUnits > 0)
	yes(&out.WithSecurity, r.Updates.Security > 0)
	yes(&out.UpdatesUnknown, !r.Updates.Known)
	if !r.Findings.Assessed {
		return
	}
	out.HostsByWorst.Assessed = true
	switch f := r.Findings; {
	case f.Urgent > 0:
		tally(&out.HostsByWorst, apiv1.PriorityUrgent)
	case f.High > 0:
		tally(&out.HostsByWorst, apiv1.PriorityHigh)
	case f.Normal > 0:
		tally(&out.HostsByWorst, apiv1.PriorityNormal)
	case f.Low > 0:
		tally(&out.HostsByWorst, apiv1.PriorityLow)
	case f.Lowest > 0:
		tally(&out.HostsByWorst, apiv1.PriorityLowest)
	default:
		out.HostsByWorst.Total++
	}
}

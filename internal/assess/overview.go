package assess

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/advisory"
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
		selected := ix.selection(s.selected(ix, q))
		s.countHosts(ix, selected.Bitmap, now, &out)
		reach := ix.reachOf(filterOf(q), selected)
		out.Findings = ix.counting(selected)
		reach.tally(&out.Findings)
		top, _, err := reach.page(Query{Limit: topVulnerabilities}, "priority")
		if err != nil {
			return err
		}
		hits := map[*subject]map[string]Hit{}
		for _, v := range top {
			out.Top = append(out.Top, reach.vulnRow(v, hits))
		}
		out.Seq, out.Past = ix.seq, ix.past.wire()
		return nil
	})
	return out, err
}

// countHosts counts the selected hosts by what they are: by bitmap what stands still, one by one what moves.
func (s *Service) countHosts(ix *index, selection *roaring.Bitmap, now time.Time, out *apiv1.Overview) {
	out.Hosts = cardinality(selection)
	out.NotAssessed = ix.unassessed(selection)
	out.EndOfLife = ix.countLifecycle(advisory.LifecycleEnded, selection)
	out.Pending = ix.attrs.count(fleet.KeyHostState, string(fleet.Pending), selection)
	out.RebootRequired = ix.attrs.count(fleet.KeyHostReboot, "yes", selection)
	out.FailedUnits = ix.attrs.count(fleet.KeyHostFailedUnits, "yes", selection)
	out.WithSecurity = ix.attrs.count(fleet.KeyHostSecurityUpdates, "yes", selection)
	out.UpdatesUnknown = ix.attrs.count(fleet.KeyHostUpdates, "unknown", selection)
	for name, hosts := range ix.attrs[keyOS] {
		if n := hosts.count(selection); n > 0 {
			out.Releases = append(out.Releases, apiv1.NameCount{Name: name, Count: n})
		}
	}
	slices.SortFunc(out.Releases, func(a, b apiv1.NameCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	s.presence.EachOnline(now, func(id string) {
		if h := ix.hosts[id]; h != nil && ix.past == (Past{}) && selection.Contains(h.ordinal) {
			out.Online++
		}
	})
	ix.countEach(selection, now, out)
}

// countEach counts, host by host, those whose lists are old, and the assessed ones by the worst that they have.
func (ix *index) countEach(selection *roaring.Bitmap, now time.Time, out *apiv1.Overview) {
	at, host := now.UnixMicro(), ix.byOrdinal.ascending()
	var worst [fine + 1]int
	assessed := roaring.And(selection, ix.assessed())
	assessed.Iterate(func(ordinal uint32) bool {
		h := host(uint64(ordinal))
		worst[h.cohort.worst[h.place]]++
		if h.stale(at) {
			out.StaleMetadata++
		}
		return true
	})
	roaring.AndNot(selection, assessed).Iterate(func(ordinal uint32) bool {
		if ix.host(ordinal).stale(at) {
			out.StaleMetadata++
		}
		return true
	})
	c := &out.HostsByWorst
	c.Assessed = !assessed.IsEmpty()
	for r, priority := range priorities() {
		tallyMany(c, priority, worst[r])
	}
	c.Total += worst[fine]
}

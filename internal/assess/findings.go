package assess

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Findings lists findings of the selected hosts. Total and Count are of everything that matches, not of the page.
func (s *Service) Findings(ctx context.Context, q Query) (apiv1.FindingPage, error) {
	var page apiv1.FindingPage
	err := s.answering(ctx, q.Past, func(ix *index) (err error) {
		page, err = s.findings(ix, q, filterOf(q), s.selected(ix, q))
		return err
	})
	return page, err
}

// HostFindings lists what is wrong on one host. fault.NotFound when there is none.
func (s *Service) HostFindings(ctx context.Context, hostID string, q Query) (apiv1.FindingPage, error) {
	var page apiv1.FindingPage
	err := s.answering(ctx, q.Past, func(ix *index) (err error) {
		h := ix.hosts[hostID]
		if h == nil {
			return fault.New(fault.NotFound, "there is no host %q", hostID)
		}
		if q.Sort == "" || q.Sort == "host" {
			q.Sort = "priority"
		}
		page, err = s.findings(ix, q, filterOf(q), roaring.BitmapOf(h.ordinal))
		if reason := ix.notAssessed(h); reason != "" {
			page.Count.Reason = reason
		}
		return err
	})
	return page, err
}

// findings makes a page of the findings that a filter wants on selected hosts.
func (s *Service) findings(ix *index, q Query, f filter, selection *roaring.Bitmap) (apiv1.FindingPage, error) {
	sort, err := q.order(findingColumns()...)
	if err != nil {
		return apiv1.FindingPage{}, err
	}
	after, err := readCursor[spot](q, sort)
	if err != nil {
		return apiv1.FindingPage{}, err
	}
	if after != nil {
		after.name = nameKey(after.Vulnerability)
	}
	var groups []group
	if selection.GetCardinality() == 1 {
		groups = ix.hostGroups(ix.byOrdinal[selection.Minimum()], f)
	} else {
		groups = ix.groups(f, selection)
	}
	page := apiv1.FindingPage{Items: []apiv1.Finding{}, Count: ix.countGroups(groups, selection), NotAssessed: ix.unassessed(selection), Seq: ix.seq, Past: ix.past.wire()}
	for _, g := range groups {
		page.Total += int(g.hosts.AndCardinality(selection)) //nolint:gosec // findings are fewer than an int holds
	}
	w := writer{page: &page, limit: q.limit(), ix: ix, sort: sort, desc: q.Desc}
	if sort == "host" {
		w.byHost(f, selection, after)
	} else {
		w.byGroup(groups, selection, after)
	}
	return page, nil
}

// countGroups counts distinct vulnerabilities.
func (ix *index) countGroups(groups []group, selection *roaring.Bitmap) apiv1.FindingCounts {
	worst := map[string]int{}
	for _, g := range groups {
		r := rank(g.Priority)
		if w, seen := worst[g.Vulnerability]; !seen || r < w {
			worst[g.Vulnerability] = r
		}
	}
	all := make([]reached, 0, len(worst))
	for _, r := range worst {
		all = append(all, reached{rank: r})
	}
	return ix.countVulnerabilities(all, selection)
}

// writer fills a page with findings, from a spot on.
type writer struct {
	page  *apiv1.FindingPage
	limit int
	ix    *index
	sort  string
	desc  bool
	last  spot
}

// add puts a finding on the page; false when the page is full, and then Next is where it ended.
func (w *writer) add(g placedGroup, h *host) bool {
	if len(w.page.Items) == w.limit {
		w.page.Next = writeCursor(w.sort, w.desc, w.last)
		return false
	}
	w.page.Items = append(w.page.Items, w.ix.render(g.group, h))
	w.last = g.at
	w.last.Ordinal = h.ordinal
	if w.sort == "host" {
		w.last.Host = h.Name
	}
	return true
}

// byGroup lists group after group, each group's hosts by ordinal.
func (w *writer) byGroup(groups []group, selection *roaring.Bitmap, after *spot) {
	sorted := sortGroups(groups, w.sort, w.desc)
	from := 0
	if after != nil {
		from, _ = slices.BinarySearchFunc(sorted, *after, func(g placedGroup, at spot) int {
			return turned(compareSpots(g.at, at, w.sort), w.desc)
		})
	}
	for _, g := range sorted[from:] {
		hosts := roaring.And(g.hosts, selection)
		if after != nil && compareSpots(g.at, *after, w.sort) == 0 {
			hosts.RemoveRange(0, uint64(after.Ordinal)+1)
		}
		for it := hosts.Iterator(); it.HasNext(); {
			if !w.add(g, w.ix.byOrdinal[it.Next()]) {
				return
			}
		}
	}
}

// byHost lists host after host by name, each host's findings worst first.
func (w *writer) byHost(f filter, selection *roaring.Bitmap, after *spot) {
	var hosts []*host
	for it := selection.Iterator(); it.HasNext(); {
		hosts = append(hosts, w.ix.byOrdinal[it.Next()])
	}
	order := func(name string, ordinal uint32, otherName string, otherOrdinal uint32) int {
		return turned(cmp.Or(strings.Compare(name, otherName), cmp.Compare(ordinal, otherOrdinal)), w.desc)
	}
	slices.SortFunc(hosts, func(a, b *host) int { return order(a.Name, a.ordinal, b.Name, b.ordinal) })
	for _, h := range hosts {
		place := 1
		if after != nil {
			place = order(h.Name, h.ordinal, after.Host, after.Ordinal)
		}
		if place < 0 {
			continue
		}
		for _, g := range sortGroups(w.ix.hostGroups(h, f), w.sort, false) {
			if place == 0 && compareSpots(g.at, *after, w.sort) <= 0 {
				continue
			}
			if !w.add(g, h) {
				return
			}
		}
	}
}

// render is a group's finding on one host.
func (ix *index) render(g group, h *host) apiv1.Finding {
	on := Installed{}
	for _, u := range h.set.units {
		if u.subject == g.subject {
			for _, p := range u.packages {
				on.Packages = append(on.Packages, p.Package)
			}
		}
	}
	var update string
	update, on.Offer = h.offer(on.Packages, g)
	f := finding(g.Case, g.Verdict, on, ix.feeds[g.Hit.Advisory.Feed].AsOf, ix.now())
	f.HostID, f.Host, f.Update = h.ID, h.Name, update
	return f
}

// offer says what the host's own package manager would do about some packages: the version that it would install now, if any, and
// the same in words.
func (h *host) offer(packages []inventory.Package, g group) (version, words string) {
	if h.updates == nil {
		return "", "updates not reported yet"
	}
	if !h.updates.body.Known {
		return "", "updates not known: " + strings.Join(strings.Fields(h.updates.body.Problem), " ")
	}
	manager := cmp.Or(h.updates.body.Manager, "the package manager")
	best, name := (*apiv1.Update)(nil), ""
	for _, p := range packages {
		u := h.updates.byName[nameArch{p.Name, p.Arch}]
		if u != nil && u.Action != apiv1.ActionRemove && (best == nil || better(u, best)) {
			best, name = u, p.Name
		}
	}
	if best == nil {
		return "", "no update offered: " + h.listsText()
	}
	offered := fmt.Sprintf("%s %s", name, best.To)
	if best.Archive != "" {
		offered += " from " + best.Archive
	}
	reason := ""
	if best.Reason != "" {
		reason = ": " + strings.Join(strings.Fields(best.Reason), " ")
	}
	switch best.State {
	case apiv1.UpdateHeld:
		return "", fmt.Sprintf("held: %s would offer %s%s", manager, offered, reason)
	case apiv1.UpdatePhased:
		return "", fmt.Sprintf("phased, not for this host yet: %s%s", offered, reason)
	case apiv1.UpdateKeptBack:
		return "", fmt.Sprintf("kept back: %s%s", offered, reason)
	}
	words = fmt.Sprintf("%s offers %s now", manager, offered)
	for _, p := range packages {
		if p.Name == name && follows(&p, g.Subject) && g.Hit.Fixed(g.Standing) != "" && !g.Hit.Reaches(withoutRebuild(best.To), g.Standing) {
			words += ", which does not have the fix"
		}
	}
	return best.To, words
}

// better prefers what can be installed to what cannot, then what is nearest to it.
func better(a, b *apiv1.Update) bool {
	order := []string{apiv1.UpdateInstallable, apiv1.UpdatePhased, apiv1.UpdateKeptBack, apiv1.UpdateHeld}
	return slices.Index(order, a.State) < slices.Index(order, b.State)
}

func (h *host) listsText() string {
	if h.seen.vitals == nil || h.seen.vitals.RefreshedAt == nil {
		return "its package lists were never refreshed"
	}
	return "lists last refreshed " + inventory.Instant(*h.seen.vitals.RefreshedAt)
}

package assess

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Findings lists findings of the selected hosts. Total and Count are of everything that matches, not of the page.
func (s *Service) Findings(ctx context.Context, q Query) (apiv1.FindingPage, error) {
	var page apiv1.FindingPage
	err := s.answering(ctx, q.Past, func(ix *index) (err error) {
		page, err = s.findings(ix, q, filterOf(q), ix.selection(s.selected(ix, q)))
		return err
	})
	return page, err
}

// HostFindings lists what is wrong on one host, by id; one of the past by id or by name, among those that there were then. fault.NotFound when
// there is none, fault.Conflict when several had that name.
func (s *Service) HostFindings(ctx context.Context, host string, q Query) (apiv1.FindingPage, error) {
	var page apiv1.FindingPage
	err := s.answering(ctx, q.Past, func(ix *index) (err error) {
		h, err := ix.hostOf(host)
		if err != nil {
			return err
		}
		if q.Sort == "" || q.Sort == "host" {
			q.Sort = "priority"
		}
		page, err = s.findings(ix, q, filterOf(q), ix.selection(roaring.BitmapOf(h.ordinal)))
		if reason := ix.notAssessed(h); reason != "" {
			page.Count.Reason = reason
		}
		return err
	})
	return page, err
}

// findings makes a page of the findings that a filter wants on selected hosts.
func (s *Service) findings(ix *index, q Query, f filter, selected *selection) (apiv1.FindingPage, error) {
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
	page := apiv1.FindingPage{Items: []apiv1.Finding{}, Count: ix.counting(selected), NotAssessed: ix.unassessed(selected.Bitmap), Seq: ix.seq, Past: ix.past.wire()}
	if selected.size == 1 {
		groups = ix.hostGroups(ix.host(selected.Minimum()), f)
		page.Total = len(groups)
	} else {
		groups, page.Total = ix.groups(f, selected)
	}
	t := ix.newTallies()
	for _, g := range groups {
		t.add(g.vulnerability, g.rank)
	}
	t.take(&page.Count)
	w := writer{page: &page, limit: q.limit(), ix: ix, sort: sort, desc: q.Desc, hits: map[*subject]map[string]Hit{}}
	if sort == "host" {
		w.byHost(f, selected, after)
	} else {
		w.byGroup(groups, selected, after)
	}
	return page, nil
}

// writer fills a page with findings, from a spot on.
type writer struct {
	page  *apiv1.FindingPage
	limit int
	ix    *index
	sort  string
	desc  bool
	last  spot
	hits  map[*subject]map[string]Hit
}

// add puts a finding on the page; false when the page is full, and then Next is where it ended.
func (w *writer) add(g placedGroup, h *host) bool {
	if len(w.page.Items) == w.limit {
		w.last.Rest = w.last.rest()
		w.page.Next = writeCursor(w.sort, w.desc, w.last)
		return false
	}
	w.page.Items = append(w.page.Items, w.render(g.group, h))
	w.last = g.at
	w.last.Ordinal = h.ordinal
	if w.sort == "host" {
		w.last.Host = h.name
	}
	return true
}

// byGroup lists group after group, each group's hosts by ordinal.
func (w *writer) byGroup(groups []group, selected *selection, after *spot) {
	// Each has a selected host at least, but for the one in which the page before ended.
	for _, g := range sortGroups(groups, w.sort, w.desc, after, w.limit+2) {
		from, room := uint32(0), true
		if after != nil && compareSpots(&g.at, after, w.sort) == 0 {
			if after.Ordinal == mostOrdinal {
				continue
			}
			from = after.Ordinal + 1
		}
		selected.each(g.group, from, func(h *host) bool {
			room = w.add(g, h)
			return room
		})
		if !room {
			return
		}
	}
}

// byHost lists host after host by name, each host's findings worst first.
func (w *writer) byHost(f filter, selected *selection, after *spot) {
	var hosts []*host
	selected.Iterate(func(ordinal uint32) bool { hosts = append(hosts, w.ix.host(ordinal)); return true })
	order := func(name string, ordinal uint32, otherName string, otherOrdinal uint32) int {
		return turned(cmp.Or(strings.Compare(name, otherName), cmp.Compare(ordinal, otherOrdinal)), w.desc)
	}
	slices.SortFunc(hosts, func(a, b *host) int { return order(a.name, a.ordinal, b.name, b.ordinal) })
	for _, h := range hosts {
		place := 1
		if after != nil {
			place = order(h.name, h.ordinal, after.Host, after.Ordinal)
		}
		if place < 0 {
			continue
		}
		groups := w.ix.hostGroups(h, f)
		for _, g := range sortGroups(groups, w.sort, false, nil, len(groups)) {
			if place == 0 && compareSpots(&g.at, after, w.sort) <= 0 {
				continue
			}
			if !w.add(g, h) {
				return
			}
		}
	}
}

// render is a group's finding on one host.
func (w *writer) render(g group, h *host) apiv1.Finding {
	s := g.at.of
	hits, known := w.hits[s]
	if !known {
		hits = w.ix.hits(s)
		w.hits[s] = hits
	}
	on := w.ix.installed(h.cohort, g.at)
	now := w.ix.now()
	c := w.ix.caseOf(g.id, s, hits[g.id], g.at.kind.Value().at(w.ix.places[h.place].Place), nil) // it is a finding, so not of what is on disk too
	c.Ended = w.ix.lifecycles.ended(s.Ecosystem, now)
	var update string
	update, on.Offer = h.offer(on.Packages, c, w.ix.past != Past{})
	if scores := w.ix.feeds["epss"].AsOf; c.Threat.EPSS != nil && !scores.IsZero() {
		c.Threat.EPSSDate = day(scores) // scores are all of one day: that of their feed
	}
	c.KEVDate = day(w.ix.feeds["kev"].AsOf)
	f := finding(c, Judge(c, now), on, w.ix.feeds[c.Hit.Advisory.Feed].AsOf, now)
	f.HostID, f.Host, f.Update = h.id, h.name, update
	return f
}

// installed is how a cohort has what a presence is of.
func (ix *index) installed(c *cohort, at *presence) Installed {
	for _, one := range c.loaded {
		if one.subject == at.of && one.kind == at.kind.Value() {
			return Installed{Packages: one.Packages, Units: one.Units}
		}
	}
	on := Installed{}
	ix.each(c.set, func(p *heldPackage) {
		if p.subject == at.of {
			on.Packages = append(on.Packages, p.Package)
		}
	})
	return on
}

// offer says what the host's own package manager would do about some packages: the version that it would install now, or would have then,
// if any, and the same in words.
func (h *host) offer(packages []inventory.Package, c Case, then bool) (version, words string) {
	if h.updates == nil {
		return "", "updates not reported yet"
	}
	if !h.updates.known {
		return "", "updates not known: " + strings.Join(strings.Fields(h.updates.problem.String()), " ")
	}
	manager := cmp.Or(h.updates.manager.String(), "the package manager")
	best, name := (*apiv1.Update)(nil), ""
	for _, p := range packages {
		u, there := h.updates.about(p.Name, p.Arch)
		if there && u.Action != apiv1.ActionRemove && (best == nil || better(&u, best)) {
			best, name = &u, p.Name
		}
	}
	switch {
	case best == nil && then: // when lists were refreshed has no history
		return "", "no update was offered then"
	case best == nil:
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
	if then {
		words = fmt.Sprintf("%s offered %s then", manager, offered)
	}
	for _, p := range packages {
		if p.Name == name && follows(&p, c.Subject) && c.Hit.Fixed(c.Standing) != "" && !c.Hit.Reaches(withoutRebuild(best.To), c.Standing) {
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
	if h.seen.refreshed == 0 {
		return "its package lists were never refreshed"
	}
	return "lists last refreshed " + inventory.Instant(instant(h.seen.refreshed))
}

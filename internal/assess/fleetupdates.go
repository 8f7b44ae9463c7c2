package assess

import (
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// offeredUpdate is one update of the fleet.
type offeredUpdate struct{ name, action, to, archive, origin string }

type offeredOn struct {
	offeredUpdate
	security bool
	hosts    *roaring.Bitmap
	from     map[string]bool
	states   map[string]*roaring.Bitmap
}

// Updates lists the updates that the selected hosts' own package managers offer, the same package to the same version once. State
// narrows to updates in that state, Search to part of a package's name.
func (s *Service) Updates(ctx context.Context, q Query) (apiv1.FleetUpdatePage, error) {
	page := apiv1.FleetUpdatePage{Items: []apiv1.FleetUpdate{}}
	sort, err := q.order("name", "hosts", "security")
	if err != nil {
		return page, err
	}
	state := q.State
	q.State = ""
	err = s.answering(ctx, q.Past, func(ix *index) error {
		selection := s.selected(ix, q)
		all := ix.offered(selection, strings.ToLower(q.Search), state)
		chosen, next, err := paged(all, q, sort, func(o *offeredOn) place { return o.place(sort) })
		if err != nil {
			return err
		}
		page.Total, page.Next, page.Seq, page.Past = len(all), next, ix.seq, ix.past.wire()
		for _, o := range chosen {
			page.Items = append(page.Items, o.wire())
		}
		page.Unknown = ix.attrs.count(fleet.KeyHostUpdates, "unknown", selection)
		switch {
		case selection.IsEmpty():
			page.Reason = "no host is selected"
		case uint64(page.Unknown) == selection.GetCardinality():
			page.Reason = "of none of the hosts the updates are known"
		}
		return nil
	})
	return page, err
}

// offered gathers updates over distinct sections, each with the hosts that have it.
func (ix *index) offered(selection *roaring.Bitmap, search, state string) []*offeredOn {
	sections := map[*updates]*roaring.Bitmap{}
	selection.Iterate(func(ordinal uint32) bool {
		if u := ix.host(ordinal).updates; u != nil {
			if sections[u] == nil {
				sections[u] = roaring.New()
			}
			sections[u].Add(ordinal)
		}
		return true
	})
	at := map[offeredUpdate]*offeredOn{}
	for u, hosts := range sections {
		for _, handle := range u.list {
			one := handle.Value()
			if (state != "" && one.State != state) || (search != "" && !strings.Contains(strings.ToLower(one.Name), search)) {
				continue
			}
			k := offeredUpdate{one.Name, one.Action, one.To, one.Archive, one.Origin}
			o := at[k]
			if o == nil {
				o = &offeredOn{offeredUpdate: k, hosts: roaring.New(), from: map[string]bool{}, states: map[string]*roaring.Bitmap{}}
				at[k] = o
			}
			o.security = o.security || one.Security
			o.hosts.Or(hosts)
			if o.states[one.State] == nil {
				o.states[one.State] = roaring.New()
			}
			o.states[one.State].Or(hosts)
			if one.From != "" {
				o.from[one.From] = true
			}
		}
	}
	out := make([]*offeredOn, 0, len(at))
	for _, o := range at {
		out = append(out, o)
	}
	return out
}

func (o *offeredOn) place(sort string) place {
	id := strings.Join([]string{o.name, o.action, o.to, o.archive, o.origin}, "\x00")
	switch sort {
	case "hosts":
		return place{number(int(o.hosts.GetCardinality())), id} //nolint:gosec // hosts are fewer than an int holds
	case "security":
		return place{flag(!o.security) + o.name, id}
	}
	return place{o.name, id}
}

func (o *offeredOn) wire() apiv1.FleetUpdate {
	w := apiv1.FleetUpdate{
		Name: o.name, Action: o.action, From: []string{}, To: o.to, Archive: o.archive, Origin: o.origin, Security: o.security,
		Hosts: int(o.hosts.GetCardinality()), States: []apiv1.NameCount{}, //nolint:gosec // as above
	}
	for v := range o.from {
		w.From = append(w.From, v)
	}
	slices.Sort(w.From)
	for _, name := range []string{apiv1.UpdateInstallable, apiv1.UpdatePhased, apiv1.UpdateHeld, apiv1.UpdateKeptBack} {
		if hosts := o.states[name]; hosts != nil {
			w.States = append(w.States, apiv1.NameCount{Name: name, Count: int(hosts.GetCardinality())}) //nolint:gosec // as above
		}
	}
	return w
}

// Releases lists what present hosts say they are, as Debian:12, and how many do, by name: for the feeds to fetch.
func (s *Service) Releases(ctx context.Context) []apiv1.NameCount {
	out := []apiv1.NameCount{}
	_ = s.reading(ctx, func(ix *index) error {
		for e, hosts := range ix.attrs[keyRelease] {
			if e != "" {
				out = append(out, apiv1.NameCount{Name: e, Count: hosts.len()})
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b apiv1.NameCount) int { return strings.Compare(a.Name, b.Name) })
	return out
}

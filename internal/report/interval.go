package report

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// intervals are a host's package sets with what it said of itself meanwhile, oldest first.
func (p *past) intervals(ctx context.Context, hostID string, place assess.Place) ([]Interval, error) {
	packages, facts, err := p.sections(ctx, hostID)
	if err != nil || len(packages) == 0 {
		return nil, err
	}
	said, err := p.said(ctx, facts, place)
	if err != nil {
		return nil, err
	}
	out := make([]Interval, 0, len(packages))
	for n, i := range packages {
		ids, err := p.store.PackageSet(ctx, i.Digest)
		if err != nil {
			return nil, fmt.Errorf("reading package set %s: %w", i.Digest, err)
		}
		one := Interval{From: i.From, To: i.To, Packages: make([]inventory.Package, 0, len(ids)), Said: during(said, i, n == 0)}
		for _, id := range ids {
			if found, ok := p.packages[id]; ok {
				one.Packages = append(one.Packages, found)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// sections are a host's intervals of packages and of facts, oldest first.
func (p *past) sections(ctx context.Context, hostID string) (packages, facts []inventory.Interval, err error) {
	for before := (time.Time{}); ; {
		page, err := p.store.Intervals(ctx, hostID, before, rowPage)
		if err != nil {
			return nil, nil, fmt.Errorf("reading intervals: %w", err)
		}
		for _, i := range page {
			switch i.Section {
			case apiv1.SectionPackages:
				packages = append(packages, i)
			case apiv1.SectionFacts:
				facts = append(facts, i)
			}
		}
		if len(page) < rowPage {
			break
		}
		before = page[len(page)-1].From
	}
	slices.Reverse(packages)
	slices.Reverse(facts)
	return packages, facts, nil
}

// said is what facts come to, oldest first: as far as findings depend on it, a host mostly says again what it said before.
func (p *past) said(ctx context.Context, facts []inventory.Interval, place assess.Place) ([]Said, error) {
	var out []Said
	var last assess.SettingKey
	known := map[string]assess.HostState{} // one state comes and goes, as that of a unit which fails and recovers
	for _, i := range facts {
		state, ok := known[i.Digest]
		if !ok {
			var err error
			if state, err = p.state(ctx, i.Digest); err != nil {
				return nil, err
			}
			state.Place = place
			known[i.Digest] = state
		}
		if is := assess.SettingOf(nil, state).SettingKey; len(out) == 0 || is != last || (state.OldCode == nil) != (out[len(out)-1].State.OldCode == nil) {
			out, last = append(out, Said{i.From, state}), is
		}
	}
	return out, nil
}

// state is what findings need of facts. Units are most of their text.
func (p *past) state(ctx context.Context, digest string) (assess.HostState, error) {
	text, err := p.store.SectionJSON(ctx, apiv1.SectionFacts, digest)
	if err != nil {
		return assess.HostState{}, fmt.Errorf("reading facts %s: %w", digest, err)
	}
	var f struct {
		apiv1.Facts
		Units unread `json:"units"` // in the place of the other
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return assess.HostState{}, fault.Wrap(err, fault.Internal, "stored facts")
	}
	return assess.StateOf(&f.Facts, nil), nil
}

// unread is JSON that nobody asks for.
type unread struct{}

func (*unread) UnmarshalJSON([]byte) error { return nil }

// during is the part of said that an interval has. A host's first facts and its first packages come together, one after the other.
func during(said []Said, i inventory.Interval, first bool) []Said {
	from := 0
	for n, s := range said {
		if s.From.After(i.From) {
			break
		}
		from = n
	}
	to := len(said)
	for to > 0 && !i.To.IsZero() && !said[to-1].From.Before(i.To) {
		to--
	}
	out := said[min(from, to):to]
	if len(out) > 0 && out[0].From.After(i.From) && !(first && out[0].From.Sub(i.From) < lateCheckin) {
		return slices.Concat([]Said{{From: i.From}}, out) // it said nothing yet
	}
	return out
}

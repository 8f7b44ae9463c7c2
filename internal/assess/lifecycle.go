package assess

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// release names a release of a product as endoflife.date does.
type release struct{ product, name string }

// lifecycles are how long releases are looked after, several sources' words made one. What a release is on a day is worked out once, since
// every host of a fleet is asked.
type lifecycles struct {
	of    map[release]advisory.Lifecycle
	today sync.Map // ecosystem to lifecycleOn
}

type lifecycleOn struct {
	day int64
	apiv1.HostLifecycle
	needs string // what extended support needs
}

func loadLifecycles(ctx context.Context, store Knower) (*lifecycles, error) {
	all, err := store.CurrentLifecycles(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading lifecycles: %w", err)
	}
	merged := advisory.MergeLifecycles(all)
	l := &lifecycles{of: make(map[release]advisory.Lifecycle, len(merged))}
	for _, one := range merged {
		l.of[release{one.Product, one.Release}] = one
	}
	return l, nil
}

// on says how an ecosystem's release is looked after at a time.
func (l *lifecycles) on(ecosystem string, now time.Time) lifecycleOn {
	today := now.Unix() / (24 * 60 * 60) // days are UTC's
	if known, ok := l.today.Load(ecosystem); ok {
		if on, ok := known.(lifecycleOn); ok && on.day == today {
			return on
		}
	}
	product, name := advisory.ProductOf(ecosystem)
	one, known := l.of[release{product, name}]
	state, until := one.StateAt(now)
	on := lifecycleOn{day: today, HostLifecycle: apiv1.HostLifecycle{Product: product, Release: name, State: string(state), Until: until, Source: one.Feed}}
	if state == advisory.LifecycleExtended {
		on.needs = advisory.ExtendedNeeds(product)
	}
	if known { // what hosts make up is never the same for long, and would stay here
		l.today.Store(ecosystem, on)
	}
	return on
}

// ended is endedOn of an ecosystem's release.
func (l *lifecycles) ended(ecosystem string, now time.Time) string {
	product, name := advisory.ProductOf(ecosystem)
	return endedOn(l.of[release{product, name}], now)
}

// lifecycle is how the host's release is looked after, at the time that the index is of.
func (ix *index) lifecycle(h *host) apiv1.HostLifecycle {
	on := ix.lifecycles.on(h.ecosystem(), ix.now())
	if on.needs != "" && (h.cohort == nil || !slices.Contains(strings.Split(h.cohort.setting.entitlements, ","), on.needs)) {
		on.EntitlementNeeded = on.needs
	}
	return on.HostLifecycle
}

// withLifecycle are the hosts that meet a condition on how their release is looked after.
func (ix *index) withLifecycle(t fleet.Term) *roaring.Bitmap {
	out, now := roaring.New(), ix.now()
	for ecosystem, m := range ix.attrs[keyRelease] {
		if t.Holds(func(string) (string, bool) { return ix.lifecycles.on(ecosystem, now).State, true }) {
			m.addTo(out)
		}
	}
	return out
}

// countLifecycle counts the selected hosts whose release is looked after so.
func (ix *index) countLifecycle(state advisory.LifecycleState, selection *roaring.Bitmap) int {
	n, now := 0, ix.now()
	for ecosystem, m := range ix.attrs[keyRelease] {
		if ix.lifecycles.on(ecosystem, now).State == string(state) {
			n += m.count(selection)
		}
	}
	return n
}

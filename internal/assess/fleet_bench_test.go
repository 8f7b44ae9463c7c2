package assess

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/test/fleetgen"
)

// benchFleet is a fleet in memory, as `make bench-fleet` makes one on disk: made once.
var benchFleet = sync.OnceValues(func() (*fleetgen.Fleet, *index) { return fleetIndex(fleetgen.Of(20_000, true)) })

func fleetIndex(c fleetgen.Config) (*fleetgen.Fleet, *index) {
	f := fleetgen.New(c)
	ix := newIndex(fleetgen.Now)
	ix.revise(compileChange(advisory.Knowledge{Advisories: f.Advisories(0), Overlays: f.KEV()}), atOnce)
	ix.setFeeds(f.Feeds())
	ix.learn(f.Packages)
	var all []portrait
	for n := range f.Config.Hosts {
		facts := f.Facts(n)
		set := f.SetOf(n)
		offered, updates := f.UpdatesOf(n)
		all = append(all, portrait{host: f.Host(n), packages: fleetgen.SetDigest(set), set: f.Sets[set].IDs(), updates: offered, pending: &updates, facts: factsOf(&facts)})
		ix.place(PlaceOf(all[n].host.Labels))
	}
	b := newBulk(ix)
	for _, p := range all {
		if err := b.put(p); err != nil {
			panic(err)
		}
	}
	b.end()
	return f, ix
}

func fleetService(b *testing.B) (*fleetgen.Fleet, *Service) {
	b.Helper()
	f, ix := benchFleet()
	w := newWorld(b)
	w.assess.ix, w.assess.now = ix, fleetgen.Now
	return f, w.assess
}

// BenchmarkDashboard asks for the front page over what is typical to select.
func BenchmarkDashboard(b *testing.B) {
	_, s := fleetService(b)
	for _, text := range []string{"", "env=prod", "role=role07", "exposure=internet,criticality=high", "site=site03", "host.name=" + fleetgen.HostName(7)} {
		selector, err := fleet.ParseSelector(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Overview(context.Background(), Query{Selector: selector}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFeed changes every advisory of a fleet's feeds.
func BenchmarkFeed(b *testing.B) {
	f, ix := benchFleet()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		k := advisory.Knowledge{Advisories: slices.Clone(f.Advisories(1 + i%2))}
		b.StartTimer()
		ix.revise(compileChange(k), atOnce)
	}
}

package assess

import (
	"maps"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/test/fleetgen"
)

type ranked struct {
	Rank  uint8
	Hosts int
}

// goThrough counts what the packages of every selected host have, host by host.
func goThrough(ix *index, hosts *roaring.Bitmap) map[string]ranked {
	out := map[string]ranked{}
	hosts.Iterate(func(ordinal uint32) bool {
		worst := map[string]uint8{}
		h := ix.host(ordinal)
		ix.eachFound(h.cohort, func(p *presence) {
			for i, v := range p.of.found {
				if rank := p.at(int(h.place))[i]; rank < fine {
					if was, known := worst[v.id]; !known || rank < was {
						worst[v.id] = rank
					}
				}
			}
		})
		for id, rank := range worst {
			one, known := out[id]
			if !known || rank < one.Rank {
				one.Rank = rank
			}
			one.Hosts++
			out[id] = one
		}
		return true
	})
	return out
}

// Selections of every size: few hosts are gone through, of many the bitmaps are asked.
func TestTheReachOfVulnerabilitiesIsThatOfTheHosts(t *testing.T) {
	t.Parallel()
	f, ix := fleetIndex(fleetgen.Config{Seed: 9, Hosts: 1500, Sets: 400, Sources: 2500, Mean: 230, SD: 30, Rare: 0.03, Advisories: 2000})
	for _, edition := range []int{0, 1} {
		if edition > 0 {
			ix.revise(compileChange(advisory.Knowledge{Advisories: f.Advisories(edition)}), atOnce)
		}
		if odd := audit(ix); odd != "" {
			t.Fatalf("edition %d: what is kept of who has what (-by the hosts' packages +kept):\n%s", edition, odd)
		}
		all := ix.worstOfAll()
		for _, set := range ix.sets {
			for c, rank := range ix.worstOf(set) {
				if c.worst != rank || all[c.number] != rank {
					t.Fatalf("edition %d: a cohort's worst is held as %d and joined as %d; its packages say %d", edition, c.worst, all[c.number], rank)
				}
			}
		}
		for _, text := range []string{"", "env=prod", "env!=prod", "role=role07", "exposure=internet,criticality=high", "exposure=isolated", "site in (site01,site02,site03,site04)", "host.os=ubuntu:24.04"} {
			selector, err := fleet.ParseSelector(text)
			if err != nil {
				t.Fatal(err)
			}
			hosts := (&Service{now: fleetgen.Now}).selected(ix, Query{Selector: selector})
			want, selected := goThrough(ix, hosts), ix.selection(hosts)
			reach := ix.reachOf(filter{}, selected)
			got := map[string]ranked{}
			for i := range reach.all {
				v := &reach.all[i]
				for _, sure := range []uint8{roughly, closely} {
					if reach.surer(v); v.atMost < want[v.id].Hosts {
						t.Fatalf("%q: %s is said to be on %d hosts at most (%d); it is on %d", text, v.id, v.atMost, sure, want[v.id].Hosts)
					}
				}
				got[v.id] = ranked{v.rank, reach.count(v)}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%q, %d hosts (-host by host +by bitmap):\n%s", text, selected.size, d)
			}
			first := slices.SortedFunc(maps.Keys(want), func(a, b string) int {
				x, y := place{number(int(want[a].Rank)) + number(1_000_000_000-want[a].Hosts), a}, place{number(int(want[b].Rank)) + number(1_000_000_000-want[b].Hosts), b}
				return x.compare(y)
			})
			page, _, err := ix.reachOf(filter{}, selected).page(Query{Limit: 40}, "priority")
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, v := range page {
				ids = append(ids, v.id)
			}
			if d := cmp.Diff(first[:min(40, len(first))], ids); d != "" {
				t.Fatalf("%q, the worst and widest (-host by host +by bitmap):\n%s", text, d)
			}
		}
	}
}

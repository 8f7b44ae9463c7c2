package assess

import (
	cmp2 "cmp"
	"maps"
	"slices"
	"strings"
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
			compareGroups(t, text, ix, selected)
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

// compareGroups compares the hosts of groups, rare and common ones, with going through the selected hosts.
func compareGroups(t *testing.T, text string, ix *index, selected *selection) {
	t.Helper()
	groups, _ := ix.groups(filter{}, selected)
	slices.SortFunc(groups, func(a, b group) int {
		return cmp2.Or(a.at.cohorts.len()-b.at.cohorts.len(), strings.Compare(a.id, b.id), int(a.places)-int(b.places))
	})
	hits := map[*subject]map[string]Hit{}
	for i := 0; i < len(groups); i += max(1, len(groups)/40) {
		g := groups[i]
		var want, got, offered []uint32
		selected.Iterate(func(ordinal uint32) bool {
			h := ix.host(ordinal)
			has := false
			ix.eachFound(h.cohort, func(p *presence) { has = has || p == g.at && g.places&placeNumber(h.place) != 0 })
			if !has {
				return true
			}
			want = append(want, ordinal)
			ix.each(h.cohort.set, func(p *heldPackage) {
				if p.subject != g.at.of || slices.Contains(offered, ordinal) || !follows(&p.Package, p.subject.Subject) {
					return
				}
				if to, ok := h.updates.offers(&p.Package); ok && ix.hits(g.at.of)[g.id].Reaches(withoutRebuild(to), g.at.kind.Value().at(ix.places[h.place].Place)) {
					offered = append(offered, ordinal)
				}
			})
			return true
		})
		selected.each(g, 0, func(h *host) bool { got = append(got, h.ordinal); return true })
		if d := cmp.Diff(want, got); d != "" || selected.count(g) != len(want) {
			t.Fatalf("%q: %s of %v is counted on %d hosts (-host by host +listed):\n%s", text, g.id, g.at.of.Subject, selected.count(g), d)
		}
		if middle := len(want) / 2; middle > 0 {
			got = nil
			selected.each(g, want[middle], func(h *host) bool { got = append(got, h.ordinal); return len(got) < 3 })
			if d := cmp.Diff(want[middle:min(middle+3, len(want))], got); d != "" {
				t.Fatalf("%q: %s from the middle on (-host by host +listed):\n%s", text, g.id, d)
			}
		}
		fixable := selected.crowd()
		for _, o := range g.at.of.offers {
			if _, known := hits[g.at.of]; !known {
				hits[g.at.of] = ix.hits(g.at.of)
			}
			if hits[g.at.of][g.id].Reaches(withoutRebuild(o.version), g.at.kind.Value()) { // nobody here is entitled to more than others
				fixable.addOffered(g, o)
			}
		}
		if n := fixable.count(); n != len(offered) {
			t.Fatalf("%q: %s of %v could be fixed on %d hosts, host by host on %d", text, g.id, g.at.of.Subject, n, len(offered))
		}
	}
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
)

// then is what the store says of an instant, reduced to ids.
type then struct {
	Hosts      []string
	Packages   []inventory.HostSet
	Facts      map[string]string
	Advisories map[string]string // id to its fixed version
	Scores     map[string]float64
	Lifecycles []advisory.Lifecycle
	Feeds      map[string][]string
}

func atInstant(t *testing.T, s *store.Store, at time.Time) then {
	t.Helper()
	ctx, p := t.Context(), s.At(at)
	out := then{Packages: get(p.OpenPackageSets(ctx))(t), Facts: map[string]string{}, Advisories: map[string]string{}, Scores: map[string]float64{},
		Lifecycles: get(p.CurrentLifecycles(ctx))(t), Feeds: map[string][]string{}}
	for _, h := range get(p.Hosts(ctx))(t) {
		out.Hosts = append(out.Hosts, h.ID)
		if !h.DeletedAt.IsZero() {
			t.Errorf("%s at %v: deleted", h.ID, at)
		}
	}
	must(t, p.OpenBodies(ctx, "facts", func(host string, _ time.Time, _ string, json []byte) error {
		out.Facts[host] = string(json)
		return nil
	}))
	must(t, p.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		out.Advisories[a.ID] = a.Affected[0].Ranges[0].Fixed
		return nil
	}))
	for _, o := range get(p.OverlaysOf(ctx, []string{"CVE-2026-1", "CVE-2026-2", "CVE-2026-1"}))(t) {
		out.Scores[o.CVE] = o.EPSS.Score
	}
	fromFeed := map[string]float64{}
	for _, o := range get(p.OverlaysFrom(ctx, "epss"))(t) {
		fromFeed[o.CVE] = o.EPSS.Score
	}
	same(t, "the same by feed", fromFeed, out.Scores)
	for _, f := range get(p.FeedStates(ctx))(t) {
		out.Feeds[f.Name] = f.Ecosystems
	}
	return out
}

// pastAnswers: what is written later, or ended since, does not change what the store says of an instant.
func pastAnswers(t *testing.T, s *store.Store) {
	ctx := t.Context()
	day := func(n int) time.Time { return start().Add(time.Duration(n) * 24 * time.Hour) }
	scores := func(score float64) []advisory.Overlay {
		return []advisory.Overlay{{CVE: "CVE-2026-1", EPSS: &advisory.EPSS{Score: score}}}
	}
	covering := func(in advisory.Import, ecosystems ...string) advisory.Import {
		in.State.Ecosystems = ecosystems
		return in
	}
	life := advisory.Lifecycle{Feed: "eol", Product: "debian", Release: "12", EOL: "2026-06-10"}
	eol := importOf("eol", day(1), nil, nil)
	eol.Lifecycles = func(yield func(advisory.Lifecycle) error) error { return yield(life) }

	enroll(t, s, "h1", "h2")
	must(t, second(s.AcceptSection(ctx, acceptPackages("h1", "one", packages(2, 1), day(1)))))
	must(t, second(s.AcceptSection(ctx, acceptJSON("h1", "facts", `{"n":1}`, day(1)))))
	must(t, second(s.ImportFeed(ctx, covering(importOf("osv/Debian", day(2), []advisory.Advisory{advisoryOf("A", "1"), advisoryOf("B", "1")}, nil), "Debian:12"))))
	must(t, second(s.ImportFeed(ctx, importOf("epss", day(2), nil, scores(0.1)))))
	must(t, second(s.ImportFeed(ctx, eol)))
	must(t, second(s.AcceptSection(ctx, acceptPackages("h1", "two", packages(2, 2), day(3)))))
	must(t, second(s.AcceptSection(ctx, acceptJSON("h1", "facts", `{"n":2}`, day(3)))))
	must(t, second(s.ImportFeed(ctx, covering(importOf("osv/Debian", day(4), []advisory.Advisory{advisoryOf("A", "2")}, nil), "Debian:12", "Debian:13"))))
	must(t, second(s.ImportFeed(ctx, importOf("epss", day(4), nil, scores(0.9)))))
	must(t, second(s.DeleteHost(ctx, "h1", day(5), ev(event.HostDeleted, "h1"))))
	must(t, second(s.ImportFeed(ctx, importOf("epss", day(6), nil, nil))))

	sets := func(name string) []inventory.HostSet {
		return []inventory.HostSet{{HostID: "h1", Digest: digestOf(name)}}
	}
	before := then{Packages: []inventory.HostSet{}, Facts: map[string]string{}, Advisories: map[string]string{}, Scores: map[string]float64{}, Lifecycles: []advisory.Lifecycle{}, Feeds: map[string][]string{}}
	same(t, "before everything", atInstant(t, s, start().Add(-time.Hour)), before)
	one := then{Hosts: []string{"h1", "h2"}, Packages: sets("one"), Facts: map[string]string{"h1": `{"n":1}`}, Advisories: map[string]string{"A": "1", "B": "1"},
		Scores: map[string]float64{"CVE-2026-1": 0.1}, Lifecycles: []advisory.Lifecycle{life}, Feeds: map[string][]string{"osv/Debian": {"Debian:12"}, "epss": {}, "eol": {}}}
	same(t, "day 2", atInstant(t, s, day(2).Add(time.Hour)), one)
	two := one
	two.Packages, two.Facts = sets("two"), map[string]string{"h1": `{"n":2}`}
	same(t, "day 3, from its first instant", atInstant(t, s, day(3)), two)
	two.Advisories, two.Scores = map[string]string{"A": "2"}, map[string]float64{"CVE-2026-1": 0.9}
	two.Feeds = map[string][]string{"osv/Debian": {"Debian:12", "Debian:13"}, "epss": {}, "eol": {}}
	same(t, "day 4", atInstant(t, s, day(4).Add(time.Hour)), two)
	two.Hosts, two.Packages, two.Facts = []string{"h2"}, []inventory.HostSet{}, map[string]string{}
	same(t, "day 5", atInstant(t, s, day(5)), two)
	two.Scores = map[string]float64{}
	same(t, "day 6, when EPSS speaks of the CVE no more", atInstant(t, s, day(6)), two)

	backward(t, s, day)

	knowledge, hosts, err := s.Earliest(ctx)
	must(t, err)
	same(t, "first knowledge", knowledge, day(1))
	same(t, "first host", hosts, start())
	if got := get(s.At(day(2).Add(time.Hour)).CurrentAdvisory(ctx, advisory.Ref{Feed: "osv/Debian", ID: "B"}))(t); got.ID != "B" {
		t.Errorf("B on day 2: %+v", got)
	}
}

// pastMethods calls what the past has beside what atInstant asks.
func pastMethods(ctx context.Context, s *store.Store) error {
	p := s.At(start())
	if _, err := p.PackageSet(ctx, digestOf("nothing")); !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("a set that nobody has: %w", err)
	}
	if _, err := p.AllPackages(ctx, 0, 1); err != nil {
		return err
	}
	if _, err := p.AllSeen(ctx); err != nil {
		return err
	}
	_, err := p.Hosts(ctx)
	return err
}

func dailyTotals(t *testing.T, s *store.Store) {
	ctx := t.Context()
	day := func(n, hosts int) apiv1.DailyTotal {
		return apiv1.DailyTotal{Day: fmt.Sprintf("2026-11-%02d", n), Hosts: hosts, Findings: apiv1.FindingCounts{Assessed: true, Total: n, High: n}}
	}
	for _, d := range []apiv1.DailyTotal{day(3, 1), day(1, 1), day(2, 1), day(2, 9)} {
		must(t, s.PutDailyTotal(ctx, d))
	}
	same(t, "two days", get(s.DailyTotals(ctx, "2026-11-02", "2026-11-03"))(t), []apiv1.DailyTotal{day(2, 9), day(3, 1)})
	same(t, "no day", get(s.DailyTotals(ctx, "2026-11-04", "2026-11-30"))(t), []apiv1.DailyTotal{})
}

// backward: knowledge walked back from a later day is the knowledge of the earlier one, and only hosts that are named have changed.
func backward(t *testing.T, s *store.Store, day func(int) time.Time) {
	t.Helper()
	ctx := t.Context()
	for n := 6; n > 0; n-- {
		p, before, after := s.At(day(n-1)), atInstant(t, s, day(n-1)), atInstant(t, s, day(n))
		k := get(p.KnowledgeUntil(ctx, day(n)))(t)
		for _, r := range k.Gone {
			delete(after.Advisories, r.ID)
		}
		for _, a := range k.Advisories {
			after.Advisories[a.ID] = a.Affected[0].Ranges[0].Fixed
		}
		same(t, "advisories walked back", after.Advisories, before.Advisories)
		changed := get(p.HostsChangedUntil(ctx, day(n)))(t)
		for _, h := range []string{"h1", "h2"} {
			was := before.Facts[h] + digestsOf(before, h)
			is := after.Facts[h] + digestsOf(after, h)
			if was != is && !slices.Contains(changed, h) {
				t.Errorf("%s changed until day %d and is not named: %v", h, n, changed)
			}
		}
	}
}

func digestsOf(at then, host string) string {
	text := fmt.Sprint(slices.Contains(at.Hosts, host))
	for _, p := range at.Packages {
		if p.HostID == host {
			text += p.Digest
		}
	}
	return text
}

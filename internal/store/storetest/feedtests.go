package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/store"
)

func importReplaces(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a, b, c := advisoryOf("A", "1"), advisoryOf("B", "1"), advisoryOf("C", "1")
	first := get(s.ImportFeed(ctx, importOf("osv/Debian", start(), []advisory.Advisory{a, b}, nil)))(t)
	same(t, "first", first, advisory.Imported{Seq: 1, Opened: 2})
	must(t, second(s.ImportFeed(ctx, importOf("osv/Other", start(), []advisory.Advisory{c}, nil)))) // another feed is not touched

	b.Affected[0].Ranges[0].Fixed = "2"
	got := get(s.ImportFeed(ctx, importOf("osv/Debian", start(), []advisory.Advisory{b, c}, nil)))(t) // and the clock did not move
	seq := got.Seq
	same(t, "second", got, advisory.Imported{Seq: seq, Opened: 2, Closed: 2})
	b.Feed, c.Feed = "osv/Debian", "osv/Debian"
	other := advisoryOf("C", "1")
	other.Feed = "osv/Other"
	same(t, "current", get(currentAdvisories(ctx, s))(t), []advisory.Advisory{b, c, other})
	same(t, "what the second changed", get(s.KnowledgeAfter(ctx, seq-1))(t),
		advisory.Knowledge{Advisories: []advisory.Advisory{b, c}, Gone: []advisory.Ref{{Feed: "osv/Debian", ID: "A"}}})
	same(t, "nothing after it", get(s.KnowledgeAfter(ctx, seq))(t), advisory.Knowledge{})

	again := get(s.ImportFeed(ctx, importOf("osv/Debian", start().Add(-time.Hour), []advisory.Advisory{c, b}, nil)))(t)
	same(t, "again", again, advisory.Imported{Seq: again.Seq, Kept: 2})
	changes := get(s.ChangesAfter(ctx, seq-1, 0))(t)
	kinds := ""
	for _, c := range changes {
		kinds += c.Kind + ":" + c.Ref + " "
	}
	if kinds != "advisory:osv/Debian feed:osv/Debian feed:osv/Debian " {
		t.Errorf("changes: %s", kinds)
	}

	k := advisory.Overlay{Feed: "kev", CVE: "CVE-2026-1", KEV: &advisory.KEV{CVE: "CVE-2026-1", Added: "2026-11-01", Ransomware: true}}
	gone := advisory.Overlay{CVE: "CVE-2026-2", KEV: &advisory.KEV{CVE: "CVE-2026-2", Added: "2026-11-02"}}
	must(t, second(s.ImportFeed(ctx, importOf("kev", start(), nil, []advisory.Overlay{k, gone}))))
	e := advisory.Overlay{Feed: "epss", CVE: "CVE-2026-1", EPSS: &advisory.EPSS{Score: 0.125}}
	must(t, second(s.ImportFeed(ctx, importOf("epss", start(), nil, []advisory.Overlay{e}))))
	got = get(s.ImportFeed(ctx, importOf("kev", start(), nil, []advisory.Overlay{k})))(t)
	same(t, "kev", got, advisory.Imported{Seq: got.Seq, Kept: 1, Closed: 1})
	same(t, "current overlays", get(currentOverlays(ctx, s))(t), []advisory.Overlay{e, k})
	ended := []advisory.OverlayRef{{Feed: "kev", CVE: "CVE-2026-2"}}
	same(t, "kev after", get(s.KnowledgeAfter(ctx, got.Seq-1))(t), advisory.Knowledge{OverlaysGone: ended})
	same(t, "overlays from the start", get(s.KnowledgeAfter(ctx, again.Seq))(t), advisory.Knowledge{Overlays: []advisory.Overlay{e, k}, OverlaysGone: ended})

	same(t, "one advisory", get(s.CurrentAdvisory(ctx, advisory.Ref{Feed: "osv/Debian", ID: "B"}))(t), b)
	mustBe(t, fault.NotFound, second(s.CurrentAdvisory(ctx, advisory.Ref{Feed: "osv/Debian", ID: "A"})))

	life := advisory.Lifecycle{Feed: "eol", Product: "debian", Release: "12", Codename: "bookworm", EOL: "2026-06-10", Extended: "2028-06-30"}
	eol := importOf("eol", start(), nil, nil)
	eol.Lifecycles = func(yield func(advisory.Lifecycle) error) error { return yield(life) }
	must(t, second(s.ImportFeed(ctx, eol)))
	same(t, "lifecycles", get(s.CurrentLifecycles(ctx))(t), []advisory.Lifecycle{life})
}

func importAborts(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a, b := advisoryOf("A", "1"), advisoryOf("B", "1")
	must(t, second(s.ImportFeed(ctx, importOf("osv/Debian", start(), []advisory.Advisory{a}, nil))))
	before := snapshot(t, s)

	broken := errors.New("the archive is cut off")
	in := importOf("osv/Debian", start(), nil, nil)
	in.Advisories = func(yield func(advisory.Advisory) error) error { return errors.Join(yield(b), broken) }
	if err := second(s.ImportFeed(ctx, in)); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	same(t, "after a cut-off import", snapshot(t, s), before)
	mustBe(t, fault.Invalid, second(s.ImportFeed(ctx, importOf("osv/Debian", start(), []advisory.Advisory{b, a, b}, nil))))
	same(t, "after a record that came twice", snapshot(t, s), before)
	mustBe(t, fault.Invalid, second(s.ImportFeed(ctx, importOf("osv/Debian", start(), []advisory.Advisory{advisoryOf("A\x00", "1")}, nil))))
	same(t, "after a record that cannot be stored", snapshot(t, s), before)
}

// knowledgeFollows: an index that applies KnowledgeAfter at whatever moments it likes has what CurrentAdvisories says.
func knowledgeFollows(t *testing.T, s *store.Store) {
	ctx := t.Context()
	index, cursor, n := map[advisory.Ref]string{}, int64(0), 0
	follow := func(r *rapid.T) {
		seq, err := s.Seq(ctx)
		if err != nil {
			r.Fatal(err)
		}
		k, err := s.KnowledgeAfter(ctx, cursor)
		if err != nil {
			r.Fatal(err)
		}
		for _, a := range k.Advisories {
			index[advisory.Ref{Feed: a.Feed, ID: a.ID}] = a.Affected[0].Ranges[0].Fixed
		}
		for _, g := range k.Gone {
			delete(index, g)
		}
		cursor = seq
	}
	rapid.Check(t, func(r *rapid.T) {
		feed := "osv/" + rapid.SampledFrom([]string{"A", "B"}).Draw(r, "feed")
		for range rapid.IntRange(1, 3).Draw(r, "imports") {
			n++
			var as []advisory.Advisory
			for id := range 4 {
				if version := rapid.IntRange(0, 2).Draw(r, "version"); version > 0 {
					as = append(as, advisoryOf(strconv.Itoa(id), strconv.Itoa(version)))
				}
			}
			at := start().Add(time.Duration(rapid.IntRange(-2, n).Draw(r, "clock")) * time.Microsecond)
			if _, err := s.ImportFeed(ctx, importOf(feed, at, as, nil)); err != nil {
				r.Fatal(err)
			}
		}
		follow(r)
		current := map[advisory.Ref]string{}
		if err := s.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
			current[advisory.Ref{Feed: a.Feed, ID: a.ID}] = a.Affected[0].Ranges[0].Fixed
			return nil
		}); err != nil {
			r.Fatal(err)
		}
		same(t, "followed", index, current)
	})
}

func feedStates(t *testing.T, s *store.Store) {
	ctx := t.Context()
	f := advisory.FeedState{Name: "osv/Debian", URL: "https://feeds.example.org", ETag: `"x"`, LastModified: "Sat, 21 Nov 2026 12:00:00 GMT", SHA256: digestOf("x"),
		Records: 12, Skipped: 1, Problems: []advisory.Problem{{Record: "bad.json", Reason: "no id"}}, Ecosystems: []string{"Debian:12"},
		AsOf: start(), ChangedAt: start(), AttemptedAt: start(), NextDue: start().Add(time.Hour)}
	bare := advisory.FeedState{Name: "kev", AttemptedAt: start(), Error: "cut off: \x00", NextDue: start()}
	must(t, s.SaveFeedState(ctx, advisory.FeedState{Name: "osv/Debian", URL: "old", NextDue: start()}))
	must(t, s.SaveFeedState(ctx, f))
	must(t, s.SaveFeedState(ctx, bare))
	bare.Error = "cut off: \uFFFD"
	same(t, "states", get(s.FeedStates(ctx))(t), []advisory.FeedState{bare, f})
	c := get(s.ChangesAfter(ctx, 2, 0))(t)
	same(t, "change", c, []event.Change{{Seq: 3, At: start(), Kind: event.ChangeFeed, Ref: "kev"}})
}

package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
)

func sectionLife(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	one, two := `{"n":1}`, `{"n":2,"x":"`+strings.Repeat("long ", 1000)+`"}`
	in := acceptJSON("h1", "facts", one, start())
	got := get(s.AcceptSection(ctx, in))(t)
	same(t, "first", got, inventory.Accepted{Seq: get(s.Seq(ctx))(t), Changed: true})
	later := start().Add(time.Minute)
	in = acceptJSON("h1", "facts", two, later)
	in.Events = []event.Event{ev(event.HostRebooted, "h1"), ev(event.HostRebooted, "h1")}
	got = get(s.AcceptSection(ctx, in))(t)
	same(t, "second", got, inventory.Accepted{Seq: get(s.Seq(ctx))(t), Changed: true, Before: digestOf(one)})

	first := inventory.Interval{HostID: "h1", Section: "facts", From: start(), To: later, Digest: digestOf(one)}
	open := inventory.Interval{HostID: "h1", Section: "facts", From: later, Digest: digestOf(two)}
	same(t, "open", get(s.OpenSections(ctx, "h1"))(t), map[string]inventory.Interval{"facts": open})
	same(t, "history", get(s.Intervals(ctx, "h1", time.Time{}, 10))(t), []inventory.Interval{open, first})
	same(t, "history before", get(s.Intervals(ctx, "h1", later, 10))(t), []inventory.Interval{first})
	for _, text := range []string{one, two} {
		if got := get(s.SectionJSON(ctx, "facts", digestOf(text)))(t); string(got) != text {
			t.Errorf("body %.40q, want %.40q", got, text)
		}
	}
	mustBe(t, fault.NotFound, second(s.SectionJSON(ctx, "facts", "none")))

	big := strings.Repeat("x", apiv1.MaxSectionBytes)
	must(t, second(s.AcceptSection(ctx, acceptJSON("h1", "hardware", big, later))))
	if got := get(s.SectionJSON(ctx, "hardware", digestOf(big)))(t); string(got) != big {
		t.Errorf("%d bytes came back as %d", len(big), len(got))
	}
	mustBe(t, fault.TooLarge, second(s.AcceptSection(ctx, acceptJSON("h1", "hardware", big+"x", later))))

	enroll(t, s, "h2")
	must(t, second(s.AcceptSection(ctx, acceptJSON("h2", "facts", one, start()))))
	bodies := map[string]string{}
	must(t, s.OpenBodies(ctx, "facts", func(host string, from time.Time, digest string, json []byte) error {
		if digest != digestOf(string(json)) || from.Before(start()) {
			t.Errorf("%s: digest %s from %v", host, digest, from)
		}
		bodies[host] = string(json)
		return second(s.Host(ctx, host)) // a reader may read
	}))
	same(t, "open bodies", bodies, map[string]string{"h1": two, "h2": one})
}

func knownBody(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1", "h2")
	bare := inventory.Accept{HostID: "h2", At: start(), Body: inventory.Body{Section: "hardware", Digest: digestOf(`{}`)}}
	mustBe(t, fault.Conflict, second(s.AcceptSection(ctx, bare)))
	must(t, second(s.AcceptSection(ctx, acceptJSON("h1", "hardware", `{}`, start()))))
	if !get(s.HasBody(ctx, "hardware", digestOf(`{}`)))(t) || get(s.HasBody(ctx, "facts", digestOf(`{}`)))(t) {
		t.Error("HasBody is wrong")
	}
	if got := get(s.AcceptSection(ctx, bare))(t); !got.Changed {
		t.Error("not accepted")
	}
}

func packagesInterned(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1", "h2")
	base := packages(100, 1)
	base[7].VersionKey, base[7].SourceKey = nil, []byte{0, 255}
	must(t, second(s.AcceptSection(ctx, acceptPackages("h1", "base", append(base, base[3]), start()))))
	other := packages(3, 2)
	must(t, second(s.AcceptSection(ctx, acceptPackages("h2", "more", append(slices.Clone(base), other...), start()))))

	baseIDs, moreIDs := get(s.PackageSet(ctx, digestOf("base")))(t), get(s.PackageSet(ctx, digestOf("more")))(t)
	if len(baseIDs) != 100 || len(moreIDs) != 103 || !slices.Equal(baseIDs, moreIDs[:100]) || !slices.IsSorted(moreIDs) {
		t.Fatalf("%d and %d ids, not one the start of the other", len(baseIDs), len(moreIDs))
	}
	got := get(s.Packages(ctx, append(moreIDs, 9999, moreIDs[0])))(t)
	for i := range got {
		if got[i].ID != moreIDs[i] {
			t.Fatalf("id %d at %d", got[i].ID, i)
		}
		got[i].ID = 0
	}
	same(t, "packages", got, append(slices.Clone(base), other...))
	if all := get(s.AllPackages(ctx, 100, 2))(t); len(all) != 2 || all[0].ID != 101 {
		t.Errorf("a page of all: %v", all)
	}
	same(t, "sets", get(s.OpenPackageSets(ctx))(t), []inventory.HostSet{{HostID: "h1", Digest: digestOf("base")}, {HostID: "h2", Digest: digestOf("more")}})

	must(t, second(s.AcceptSection(ctx, acceptPackages("h1", "empty", []inventory.Package{}, start().Add(time.Hour)))))
	if ids := get(s.PackageSet(ctx, digestOf("empty")))(t); len(ids) != 0 {
		t.Errorf("the empty set has %v", ids)
	}
	mustBe(t, fault.NotFound, second(s.PackageSet(ctx, "none")))
}

func counted(t *testing.T, s *store.Store) {
	ctx := t.Context()
	same(t, "counts of nothing", get(s.HostCounts(ctx))(t), inventory.Counts{})
	same(t, "counts of no knowledge", get(s.KnowledgeCounts(ctx))(t), advisory.Counts{})
	enroll(t, s, "h1", "h2", "h3", "h4")
	must(t, second(s.AcceptSection(ctx, acceptPackages("h1", "before", packages(7, 3), start()))))
	for _, host := range []string{"h1", "h2", "h3"} {
		must(t, second(s.AcceptSection(ctx, acceptPackages(host, "base", packages(100, 1), start().Add(time.Hour)))))
		must(t, second(s.AcceptSection(ctx, acceptJSON(host, "updates", `{"host":"`+host+`"}`, start()))))
	}
	must(t, second(s.DeleteHost(ctx, "h4", start(), ev(event.HostDeleted, "h4"))))
	must(t, second(s.ImportFeed(ctx, importOf("osv/Debian", start(), []advisory.Advisory{advisoryOf("a", "1"), advisoryOf("b", "1")}, nil))))
	must(t, second(s.ImportFeed(ctx, importOf("osv/Debian", start().Add(time.Hour), []advisory.Advisory{advisoryOf("a", "2")}, nil))))
	must(t, second(s.ImportFeed(ctx, importOf("kev", start(), nil, []advisory.Overlay{{CVE: "CVE-a", KEV: &advisory.KEV{CVE: "CVE-a"}}}))))

	set := int64(len(inventory.EncodeSet(get(s.PackageSet(ctx, digestOf("base")))(t))))
	updates := int64(len(`{"host":"h1"}`))
	same(t, "counts", get(s.HostCounts(ctx))(t), inventory.Counts{Hosts: 3, Sets: 1, SetBytes: set, Updates: 3, UpdateBytes: 3 * updates, Packages: 107})
	known := func(of interface {
		KnowledgeCounts(context.Context) (advisory.Counts, error)
	}) advisory.Counts {
		got := get(of.KnowledgeCounts(ctx))(t)
		if got.AdvisoryBytes < 50*got.Advisories || got.AdvisoryBytes > 1000*got.Advisories {
			t.Errorf("%d advisories of %d bytes", got.Advisories, got.AdvisoryBytes)
		}
		got.AdvisoryBytes = 0
		return got
	}
	same(t, "counts of knowledge", known(s), advisory.Counts{Advisories: 1, Overlays: 1})

	early := int64(len(inventory.EncodeSet(get(s.PackageSet(ctx, digestOf("before")))(t))))
	then := s.At(start().Add(time.Minute))
	same(t, "counts of then", get(then.HostCounts(ctx))(t), inventory.Counts{Hosts: 3, Sets: 1, SetBytes: early, Updates: 3, UpdateBytes: 3 * updates, Packages: 107})
	same(t, "counts of what was known then", known(then), advisory.Counts{Advisories: 2})
	same(t, "counts of before", get(s.At(start().Add(-time.Hour)).HostCounts(ctx))(t), inventory.Counts{Packages: 107})
	same(t, "counts of what was known before", known(s.At(start().Add(-time.Hour))), advisory.Counts{})
}

func sectionOfNobody(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	must(t, second(s.DeleteHost(ctx, "h1", start(), ev(event.HostDeleted, "h1"))))
	before := s.Stats()
	for _, host := range []string{"h1", "none"} {
		mustBe(t, fault.NotFound, second(s.AcceptSection(ctx, acceptJSON(host, "facts", `{}`, start()))))
	}
	if s.Stats() != before || get(s.HasBody(ctx, "facts", digestOf(`{}`)))(t) {
		t.Error("a refused section left something")
	}
}

func intervalsFollow(t *testing.T, s *store.Store) {
	enroll(t, s, "h0")
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		host := "p" + strconv.Itoa(n)
		enroll(t, s, host)
		last := ""
		for range rapid.IntRange(1, 8).Draw(r, "accepts") {
			at := start().Add(time.Duration(rapid.IntRange(-3, 3).Draw(r, "clock")) * time.Microsecond)
			last = rapid.SampledFrom([]string{`{"a":1}`, `{"b":1}`, `{"c":1}`}).Draw(r, "body")
			if _, err := s.AcceptSection(t.Context(), acceptJSON(host, "updates", last, at)); err != nil {
				r.Fatal(err)
			}
		}
		all, err := s.Intervals(t.Context(), host, time.Time{}, 100)
		if err != nil {
			r.Fatal(err)
		}
		if all[0].Digest != digestOf(last) || !all[0].To.IsZero() {
			r.Fatalf("the open interval is %+v", all[0])
		}
		for i := 1; i < len(all); i++ {
			if !all[i].To.Equal(all[i-1].From) || !all[i].From.Before(all[i].To) || all[i].Digest == all[i-1].Digest {
				r.Fatalf("%+v is followed by %+v", all[i], all[i-1])
			}
		}
	})
}

func intervalsPaged(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	want := 0
	for i := range 4 {
		for _, section := range []string{"facts", "hardware", "updates"} { // all three at the same instant
			must(t, second(s.AcceptSection(ctx, acceptJSON("h1", section, strconv.Itoa(i), start().Add(time.Duration(i)*time.Hour)))))
			want++
		}
	}
	var got []inventory.Interval
	for before := (time.Time{}); ; before = got[len(got)-1].From {
		page := get(s.Intervals(ctx, "h1", before, 2))(t)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if len(got) != want {
		t.Errorf("paged over %d intervals, want %d", len(got), want)
	}
}

func unchangedWritesNothing(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	in := acceptJSON("h1", "facts", `{"n":1}`, start())
	first := get(s.AcceptSection(ctx, in))(t)
	before := s.Stats()
	in.At = start().Add(time.Hour)
	same(t, "answer", get(s.AcceptSection(ctx, in))(t), inventory.Accepted{Seq: first.Seq})
	must(t, second(s.OpenSections(ctx, "h1")))
	must(t, s.WriteSeen(ctx, seenOf("h1", in.At), nil))
	must(t, s.WriteSeen(ctx, nil, nil)) // an empty batch is no write
	before.SeenWrites++
	same(t, "writes", s.Stats(), before)
	if seq := get(s.Seq(ctx))(t); seq != first.Seq {
		t.Errorf("seq moved from %d to %d", first.Seq, seq)
	}
}

func seenOf(host string, at time.Time) []inventory.Seen {
	return []inventory.Seen{{HostID: host, At: at, AgentVersion: "0.1.0", Vitals: []byte(`{"load1":1}`), VitalsAt: at}}
}

func seenForward(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1", "h2", "h3")
	must(t, second(s.DeleteHost(ctx, "h3", start(), ev(event.HostDeleted, "h3"))))
	later := start().Add(time.Hour)
	must(t, s.WriteSeen(ctx, append(seenOf("h1", later), append(seenOf("h3", later), seenOf("none", later)...)...), nil))
	// An older time, and nothing else new.
	must(t, s.WriteSeen(ctx, []inventory.Seen{{HostID: "h1", At: start()}}, nil))
	want := seenOf("h1", later)[0]
	same(t, "seen", get(s.SeenHost(ctx, "h1"))(t), want)
	same(t, "never seen", get(s.SeenHost(ctx, "h2"))(t), inventory.Seen{})
	want.At, want.Vitals, want.AgentVersion = later.Add(time.Hour), []byte(`{"load1":2}`), "0.2.0"
	want.VitalsAt = want.At
	must(t, s.WriteSeen(ctx, []inventory.Seen{want}, nil))
	same(t, "all", get(s.AllSeen(ctx))(t), []inventory.Seen{want})
	same(t, "since then", get(s.SeenSince(ctx, want.At))(t), []inventory.Seen{want})
	same(t, "since later", get(s.SeenSince(ctx, want.At.Add(time.Microsecond)))(t), nil)
}

func phasing(t *testing.T, s *store.Store) {
	ctx := t.Context()
	share := func(percent int, at time.Time) []inventory.PhasedShare {
		return []inventory.PhasedShare{{Ecosystem: "Ubuntu:24.04", Name: "curl", Version: "8.1", Percent: percent, At: at}}
	}
	must(t, s.WriteSeen(ctx, nil, share(20, start())))
	must(t, s.WriteSeen(ctx, nil, share(40, start().Add(time.Hour))))
	must(t, s.WriteSeen(ctx, nil, share(10, start().Add(time.Minute)))) // a host with older lists
	same(t, "shares", get(s.PhasedShares(ctx, "Ubuntu:24.04"))(t), share(40, start().Add(time.Hour)))
	same(t, "of another", get(s.PhasedShares(ctx, "Debian:12"))(t), nil)
	must(t, s.WriteSeen(ctx, nil, []inventory.PhasedShare{{Ecosystem: "Ubuntu:24.04", Name: "nginx", Version: "1", Percent: 10, At: start().AddDate(0, 0, 31)}}))
	if left := get(s.PhasedShares(ctx, "Ubuntu:24.04"))(t); len(left) != 1 || left[0].Name != "nginx" {
		t.Errorf("what nobody has told for a month is still here: %+v", left)
	}
}

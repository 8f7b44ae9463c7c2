package assess

import (
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// A host that is deleted and enrolled again is another one: nothing that was found on the first is found on it before it says what it has.
func TestAHostThatIsEnrolledAgainHasNothingOfTheOneBefore(t *testing.T) {
	t.Parallel()
	w, a, _ := fleetOf(t)
	before, err := w.assess.HostFindings(t.Context(), a.ID, Query{})
	w.must(err)
	if before.Total == 0 {
		t.Fatal("nothing is found on the first host")
	}
	_, err = w.store.DeleteHost(t.Context(), a.ID, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: a.ID})
	w.must(err)
	again := w.enroll(a.Name, a.Labels)
	if again.Ordinal <= a.Ordinal {
		t.Fatalf("ordinal %d was given again after %d", again.Ordinal, a.Ordinal)
	}
	w.settle()
	page, err := w.assess.HostFindings(t.Context(), again.ID, Query{})
	w.must(err)
	if page.Total != 0 || page.Count.Assessed {
		t.Errorf("%d findings before it said what it has", page.Total)
	}
	all, err := w.assess.Findings(t.Context(), Query{Limit: 1000})
	w.must(err)
	for _, f := range all.Items {
		if f.HostID == a.ID || f.HostID == again.ID {
			t.Errorf("%s on %s", f.Vulnerability, f.HostID)
		}
	}
	w.assess.mu.RLock()
	defer w.assess.mu.RUnlock()
	for _, s := range w.assess.ix.subjects {
		for _, p := range s.presences {
			p.cohorts.each(func(number uint32) bool {
				if c := w.assess.ix.cohorts[number]; c.hosts.has(uint32(a.Ordinal)) || c.hosts.has(uint32(again.Ordinal)) { //nolint:gosec // the second and third host
					t.Errorf("%v has a host that has nothing", s.Subject)
				}
				return true
			})
		}
	}
}

func TestAnOrdinalThatNoBitmapHoldsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ix := newIndex(w.assess.now)
	if err := ix.put(portrait{host: fleet.Host{ID: "h", Ordinal: mostOrdinal}}); err != nil {
		t.Errorf("the last one: %v", err)
	}
	if err := ix.put(portrait{host: fleet.Host{ID: "i", Ordinal: mostOrdinal + 1}}); err == nil {
		t.Error("the one after it was taken")
	}
	if len(ix.hosts) != 1 {
		t.Errorf("%d hosts", len(ix.hosts))
	}
}

// Of EPSS the index keeps what advisories name. An advisory that comes after the score finds it all the same.
func TestAScoreThatCameBeforeItsAdvisoryCounts(t *testing.T) {
	t.Parallel()
	w, _, _ := fleetOf(t)
	w.imports++
	_, err := w.store.ImportFeed(t.Context(), advisory.Import{
		State: advisory.FeedState{Name: "epss", SHA256: "e", Records: 1, AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at}, At: w.at,
		Overlays: func(yield func(advisory.Overlay) error) error {
			return yield(advisory.Overlay{CVE: "CVE-2025-777", EPSS: &advisory.EPSS{Score: 0.9}})
		},
	})
	w.must(err)
	w.settle()
	a := fixes("CVE-2025-777", "openssl", "9")
	w.importFeed("osv/Other", []string{"Debian:12"}, a)
	w.settle()
	detail, err := w.assess.Vulnerability(t.Context(), "CVE-2025-777", Query{})
	w.must(err)
	if len(detail.Hosts.Items) == 0 {
		t.Fatal("it is found nowhere")
	}
	if e := detail.Hosts.Items[0].EPSS; e == nil || e.Score != 0.9 || e.AsOf != w.at.UTC().Format(time.DateOnly) {
		t.Errorf("EPSS %+v, want 0.9 of the day of the scores", e)
	}
}

// Where a host stands, and that it stands somewhere nobody stood before, is in answers as soon as its labels are.
func TestANewPlaceIsJudged(t *testing.T) {
	t.Parallel()
	w, a, _ := fleetOf(t)
	for _, labels := range []fleet.Labels{{LabelExposure: ExposureInternet}, {LabelCriticality: CriticalityLow}, {}} {
		_, err := w.store.SetHostLabels(t.Context(), a.ID, labels, event.Event{At: w.at, Kind: event.HostLabels, Actor: "user:test", Host: a.ID})
		w.must(err)
		w.settle()
		page, err := w.assess.HostFindings(t.Context(), a.ID, Query{Limit: 1000})
		w.must(err)
		if page.Total == 0 {
			t.Fatalf("%v: nothing is found", labels)
		}
		w.assess.mu.RLock()
		for _, f := range page.Items {
			s := w.assess.ix.subjects[Subject{Ecosystem: f.Ecosystem, Name: f.Source, Source: f.Source, Version: f.Installed}]
			want := Judge(w.assess.ix.caseOf(f.Vulnerability, s, w.assess.ix.hits(s)[f.Vulnerability], Standing{Place: PlaceOf(labels)}, nil), w.assess.now())
			if f.Priority != want.Priority {
				t.Errorf("%v: %s is %s, judged alone %s", labels, f.Vulnerability, f.Priority, want.Priority)
			}
		}
		w.assess.mu.RUnlock()
	}
}

// Members are a set, whatever they are kept in.
func TestMembersAreASet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m members
		want := map[uint32]bool{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			n := rapid.Uint32Range(0, 60).Draw(t, "ordinal")
			if rapid.Bool().Draw(t, "add") {
				if m.add(n) == want[n] {
					t.Fatalf("add(%d) was new: %v", n, !want[n])
				}
				want[n] = true
			} else {
				if m.remove(n) != want[n] {
					t.Fatalf("remove(%d) was there: %v", n, !want[n])
				}
				delete(want, n)
			}
		}
		selection := roaring.BitmapOf(rapid.SliceOf(rapid.Uint32Range(0, 60)).Draw(t, "selection")...)
		chosen := roaring.New()
		for n := range want {
			if selection.Contains(n) {
				chosen.Add(n)
			}
		}
		all, numbers := roaring.New(), newNumbers(61)
		m.addTo(all)
		selection.Iterate(func(n uint32) bool { numbers.add(n); return true })
		if m.len() != len(want) || cardinality(all) != len(want) || m.count(selection) != cardinality(chosen) || numbers.meets(&m) == chosen.IsEmpty() {
			t.Fatalf("%v is not %v", m, want)
		}
	})
}

// What the index keeps of a host's vitals is enough to say how old its package lists are.
func TestStaleIsWhatTheVitalsSay(t *testing.T) {
	t.Parallel()
	now := newWorld(t).at
	rapid.Check(t, func(t *rapid.T) {
		about := func(what string) int64 {
			return micros(now) - rapid.Int64Range(-50, 50).Draw(t, what)*3_600_000_000
		}
		s := seen{vitalsAt: int64(rapid.IntRange(0, 1).Draw(t, "said"))}
		if s.vitalsAt != 0 && rapid.Bool().Draw(t, "refreshed at all") {
			s.refreshed = about("refreshed")
		}
		if s.vitalsAt != 0 && rapid.Bool().Draw(t, "limited") {
			s.validUntil = about("until")
		}
		h := newHost(portrait{seen: s, facts: facts{known: rapid.Bool().Draw(t, "facts"), manager: rapid.SampledFrom([]string{"", "apt"}).Draw(t, "manager")}})
		if got, want := h.stale(micros(now)), h.metadata(now).Stale; got != want {
			t.Fatalf("%+v: stale %v, in words %v", s, got, want)
		}
	})
}

// The first instant at which lists of a repository end is the one that is kept.
func TestTheFirstRepositoryToEndIsNamed(t *testing.T) {
	t.Parallel()
	s, err := seenOf(inventory.Seen{Vitals: []byte(`{"refreshed_at":"2026-11-21T09:00:00Z","metadata":[
		{"repository":"late","valid_until":"2026-11-23T00:00:00Z"},{"repository":"early","valid_until":"2026-11-22T00:00:00Z"},{"repository":"never"}]}`)})
	if err != nil || s.repository.String() != "early" || s.vitals().Metadata[0].Repository != "early" {
		t.Errorf("%+v, %v", s, err)
	}
	var none *apiv1.Vitals
	if (seen{}).vitals() != none {
		t.Error("vitals of a host that sent none")
	}
}

package inventory_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// A host that says something new as often as the agent channel lets it is kept to its allowance: what it says then waits, its other
// sections and the other hosts do not, and it is told of once.
func TestAHostThatChangesForEverFillsNoDisk(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := &bundle{t: t, store: storetest.Open(t), at: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	b.s = inventory.NewService(b.store, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return b.at })
	bad, good := b.host("bad"), b.host("good")
	var digests [2]string
	for i := range digests {
		digests[i], _ = b.put(bad, apiv1.SectionFacts, facts(fmt.Sprint("boot", i), "k"))
	}
	began := b.at
	for i := range 2400 {
		b.at = b.at.Add(time.Second / 2)
		answer, err := b.s.Checkin(t.Context(), bad, apiv1.Checkin{Sections: map[string]string{apiv1.SectionFacts: digests[i%2]}, Vitals: &apiv1.Vitals{Load1: float64(i)}})
		if err != nil || len(answer.Lacks) != 0 {
			t.Fatalf("check-in %d: %v, %+v", i, err, answer)
		}
	}
	intervals, err := b.store.Intervals(t.Context(), bad, time.Time{}, 10_000)
	b.must(err)
	if n, most := len(intervals), 720+2+int(b.at.Sub(began)/(2*time.Minute)); n > most+1 || n < 720 {
		t.Errorf("%d changes were taken, at most %d are allowed", n, most)
	}
	events, err := b.store.EventsAfter(t.Context(), 0, 10_000)
	b.must(err)
	if len(events) > len(intervals)+10 {
		t.Errorf("%d events", len(events))
	}
	if n := strings.Count(log.String(), "its changes wait"); n != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
	unknown, text := encode(t, facts("another", "k"))
	answer, err := b.s.Checkin(t.Context(), bad, apiv1.Checkin{Sections: map[string]string{apiv1.SectionFacts: unknown}})
	b.must(err)
	if len(answer.Lacks) != 0 {
		t.Errorf("asked for %v", answer.Lacks)
	}
	if _, err := b.s.PutSection(t.Context(), bad, apiv1.SectionFacts, unknown, text); !errors.Is(err, fault.TooMany) {
		t.Errorf("%v", err)
	}
	b.put(bad, apiv1.SectionPackages, packages("1"))
	b.put(good, apiv1.SectionFacts, facts("boot", "k"))

	b.at = b.at.Add(24 * time.Hour)
	answer, err = b.s.Checkin(t.Context(), bad, apiv1.Checkin{Sections: map[string]string{apiv1.SectionFacts: unknown}})
	b.must(err)
	if d := cmp.Diff([]string{apiv1.SectionFacts}, answer.Lacks); d != "" {
		t.Errorf("a day later: %s", d)
	}
}

// Nor do large bodies, however seldom they come.
func TestAHostThatSendsLargeBodiesFillsNoDisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	taken := 0
	for i := range 20 {
		_, text := encode(t, facts("b", fmt.Sprint("k", i)))
		text = append(text, bytes.Repeat([]byte(" "), 12<<20)...)
		digest := sum(text)
		b.at = b.at.Add(10 * time.Minute)
		_, err := b.s.PutSection(t.Context(), h, apiv1.SectionFacts, digest, text)
		switch {
		case err == nil:
			taken += len(text)
		case !errors.Is(err, fault.TooMany):
			t.Fatal(err)
		}
	}
	if most := 128 << 20; taken < most || taken > most+(32<<20) { // the last one may be too much, and 200 minutes give 18 MiB back
		t.Errorf("%d MiB were taken", taken>>20)
	}
}

// Phasing shares are facts of package versions, so one host has a part of the table and no more.
func TestAHostThatMakesUpPhasingFillsNoDisk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := b.host("a")
	b.put(h, apiv1.SectionFacts, facts("b", "k"))
	for i := range 100 {
		v := apiv1.Vitals{}
		for j := range 1000 {
			v.Phasing = append(v.Phasing, apiv1.Phasing{Package: fmt.Sprintf("p%d-%d", i, j), Version: "1", Percent: 1})
		}
		b.at = b.at.Add(time.Second)
		_, err := b.s.Checkin(t.Context(), h, apiv1.Checkin{Vitals: &v})
		b.must(err)
	}
	b.s.Stop()
	shares, err := b.store.PhasedShares(t.Context(), "Debian:12")
	b.must(err)
	if len(shares) < 20_000 || len(shares) > 21_000 {
		t.Errorf("%d shares of 100,000 are kept", len(shares))
	}
}

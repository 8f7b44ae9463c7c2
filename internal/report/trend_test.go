package report_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/report"
)

// forgetful is the totals' store with days that were deleted.
type forgetful struct {
	report.TotalsStore
	puts []string
	gone map[string]bool
}

func (f *forgetful) DailyTotals(ctx context.Context, from, to string) ([]apiv1.DailyTotal, error) {
	all, err := f.TotalsStore.DailyTotals(ctx, from, to)
	kept := []apiv1.DailyTotal{}
	for _, one := range all {
		if !f.gone[one.Day] {
			kept = append(kept, one)
		}
	}
	return kept, err
}

func (f *forgetful) PutDailyTotal(ctx context.Context, t apiv1.DailyTotal) error {
	f.puts = append(f.puts, t.Day)
	delete(f.gone, t.Day)
	return f.TotalsStore.PutDailyTotal(ctx, t)
}

// Daily totals say what was known on each day; deleted, in part or whole, they are counted again and are the same.
func TestDailyTotalsAreCountedAndCountedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.at // 1 November, noon
	day := 24 * time.Hour
	web := w.enroll("web1")
	w.has(web, deb("openssl", "1"))
	w.at = began.Add(2 * day)
	w.knows(hole("CVE-1", "openssl", "2", began))
	w.at = began.Add(4 * day)
	w.has(web, deb("openssl", "2"))
	w.at = began.Add(5 * day)

	log := slog.New(slog.DiscardHandler)
	now := func() time.Time { return w.at }
	index := assess.NewService(w.store, func(at time.Time) assess.PastReader { return w.store.At(at) }, event.NewFollower(w.store, log), fleet.NewPresence(time.Minute), log, now)
	store := &forgetful{TotalsStore: w.store}
	totals := report.NewTotals(store, index, now)
	fill := func(want int) {
		t.Helper()
		if n, err := totals.Fill(t.Context()); n != want || err != nil {
			t.Errorf("%d days were counted, want %d: %v", n, want, err)
		}
	}
	story := func() []string {
		t.Helper()
		trend, err := totals.Trend(t.Context(), began.Add(-30*day), w.at)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, d := range trend.Items {
			lines = append(lines, fmt.Sprintf("%s: %d hosts, %d not assessed, %d vulnerabilities", d.Day, d.Hosts, d.NotAssessed, d.Findings.Total))
		}
		return append(lines, fmt.Sprintf("%d missing", trend.Missing))
	}

	if diff := cmp.Diff([]string{"5 missing"}, story()); diff != "" {
		t.Error(diff)
	}
	fill(5)
	if diff := cmp.Diff([]string{"2026-11-05", "2026-11-04", "2026-11-03", "2026-11-02", "2026-11-01"}, store.puts); diff != "" {
		t.Error("not newest first:", diff)
	}
	want := []string{
		"2026-11-01: 1 hosts, 1 not assessed, 0 vulnerabilities", // unknown then, though today we know better
		"2026-11-02: 1 hosts, 1 not assessed, 0 vulnerabilities",
		"2026-11-03: 1 hosts, 0 not assessed, 1 vulnerabilities",
		"2026-11-04: 1 hosts, 0 not assessed, 1 vulnerabilities",
		"2026-11-05: 1 hosts, 0 not assessed, 0 vulnerabilities",
		"0 missing",
	}
	if diff := cmp.Diff(want, story()); diff != "" {
		t.Error(diff)
	}
	fill(0)

	for name, gone := range map[string]map[string]bool{
		"in the middle": {"2026-11-03": true},
		"all":           {"2026-11-01": true, "2026-11-02": true, "2026-11-03": true, "2026-11-04": true, "2026-11-05": true},
	} {
		store.gone = gone
		fill(len(gone))
		if diff := cmp.Diff(want, story()); diff != "" {
			t.Error(name, diff)
		}
	}

	w.at = w.at.Add(day) // a day more
	fill(1)
	for name, span := range map[string][2]time.Time{"backwards": {w.at, began}, "too long": {began.AddDate(-30, 0, 0), w.at}} {
		if _, err := totals.Trend(t.Context(), span[0], span[1]); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

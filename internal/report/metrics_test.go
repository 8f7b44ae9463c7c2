package report

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func exposed(priority string, since, until int) Exposure {
	e := Exposure{Vulnerability: fmt.Sprintf("CVE-2026-%d", since), Source: "openssl", Priority: priority, Since: day(since)}
	if until > 0 {
		e.Until = day(until)
	}
	return e
}

// oneSpread is of durations that are all alike.
func oneSpread(days float64) *apiv1.Spread {
	return &apiv1.Spread{Median: days, P90: days, Mean: days, Longest: days}
}

func ptr(f float64) *float64 { return &f }

// Hand-made histories; each want can be checked against docs/metrics.md by counting on fingers. The period is 10 to 20 November, and a
// high finding is to be fixed within 5 days.
func TestMetricsOfHandMadeHistories(t *testing.T) {
	t.Parallel()
	clock := Clock{apiv1.PriorityHigh: 5 * 24 * time.Hour}
	for name, tc := range map[string]struct {
		had  []Exposure
		want apiv1.MetricsRow
	}{
		"nothing": {nil, apiv1.MetricsRow{}},
		"opened and fixed in the period, in time": {[]Exposure{exposed("high", 11, 14)},
			apiv1.MetricsRow{Opened: 1, Fixed: 1, TimeToPatch: oneSpread(3), ExposureDays: 3, Due: 1, InTime: 1, PercentInTime: ptr(100)}},
		"fixed at the very moment it was due": {[]Exposure{exposed("high", 11, 16)},
			apiv1.MetricsRow{Opened: 1, Fixed: 1, TimeToPatch: oneSpread(5), ExposureDays: 5, Due: 1, InTime: 1, PercentInTime: ptr(100)}},
		"fixed a day late": {[]Exposure{exposed("high", 11, 17)},
			apiv1.MetricsRow{Opened: 1, Fixed: 1, TimeToPatch: oneSpread(6), ExposureDays: 6, Due: 1, PercentInTime: ptr(0)}},
		"open since before the period, and never fixed: due before it, so neither in time nor late in it": {[]Exposure{exposed("high", 1, 0)},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(19), ExposureDays: 10}},
		"due in the period and still open counts as late": {[]Exposure{exposed("high", 8, 0)},
			apiv1.MetricsRow{Open: 1, OpenAge: oneSpread(12), ExposureDays: 10, Due: 1, PercentInTime: ptr(0)}},
		"open at the end, not due yet": {[]Exposure{exposed("high", 18, 25)},
			apiv1.MetricsRow{Opened: 1, Open: 1, OpenAge: oneSpread(2), ExposureDays: 2}},
		"fixed before the period, due in it: in time": {[]Exposure{exposed("high", 7, 9)},
			apiv1.MetricsRow{Due: 1, InTime: 1, PercentInTime: ptr(100)}},
		"over long before": {[]Exposure{exposed("high", 1, 3)}, apiv1.MetricsRow{}},
		"began at its end": {[]Exposure{exposed("high", 20, 0)}, apiv1.MetricsRow{}},
		"began at its first moment and ended at its last": {[]Exposure{exposed("high", 10, 20)},
			apiv1.MetricsRow{Opened: 1, Open: 1, OpenAge: oneSpread(10), ExposureDays: 10, Due: 1, PercentInTime: ptr(0)}},
		"ten that took 1 to 10 days: the median is the fifth, nine of ten the ninth": {
			[]Exposure{exposed("high", 10, 11), exposed("high", 9, 11), exposed("high", 8, 11), exposed("high", 7, 11), exposed("high", 6, 11), exposed("high", 5, 11),
				exposed("high", 4, 11), exposed("high", 3, 11), exposed("high", 2, 11), exposed("high", 1, 11)},
			apiv1.MetricsRow{Opened: 1, Fixed: 10, TimeToPatch: &apiv1.Spread{Median: 5, P90: 9, Mean: 5.5, Longest: 10}, ExposureDays: 10,
				Due: 6, InTime: 5, PercentInTime: ptr(83.3)}}, // due: those since 5 to 10 November; the one since the 5th took 6 days
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := NewMeasure(Period{day(10), day(20)}, clock)
			for _, e := range tc.had {
				m.Add(e)
			}
			rows := m.Rows()
			tc.want.Priority = "high"
			if diff := cmp.Diff(tc.want, rows[1]); diff != "" {
				t.Error(diff)
			}
			tc.want.Priority = "all"
			if diff := cmp.Diff(tc.want, rows[5]); diff != "" {
				t.Error("all:", diff)
			}
		})
	}
}

// Two periods that follow each other have, together, what the one that spans them has: whatever can be summed.
func TestPeriodsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var had []Exposure
		for range rapid.IntRange(0, 20).Draw(t, "exposures") {
			since := rapid.IntRange(1, 28).Draw(t, "since")
			until := 0
			if rapid.Bool().Draw(t, "ended") {
				until = since + rapid.IntRange(1, 30).Draw(t, "after")
			}
			had = append(had, exposed(rapid.SampledFrom([]string{"urgent", "high", "low", "lowest"}).Draw(t, "priority"), since, until))
		}
		cut := rapid.IntRange(2, 29).Draw(t, "cut")
		of := func(from, to int) apiv1.MetricsRow {
			m := NewMeasure(Period{day(from), day(to)}, DefaultClock())
			for _, e := range had {
				m.Add(e)
			}
			rows := m.Rows()
			return rows[len(rows)-1]
		}
		whole, first, second := of(1, 30), of(1, cut), of(cut, 30)
		if whole.Opened != first.Opened+second.Opened || whole.Fixed != first.Fixed+second.Fixed || whole.Due != first.Due+second.Due ||
			whole.InTime != first.InTime+second.InTime || math.Abs(whole.ExposureDays-first.ExposureDays-second.ExposureDays) > 0.02 {
			t.Fatalf("%+v is not %+v and %+v", whole, first, second)
		}
		if whole.Open != second.Open || whole.Opened-whole.Fixed != whole.Open {
			t.Fatalf("open at the end: %+v, %+v", whole, second)
		}
	})
}

func TestNotAllIsNeverShownAsAll(t *testing.T) {
	t.Parallel()
	if got := *percent(9999, 10_000); got != 99.9 {
		t.Errorf("9,999 of 10,000 are shown as %v %%", got)
	}
}

func TestCoverageCountsDaysWithAnInventory(t *testing.T) {
	t.Parallel()
	var c apiv1.Coverage
	p := Period{day(10), day(20)}
	assessed := apiv1.FindingCounts{Assessed: true}
	cover(&c, p, apiv1.Host{EnrolledAt: day(1), Findings: assessed}, []Interval{{From: day(1), To: day(12)}, {From: day(12)}}, day(20))
	cover(&c, p, apiv1.Host{EnrolledAt: day(14), Findings: assessed}, []Interval{{From: day(15)}}, day(20)) // a day without an inventory
	cover(&c, p, apiv1.Host{EnrolledAt: day(1)}, []Interval{{From: day(1)}}, day(20))                       // no feed speaks of it
	cover(&c, p, apiv1.Host{EnrolledAt: day(10), Findings: assessed}, nil, day(20))
	want := apiv1.Coverage{Assessed: 2, NotAssessed: 2, HostDays: 10 + 6 + 10 + 10, Covered: 10 + 5}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

// However often its inventory changed, a host that always had one is covered whole: to the last digit, since 99.9 is shown for all but all.
func TestCoverageOfManyInventoriesIsWhole(t *testing.T) {
	t.Parallel()
	for n := range 50 {
		var c apiv1.Coverage
		var had []Interval
		for i := range n {
			had = append(had, Interval{From: day(9).Add(time.Duration(i) * 7654321 * time.Millisecond), To: day(9).Add(time.Duration(i+1) * 7654321 * time.Millisecond)})
		}
		had = append(had, Interval{From: day(9).Add(time.Duration(n) * 7654321 * time.Millisecond)})
		cover(&c, Period{day(10), day(20)}, apiv1.Host{EnrolledAt: day(9), Findings: apiv1.FindingCounts{Assessed: true}}, had, day(20))
		if got := *percent(c.Covered, c.HostDays); got != 100 {
			t.Errorf("%d inventories: %v %% of %+v", n+1, got, c)
		}
	}
}

// A host that was not heard of for more than a day has not been seen since; what it had before counts.
func TestCoverageEndsWhenAHostFallsSilent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		seen time.Time
		want float64
	}{
		"long ago":              {day(3), 0},
		"in the period":         {day(14), 4},
		"a day ago":             {day(24), 10},
		"after the period":      {day(21), 10},
		"before the period end": {day(20).Add(-12 * time.Hour), 9.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c apiv1.Coverage
			cover(&c, Period{day(10), day(20)}, apiv1.Host{EnrolledAt: day(1), LastSeen: &tc.seen, Findings: apiv1.FindingCounts{Assessed: true}},
				[]Interval{{From: day(1), To: day(2)}, {From: day(2)}}, day(25))
			if c.Covered != tc.want || c.HostDays != 10 {
				t.Errorf("%+v, want %v days", c, tc.want)
			}
		})
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for text, want := range map[string]Clock{
		"":                    DefaultClock(),
		"urgent=3d":           {"urgent": 3 * day},
		"urgent=3d, high=14":  {"urgent": 3 * day, "high": 14 * day},
		"urgent":              nil,
		"urgent=0d":           nil,
		"urgent=-1":           nil,
		"urgent=99999999999d": nil,
		"critical=3d":         nil,
		"high=1,high=2":       nil,
		"high=1,":             nil,
	} {
		got, err := ParseClock(text)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
}

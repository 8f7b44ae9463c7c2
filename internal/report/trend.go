package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// maxTrend is how many days are counted, and asked for at once: ten years.
const maxTrend = 3660

// TotalsStore keeps daily totals. They are a cache: everything in it can be counted again.
type TotalsStore interface {
	// DailyTotals of the days from one to another, both with them, oldest first.
	DailyTotals(ctx context.Context, from, to string) ([]apiv1.DailyTotal, error)
	PutDailyTotal(ctx context.Context, t apiv1.DailyTotal) error
	// Earliest is when anything was first known, and when the first host was there; zero: never.
	Earliest(ctx context.Context) (knowledge, hosts time.Time, err error)
}

// Sweeper counts the fleet at several instants, newest first.
type Sweeper interface {
	Sweep(ctx context.Context, at []time.Time, each func(at time.Time, o apiv1.Overview) error) error
}

// Totals counts the fleet day by day.
type Totals struct {
	store TotalsStore
	sweep Sweeper
	now   func() time.Time
}

// NewTotals makes it.
func NewTotals(store TotalsStore, sweep Sweeper, now func() time.Time) *Totals {
	return &Totals{store, sweep, now}
}

// Fill counts every day that is over and not counted yet, back to the first host, newest first: one sweep backwards. Each day is kept
// as soon as it is counted, so what is cut off goes on later where it was. It gives how many days it counted.
func (t *Totals) Fill(ctx context.Context) (filled int, err error) {
	_, first, err := t.store.Earliest(ctx)
	if err != nil || first.IsZero() {
		return 0, err
	}
	yesterday := dayOf(t.now()).AddDate(0, 0, -1)
	begin := dayOf(first)
	if limit := yesterday.AddDate(0, 0, 1-maxTrend); begin.Before(limit) {
		begin = limit
	}
	have, err := t.store.DailyTotals(ctx, begin.Format(time.DateOnly), yesterday.Format(time.DateOnly))
	if err != nil {
		return 0, err
	}
	counted := map[string]bool{}
	for _, one := range have {
		counted[one.Day] = true
	}
	var missing []time.Time
	for day := yesterday; !day.Before(begin); day = day.AddDate(0, 0, -1) {
		if !counted[day.Format(time.DateOnly)] {
			missing = append(missing, endOf(day))
		}
	}
	if len(missing) == 0 {
		return 0, nil
	}
	err = t.sweep.Sweep(ctx, missing, func(at time.Time, o apiv1.Overview) error {
		filled++
		return t.store.PutDailyTotal(ctx, apiv1.DailyTotal{Day: at.Format(time.DateOnly), Hosts: o.Hosts, NotAssessed: o.NotAssessed, Findings: o.Findings, HostsByWorst: o.HostsByWorst})
	})
	if err != nil {
		return filled, fmt.Errorf("counting days: %w", err)
	}
	return filled, nil
}

// Trend gives the totals of the days from one to another. fault.Invalid when they are none, or more than ten years.
func (t *Totals) Trend(ctx context.Context, from, to time.Time) (apiv1.Trend, error) {
	first, last := dayOf(from), dayOf(to)
	if yesterday := dayOf(t.now()).AddDate(0, 0, -1); last.After(yesterday) {
		last = yesterday // today is not over
	}
	days := int(last.Sub(first)/(24*time.Hour)) + 1
	switch {
	case first.After(dayOf(to)):
		return apiv1.Trend{}, fault.New(fault.Invalid, "the days end on %s, before their beginning on %s", to.UTC().Format(time.DateOnly), first.Format(time.DateOnly))
	case days > maxTrend:
		return apiv1.Trend{}, fault.New(fault.Invalid, "these are %d days; at most %d can be asked for", days, maxTrend)
	}
	items, err := t.store.DailyTotals(ctx, first.Format(time.DateOnly), last.Format(time.DateOnly))
	if err != nil {
		return apiv1.Trend{}, err
	}
	_, began, err := t.store.Earliest(ctx)
	if err != nil {
		return apiv1.Trend{}, err
	}
	if began.IsZero() || dayOf(began).After(last) {
		days = 0
	} else if dayOf(began).After(first) {
		days = int(last.Sub(dayOf(began))/(24*time.Hour)) + 1
	}
	return apiv1.Trend{Items: slices.Clip(items), Missing: max(0, days-len(items))}, nil
}

// dayOf is the first moment of a day, UTC.
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// endOf is the last moment of a day that begins at an instant: times are kept in microseconds.
func endOf(day time.Time) time.Time { return day.AddDate(0, 0, 1).Add(-time.Microsecond) }

package feed

import (
	"context"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// ends is when the first of what was given no longer counts: the midnight, UTC, after its last day. Zero: never.
func (k *kinds) ends() time.Time {
	day, err := time.Parse(time.DateOnly, k.until)
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}

// expire ends what the user's own lists said until a day that has passed. The lists themselves are not kept, so it works on what they gave:
// the next one is due when their state says so.
func (s *Service) expire(ctx context.Context) error {
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	for _, f := range ownSources() {
		if due := states[f.name].NextDue; due.IsZero() || due.After(s.now()) {
			continue
		}
		if err := s.expireOne(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) expireOne(ctx context.Context, f source) error {
	giveBack, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	after := states[f.name]
	today := s.now().UTC().Format(time.DateOnly)
	var left []advisory.Advisory
	var gave kinds
	if err := s.store.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		if a.Feed != f.name {
			return nil
		}
		a, ended := unexpired(a, today)
		for _, place := range ended {
			after.Skipped++
			if len(after.Problems) < intake.MaxProblems {
				after.Problems = append(after.Problems, place)
			}
		}
		if len(a.Affected) == 0 {
			return nil
		}
		left = append(left, a)
		return gave.sink().GiveAdvisory(a)
	}); err != nil {
		return err
	}
	after.AttemptedAt, after.NextDue, after.Records = s.now(), gave.ends(), len(left)
	return s.write(ctx, advisory.Import{State: after, At: after.AttemptedAt, Advisories: func(yield func(advisory.Advisory) error) error {
		for _, a := range left {
			if err := yield(a); err != nil {
				return err
			}
		}
		return nil
	}}, after)
}

// unexpired is an advisory without what no longer counts today, which is named.
func unexpired(a advisory.Advisory, today string) (advisory.Advisory, []advisory.Problem) {
	var kept []advisory.Affected
	var ended []advisory.Problem
	for _, f := range a.Affected {
		if f.Until == "" || today <= f.Until {
			kept = append(kept, f)
			continue
		}
		ended = append(ended, advisory.Problem{Record: intake.Shown(fmt.Sprintf("%s in %s %s", a.ID, f.Ecosystem, f.Package)), Reason: "expired: it was to count until " + f.Until})
	}
	a.Affected = kept
	return a, ended
}

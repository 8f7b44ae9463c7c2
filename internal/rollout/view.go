package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/run"
)

// Rollout is one rollout with its runs and why they wait, from a state that includes Seq. fault.NotFound.
func (s *Service) Rollout(ctx context.Context, rolloutID string) (apiv1.Rollout, error) {
	seq, err := s.Seq(ctx)
	if err != nil {
		return apiv1.Rollout{}, err
	}
	r, err := s.Store.Rollout(ctx, rolloutID)
	if err != nil {
		return apiv1.Rollout{}, err
	}
	now := s.Now()
	snapshot, _, err := s.snapshot(ctx, r, now)
	if err != nil {
		return apiv1.Rollout{}, err
	}
	out := apiv1.Rollout{
		ID: r.ID, Plan: r.PlanID, State: string(r.State), Reason: r.Reason, MaxConcurrent: r.MaxConcurrent, StartedAt: r.StartedAt, StartedBy: r.StartedBy,
		EndedAt: optional(r.EndedAt), Counts: counts(snapshot.Runs), Runs: []apiv1.Run{}, Summary: summary(snapshot.Runs), Seq: seq,
	}
	waiting := Decide(snapshot, now).Waiting
	for _, u := range snapshot.Runs {
		w := u.Wire()
		w.Waiting = waiting[u.ID]
		out.Runs = append(out.Runs, w)
	}
	return out, nil
}

// Run is one run with why it waits. fault.NotFound.
func (s *Service) Run(ctx context.Context, runID string) (apiv1.RunDetail, error) {
	d, err := s.Runs.Detail(ctx, runID)
	if err != nil || d.Run.State != string(run.Pending) {
		return d, err
	}
	r, err := s.Store.Rollout(ctx, d.Run.Rollout)
	if err != nil {
		return d, err
	}
	now := s.Now()
	snapshot, _, err := s.snapshot(ctx, r, now)
	d.Run.Waiting = Decide(snapshot, now).Waiting[runID]
	return d, err
}

// Rollouts is a page of rollouts, newest first. fault.Invalid for a cursor that is none.
func (s *Service) Rollouts(ctx context.Context, cursor string, limit int) (apiv1.RolloutPage, error) {
	page := apiv1.RolloutPage{Items: []apiv1.RolloutRow{}}
	if cursor != "" && !id.Valid(Prefix, cursor) {
		return page, fault.New(fault.Invalid, "the cursor is not one that this list gave")
	}
	all, err := s.Store.Rollouts(ctx, cursor, limit)
	if err != nil {
		return page, err
	}
	for _, r := range all {
		runs, err := s.Store.RunsOf(ctx, r.ID)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, apiv1.RolloutRow{ID: r.ID, Plan: r.PlanID, State: string(r.State), Reason: r.Reason, StartedAt: r.StartedAt,
			StartedBy: r.StartedBy, EndedAt: optional(r.EndedAt), Hosts: len(runs), Counts: counts(runs), Summary: summary(runs)})
	}
	if len(all) == limit {
		page.Next = all[len(all)-1].ID
	}
	return page, nil
}

// OfPlan lists the ids of a plan's rollouts, newest first.
func (s *Service) OfPlan(ctx context.Context, planID string) ([]string, error) {
	return s.Store.RolloutsOfPlan(ctx, planID)
}

// order is that of a good run, then the other ends.
func order() []run.State {
	return []run.State{run.Pending, run.Offered, run.Preparing, run.Applying, run.Verifying, run.Rebooting, run.Uncertain,
		run.Succeeded, run.Failed, run.Stale, run.Lost, run.Canceled}
}

func counts(runs []run.Run) []apiv1.NameCount {
	n := map[run.State]int{}
	for _, u := range runs {
		n[u.State]++
	}
	out := []apiv1.NameCount{}
	for _, state := range order() {
		if n[state] > 0 {
			out = append(out, apiv1.NameCount{Name: string(state), Count: n[state]})
		}
	}
	return out
}

// summary is where the hosts of a rollout stand, in words.
func summary(runs []run.Run) string {
	var succeeded, proven, working, pending, ill, canceled int
	for _, u := range runs {
		switch {
		case u.State == run.Succeeded:
			succeeded++
			if !u.ProvenAt.IsZero() {
				proven++
			}
		case u.State == run.Pending:
			pending++
		case u.State == run.Canceled:
			canceled++
		case u.State.InFlight():
			working++
		default:
			ill++
		}
	}
	parts := []string{fmt.Sprintf("%d of %d hosts succeeded", succeeded, len(runs))}
	for _, p := range []struct {
		n    int
		what string
	}{{proven, "proven by their inventory"}, {working, "at work"}, {pending, "waiting"}, {ill, "failed"}, {canceled, "not started"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

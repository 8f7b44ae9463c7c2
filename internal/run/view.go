package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Wire is a run as it is shown; why it waits is for its rollout to say.
func (r Run) Wire() apiv1.Run {
	return apiv1.Run{
		ID: r.ID, Rollout: r.RolloutID, HostID: r.HostID, Host: r.HostName, State: string(r.State), Reason: r.Reason, Epoch: r.Epoch,
		GrantedAt: optional(r.GrantedAt), EndedAt: optional(r.EndedAt), LastWord: optional(r.LastWord), Step: r.Step, Proven: !r.ProvenAt.IsZero(),
	}
}

// Detail is a run with its steps, its changes, its outcome and the end of its log. fault.NotFound.
func (s *Service) Detail(ctx context.Context, runID string) (apiv1.RunDetail, error) {
	r, err := s.Store.Run(ctx, runID)
	if err != nil {
		return apiv1.RunDetail{}, err
	}
	out := apiv1.RunDetail{Run: r.Wire(), Steps: []apiv1.RunStep{}}
	steps, err := s.Store.Steps(ctx, runID)
	if err != nil {
		return out, err
	}
	for _, p := range steps {
		out.Steps = append(out.Steps, apiv1.RunStep{Name: p.Name, State: p.State, Started: p.Started, Ended: optional(p.Ended), Text: p.Text})
	}
	lock, err := s.lock(ctx, r)
	if err != nil {
		return out, err
	}
	out.Changes = lock.Wire()
	if r.Outcome != nil {
		out.Outcome = new(apiv1.RunOutcome)
		if err := json.Unmarshal(r.Outcome, out.Outcome); err != nil {
			return out, fmt.Errorf("reading the outcome of run %s: %w", r.ID, err)
		}
	}
	size, err := s.Store.LogSize(ctx, runID)
	if err != nil {
		return out, err
	}
	out.Log, _, err = s.Store.LogLines(ctx, runID, max(0, size-detailLines), detailLines)
	return out, err
}

// Log is lines of a run's log after a number. fault.NotFound.
func (s *Service) Log(ctx context.Context, runID string, after int64, limit int) (apiv1.RunLog, error) {
	r, err := s.Store.Run(ctx, runID)
	if err != nil {
		return apiv1.RunLog{}, err
	}
	lines, last, err := s.Store.LogLines(ctx, runID, after, limit)
	return apiv1.RunLog{Lines: lines, Last: last, Ended: r.State.Ended() && len(lines) < limit}, err
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

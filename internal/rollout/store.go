package rollout

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/run"
)

// GrantWrite is the one atomic write of a grant: the rollout is running at this version, the host's claim is free, its epoch rises, the
// run becomes Offered with its signed grant, the event is appended. Sign is called inside the transaction with the new epoch.
type GrantWrite struct {
	RolloutID string
	Version   int64
	RunID     string
	HostID    string
	At        time.Time
	Sign      func(epoch int64) (grant []byte, signature string, err error)
	Event     event.Event
}

// Store is what rollout asks for.
type Store interface {
	// CreateRollout writes the rollout and a pending run per host. fault.Conflict when the plan is not approved or has an open rollout.
	CreateRollout(ctx context.Context, r Rollout, runs []run.Run, e event.Event) (seq int64, err error)
	Rollout(ctx context.Context, id string) (Rollout, error)
	Rollouts(ctx context.Context, beforeID string, limit int) ([]Rollout, error)
	RolloutsOfPlan(ctx context.Context, planID string) ([]string, error)
	OpenRollouts(ctx context.Context) ([]Rollout, error) // running, halted with runs in flight, aborting
	RunsOf(ctx context.Context, rolloutID string) ([]run.Run, error)
	Claims(ctx context.Context) (map[string]string, error) // host id to run id
	// GrantRun: fault.Conflict when the version moved or the claim is taken; nothing is written then.
	GrantRun(ctx context.Context, g GrantWrite) (seq int64, err error)
	// SetRollout moves the state at this version; pending runs in cancel become Canceled with it.
	SetRollout(ctx context.Context, id string, version int64, to State, reason string, cancel []string, at time.Time, e event.Event) (seq int64, err error)
}

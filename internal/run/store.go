package run

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
)

// Record is the one atomic write of a batch of reports: steps, log lines, state, outcome, the release of the host's claim when it ended.
type Record struct {
	RunID   string
	Epoch   int64
	From    int64 // the run's Acked before; a batch that does not start right after it is cut or refused
	Acked   int64
	State   State
	Reason  string
	Step    string
	Steps   []Step
	Lines   []string
	Outcome []byte
	At      time.Time
	Events  []event.Event
}

// Store is what run asks for.
type Store interface {
	Run(ctx context.Context, id string) (Run, error)
	// RunsOfHost lists runs of a host, newest first.
	RunsOfHost(ctx context.Context, hostID string, limit int) ([]Run, error)
	// OpenRuns lists runs in flight; of one host, or all when empty.
	OpenRuns(ctx context.Context, hostID string) ([]Run, error)
	// AcceptRun moves Offered to Preparing for this epoch; accepting again is no error. fault.Conflict when another epoch or state.
	AcceptRun(ctx context.Context, id string, epoch int64, at time.Time, e event.Event) (seq int64, err error)
	RecordRun(ctx context.Context, r Record) (seq int64, err error)
	// SetRunState is for what follows from time: Offered back to Pending, silence to Uncertain and Lost. fault.Conflict when not in from.
	SetRunState(ctx context.Context, id string, from []State, to State, reason string, at time.Time, e event.Event) (seq int64, err error)
	ProveRun(ctx context.Context, id string, at time.Time, e event.Event) (seq int64, err error)
	Steps(ctx context.Context, runID string) ([]Step, error)
	// LogLines of a run with number > after; last is the number of the last of them, or after when there are none.
	LogLines(ctx context.Context, runID string, after int64, limit int) (lines []string, last int64, err error)
	// LogSize is how many lines a run's log has.
	LogSize(ctx context.Context, runID string) (int64, error)
	// UnprovenRuns lists succeeded runs whose proof has not come yet.
	UnprovenRuns(ctx context.Context) ([]Run, error)
}

package rollout

import (
	"time"

	"github.com/staunch-dev/staunch/internal/run"
)

// State of a rollout; apiv1 has the same words.
type State string

// States. See docs/states.md.
const (
	Running   State = "running"
	Halted    State = "halted"
	Aborting  State = "aborting"
	Aborted   State = "aborted"
	Completed State = "completed"
)

// Rollout is a plan being carried out. One ring for now: every host of the plan, MaxConcurrent at a time, and a failure stops further grants.
type Rollout struct {
	ID            string
	PlanID        string
	State         State
	Reason        string
	MaxConcurrent int
	StartedAt     time.Time
	StartedBy     string
	EndedAt       time.Time
	Version       int64 // for compare-and-set
}

// Snapshot is everything a decision may look at.
type Snapshot struct {
	Rollout  Rollout
	NotAfter time.Time         // of the plan
	Runs     []run.Run         // by host name
	Claimed  map[string]string // host id to the run of another rollout that holds it
	Online   map[string]bool   // hosts whose long poll is open
}

package run

import "time"

// State of a run; apiv1 has the same words.
type State string

// States. See docs/states.md.
const (
	Pending   State = "pending"
	Offered   State = "offered"
	Preparing State = "preparing"
	Applying  State = "applying"
	Verifying State = "verifying"
	Rebooting State = "rebooting"
	Uncertain State = "uncertain"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Stale     State = "plan_stale"
	Lost      State = "lost"
	Canceled  State = "canceled"
)

// Ended reports whether nothing more is expected of a run in this state (a late report of a lost one is still taken).
func (s State) Ended() bool {
	switch s {
	case Succeeded, Failed, Stale, Lost, Canceled:
		return true
	}
	return false
}

// InFlight reports whether the run holds a slot: granted and not ended. Silence does not free a slot.
func (s State) InFlight() bool { return s != Pending && !s.Ended() }

// Run is one host's execution of a plan.
type Run struct {
	ID         string
	RolloutID  string
	PlanID     string
	HostID     string
	HostName   string
	Lock       string // sha256
	LeafIndex  int
	State      State
	Reason     string
	Epoch      int64
	Grant      []byte // exact signed bytes; nil before the grant
	GrantSig   string
	GrantedAt  time.Time
	AcceptedAt time.Time
	EndedAt    time.Time
	LastWord   time.Time
	Acked      int64 // highest report seq that is durable
	Step       string
	Outcome    []byte // JSON of apiv1.RunOutcome
	ProvenAt   time.Time
}

// Step is one step as reported.
type Step struct {
	RunID   string
	Name    string
	State   string // started, done, failed, skipped
	Started time.Time
	Ended   time.Time
	Text    string
}

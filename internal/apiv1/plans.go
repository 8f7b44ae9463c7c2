package apiv1

import "time"

// Plan states.
const (
	PlanSimulating = "simulating" // hosts are being asked what they would do
	PlanReady      = "ready"      // every host has answered, or its time is up; the preview is final
	PlanApproved   = "approved"   // frozen and signed; the same bytes for everyone
	PlanCanceled   = "canceled"
)

// States of a host in a plan.
const (
	PlanHostWaiting      = "waiting"       // its answer is on its way
	PlanHostSimulated    = "simulated"     // it answered, and the answer is in a cohort
	PlanHostNothing      = "nothing to do" // nothing that was chosen is pending there
	PlanHostRefused      = "refused"       // it answered, and the answer may not be approved: the reason says why
	PlanHostNotSimulated = "not simulated" // no answer: cannot be approved
)

// CreatePlan asks what would be installed where. At least one host must match and have something to do.
type CreatePlan struct {
	Selector      string   `json:"selector,omitempty" maxLength:"1024" doc:"Empty means every approved host"`
	Security      bool     `json:"security,omitempty" doc:"Only updates from a security archive"`
	Packages      []string `json:"packages,omitempty" maxItems:"200" doc:"Globs of package names; empty means all"`
	Exclude       []string `json:"exclude,omitempty" maxItems:"200" doc:"Globs of package names"`
	Fixes         []string `json:"fixes,omitempty" maxItems:"200" doc:"Vulnerabilities: only updates that fix one of these"`
	AllowRemovals bool     `json:"allow_removals,omitempty" doc:"Otherwise a host whose package manager would remove something is refused"`
	AllowNew      bool     `json:"allow_new,omitempty" doc:"Otherwise a host whose package manager would add a package is refused"`
	Reboot        string   `json:"reboot,omitempty" enum:"if-required,never" doc:"Default never: the need is shown and the reboot left to a person"`
}

// Plan is what would be installed where, as the hosts themselves answered.
type Plan struct {
	ID         string          `json:"id"`
	State      string          `json:"state" enum:"simulating,ready,approved,canceled"`
	Spec       CreatePlan      `json:"spec"`
	CreatedAt  time.Time       `json:"created_at"`
	CreatedBy  string          `json:"created_by"`
	ApprovedAt *time.Time      `json:"approved_at,omitempty"`
	ApprovedBy string          `json:"approved_by,omitempty"`
	NotAfter   *time.Time      `json:"not_after,omitempty" doc:"No run starts after this"`
	Hash       string          `json:"hash,omitempty" doc:"sha256 of the exact signed bytes, lower-case hex"`
	Signatures []PlanSignature `json:"signatures"`
	Required   int             `json:"required" doc:"Signatures of people that the site asks for, beside the server's own; 0 means the server key alone suffices"`
	Asked      int             `json:"asked,omitempty" doc:"Questions put to hosts: one for all that would answer alike"`
	Answered   int             `json:"answered,omitempty" doc:"Questions that were answered"`
	Hosts      []PlanHost      `json:"hosts"`
	Cohorts    []PlanCohort    `json:"cohorts"`
	Changes    []PlanChange    `json:"changes" doc:"Over all cohorts: what changes, on how many hosts"`
	Download   int64           `json:"download" doc:"Bytes, summed over hosts"`
	Reboots    int             `json:"reboots" doc:"Hosts expected to need a reboot"`
	Approvable bool            `json:"approvable"`
	Blockers   []string        `json:"blockers" doc:"Why it cannot be approved"`
	Rollouts   []string        `json:"rollouts" doc:"Ids of rollouts of this plan"`
}

// PlanSignature is one signature over the plan's bytes.
type PlanSignature struct {
	Principal   string    `json:"principal" doc:"server, or the name in allowed_signers"`
	Fingerprint string    `json:"fingerprint" doc:"SHA256:… of the SSH key"`
	At          time.Time `json:"at"`
}

// PlanHost is one host of a plan.
type PlanHost struct {
	HostID string `json:"host_id"`
	Host   string `json:"host"`
	State  string `json:"state" enum:"waiting,simulated,nothing to do,refused,not simulated"`
	Reason string `json:"reason,omitempty"`
	Cohort string `json:"cohort,omitempty" doc:"sha256 of its lock"`
}

// PlanCohort is the hosts that would do exactly the same: same versions, same bytes.
type PlanCohort struct {
	Lock     string       `json:"lock" doc:"sha256 of the lock"`
	Hosts    int          `json:"hosts"`
	Changes  []LockChange `json:"changes"`
	Download int64        `json:"download" doc:"Bytes for one host"`
	Reboot   bool         `json:"reboot" doc:"Expected to need a reboot"`
	Restarts []string     `json:"restarts" doc:"Units expected to be restarted; empty when not known before"`
}

// LockChange is one line of a lock: exactly this version, exactly these bytes.
type LockChange struct {
	Name    string `json:"name"`
	Arch    string `json:"arch"`
	Action  string `json:"action" enum:"upgrade,install,remove"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Archive string `json:"archive,omitempty"`
	Origin  string `json:"origin,omitempty"`
}

// PlanChange is a change over the whole plan.
type PlanChange struct {
	Name     string   `json:"name"`
	Action   string   `json:"action"`
	From     []string `json:"from"`
	To       string   `json:"to,omitempty"`
	Hosts    int      `json:"hosts"`
	Security bool     `json:"security"`
	Fixes    []string `json:"fixes" doc:"Vulnerabilities it fixes there, worst first, at most twenty"`
	FixCount int      `json:"fix_count"`
}

// PlanRow is a plan in a list.
type PlanRow struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Hosts     int       `json:"hosts"`
	Changes   int       `json:"changes"`
	Summary   string    `json:"summary" doc:"What was asked for, in words"`
}

// PlanPage is a page of plans, newest first.
type PlanPage struct {
	Items []PlanRow `json:"items"`
	Next  string    `json:"next,omitempty"`
}

// PlanBytes is what approvers sign: the exact bytes, base64 in JSON, and every lock they name.
type PlanBytes struct {
	Bytes []byte   `json:"bytes"`
	Hash  string   `json:"hash"`
	Locks [][]byte `json:"locks"`
}

// ApprovePlan freezes and signs a plan. Hash is the one that the approver saw: when it no longer fits, the answer is a conflict.
type ApprovePlan struct {
	Hash      string `json:"hash" minLength:"64" maxLength:"64"`
	Signature string `json:"signature,omitempty" maxLength:"8192" doc:"Armored SSHSIG over the plan's bytes, namespace staunch-plan"`
}

// Rollout states.
const (
	RolloutRunning   = "running"
	RolloutHalted    = "halted"    // a failure stopped further grants
	RolloutAborting  = "aborting"  // nothing new starts; what runs is finished
	RolloutAborted   = "aborted"   //
	RolloutCompleted = "completed" // every host has an end
)

// StartRollout starts the rollout of an approved plan.
type StartRollout struct {
	Plan          string `json:"plan"`
	MaxConcurrent int    `json:"max_concurrent,omitempty" minimum:"0" maximum:"10000" doc:"Hosts at work at the same time; default 1"`
}

// Rollout is a plan being carried out.
type Rollout struct {
	ID            string      `json:"id"`
	Plan          string      `json:"plan"`
	State         string      `json:"state" enum:"running,halted,aborting,aborted,completed"`
	Reason        string      `json:"reason,omitempty"`
	MaxConcurrent int         `json:"max_concurrent"`
	StartedAt     time.Time   `json:"started_at"`
	StartedBy     string      `json:"started_by"`
	EndedAt       *time.Time  `json:"ended_at,omitempty"`
	Counts        []NameCount `json:"counts" doc:"Runs by state"`
	Runs          []Run       `json:"runs"`
	Summary       string      `json:"summary"`
	Seq           int64       `json:"seq"`
}

// RolloutRow is a rollout in a list.
type RolloutRow struct {
	ID        string      `json:"id"`
	Plan      string      `json:"plan"`
	State     string      `json:"state"`
	Reason    string      `json:"reason,omitempty"`
	StartedAt time.Time   `json:"started_at"`
	StartedBy string      `json:"started_by"`
	EndedAt   *time.Time  `json:"ended_at,omitempty"`
	Hosts     int         `json:"hosts"`
	Counts    []NameCount `json:"counts"`
	Summary   string      `json:"summary"`
}

// RolloutPage is a page of rollouts, newest first.
type RolloutPage struct {
	Items []RolloutRow `json:"items"`
	Next  string       `json:"next,omitempty"`
}

// Run states, in the order of a good run, then the other ends.
const (
	RunPending   = "pending"   // waits for its grant: why is in Waiting
	RunOffered   = "offered"   // granted; the agent has not accepted yet
	RunPreparing = "preparing" // accepted: downloads, verifies, simulates; nothing has changed yet
	RunApplying  = "applying"  // the package transaction runs
	RunVerifying = "verifying" // restarts are done, the package database is asked
	RunRebooting = "rebooting"
	RunUncertain = "uncertain" // silent in mid-run: still holds its slot
	RunSucceeded = "succeeded"
	RunFailed    = "failed"
	RunStale     = "plan_stale" // the host cannot install the lock exactly; nothing was changed
	RunLost      = "lost"       // silent for too long: a failure; a late report is still taken
	RunCanceled  = "canceled"   // never started
)

// Run is one host's execution of a plan.
type Run struct {
	ID        string     `json:"id"`
	Rollout   string     `json:"rollout"`
	HostID    string     `json:"host_id"`
	Host      string     `json:"host"`
	State     string     `json:"state"`
	Waiting   string     `json:"waiting,omitempty" doc:"Why it waits"`
	Reason    string     `json:"reason,omitempty" doc:"Why it ended as it did"`
	Epoch     int64      `json:"epoch,omitempty"`
	GrantedAt *time.Time `json:"granted_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	LastWord  *time.Time `json:"last_word,omitempty" doc:"Last report of the agent"`
	Step      string     `json:"step,omitempty" doc:"The step it is at"`
	Proven    bool       `json:"proven" doc:"The next inventory showed the lock's versions"`
}

// RunDetail is a run with its steps, its package states and its log.
type RunDetail struct {
	Run     Run          `json:"run"`
	Steps   []RunStep    `json:"steps"`
	Changes []LockChange `json:"changes"`
	Outcome *RunOutcome  `json:"outcome,omitempty"`
	Log     []string     `json:"log" doc:"The last 500 lines; earlier ones by the log operation"`
}

// RunStep is one step as the agent journalled and reported it.
type RunStep struct {
	Name    string     `json:"name" doc:"accept, recover, download, stage, simulate, apply, marks, restart, reboot, verify"`
	State   string     `json:"state" enum:"started,done,failed,skipped"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	Text    string     `json:"text,omitempty"`
}

// RunLog is a part of a run's log: what the package manager wrote there.
type RunLog struct {
	Lines []string `json:"lines"`
	Last  int64    `json:"last" doc:"Number of the last line here: what to give as after for the next ones"`
	Ended bool     `json:"ended" doc:"The run has ended, so that no more lines come"`
}

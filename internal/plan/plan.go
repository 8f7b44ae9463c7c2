package plan

import (
	"time"

	"github.com/staunch-dev/staunch/internal/seal"
)

// State of a plan; apiv1 has the same words.
type State string

// States.
const (
	Simulating State = "simulating"
	Ready      State = "ready"
	Approved   State = "approved"
	Canceled   State = "canceled"
)

// HostState is where a host stands in a plan; apiv1 has the same words.
type HostState string

// Host states.
const (
	Waiting      HostState = "waiting"
	Simulated    HostState = "simulated"
	Nothing      HostState = "nothing to do"
	Refused      HostState = "refused"
	NotSimulated HostState = "not simulated"
)

// Spec is what was asked for.
type Spec struct {
	Selector      string   `json:"selector"`
	Security      bool     `json:"security"`
	Packages      []string `json:"packages"`
	Exclude       []string `json:"exclude"`
	Fixes         []string `json:"fixes"`
	AllowRemovals bool     `json:"allow_removals"`
	AllowNew      bool     `json:"allow_new"`
	Reboot        string   `json:"reboot"`
}

// Plan is the head of a plan; its hosts and simulations are rows of their own.
type Plan struct {
	ID         string
	State      State
	Spec       Spec
	CreatedAt  time.Time
	CreatedBy  string
	Deadline   time.Time // hosts that have not answered by then are not simulated
	ApprovedAt time.Time
	ApprovedBy string
	NotAfter   time.Time
	Bytes      []byte // exact signed bytes; made when it becomes ready
	Hash       string // sha256 of Bytes, lower-case hex
	Version    int64  // for compare-and-set
}

// Host is one host of a plan.
type Host struct {
	PlanID     string
	HostID     string
	HostName   string
	Simulation string // id of the simulation that speaks for it: hosts with the same inventory share one
	State      HostState
	Reason     string
	Lock       string // sha256 of its cohort's lock
}

// Simulation is one question to one host that speaks for all hosts with the same packages, updates and repositories.
type Simulation struct {
	ID       string
	PlanID   string
	Key      string // digests of packages, updates, repositories, and the chosen packages
	HostID   string // who is asked; another of its hosts when that one stays silent
	Request  []byte // JSON of apiv1.SimulateRequest
	Answer   []byte // JSON of apiv1.SimulateAnswer; nil before
	AskedAt  time.Time
	Answered time.Time
	Attempts int
	Fixes    map[string]Fix // by binary package: what each update is good for, as it was known when the plan was made
}

// Fix is what one pending update is good for on the hosts of a simulation.
type Fix struct {
	To       string   `json:"to"`
	Security bool     `json:"security,omitempty"`
	Fixes    []string `json:"fixes,omitempty"` // vulnerabilities, worst first, at most mostFixes
	Count    int      `json:"count,omitempty"` // of all
}

// Signature is one SSHSIG over a plan's bytes.
type Signature struct {
	PlanID      string
	Principal   string // server, or the name in allowed_signers
	Fingerprint string
	Armored     string
	At          time.Time
}

// Lock is the bytes of a cohort's lock with its hash.
type Lock struct {
	Hash  string
	Bytes []byte
	Lock  seal.Lock
}

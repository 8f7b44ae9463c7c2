package fleet

import "time"

// State of a host.
type State string

// States; apiv1 has the same words.
const (
	Pending  State = "pending"
	Approved State = "approved"
	Revoked  State = "revoked"
)

// Labels are key to value, set by operators on the server and never asserted by an agent.
type Labels map[string]string

// Host is a member of the fleet.
type Host struct {
	ID           string
	Ordinal      int64 // position in bitmaps; never reused, not even after the host is deleted
	Name         string
	MachineID    string // hash of the machine id, to recognise clones and re-enrollment
	State        State
	Labels       Labels
	TokenID      string // the enroll-token it came with
	AgentVersion string // at enrollment; the present one is in Seen
	EnrolledAt   time.Time
	ApprovedAt   time.Time // zero while pending
	ApprovedBy   string
	DeletedAt    time.Time // zero while it exists
}

// Certificate is one client certificate of a host. Its serial identifies the host: nothing an agent says about itself does.
type Certificate struct {
	Serial       string // lower-case hex
	HostID       string
	IssuedAt     time.Time
	NotAfter     time.Time
	SupersededAt time.Time // when the server first saw the next one; zero before
}

// EnrollToken lets hosts in: Uses times, until ExpiresAt. Only the hash of its secret is kept.
type EnrollToken struct {
	ID         string
	SecretHash string // sha256, lower-case hex
	Labels     Labels
	Approve    bool // its hosts are approved at once
	Uses       int
	UsesLeft   int
	CreatedAt  time.Time
	CreatedBy  string
	ExpiresAt  time.Time
	RevokedAt  time.Time
}

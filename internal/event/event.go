package event

import "time"

// Kinds of events. Stored as text.
const (
	ServerStarted  = "server.started"
	UserLogin      = "user.login"
	UserLoginFail  = "user.login_failed"
	UserPassword   = "user.password_changed"
	UserCreated    = "user.created"
	TokenCreated   = "token.created"
	TokenRevoked   = "token.revoked"
	EnrollCreated  = "enroll_token.created"
	EnrollRevoked  = "enroll_token.revoked"
	EnrollRefused  = "enroll.refused"
	HostEnrolled   = "host.enrolled"
	HostApproved   = "host.approved"
	HostRevoked    = "host.revoked"
	HostDeleted    = "host.deleted"
	HostLabels     = "host.labels"
	HostRefused    = "host.refused" // a check-in or certificate that was refused; at most one per host, reason and hour
	HostRebooted   = "host.rebooted"
	FeedUpdated    = "feed.updated"
	FeedFailed     = "feed.failed"
	CertificateNew = "host.certificate"

	PlanCreated      = "plan.created"
	PlanSettled      = "plan.settled"
	PlanSigned       = "plan.signed" // one of several people that the site asks for
	PlanApproved     = "plan.approved"
	PlanCanceled     = "plan.canceled"
	RolloutStarted   = "rollout.started"
	RolloutHalted    = "rollout.halted"
	RolloutAborting  = "rollout.aborting"
	RolloutAborted   = "rollout.aborted"
	RolloutCompleted = "rollout.completed"
	RunGranted       = "run.granted"
	RunReturned      = "run.returned" // the offer was not taken in time
	RunAccepted      = "run.accepted"
	RunUncertain     = "run.uncertain"
	RunEnded         = "run.ended"
	RunProven        = "run.proven"
)

// Event is one entry of the log. Seq and Hash are given by the store when it is appended.
type Event struct {
	Seq   int64
	At    time.Time
	Kind  string
	Actor string // user:NAME, host:ID or server
	Host  string // host id the event is about, or empty
	Text  string // one sentence for people, no secrets
	Data  map[string]string
	Hash  string // lower-case hex of Chain(previous hash, event)
}

// Kinds of changes.
const (
	ChangeHost     = "host"     // ref: host id; anything about it but presence and vitals
	ChangePresence = "presence" // ref: host id; never stored, only told to live views
	ChangeAdvisory = "advisory" // ref: feed name; advisories or overlays opened or closed at this seq
	ChangeFeed     = "feed"     // ref: feed name; its status
	ChangeToken    = "token"    // enroll-tokens or API tokens
	ChangeEvent    = "event"    // an event was appended
	ChangePlan     = "plan"     // ref: plan id
	ChangeRollout  = "rollout"  // ref: rollout id; it, or one of its runs
	ChangeResync   = "resync"   // never stored: the reader missed changes and must read again whatever it keeps
)

// Change is one state change. Seq order is commit order.
type Change struct {
	Seq  int64
	At   time.Time
	Kind string
	Ref  string
}

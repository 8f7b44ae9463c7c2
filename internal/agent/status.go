package agent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

const statusFile = "status.json"

// States of the agent, as staunch-agent status prints them.
const (
	StateStarting    = "starting"
	StateConnected   = "connected"
	StatePending     = "pending"     // enrolled, waiting for approval
	StateUnreachable = "unreachable" // no answer from the server
	StateRefused     = "refused"     // revoked, deleted, or a stranger answers
	StateFailing     = "failing"     // something else, named in Problem
	StateLost        = "lost"        // the certificate is too old to renew
	StateNotEnrolled = "not enrolled"
)

// Status is what a running agent says of itself to the people on its host.
type Status struct {
	State              string    `json:"state"`
	Since              time.Time `json:"since,omitzero"`
	Problem            string    `json:"problem,omitempty"`
	Server             string    `json:"server,omitempty"`
	HostID             string    `json:"host_id,omitempty"`
	Version            string    `json:"version,omitempty"`
	LastCheckin        time.Time `json:"last_checkin,omitzero"`
	CertificateExpires time.Time `json:"certificate_expires,omitzero"`
	StateDir           string    `json:"state_dir"`
}

// tell records the state, and logs it when it is not the one before.
func (l *Loop) tell(state, problem string) {
	if l.status.State == state && (l.status.Problem == problem || state == StateUnreachable) {
		return
	}
	changed := l.status.State != state
	l.status.State, l.status.Problem = state, problem
	if changed {
		l.status.Since = l.cfg.Now().UTC().Truncate(time.Second)
	}
	switch state {
	case StateConnected:
		l.log.Info("connected", "server", l.identity.Server)
	case StatePending:
		l.log.Info("waiting for approval: an operator runs staunch hosts approve, or approves in the console", "host", l.identity.HostID)
	default:
		l.log.Warn("the server does not serve this agent; it keeps what it has and tries again", "state", state, "reason", problem)
	}
	l.saveStatus()
}

func (l *Loop) saveStatus() {
	l.status.StateDir = l.cfg.StateDir
	b, err := json.Marshal(l.status)
	if err == nil {
		err = pkgmgr.WriteFile(filepath.Join(l.cfg.StateDir, statusFile), b, 0o644)
	}
	if err != nil {
		l.log.Warn("status cannot be saved", "error", err)
	}
}

// ReadStatus gives the last word of the agent that uses a state folder. One that never ran, or is not enrolled, is told as such.
func ReadStatus(stateDir string) (Status, error) {
	s := Status{State: StateNotEnrolled, StateDir: stateDir}
	id, err := Load(stateDir)
	if fault.KindOf(err) == fault.NotFound {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.State = StateStarting
	if b, err := os.ReadFile(filepath.Join(stateDir, statusFile)); err == nil {
		var kept Status
		if json.Unmarshal(b, &kept) == nil && kept.HostID == id.HostID {
			s = kept
		}
	}
	s.Server, s.HostID, s.StateDir = id.Server, id.HostID, stateDir
	if cert, err := id.Current.parse(); err == nil {
		s.CertificateExpires = cert.Leaf.NotAfter
	}
	return s, nil
}

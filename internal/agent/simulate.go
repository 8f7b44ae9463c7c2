package agent

import (
	"cmp"
	"context"
	"path/filepath"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/apply"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// applyUnit starts the root half when the spool holds an offer.
const applyUnit = "staunch-agent-apply.path"

const (
	simulateFor = 50 * time.Second       // the server waits for a minute
	lookFor     = 250 * time.Millisecond // how often an open run's reports are looked at
	gather      = 200 * time.Millisecond // how long reports gather
	runPause    = 30 * time.Second       // an open run does not stay away from its server for longer
)

// preparePatching sets up what plans and runs need.
func (l *Loop) preparePatching() {
	cfg := &l.cfg
	if p, ok := cfg.Host.(Patcher); ok && cfg.Patcher == nil {
		cfg.Patcher = p
	}
	cfg.Trust, cfg.Signers = cmp.Or(cfg.Trust, apply.DefaultTrust), cmp.Or(cfg.Signers, apply.DefaultSigners)
	cfg.Out = cmp.Or(cfg.Out, filepath.Join(apply.DefaultState, "out"))
	l.runs = newRuns(runsConfig{
		StateDir: cfg.StateDir, Spool: cmp.Or(cfg.Spool, filepath.Join(cfg.StateDir, "spool")), Out: cfg.Out,
		Trust: l.trust, Channel: l.client, Patcher: cfg.Patcher, Log: cfg.Log, Now: cfg.Now, LookFor: lookFor, Gather: gather,
		Pause: func(failures int) time.Duration { return min(backoff(failures, cfg.Share()), runPause) },
	})
}

// trust is what this half believes: what was pinned at enrollment. How many people must have signed is the administrator's word, which
// root's files carry; where this half may not read them, the root half decides alone. A trust file that names another key or host than
// our enrollment is not made up for: an administrator must look.
func (l *Loop) trust() (seal.Trust, error) {
	if l.identity.PlanKey == "" {
		return seal.Trust{}, fault.New(fault.Conflict, "the server gave no plan key when this host was enrolled; enroll again with --force")
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(l.identity.PlanKey))
	if err != nil || len(rest) > 0 {
		return seal.Trust{}, fault.Wrap(err, fault.Invalid, "the pinned plan key cannot be read; enroll again with --force")
	}
	t := seal.Trust{HostID: l.identity.HostID, PlanKey: key}
	root, err := apply.ReadTrust(l.cfg.Trust, l.cfg.Signers)
	if err != nil {
		return t, nil //nolint:nilerr // see above; a simulation says so (unable)
	}
	if root.HostID != t.HostID || string(root.PlanKey.Marshal()) != string(key.Marshal()) {
		return seal.Trust{}, fault.New(fault.Conflict, "%s names another host or plan key than this enrollment: enroll again as root with --force", l.cfg.Trust)
	}
	t.Signers, t.Threshold = root.Signers, root.Threshold
	return t, nil
}

// unable says why a run could not be carried out here, or "".
func (l *Loop) unable(ctx context.Context) string {
	if _, err := l.trust(); err != nil {
		return fault.Message(err)
	}
	if _, err := apply.ReadTrust(l.cfg.Trust, l.cfg.Signers); err != nil {
		return fault.Message(err)
	}
	if l.cfg.Spool != "" { // whoever gave it says that somebody looks into it
		return ""
	}
	switch asked, state := unitState(ctx, applyUnit); {
	case !asked:
		return "the root half is not installed: systemd cannot be asked for " + applyUnit
	case state != "active":
		return "the root half does not listen: " + applyUnit + " is " + clip(cmp.Or(state, "not known"), 50)
	}
	return ""
}

// simulate answers a question of the server from the inventory that the server has. If the host has changed meanwhile the server is told
// first, so that it does not take the answer for one about the host as it knew it.
func (l *Loop) simulate(ctx context.Context, id string) error {
	defer debug.FreeOSMemory()
	request, err := l.client.Simulation(ctx, id)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Conflict) {
		return nil // it was answered, or nobody waits for it any more
	}
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, simulateFor) // a refresh of package lists may be in the way
	defer cancel()
	current, err := l.current(limited)
	if err == nil && !current {
		err = l.checkin(limited)
	}
	if err != nil && limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	answer := l.ask(limited, request)
	err = l.client.AnswerSimulation(ctx, id, answer)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Conflict || kind == fault.Invalid || kind == fault.TooLarge) {
		l.log.Warn("the server does not take an answer", "simulation", id, "error", err)
		return nil
	}
	return err
}

// answersFrom are the sections that an answer depends on.
var answersFrom = []string{apiv1.SectionPackages, apiv1.SectionUpdates, apiv1.SectionRepositories}

// current reports whether the host is still as the server knows it.
func (l *Loop) current(ctx context.Context) (bool, error) {
	if l.accepted == nil {
		return false, nil
	}
	snapshot, err := l.host.Collect(ctx, l.cfg.Now())
	if err != nil {
		return false, err
	}
	bodies, err := encode(snapshot)
	if err != nil {
		return false, err
	}
	for _, section := range answersFrom {
		if client.Digest(bodies[section]) != l.accepted[section] {
			return false, nil
		}
	}
	return true, nil
}

// ask asks the package manager. What stands in the way is part of the answer.
func (l *Loop) ask(ctx context.Context, request apiv1.SimulateRequest) apiv1.SimulateAnswer {
	answer := apiv1.SimulateAnswer{Problem: "this agent takes no part in plans"}
	if l.cfg.Patcher != nil {
		var err error
		if answer, err = l.cfg.Patcher.Simulate(ctx, request.Packages); err != nil {
			l.log.Warn("a simulation failed", "simulation", request.ID, "error", err)
			answer = apiv1.SimulateAnswer{Problem: clip(reasonOf(err), 4000)}
		}
	}
	if answer.Changes == nil {
		answer.Changes = []apiv1.LockChange{}
	}
	answer.Sections = map[string]string{}
	for _, section := range answersFrom {
		answer.Sections[section] = l.accepted[section]
	}
	answer.Unable = clip(l.unable(ctx), 500)
	answer.Able = answer.Unable == ""
	return answer
}

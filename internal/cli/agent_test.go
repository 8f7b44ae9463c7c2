package cli_test

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // to damage a log behind the server's back

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
)

// agent is a host as far as the wire goes: it answers questions and does runs as it was told to, without touching anything.
type agent struct {
	server  *server
	name    string
	hostID  string
	planKey ssh.PublicKey
	cert    *tls.Certificate

	mu       sync.Mutex
	sections []section
	script   agentScript
	epoch    int64
	stop     context.CancelFunc
	done     chan error
}

// agentScript is what an agent will do.
type agentScript struct {
	changes []apiv1.LockChange // it would make, and makes
	after   string             // its packages section when it has
	fail    string             // why it fails instead
	hold    chan struct{}      // it begins a run when this is closed; nil: at once
}

// work starts to poll for work, until halt.
func (a *agent) work(script agentScript) {
	a.mu.Lock()
	a.script = script
	started := a.stop != nil
	a.mu.Unlock()
	if started {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.stop, a.done = cancel, make(chan error, 1)
	go func() { a.done <- a.poll(ctx) }()
}

// halt ends the agent, and says what went wrong in it.
func (a *agent) halt() error {
	if a.stop == nil {
		return nil
	}
	a.stop()
	return <-a.done
}

func (a *agent) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.script.hold != nil {
		close(a.script.hold)
		a.script.hold = nil
	}
}

func (a *agent) poll(ctx context.Context) error {
	for ctx.Err() == nil {
		var w apiv1.Work
		err := a.server.agentCall(ctx, http.MethodGet, apiv1.PathWork+"?wait=30", a.cert, nil, &w)
		if err == nil {
			err = a.act(ctx, w)
		}
		var away *url.Error
		if errors.As(err, &away) && ctx.Err() == nil { // a server that is started anew comes back
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("agent %s: %w", a.name, err)
		}
	}
	return nil
}

func (a *agent) act(ctx context.Context, w apiv1.Work) error {
	a.mu.Lock()
	script := a.script
	a.mu.Unlock()
	switch w.Kind {
	case apiv1.WorkSimulate:
		return a.answer(ctx, apiv1.PathSimulations+w.ID, script)
	case apiv1.WorkRun:
		return a.run(ctx, w.ID, script)
	case apiv1.WorkCollect:
		return a.report(ctx)
	}
	return nil
}

func (a *agent) answer(ctx context.Context, path string, script agentScript) error {
	var q apiv1.SimulateRequest
	if err := a.server.agentCall(ctx, http.MethodGet, path, a.cert, nil, &q); err != nil {
		return err
	}
	return a.server.agentCall(ctx, http.MethodPost, path, a.cert, apiv1.SimulateAnswer{
		Known: true, Able: true, Changes: script.changes, Sections: a.digests(),
	}, nil)
}

// run checks the offer as the root half does, takes it, and reports what the script says.
func (a *agent) run(ctx context.Context, id string, script agentScript) error {
	var o apiv1.RunOffer
	path := apiv1.PathRuns + id
	if err := a.server.agentCall(ctx, http.MethodGet, path, a.cert, nil, &o); err != nil {
		return err
	}
	checked, err := seal.Check(seal.Trust{HostID: a.hostID, PlanKey: a.planKey},
		seal.Offer{Plan: o.Plan, PlanSignatures: o.PlanSignatures, Lock: o.Lock, Grant: o.Grant, GrantSignature: o.GrantSignature}, a.epoch, time.Now())
	if err != nil {
		return err
	}
	a.epoch = checked.Grant.Epoch
	if err := a.server.agentCall(ctx, http.MethodPost, path+"/accept", a.cert, apiv1.AcceptRun{Epoch: a.epoch}, nil); err != nil {
		return err
	}
	if script.hold != nil {
		select {
		case <-script.hold:
		case <-ctx.Done():
			return nil
		}
	}
	begun := time.Now().UTC()
	now := begun.Add(1500 * time.Millisecond)
	outcome := &apiv1.RunOutcome{Result: "succeeded", Installed: []apiv1.PackageState{}, Broken: []apiv1.PackageState{}, Restarted: []string{"ssh.service"},
		Stale: []string{}, Conffiles: []string{}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}}}
	state := "installed "
	if script.fail != "" {
		outcome.Result, outcome.Class, outcome.Reason, state = "failed", "package", script.fail, "half-configured "
	} else {
		a.mu.Lock()
		a.sections = replaced(a.sections, apiv1.SectionPackages, script.after)
		a.sections = replaced(a.sections, apiv1.SectionUpdates, `{"manager":"apt","known":true,"updates":[]}`)
		a.mu.Unlock()
	}
	for _, c := range checked.Lock.Changes {
		outcome.Installed = append(outcome.Installed, apiv1.PackageState{Name: c.Name, Arch: c.Arch, State: state + c.To})
	}
	batch := apiv1.RunReports{Epoch: a.epoch, Reports: []apiv1.RunReport{
		{Seq: 1, At: now, Step: &apiv1.RunStep{Name: "download", State: "done", Started: begun, Ended: &now}},
		{Seq: 2, At: now, Step: &apiv1.RunStep{Name: "apply", State: "started", Started: now}},
		{Seq: 3, At: now, Lines: []string{"Unpacking openssl (3.0.17-1~deb12u3) …", "Setting up \x1b[31mopenssl"}},
		{Seq: 4, At: now, Outcome: outcome},
	}}
	var ack apiv1.RunAck
	if err := a.server.agentCall(ctx, http.MethodPost, path+"/reports", a.cert, batch, &ack); err != nil {
		return err
	}
	if ack.Acked != 4 {
		return fmt.Errorf("acked %d", ack.Acked)
	}
	return nil // the server asks for an inventory next
}

func replaced(sections []section, name, body string) []section {
	out := append([]section(nil), sections...)
	for i := range out {
		if out[i].name == name {
			out[i].body = body
		}
	}
	return out
}

func (a *agent) digests() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	digests := map[string]string{}
	for _, s := range a.sections {
		digests[s.name] = digestOf(s.body)
	}
	return digests
}

// report checks in and uploads what the server lacks.
func (a *agent) report(ctx context.Context) error {
	digests := a.digests()
	var answer apiv1.CheckinAnswer
	if err := a.server.agentCall(ctx, http.MethodPost, apiv1.PathCheckin, a.cert, apiv1.Checkin{AgentVersion: "test", Sections: digests}, &answer); err != nil {
		return err
	}
	a.mu.Lock()
	sections := a.sections
	a.mu.Unlock()
	for _, s := range sections {
		var put apiv1.SectionAnswer
		path := apiv1.PathSections + s.name + "?digest=" + digests[s.name]
		if err := a.server.agentCall(ctx, http.MethodPut, path, a.cert, json.RawMessage(s.body), &put); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// damage runs a statement on the server's database, as someone could who has its file.
func (s *server) damage(statement string) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "staunch.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(statement)
	return err
}

package agent

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/apply"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
)

// patchable is a machine with one pending update, that knows what it would do about it.
type patchable struct {
	*machine
	pending bool
}

func (m *patchable) Collect(ctx context.Context, now time.Time) (collect.Snapshot, error) {
	s, err := m.machine.Collect(ctx, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending {
		s.Updates.Updates = []apiv1.Update{{Name: "bash", Arch: "amd64", Action: apiv1.ActionUpgrade, From: "5.2-1", To: "5.2-2", State: apiv1.UpdateInstallable, Security: true, Archive: "stable-security", Origin: "Debian"}}
	}
	return s, err
}

func (m *patchable) Simulate(_ context.Context, packages []apiv1.SimulateEntry) (apiv1.SimulateAnswer, error) {
	a := apiv1.SimulateAnswer{Known: true}
	for _, p := range packages {
		a.Changes = append(a.Changes, apiv1.LockChange{Name: p.Name, Arch: p.Arch, Action: apiv1.ActionUpgrade, From: "5.2-1", To: p.Version, SHA256: strings.Repeat("a", 64), Size: 10})
	}
	return a, nil
}

func (m *patchable) Stage(_ context.Context, dir string, files []apt.File, _ func(done, total int64)) error {
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, "debs", f.Base()), []byte("0123456789"), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(dir, "lists"), 0o700)
}

func (m *patchable) States([]apt.Wanted) (states, broken []apiv1.PackageState, err error) {
	return nil, nil, nil
}

// upgraded is the machine after a run.
func (m *patchable) upgraded(t *testing.T) {
	m.mu.Lock()
	m.pending, m.packages = false, nil
	m.mu.Unlock()
	m.install(t, "bash", "5.2-2")
}

// From the plan to the proof with the real server: the host answers the question, takes the run, hands it over, delivers what the root
// half says while it says it, and its next inventory is the proof, without being asked.
func TestFromThePlanToTheProof(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir := t.TempDir()
	state, trust, spool, out := filepath.Join(dir, "state"), filepath.Join(dir, "trust.json"), filepath.Join(dir, "spool"), filepath.Join(dir, "out")
	answer, err := Enroll(t.Context(), EnrollOptions{Server: s.url, Token: s.token(apiv1.CreateEnrollToken{}), StateDir: state, Version: "test", TrustFile: trust})
	if err != nil {
		t.Fatal(err)
	}
	id, err := Load(state)
	if err != nil || id.PlanKey == "" {
		t.Fatalf("no plan key was pinned: %v", err)
	}
	if root, err := apply.ReadTrust(trust, filepath.Join(dir, "no")); err != nil || root.HostID != answer.HostID {
		t.Fatalf("the root half's trust: %+v, %v", root, err)
	}
	m := &patchable{newMachine(t), true}
	log := &logBook{}
	loop, err := NewLoop(Config{StateDir: state, Version: "test", Host: m, WatchEvery: time.Hour, Spool: spool, Out: out, Trust: trust, Signers: filepath.Join(dir, "no"),
		Log: slog.New(slog.NewTextHandler(log, nil)), Share: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the server knows of the update", func() bool {
		u, err := s.HostUpdates(t.Context(), answer.HostID)
		return err == nil && len(u.Updates.Updates) == 1
	})
	plan, err := s.CreatePlan(t.Context(), apiv1.CreatePlan{Security: true})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the host's answer makes the plan ready", func() bool {
		plan, err = s.Plan(t.Context(), plan.ID)
		return err == nil && plan.State == apiv1.PlanReady
	})
	if !plan.Approvable {
		t.Fatalf("blocked by %q: %+v", plan.Blockers, plan.Hosts)
	}
	if plan, err = s.ApprovePlan(t.Context(), plan.ID, apiv1.ApprovePlan{Hash: plan.Hash}); err != nil {
		t.Fatal(err)
	}
	rollout, err := s.StartRollout(t.Context(), apiv1.StartRollout{Plan: plan.ID})
	if err != nil {
		t.Fatal(err)
	}
	runID := rollout.Runs[0].ID
	entry := filepath.Join(spool, "in", runID)
	eventually(t, "the entry is handed over", func() bool { _, err := os.Stat(entry); return err == nil })
	detail := func() apiv1.RunDetail {
		d, err := s.Run(t.Context(), runID)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := os.MkdirAll(filepath.Join(out, runID), 0o700); err != nil {
		t.Fatal(err)
	}
	say := func(lines ...string) {
		f, err := os.OpenFile(filepath.Join(out, runID, "reports.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(strings.Join(lines, "\n") + "\n"); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	say(rootLines[:2]...)
	eventually(t, "the lines are there while the run goes on", func() bool { d := detail(); return len(d.Log) == 2 && d.Run.State == apiv1.RunApplying })
	m.upgraded(t)
	say(rootLines[2:]...)
	eventually(t, "the run has succeeded and is proven", func() bool { d := detail(); return d.Run.State == apiv1.RunSucceeded && d.Run.Proven })
	if diff := cmp.Diff([]string{"Unpacking app", "Setting up app", "Setting up lib"}, detail().Log); diff != "" {
		t.Error(diff)
	}
	eventually(t, "the root half may forget it", func() bool { _, err := os.Stat(filepath.Join(spool, "ack", runID)); return err == nil })
	if n := log.count("level=WARN") + log.count("level=ERROR"); n != 0 {
		t.Errorf("%d warnings:\n%s", n, log.text.String())
	}
}

// A host that could not carry a run out says so, and why, before anybody approves anything.
func TestUnableHostsSayWhy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	state, _ := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	dir := t.TempDir()
	loop := func(edit func(*Config)) *Loop {
		cfg := Config{StateDir: state, Host: &patchable{newMachine(t), true}, Log: slog.New(slog.DiscardHandler), Spool: filepath.Join(dir, "spool"), Trust: filepath.Join(dir, "trust.json"), Signers: filepath.Join(dir, "no")}
		edit(&cfg)
		l, err := NewLoop(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.accepted = map[string]string{}
		return l
	}
	why := func(l *Loop) string {
		a := l.ask(t.Context(), apiv1.SimulateRequest{})
		if a.Able != (a.Unable == "") {
			t.Errorf("able %v, %q", a.Able, a.Unable)
		}
		return a.Unable
	}
	if got := why(loop(func(*Config) {})); !strings.Contains(got, "trust.json") {
		t.Errorf("without trust: %q", got)
	}
	id, err := Load(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := apply.WriteTrust(filepath.Join(dir, "trust.json"), "host_other", id.PlanKey); err != nil {
		t.Fatal(err)
	}
	if got := why(loop(func(*Config) {})); !strings.Contains(got, "another host or plan key") {
		t.Errorf("trust of another enrollment: %q", got)
	}
	if err := apply.WriteTrust(filepath.Join(dir, "trust.json"), id.HostID, id.PlanKey); err != nil {
		t.Fatal(err)
	}
	if got := why(loop(func(*Config) {})); got != "" {
		t.Errorf("all is there: %q", got)
	}
	if got := why(loop(func(c *Config) { c.Spool = "" })); !strings.Contains(got, "root half") { // no such unit where tests run
		t.Errorf("without the unit: %q", got)
	}
}

// The plan key is pinned: a second enrollment does not replace what the root half believes unless it is told to.
func TestThePlanKeyIsNeverReplacedSilently(t *testing.T) {
	t.Parallel()
	first, second := newServer(t), newServer(t)
	trust := filepath.Join(t.TempDir(), "trust.json")
	token := second.token(apiv1.CreateEnrollToken{})
	if _, err := Enroll(t.Context(), EnrollOptions{Server: first.url, Token: first.token(apiv1.CreateEnrollToken{}), StateDir: t.TempDir(), TrustFile: trust}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(trust)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Enroll(t.Context(), EnrollOptions{Server: second.url, Token: token, StateDir: t.TempDir(), TrustFile: trust})
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v, want a conflict", err)
	}
	if now, err := os.ReadFile(trust); err != nil || string(now) != string(before) {
		t.Errorf("it was replaced: %v", err)
	}
	if _, err := Enroll(t.Context(), EnrollOptions{Server: second.url, Token: token, StateDir: t.TempDir(), TrustFile: trust, Force: true}); err != nil {
		t.Errorf("with --force, and the token was not used up before: %v", err)
	}
	if now, err := os.ReadFile(trust); err != nil || string(now) == string(before) {
		t.Errorf("--force did not replace it: %v", err)
	}
}

package storetest

import (
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/internal/store"
)

// planOf is a plan of h1 and h2, who share a question, and of h3, who has nothing to do.
func planOf(id string) (plan.Plan, []plan.Host, []plan.Simulation) {
	p := plan.Plan{ID: id, State: plan.Simulating, Spec: plan.Spec{Selector: "env=prod", Packages: []string{"open*"}, Reboot: "never"},
		CreatedAt: start(), CreatedBy: "user:ann", Deadline: start().Add(time.Minute), Version: 1}
	sim := plan.Simulation{ID: "sim-" + id, PlanID: id, Key: "a b c d", HostID: "h1", Request: []byte(`{"packages":[]}`), AskedAt: start(), Attempts: 1,
		Fixes: map[string]plan.Fix{"openssl": {Security: true, Fixes: []string{"CVE-2026-1"}, Count: 1}}}
	return p, []plan.Host{
		{PlanID: id, HostID: "h1", HostName: "web1", Simulation: sim.ID, State: plan.Waiting},
		{PlanID: id, HostID: "h2", HostName: "web2", Simulation: sim.ID, State: plan.Waiting},
		{PlanID: id, HostID: "h3", HostName: "db1", State: plan.Nothing, Reason: "nothing is pending"},
	}, []plan.Simulation{sim}
}

func lockOf(t testing.TB, to string) plan.Lock {
	t.Helper()
	l := seal.Lock{Version: 1, Manager: "apt", Changes: []seal.Change{{Name: "openssl", Arch: "amd64", Action: "upgrade", From: "1", To: to, SHA256: digestOf(to), Size: 9}}}
	text := get(seal.Encode(l))(t)
	return plan.Lock{Hash: seal.Sum(text), Bytes: text, Lock: l}
}

// settled is the plan of planOf as it becomes ready.
func settled(t testing.TB, id string) (plan.Plan, []plan.Host, []plan.Lock) {
	t.Helper()
	p, hosts, _ := planOf(id)
	l := lockOf(t, "2")
	p.Bytes, p.Hash, p.NotAfter = []byte(`{"id":"`+id+`"}`), digestOf(id), start().Add(time.Hour)
	for i := range hosts[:2] {
		hosts[i].State, hosts[i].Lock = plan.Simulated, l.Hash
	}
	return p, hosts, []plan.Lock{l}
}

func signature(planID, principal string) plan.Signature {
	return plan.Signature{PlanID: planID, Principal: principal, Fingerprint: "SHA256:" + principal, Armored: "-----BEGIN", At: start()}
}

// approved makes a plan and takes it to approval.
func approved(t testing.TB, s *store.Store, id string) {
	t.Helper()
	ctx := t.Context()
	p, hosts, sims := planOf(id)
	must(t, second(s.CreatePlan(ctx, p, hosts, sims, ev(event.PlanCreated, ""))))
	p, hosts, locks := settled(t, id)
	must(t, second(s.SettlePlan(ctx, p, hosts, locks, ev(event.PlanSettled, ""))))
	must(t, second(s.SignPlan(ctx, id, p.Hash, []plan.Signature{signature(id, "server")}, true, "user:ann", start(), p.NotAfter, ev(event.PlanApproved, ""))))
}

func rolloutOf(t testing.TB, id, planID string) (rollout.Rollout, []run.Run) {
	t.Helper()
	r := rollout.Rollout{ID: id, PlanID: planID, State: rollout.Running, MaxConcurrent: 1, StartedAt: start(), StartedBy: "user:ann", Version: 1}
	hash := lockOf(t, "2").Hash
	return r, []run.Run{
		{ID: "run1-" + id, RolloutID: id, PlanID: planID, HostID: "h1", HostName: "web1", Lock: hash, State: run.Pending},
		{ID: "run2-" + id, RolloutID: id, PlanID: planID, HostID: "h2", HostName: "web2", Lock: hash, LeafIndex: 1, State: run.Pending},
	}
}

// rolling starts the rollout "ro" of the approved plan "p1".
func rolling(t testing.TB, s *store.Store) {
	t.Helper()
	approved(t, s, "p1")
	r, runs := rolloutOf(t, "ro", "p1")
	must(t, second(s.CreateRollout(t.Context(), r, runs, ev(event.RolloutStarted, ""))))
}

// grantOf is a grant of the rollout "ro" at the version that it has now.
func grantOf(t testing.TB, s *store.Store, runID, host string) rollout.GrantWrite {
	t.Helper()
	return rollout.GrantWrite{
		RolloutID: "ro", Version: get(s.Rollout(t.Context(), "ro"))(t).Version, RunID: runID, HostID: host, At: start(),
		Sign:  func(epoch int64) ([]byte, string, error) { return []byte{byte(epoch)}, "sig", nil },
		Event: ev(event.RunGranted, host),
	}
}

// working grants run1-ro and has it accepted.
func working(t testing.TB, s *store.Store) run.Run {
	t.Helper()
	must(t, second(s.GrantRun(t.Context(), grantOf(t, s, "run1-ro", "h1"))))
	u := get(s.Run(t.Context(), "run1-ro"))(t)
	must(t, second(s.AcceptRun(t.Context(), u.ID, u.Epoch, start(), ev(event.RunAccepted, "h1"))))
	return get(s.Run(t.Context(), "run1-ro"))(t)
}

// ended is the record of a run's end after nothing else.
func ended(u run.Run, to run.State) run.Record {
	return run.Record{RunID: u.ID, Epoch: u.Epoch, From: u.Acked, Acked: u.Acked + 1, State: to, Reason: "so it went", Step: "verify", Outcome: []byte(`{"result":"x"}`),
		At: start().Add(time.Minute), Events: []event.Event{ev(event.RunEnded, "h1")}}
}

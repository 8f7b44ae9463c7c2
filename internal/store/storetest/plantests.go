package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/store"
)

func planLife(t *testing.T, s *store.Store) {
	ctx := t.Context()
	p, hosts, sims := planOf("p1")
	must(t, second(s.CreatePlan(ctx, p, hosts, sims, ev(event.PlanCreated, ""))))
	same(t, "as created", get(s.Plan(ctx, "p1"))(t), p)
	same(t, "hosts", get(s.PlanHosts(ctx, "p1"))(t), hosts)
	same(t, "questions", get(s.Simulations(ctx, "p1"))(t), sims)
	same(t, "question", get(s.Simulation(ctx, "sim-p1"))(t), sims[0])
	same(t, "simulating", get(s.SimulatingPlans(ctx))(t), []plan.Plan{p})
	mustBe(t, fault.NotFound, second(s.Plan(ctx, "none")))

	p, hosts, locks := settled(t, "p1")
	mustBe(t, fault.Conflict, second(s.SignPlan(ctx, "p1", p.Hash, nil, true, "user:ann", start(), start(), ev(event.PlanApproved, "")))) // not ready
	stale := p
	stale.Version = 7
	mustBe(t, fault.Conflict, second(s.SettlePlan(ctx, stale, hosts, locks, ev(event.PlanSettled, ""))))
	must(t, second(s.SettlePlan(ctx, p, hosts, locks, ev(event.PlanSettled, ""))))
	mustBe(t, fault.Conflict, second(s.SettlePlan(ctx, p, hosts, locks, ev(event.PlanSettled, ""))))
	want := p
	want.State, want.Version = plan.Ready, 2
	same(t, "as settled", get(s.Plan(ctx, "p1"))(t), want)
	same(t, "settled hosts", get(s.PlanHosts(ctx, "p1"))(t), hosts)
	same(t, "locks", get(s.Locks(ctx, []string{locks[0].Hash, "none", locks[0].Hash}))(t), locks)
	same(t, "nothing simulates", get(s.SimulatingPlans(ctx))(t), nil)

	ann, bob := signature("p1", "ann"), signature("p1", "bob")
	bob.At = start().Add(time.Second)
	mustBe(t, fault.Conflict, second(s.SignPlan(ctx, "p1", digestOf("other"), []plan.Signature{ann}, false, "", start(), start(), ev(event.PlanSigned, ""))))
	must(t, second(s.SignPlan(ctx, "p1", p.Hash, []plan.Signature{ann}, false, "", start(), p.NotAfter, ev(event.PlanSigned, ""))))
	must(t, second(s.SignPlan(ctx, "p1", p.Hash, []plan.Signature{ann, bob}, true, "user:bob", start(), p.NotAfter, ev(event.PlanApproved, ""))))
	same(t, "signatures", get(s.Signatures(ctx, "p1"))(t), []plan.Signature{ann, bob})
	got := get(s.Plan(ctx, "p1"))(t)
	if got.State != plan.Approved || got.ApprovedBy != "user:bob" || !got.ApprovedAt.Equal(start()) || !cmp.Equal(got.Bytes, p.Bytes) {
		t.Errorf("approved: %+v", got)
	}
	mustBe(t, fault.Conflict, second(s.SignPlan(ctx, "p1", p.Hash, []plan.Signature{ann}, true, "x", start(), p.NotAfter, ev(event.PlanApproved, ""))))

	q, hosts, sims := planOf("p2")
	must(t, second(s.CreatePlan(ctx, q, hosts, sims, ev(event.PlanCreated, ""))))
	must(t, s.CancelPlan(ctx, "p2", ev(event.PlanCanceled, "")))
	mustBe(t, fault.Conflict, s.CancelPlan(ctx, "p2", ev(event.PlanCanceled, "")))
	mustBe(t, fault.NotFound, s.CancelPlan(ctx, "none", ev(event.PlanCanceled, "")))
	ids := func(plans []plan.Plan) (out []string) {
		for _, p := range plans {
			out = append(out, p.ID)
		}
		return out
	}
	same(t, "newest first", ids(get(s.Plans(ctx, "", 10))(t)), []string{"p2", "p1"})
	same(t, "after the newest", ids(get(s.Plans(ctx, "p2", 10))(t)), []string{"p1"})
	same(t, "one", ids(get(s.Plans(ctx, "", 1))(t)), []string{"p2"})
	VerifyChain(t, s)
}

func simulationsAnswered(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, id := range []string{"p1", "p2"} {
		p, hosts, sims := planOf(id)
		must(t, second(s.CreatePlan(ctx, p, hosts, sims, ev(event.PlanCreated, ""))))
	}
	if open := get(s.OpenSimulations(ctx, "h1"))(t); len(open) != 2 {
		t.Fatalf("%d open questions to h1, want 2", len(open))
	}
	must(t, s.AskAnother(ctx, "sim-p1", "h2", start().Add(20*time.Second)))
	moved := get(s.Simulation(ctx, "sim-p1"))(t)
	if moved.HostID != "h2" || moved.Attempts != 2 || !moved.AskedAt.Equal(start().Add(20*time.Second)) {
		t.Errorf("asked another: %+v", moved)
	}
	if open := get(s.OpenSimulations(ctx, "h2"))(t); len(open) != 1 || open[0].ID != "sim-p1" {
		t.Errorf("open questions to h2: %+v", open)
	}
	before := get(s.Seq(ctx))(t)
	if seq := get(s.AnswerSimulation(ctx, "sim-p1", []byte(`{"n":1}`), start()))(t); seq != before+1 {
		t.Errorf("seq %d", seq)
	}
	if seq := get(s.AnswerSimulation(ctx, "sim-p1", []byte(`{"n":2}`), start()))(t); seq != 0 {
		t.Errorf("a second answer is written, seq %d", seq)
	}
	if got := get(s.Simulation(ctx, "sim-p1"))(t); string(got.Answer) != `{"n":1}` || !got.Answered.Equal(start()) {
		t.Errorf("answered: %+v", got)
	}
	mustBe(t, fault.Conflict, s.AskAnother(ctx, "sim-p1", "h1", start()))
	mustBe(t, fault.NotFound, second(s.AnswerSimulation(ctx, "none", nil, start())))
	mustBe(t, fault.NotFound, second(s.Simulation(ctx, "none")))
	same(t, "the change", get(s.ChangesAfter(ctx, before, 1))(t), []event.Change{{Seq: before + 1, At: start(), Kind: event.ChangePlan, Ref: "p1"}})

	must(t, s.CancelPlan(ctx, "p2", ev(event.PlanCanceled, "")))
	if open := get(s.OpenSimulations(ctx, ""))(t); len(open) != 0 {
		t.Errorf("open questions: %+v", open)
	}
	if seq := get(s.AnswerSimulation(ctx, "sim-p2", []byte(`{}`), start()))(t); seq != 0 {
		t.Error("a plan that asks no longer takes answers")
	}
}

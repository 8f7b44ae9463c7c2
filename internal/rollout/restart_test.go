package rollout_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
)

// The server is killed at every write of a whole rollout, once before the write is committed and once after it, when the caller never
// learns of it. It is started again on the same database, everybody who got no answer asks again, and the end must be the same: every
// host patched once, every line of every log there once, never more at work than was allowed.
func TestServerKilledAtEveryWrite(t *testing.T) {
	t.Parallel()
	whole := journey(t, -1, false)
	if whole < 15 {
		t.Fatalf("only %d writes: is the whole way walked?", whole)
	}
	t.Logf("%d writes", whole)
	for at := 1; at <= whole; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, committed %v", at, after), func(t *testing.T) {
				t.Parallel()
				journey(t, at, after)
			})
		}
	}
}

// journey walks from a plan to a completed and proven rollout, with a server that dies at one write; it gives the number of writes.
func journey(t *testing.T, dieAt int, after bool) int {
	t.Helper()
	const most = 2
	w := newWorld(t, "web1", "web2", "db1")
	w.rows.left, w.rows.after = dieAt, after
	names := []string{"web1", "web2", "db1"}
	var rolloutID string
	for round := 0; ; round++ {
		if round > 200 {
			t.Fatalf("no end: %+v", w.rollout(rolloutID))
		}
		err := w.operate(most, &rolloutID)
		if err == nil {
			err = w.tryTick()
		}
		for _, name := range names {
			h := w.hosts[name]
			err = errors.Join(err, h.answer(), h.take(), h.send(2))
		}
		w.at = w.at.Add(time.Second)
		if w.rows.dead {
			w.reopen()
			continue
		}
		w.must(err)
		open, err := w.rows.OpenRuns(t.Context(), "")
		w.must(err)
		if len(open) > most {
			t.Fatalf("%d runs in flight", len(open))
		}
		if rolloutID == "" {
			continue
		}
		r := w.rollout(rolloutID)
		if r.State == apiv1.RolloutCompleted && !slices.ContainsFunc(r.Runs, func(u apiv1.Run) bool { return !u.Proven }) {
			break
		}
	}
	if dieAt > 0 && w.rows.left == dieAt {
		t.Fatal("the server did not die")
	}
	w.checkJourney(rolloutID)
	return w.rows.count
}

// operate is a person who does the next thing that has not been done, looking first, as after an answer that never came.
func (w *world) operate(most int, rolloutID *string) error {
	ctx := w.t.Context()
	page, err := w.plans.Plans(ctx, "", 10)
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		_, err := w.plans.Create(ctx, "user:ann", apiv1.CreatePlan{})
		return err
	}
	p, err := w.plans.Plan(ctx, page.Items[0].ID)
	if err != nil {
		return err
	}
	rollouts, err := w.rollouts.OfPlan(ctx, p.ID)
	switch {
	case err != nil:
		return err
	case p.State == apiv1.PlanReady:
		_, err = w.plans.Approve(ctx, "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	case p.State == apiv1.PlanApproved && len(rollouts) == 0:
		_, err = w.rollouts.Begin(ctx, "user:ann", apiv1.StartRollout{Plan: p.ID, MaxConcurrent: most})
	case len(rollouts) > 0:
		*rolloutID = rollouts[0]
	}
	return err
}

func (w *world) checkJourney(rolloutID string) {
	w.t.Helper()
	n := len(w.hosts)
	kinds := w.kinds()
	for kind, want := range map[string]int{
		event.PlanCreated: 1, event.PlanSettled: 1, event.PlanApproved: 1, event.RolloutStarted: 1, event.RolloutCompleted: 1,
		event.RunGranted: n, event.RunAccepted: n, event.RunEnded: n, event.RunProven: n, event.RunReturned: 0, event.RolloutHalted: 0,
	} {
		if kinds[kind] != want {
			w.t.Errorf("%d events %s, want %d", kinds[kind], kind, want)
		}
	}
	for _, u := range w.rollout(rolloutID).Runs {
		d, err := w.rollouts.Run(w.t.Context(), u.ID)
		w.must(err)
		if u.State != apiv1.RunSucceeded || u.Epoch != 1 || !slices.Equal(d.Log, []string{"Unpacking openssl", "Setting up openssl"}) || len(d.Steps) != 2 {
			w.t.Errorf("%s: %+v", u.Host, d)
		}
		if h := w.hosts[u.Host]; h.did != 1 {
			w.t.Errorf("%s was patched %d times", h.name, h.did)
		}
	}
	if held, err := w.rows.Claims(w.t.Context()); err != nil || len(held) != 0 {
		w.t.Errorf("claims left: %v %v", held, err)
	}
}

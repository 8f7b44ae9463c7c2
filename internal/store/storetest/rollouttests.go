package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/store"
)

func rolloutLife(t *testing.T, s *store.Store) {
	ctx := t.Context()
	p, hosts, sims := planOf("p0")
	must(t, second(s.CreatePlan(ctx, p, hosts, sims, ev(event.PlanCreated, ""))))
	early, _ := rolloutOf(t, "early", "p0")
	mustBe(t, fault.Conflict, second(s.CreateRollout(ctx, early, nil, ev(event.RolloutStarted, ""))))
	early.PlanID = "none"
	mustBe(t, fault.NotFound, second(s.CreateRollout(ctx, early, nil, ev(event.RolloutStarted, ""))))

	rolling(t, s)
	r, runs := rolloutOf(t, "ro", "p1")
	same(t, "rollout", get(s.Rollout(ctx, "ro"))(t), r)
	same(t, "runs", get(s.RunsOf(ctx, "ro"))(t), runs)
	same(t, "open", get(s.OpenRollouts(ctx))(t), []rollout.Rollout{r})
	same(t, "of the plan", get(s.RolloutsOfPlan(ctx, "p1"))(t), []string{"ro"})
	again, more := rolloutOf(t, "ro2", "p1")
	mustBe(t, fault.Conflict, second(s.CreateRollout(ctx, again, more, ev(event.RolloutStarted, ""))))
	mustBe(t, fault.Conflict, s.CancelPlan(ctx, "p1", ev(event.PlanCanceled, "")))
	mustBe(t, fault.NotFound, second(s.Rollout(ctx, "none")))

	mustBe(t, fault.Conflict, second(s.SetRollout(ctx, "ro", 9, rollout.Halted, "x", nil, start(), ev(event.RolloutHalted, ""))))
	mustBe(t, fault.NotFound, second(s.SetRollout(ctx, "none", 1, rollout.Halted, "x", nil, start(), ev(event.RolloutHalted, ""))))
	must(t, second(s.SetRollout(ctx, "ro", 1, rollout.Halted, "web1 failed", nil, start(), ev(event.RolloutHalted, ""))))
	same(t, "a halted one without runs in flight waits for a person", get(s.OpenRollouts(ctx))(t), nil)
	mustBe(t, fault.Conflict, second(s.CreateRollout(ctx, again, more, ev(event.RolloutStarted, ""))))
	must(t, second(s.SetRollout(ctx, "ro", 2, rollout.Aborted, "enough", []string{"run1-ro", "run2-ro"}, start(), ev(event.RolloutAborted, ""))))
	r.State, r.Reason, r.EndedAt, r.Version = rollout.Aborted, "enough", start(), 3
	same(t, "aborted", get(s.Rollout(ctx, "ro"))(t), r)
	for _, u := range get(s.RunsOf(ctx, "ro"))(t) {
		if u.State != run.Canceled || u.Reason != "enough" || !u.EndedAt.Equal(start()) {
			t.Errorf("a run that never started: %+v", u)
		}
	}
	must(t, second(s.CreateRollout(ctx, again, more, ev(event.RolloutStarted, ""))))
	if all := get(s.Rollouts(ctx, "", 10))(t); len(all) != 2 || all[0].ID != "ro2" {
		t.Errorf("rollouts: %+v", all)
	}
	if older := get(s.Rollouts(ctx, "ro2", 10))(t); len(older) != 1 || older[0].ID != "ro" {
		t.Errorf("older: %+v", older)
	}
}

func grantsFence(t *testing.T, s *store.Store) {
	ctx := t.Context()
	rolling(t, s)
	first, other := grantOf(t, s, "run1-ro", "h1"), grantOf(t, s, "run2-ro", "h2")
	must(t, second(s.GrantRun(ctx, first)))
	u := get(s.Run(ctx, "run1-ro"))(t)
	if u.State != run.Offered || u.Epoch != 1 || string(u.Grant) != "\x01" || u.GrantSig != "sig" || !u.GrantedAt.Equal(start()) {
		t.Errorf("granted: %+v", u)
	}
	same(t, "claims", get(s.Claims(ctx))(t), map[string]string{"h1": "run1-ro"})
	mustBe(t, fault.Conflict, second(s.GrantRun(ctx, other)))                                // decided before the first was granted
	mustBe(t, fault.Conflict, second(s.GrantRun(ctx, grantOf(t, s, "run1-ro", "h1"))))       // held, by itself
	mustBe(t, fault.Conflict, second(s.GrantRun(ctx, grantOf(t, s, "run-of-nobody", "h2")))) // and nothing is written
	same(t, "claims", get(s.Claims(ctx))(t), map[string]string{"h1": "run1-ro"})

	// The offer goes back: the host is free, and the next epoch is above.
	back := get(s.Rollout(ctx, "ro"))(t).Version
	must(t, second(s.SetRunState(ctx, "run1-ro", []run.State{run.Offered}, run.Pending, "not taken", start(), ev(event.RunReturned, "h1"))))
	if v := get(s.Rollout(ctx, "ro"))(t).Version; v != back+1 {
		t.Errorf("version %d after %d: a decision from before would hold", v, back)
	}
	same(t, "claims", get(s.Claims(ctx))(t), nil)
	mustBe(t, fault.Conflict, second(s.AcceptRun(ctx, "run1-ro", 1, start(), ev(event.RunAccepted, "h1"))))
	must(t, second(s.GrantRun(ctx, grantOf(t, s, "run1-ro", "h1"))))
	if u := get(s.Run(ctx, "run1-ro"))(t); u.Epoch != 2 {
		t.Errorf("epoch %d, want 2", u.Epoch)
	}

	broken := grantOf(t, s, "run2-ro", "h2")
	broken.Sign = func(int64) ([]byte, string, error) { return nil, "", errors.New("no key") }
	if _, err := s.GrantRun(ctx, broken); err == nil {
		t.Error("granted without a signature")
	}
	v := get(s.Rollout(ctx, "ro"))(t).Version
	must(t, second(s.SetRollout(ctx, "ro", v, rollout.Halted, "x", nil, start(), ev(event.RolloutHalted, ""))))
	mustBe(t, fault.Conflict, second(s.GrantRun(ctx, grantOf(t, s, "run2-ro", "h2"))))
	if open := get(s.OpenRollouts(ctx))(t); len(open) != 1 {
		t.Errorf("halted with a run in flight: %+v", open)
	}
	VerifyChain(t, s)
}

func runLife(t *testing.T, s *store.Store) {
	ctx := t.Context()
	rolling(t, s)
	u := working(t, s)
	if u.State != run.Preparing || !u.AcceptedAt.Equal(start()) || !u.LastWord.Equal(start()) {
		t.Errorf("accepted: %+v", u)
	}
	if seq := get(s.AcceptRun(ctx, u.ID, u.Epoch, start(), ev(event.RunAccepted, "h1")))(t); seq != 0 {
		t.Error("accepting twice wrote something")
	}
	mustBe(t, fault.Conflict, second(s.AcceptRun(ctx, u.ID, u.Epoch+1, start(), ev(event.RunAccepted, "h1"))))
	same(t, "open", get(s.OpenRuns(ctx, "h1"))(t), []run.Run{u})
	same(t, "open elsewhere", get(s.OpenRuns(ctx, "h2"))(t), nil)

	lines := make([]string, 100)
	for i := range lines {
		lines[i] = fmt.Sprint("line\x00", i+1)
	}
	steps := []run.Step{{RunID: u.ID, Name: "download", State: "done", Started: start(), Ended: start().Add(time.Second), Text: "9 B"},
		{RunID: u.ID, Name: "apply", State: "started", Started: start().Add(time.Second)}}
	r := run.Record{RunID: u.ID, Epoch: u.Epoch, From: 0, Acked: 3, State: run.Applying, Step: "apply", Steps: steps, Lines: lines, At: start().Add(time.Second)}
	must(t, second(s.RecordRun(ctx, r)))
	mustBe(t, fault.Conflict, second(s.RecordRun(ctx, r))) // it is durable
	r.From, r.Epoch = 3, 9
	mustBe(t, fault.Conflict, second(s.RecordRun(ctx, r)))
	version := get(s.Rollout(ctx, "ro"))(t).Version
	steps[1].State, steps[1].Ended = "done", start().Add(2*time.Second)
	must(t, second(s.RecordRun(ctx, run.Record{RunID: u.ID, Epoch: u.Epoch, From: 3, Acked: 4, State: run.Applying, Step: "apply", Steps: steps[1:], Lines: []string{"last"}, At: start()})))
	if v := get(s.Rollout(ctx, "ro"))(t).Version; v != version {
		t.Error("a report that moves no state made decisions void")
	}
	same(t, "steps", get(s.Steps(ctx, u.ID))(t), steps)
	if n := get(s.LogSize(ctx, u.ID))(t); n != 101 {
		t.Errorf("%d lines", n)
	}
	got, last, err := s.LogLines(ctx, u.ID, 98, 2)
	must(t, err)
	same(t, "lines", got, []string{"line\uFFFD99", "line\uFFFD100"})
	if last != 100 {
		t.Errorf("last %d", last)
	}
	if _, last, err = s.LogLines(ctx, u.ID, 101, 2); err != nil || last != 101 {
		t.Errorf("after the end: %d %v", last, err)
	}

	u = get(s.Run(ctx, u.ID))(t)
	must(t, second(s.RecordRun(ctx, ended(u, run.Succeeded))))
	u = get(s.Run(ctx, u.ID))(t)
	if u.State != run.Succeeded || u.EndedAt.IsZero() || string(u.Outcome) != `{"result":"x"}` || u.Reason != "so it went" {
		t.Errorf("ended: %+v", u)
	}
	same(t, "claims", get(s.Claims(ctx))(t), nil)
	same(t, "unproven", get(s.UnprovenRuns(ctx))(t), []run.Run{u})
	must(t, second(s.ProveRun(ctx, u.ID, start(), ev(event.RunProven, "h1"))))
	mustBe(t, fault.Conflict, second(s.ProveRun(ctx, u.ID, start(), ev(event.RunProven, "h1"))))
	mustBe(t, fault.Conflict, second(s.ProveRun(ctx, "run2-ro", start(), ev(event.RunProven, "h2"))))
	same(t, "unproven", get(s.UnprovenRuns(ctx))(t), nil)
	same(t, "of the host", get(s.RunsOfHost(ctx, "h1", 5))(t)[0].ID, u.ID)
	mustBe(t, fault.NotFound, second(s.Run(ctx, "none")))
}

func lostKeepsHost(t *testing.T, s *store.Store) {
	ctx := t.Context()
	rolling(t, s)
	u := working(t, s)
	must(t, second(s.SetRunState(ctx, u.ID, []run.State{run.Preparing}, run.Uncertain, "silent", start(), ev(event.RunUncertain, "h1"))))
	mustBe(t, fault.Conflict, second(s.SetRunState(ctx, u.ID, []run.State{run.Preparing}, run.Lost, "", start(), ev(event.RunEnded, "h1"))))
	must(t, second(s.SetRunState(ctx, u.ID, []run.State{run.Uncertain}, run.Lost, "gone", start(), ev(event.RunEnded, "h1"))))
	u = get(s.Run(ctx, u.ID))(t)
	if u.State != run.Lost || u.EndedAt.IsZero() {
		t.Errorf("lost: %+v", u)
	}
	same(t, "claims", get(s.Claims(ctx))(t), map[string]string{"h1": u.ID})
	must(t, second(s.RecordRun(ctx, ended(u, run.Succeeded)))) // the late truth
	same(t, "claims", get(s.Claims(ctx))(t), nil)
}

// oneGrant: two processes decide from the same rows, over and over; MaxConcurrent is 1, so at no time are two runs in flight.
func oneGrant(t *testing.T, cfg store.Config) {
	a, b := Reopen(t, cfg), Reopen(t, cfg)
	rolling(t, a)
	version := get(a.Rollout(t.Context(), "ro"))(t).Version
	writes := []rollout.GrantWrite{grantOf(t, a, "run1-ro", "h1"), grantOf(t, a, "run2-ro", "h2")}
	var won atomic.Int32
	var racers sync.WaitGroup
	for i := range 8 {
		s, g := a, writes[i/2%2]
		if i%2 == 1 {
			s = b
		}
		g.Version = version
		racers.Go(func() {
			_, err := s.GrantRun(t.Context(), g)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, fault.Conflict) {
				t.Errorf("racer %d: %v", i, err)
			}
		})
	}
	racers.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%d grants, want 1", n)
	}
	if open := get(b.OpenRuns(t.Context(), ""))(t); len(open) != 1 {
		t.Errorf("%d runs in flight", len(open))
	}
	VerifyChain(t, a)
}

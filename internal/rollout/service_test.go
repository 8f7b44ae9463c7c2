package rollout_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

func TestAFailureStopsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a1", "b1", "c1", "d1")
	w.hosts["a1"].script = bad
	r := w.rolling(3)
	if diff := cmp.Diff(map[string]string{"a1": "offered", "b1": "offered", "c1": "offered", "d1": "pending"}, w.states(r.ID)); diff != "" {
		t.Fatal(diff)
	}
	w.must(w.hosts["b1"].take()) // at work; c1 has not taken its offer
	w.hosts["a1"].work()
	w.tick() // halts
	w.tick() // and takes back what nobody took
	got := w.rollout(r.ID)
	if got.State != apiv1.RolloutHalted || got.Reason != "a1 failed" {
		t.Errorf("%s: %s", got.State, got.Reason)
	}
	if diff := cmp.Diff(map[string]string{"a1": "failed", "b1": "preparing", "c1": "pending", "d1": "pending"}, w.states(r.ID)); diff != "" {
		t.Error(diff)
	}
	w.mustBe(fault.Conflict, w.hosts["c1"].accept(got.Runs[2].ID, 1))
	w.must(w.hosts["b1"].send(100)) // what runs is finished
	for range 3 {
		w.at = w.at.Add(time.Hour)
		w.tick()
	}
	if diff := cmp.Diff(map[string]string{"a1": "failed", "b1": "succeeded", "c1": "pending", "d1": "pending"}, w.states(r.ID)); diff != "" {
		t.Error(diff)
	}
	if n := w.kinds()[event.RunGranted]; n != 3 {
		t.Errorf("%d grants", n)
	}
	for _, u := range w.rollout(r.ID).Runs {
		if u.State == apiv1.RunPending && u.Waiting != "the rollout is halted: a1 failed" {
			t.Errorf("%s waits: %q", u.Host, u.Waiting)
		}
	}
	d, err := w.rollouts.Run(t.Context(), got.Runs[0].ID)
	w.must(err)
	if d.Outcome == nil || d.Outcome.Reason != "openssl is half-configured" || d.Run.Reason != "openssl is half-configured" || !slices.Equal(d.Log, []string{"dpkg: error processing package openssl"}) {
		t.Errorf("the failed run: %+v", d)
	}
	if d, err := w.rollouts.Run(t.Context(), got.Runs[3].ID); err != nil || d.Run.Waiting == "" {
		t.Errorf("a run that waits does not say why: %+v %v", d.Run, err)
	}
}

func TestAbortFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a1", "b1", "c1")
	r := w.rolling(2)
	w.must(w.hosts["a1"].take())
	for range 2 { // twice is no error
		got, err := w.rollouts.Abort(t.Context(), "user:ann", r.ID)
		w.must(err)
		if got.State != apiv1.RolloutAborting {
			t.Errorf("state %s", got.State)
		}
	}
	w.tick()
	if diff := cmp.Diff(map[string]string{"a1": "preparing", "b1": "pending", "c1": "pending"}, w.states(r.ID)); diff != "" {
		t.Error(diff)
	}
	w.must(w.hosts["a1"].send(100))
	w.tick()
	if diff := cmp.Diff(map[string]string{"a1": "succeeded", "b1": "canceled", "c1": "canceled"}, w.states(r.ID)); diff != "" {
		t.Error(diff)
	}
	got := w.rollout(r.ID)
	if got.State != apiv1.RolloutAborted || got.EndedAt == nil || got.Reason != "aborted by ann" || got.Summary != "1 of 3 hosts succeeded, 1 proven by their inventory, 2 not started" {
		t.Errorf("%+v", got)
	}
	_, err := w.rollouts.Abort(t.Context(), "user:ann", r.ID)
	w.mustBe(fault.Conflict, err)
	if w.hosts["b1"].did+w.hosts["c1"].did != 0 {
		t.Error("something began after the abort")
	}
	page, err := w.rollouts.Rollouts(t.Context(), "", 1)
	w.must(err)
	if len(page.Items) != 1 || page.Next != r.ID || page.Items[0].Hosts != 3 {
		t.Errorf("page %+v", page)
	}
	_, err = w.rollouts.Rollouts(t.Context(), "x'y", 1)
	w.mustBe(fault.Invalid, err)
}

func TestAnOfferThatIsNotTakenGoesBackAndTheNextIsAbove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a1", "b1")
	h := w.hosts["a1"]
	r := w.rolling(1)
	first := w.rollout(r.ID).Runs[0]
	w.at = w.at.Add(10*time.Minute + time.Second)
	w.mustBe(fault.Conflict, h.accept(first.ID, first.Epoch)) // before the tick notices
	if id, err := w.runs.Work(t.Context(), h.id); err != nil || id != "" {
		t.Errorf("an offer that is over is still offered: %q %v", id, err)
	}
	w.here.set(h.id, false)
	w.tick()
	if diff := cmp.Diff(map[string]string{"a1": "pending", "b1": "offered"}, w.states(r.ID)); diff != "" {
		t.Error(diff)
	}
	if got := w.rollout(r.ID).Runs[0].Waiting; got != "the host is not connected" {
		t.Errorf("waits: %q", got)
	}
	w.here.set(h.id, true)
	w.hosts["b1"].work()
	w.tick()
	second := w.rollout(r.ID).Runs[0]
	if second.State != apiv1.RunOffered || second.Epoch <= first.Epoch {
		t.Errorf("again: %+v after epoch %d", second, first.Epoch)
	}
	w.mustBe(fault.Conflict, h.accept(second.ID, first.Epoch))
	h.work()
	w.must(w.runs.Accept(t.Context(), h.id, second.ID, second.Epoch)) // again, after the end: nothing
	w.tick()
	if s := w.rollout(r.ID).State; s != apiv1.RolloutCompleted {
		t.Errorf("rollout is %s", s)
	}
	if n := w.kinds()[event.RunAccepted]; n != 2 {
		t.Errorf("%d acceptances", n)
	}
}

func TestSilenceIsUncertainThenLostAndALateTruthIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a1", "b1")
	h := w.hosts["a1"]
	r := w.rolling(1)
	w.must(h.take())
	w.must(h.send(2))
	w.at = w.at.Add(2 * time.Minute)
	w.tick() // its poll is open: it is there, and the package manager takes its time
	if s := w.states(r.ID)["a1"]; s != "applying" {
		t.Errorf("connected and quiet: %s", s)
	}
	w.here.set(h.id, false)
	w.tick()
	if diff := cmp.Diff(map[string]string{"a1": "uncertain", "b1": "pending"}, w.states(r.ID)); diff != "" {
		t.Error(diff)
	}
	w.must(h.send(1)) // it speaks: it is where its last step says
	if s := w.states(r.ID)["a1"]; s != "applying" {
		t.Errorf("after a word: %s", s)
	}
	w.at = w.at.Add(46 * time.Minute)
	w.tick() // lost
	w.tick() // which halts
	got := w.rollout(r.ID)
	if diff := cmp.Diff(map[string]string{"a1": "lost", "b1": "pending"}, w.states(r.ID)); diff != "" || got.State != apiv1.RolloutHalted {
		t.Errorf("%s: %s %s", got.State, got.Reason, diff)
	}
	if held, err := w.rows.Claims(t.Context()); err != nil || held[h.id] == "" {
		t.Errorf("a lost run may still be at work, and its host is free: %v %v", held, err)
	}
	w.must(h.send(100))
	w.tick()
	got = w.rollout(r.ID)
	if u := got.Runs[0]; u.State != apiv1.RunSucceeded || !u.Proven || got.State != apiv1.RolloutHalted {
		t.Errorf("the late truth: %+v, rollout %s", u, got.State)
	}
	if held, err := w.rows.Claims(t.Context()); err != nil || len(held) != 0 {
		t.Errorf("claims left: %v %v", held, err)
	}
}

func TestReportsCountOnceAndInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a1", "b1")
	h := w.hosts["a1"]
	r := w.rolling(2)
	runID := w.rollout(r.ID).Runs[0].ID
	ctx := t.Context()
	report := func(epoch int64, reports ...apiv1.RunReport) (apiv1.RunAck, error) {
		return w.runs.Report(ctx, h.id, runID, apiv1.RunReports{Epoch: epoch, Reports: reports})
	}
	_, err := report(1, step(1, "download", "started"))
	w.mustBe(fault.Conflict, err) // not accepted
	h.script = func(*host) []apiv1.RunReport { return nil }
	w.must(h.take())
	w.must(h.take()) // told again
	_, err = report(2, step(1, "download", "started"))
	w.mustBe(fault.Conflict, err) // another epoch
	_, err = report(1, step(2, "download", "started"))
	w.mustBe(fault.Conflict, err) // a gap
	_, err = report(1, step(1, "format the disk", "started"))
	w.mustBe(fault.Invalid, err)
	_, err = w.runs.Report(ctx, w.hosts["b1"].id, runID, apiv1.RunReports{Epoch: 1})
	w.mustBe(fault.NotFound, err) // another host's
	_, err = w.runs.Offer(ctx, w.hosts["b1"].id, runID)
	w.mustBe(fault.NotFound, err)
	w.mustBe(fault.NotFound, w.runs.Accept(ctx, w.hosts["b1"].id, runID, 1))

	for range 3 { // the same batch, three times
		ack, err := report(1, step(1, "download", "started"), lines(2, "one", "two"))
		w.must(err)
		if ack.Acked != 2 {
			t.Errorf("acknowledged %d", ack.Acked)
		}
	}
	writes := w.rows.count
	_, err = report(1, lines(2, "one", "two"))
	w.must(err)
	if w.rows.count != writes {
		t.Error("a duplicate was written")
	}
	ack, err := report(1, lines(2, "one", "two"), lines(3, "three"), lines(1, "zero")) // overlapping, out of order
	w.must(err)
	if ack.Acked != 3 {
		t.Errorf("acknowledged %d", ack.Acked)
	}
	long := strings.Repeat("x", 10_000)
	for seq := int64(4); seq < 64; seq++ {
		many := make([]string, 1000)
		for i := range many {
			many[i] = "line"
		}
		many[0] = long
		_, err := report(1, lines(seq, many...))
		w.must(err)
	}
	log, err := w.runs.Log(ctx, runID, 0, 100_000)
	w.must(err)
	if n := len(log.Lines); n != 50_000 || !strings.Contains(log.Lines[n-1], "the rest is on the host") || len(log.Lines[3]) != 2000 || log.Ended {
		t.Errorf("%d lines, the last %q, the long one %d", n, log.Lines[n-1], len(log.Lines[3]))
	}
	if !slices.Equal(log.Lines[:3], []string{"one", "two", "three"}) {
		t.Errorf("lines %q", log.Lines[:3])
	}
	_, err = report(1, step(64, "apply", "done"), outcome(65, "won", ""))
	w.mustBe(fault.Invalid, err)
	_, err = report(1, outcome(64, "succeeded", strings.Repeat("y\x00", 5000)))
	w.must(err)
	d, err := w.rollouts.Run(ctx, runID)
	w.must(err)
	if d.Run.State != apiv1.RunSucceeded || len(d.Run.Reason) > 12_000 || len(d.Log) != 500 {
		t.Errorf("state %s, reason of %d bytes, %d lines", d.Run.State, len(d.Run.Reason), len(d.Log))
	}
	if ack, err := report(1, outcome(64, "failed", "")); err != nil || ack.Acked != 64 {
		t.Errorf("after the end: %+v %v", ack, err)
	}
	_, err = w.runs.Offer(ctx, h.id, runID)
	w.mustBe(fault.Conflict, err)
	w.tick()
	if w.rollout(r.ID).Runs[0].Proven {
		t.Error("proven, though the inventory shows the old version")
	}
}

// Two servers on one database decide at the same time, over and over: nothing is granted twice, and never more than is allowed.
func TestTwoServersDecideAtOnce(t *testing.T) {
	t.Parallel()
	names := []string{"a1", "b1", "c1", "d1", "e1"}
	w := newWorld(t, names...)
	p := w.ready(apiv1.CreatePlan{})
	p, err := w.plans.Approve(t.Context(), "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	w.must(err)
	r, err := w.rollouts.Begin(t.Context(), "user:ann", apiv1.StartRollout{Plan: p.ID, MaxConcurrent: 2})
	w.must(err)
	other := storetest.Reopen(t, w.cfg)
	second := w.rollouts.Config
	second.Store, second.Plans = other, other
	servers := []*rollout.Service{w.rollouts, rollout.NewService(second), rollout.NewService(w.rollouts.Config)}
	for round := 0; w.rollout(r.ID).State != apiv1.RolloutCompleted; round++ {
		if round > 20 {
			t.Fatalf("no end: %v", w.states(r.ID))
		}
		var racers sync.WaitGroup
		for _, s := range servers {
			racers.Go(func() {
				if err := s.Tick(t.Context()); err != nil && !errors.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		racers.Wait()
		open, err := other.OpenRuns(t.Context(), "")
		w.must(err)
		if len(open) > 2 || (len(open) == 0 && w.rollout(r.ID).State == apiv1.RolloutRunning) {
			t.Fatalf("%d runs in flight after a decision", len(open))
		}
		for _, name := range names {
			w.must(errors.Join(w.hosts[name].take(), w.hosts[name].send(100)))
		}
		w.must(w.runs.Tick(t.Context()))
	}
	if kinds := w.kinds(); kinds[event.RunGranted] != 5 || kinds[event.RolloutCompleted] != 1 {
		t.Errorf("events %v", kinds)
	}
}

func TestAPlanIsCarriedOutByOneRolloutAndAHostByOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a1", "b1")
	first := w.rolling(1)
	_, err := w.rollouts.Begin(t.Context(), "user:ann", apiv1.StartRollout{Plan: first.Plan})
	w.mustBe(fault.Conflict, err)
	w.mustBe(fault.Conflict, w.plans.Cancel(t.Context(), "user:ann", first.Plan))
	second := w.rolling(5) // of another plan
	if got := second.Runs[0]; got.State != apiv1.RunPending || got.Waiting != "another run holds the host: "+first.Runs[0].ID {
		t.Errorf("a1 in the second: %+v", got)
	}
	if got := second.Runs[1]; got.State != apiv1.RunOffered {
		t.Errorf("b1 in the second: %+v", got)
	}
	if got, err := w.rollouts.OfPlan(t.Context(), first.Plan); err != nil || !slices.Equal(got, []string{first.ID}) {
		t.Errorf("rollouts of the plan: %v %v", got, err)
	}
	if n := len(w.rollout(first.ID).Counts); n != 2 {
		t.Errorf("%d counts", n)
	}
}

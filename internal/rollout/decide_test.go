package rollout

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/staunch-dev/staunch/internal/run"
	"pgregory.net/rapid"
)

var (
	now      = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	notAfter = now.Add(time.Hour)
)

func runs(states ...run.State) []run.Run {
	out := make([]run.Run, len(states))
	for i, s := range states {
		out[i] = run.Run{ID: fmt.Sprintf("r%d", i), HostID: fmt.Sprintf("h%d", i), HostName: fmt.Sprintf("web%d", i), State: s}
	}
	return out
}

func online(rs []run.Run) map[string]bool {
	out := map[string]bool{}
	for _, r := range rs {
		out[r.HostID] = true
	}
	return out
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state   State
		limit   int
		runs    []run.Run
		offline []string
		claimed map[string]string
		late    bool
		want    Change
	}{
		"first host": {Running, 1, runs(run.Pending, run.Pending), nil, nil, false,
			Change{Grant: []string{"r0"}, Waiting: map[string]string{"r1": "1 of at most 1 hosts are at work"}}},
		"two at a time": {Running, 2, runs(run.Succeeded, run.Applying, run.Pending, run.Pending), nil, nil, false,
			Change{Grant: []string{"r2"}, Waiting: map[string]string{"r3": "2 of at most 2 hosts are at work"}}},
		"silent host holds its slot": {Running, 1, runs(run.Uncertain, run.Pending), nil, nil, false,
			Change{Waiting: map[string]string{"r1": "1 of at most 1 hosts are at work"}}},
		"failure halts": {Running, 5, runs(run.Failed, run.Applying, run.Pending), nil, nil, false,
			Change{To: Halted, Reason: "web0 failed", Waiting: map[string]string{"r2": "the rollout is halted: web0 failed"}}},
		"lost halts": {Running, 5, runs(run.Lost, run.Pending), nil, nil, false,
			Change{To: Halted, Reason: "web0 lost", Waiting: map[string]string{"r1": "the rollout is halted: web0 lost"}}},
		"stale halts": {Running, 5, runs(run.Stale, run.Pending), nil, nil, false,
			Change{To: Halted, Reason: "web0 plan_stale", Waiting: map[string]string{"r1": "the rollout is halted: web0 plan_stale"}}},
		"offline host waits, next goes": {Running, 1, runs(run.Pending, run.Pending), []string{"h0"}, nil, false,
			Change{Grant: []string{"r1"}, Waiting: map[string]string{"r0": "the host is not connected"}}},
		"claimed by another run": {Running, 1, runs(run.Pending), nil, map[string]string{"h0": "run_x"}, false,
			Change{Waiting: map[string]string{"r0": "another run holds the host: run_x"}}},
		"all done":               {Running, 1, runs(run.Succeeded, run.Succeeded), nil, nil, false, Change{To: Completed, Reason: "every host has ended well"}},
		"waits for the last":     {Running, 1, runs(run.Succeeded, run.Verifying), nil, nil, false, Change{Waiting: map[string]string{}}},
		"aborting lets work end": {Aborting, 1, runs(run.Applying, run.Pending), nil, nil, false, Change{}},
		"aborted after the last": {Aborting, 1, runs(run.Succeeded, run.Pending), nil, nil, false, Change{To: Aborted, Cancel: []string{"r1"}}},
		"halted grants nothing":  {Halted, 9, runs(run.Pending), nil, nil, false, Change{Waiting: map[string]string{"r0": "the rollout is halted: "}}},
		"completed stays":        {Completed, 9, runs(run.Succeeded), nil, nil, false, Change{}},
		"approval expired":       {Running, 9, runs(run.Pending), nil, nil, true, Change{To: Halted, Reason: "the plan's approval has expired"}},
		"expired, one in flight": {Running, 9, runs(run.Applying, run.Pending), nil, nil, true, Change{Waiting: map[string]string{"r1": "the plan's approval has expired"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Snapshot{Rollout: Rollout{State: tc.state, MaxConcurrent: tc.limit}, NotAfter: notAfter, Runs: tc.runs, Claimed: tc.claimed, Online: online(tc.runs)}
			for _, h := range tc.offline {
				s.Online[h] = false
			}
			at := now
			if tc.late {
				at = notAfter.Add(time.Second)
			}
			if diff := cmp.Diff(tc.want, Decide(s, at)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var states = []run.State{run.Pending, run.Offered, run.Preparing, run.Applying, run.Verifying, run.Rebooting, run.Uncertain,
	run.Succeeded, run.Failed, run.Stale, run.Lost, run.Canceled}

func TestSentences(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Snapshot{NotAfter: notAfter, Claimed: map[string]string{}, Online: map[string]bool{}}
		s.Rollout = Rollout{State: rapid.SampledFrom([]State{Running, Halted, Aborting, Aborted, Completed}).Draw(t, "state"), MaxConcurrent: rapid.IntRange(1, 4).Draw(t, "limit")}
		s.Runs = runs(rapid.SliceOfN(rapid.SampledFrom(states), 1, 9).Draw(t, "runs")...)
		for _, r := range s.Runs {
			s.Online[r.HostID] = rapid.Bool().Draw(t, "online")
			if rapid.IntRange(0, 4).Draw(t, "claim") == 0 {
				s.Claimed[r.HostID] = "other"
			}
		}
		at := now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "at")) * time.Second)
		c := Decide(s, at)
		flying, failed := 0, false
		for _, r := range s.Runs {
			if r.State.InFlight() {
				flying++
			}
			failed = failed || r.State.Ended() && r.State != run.Succeeded && r.State != run.Canceled
		}
		if len(c.Grant) > 0 {
			if s.Rollout.State != Running || c.To != "" {
				t.Fatal("only a running rollout grants")
			}
			if failed {
				t.Fatal("nothing is granted after a failure")
			}
			if flying+len(c.Grant) > s.Rollout.MaxConcurrent {
				t.Fatal("never more than the limit in flight")
			}
			if at.After(notAfter) {
				t.Fatal("nothing is granted after the approval has expired")
			}
		}
		for _, r := range s.Runs {
			granted := slices.Contains(c.Grant, r.ID)
			if granted && (r.State != run.Pending || !s.Online[r.HostID] || s.Claimed[r.HostID] != "") {
				t.Fatal("only a pending run of a connected, free host is granted")
			}
			if r.State == run.Pending && s.Rollout.State == Running && c.To == "" && !granted && c.Waiting[r.ID] == "" {
				t.Fatalf("%s waits without a reason", r.ID)
			}
		}
		if (c.To == Completed || c.To == Aborted) && flying > 0 {
			t.Fatal("a rollout never ends while a run is in flight")
		}
		if diff := cmp.Diff(c, Decide(s, at)); diff != "" {
			t.Fatalf("the same snapshot at the same time gives another answer: %s", diff)
		}
	})
}

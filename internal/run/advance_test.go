package run

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func step(seq int64, name, state string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, Step: &apiv1.RunStep{Name: name, State: state, Started: now}}
}

func outcome(seq int64, result, reason string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, Outcome: &apiv1.RunOutcome{Result: result, Reason: reason}}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		run     Run
		epoch   int64
		reports []apiv1.RunReport
		state   State
		acked   int64
		kind    fault.Kind
	}{
		"first step":             {Run{State: Preparing}, 0, []apiv1.RunReport{step(1, "download", "started")}, Preparing, 1, ""},
		"applying":               {Run{State: Preparing, Acked: 1}, 0, []apiv1.RunReport{step(2, "apply", "started")}, Applying, 2, ""},
		"good end":               {Run{State: Verifying, Acked: 4}, 0, []apiv1.RunReport{step(5, "verify", "done"), outcome(6, "succeeded", "")}, Succeeded, 6, ""},
		"bad end":                {Run{State: Applying}, 0, []apiv1.RunReport{outcome(1, "failed", "postinst of x failed")}, Failed, 1, ""},
		"stale plan":             {Run{State: Preparing}, 0, []apiv1.RunReport{outcome(1, "plan_stale", "x would be removed")}, Stale, 1, ""},
		"refused is a failure":   {Run{State: Preparing}, 0, []apiv1.RunReport{outcome(1, "refused", "epoch seen")}, Failed, 1, ""},
		"delivered twice":        {Run{State: Applying, Acked: 3}, 0, []apiv1.RunReport{step(2, "download", "done"), step(3, "apply", "started")}, Applying, 3, ""},
		"out of order in batch":  {Run{State: Preparing}, 0, []apiv1.RunReport{step(2, "apply", "started"), step(1, "download", "done")}, Applying, 2, ""},
		"gap":                    {Run{State: Preparing}, 0, []apiv1.RunReport{step(2, "apply", "started")}, Preparing, 0, fault.Conflict},
		"other epoch":            {Run{State: Preparing, Epoch: 8}, 7, nil, Preparing, 0, fault.Conflict},
		"not accepted":           {Run{State: Offered}, 0, []apiv1.RunReport{step(1, "apply", "started")}, Offered, 0, fault.Conflict},
		"unknown step":           {Run{State: Preparing}, 0, []apiv1.RunReport{step(1, "shell", "started")}, Preparing, 1, fault.Invalid},
		"unknown result":         {Run{State: Applying}, 0, []apiv1.RunReport{outcome(1, "fine", "")}, Applying, 1, fault.Invalid},
		"uncertain speaks again": {Run{State: Uncertain, Step: "apply", Acked: 2}, 0, nil, Applying, 2, ""},
		"late word of a lost":    {Run{State: Lost, Acked: 2}, 0, []apiv1.RunReport{step(3, "verify", "done"), outcome(4, "succeeded", "")}, Succeeded, 4, ""},
		"second outcome":         {Run{State: Failed, Acked: 1, Outcome: []byte(`{}`)}, 0, []apiv1.RunReport{outcome(2, "succeeded", "")}, Failed, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec, err := Advance(tc.run, apiv1.RunReports{Epoch: tc.epoch, Reports: tc.reports}, now)
			if tc.kind != "" {
				if !errors.Is(err, tc.kind) {
					t.Errorf("error %v, want kind %s", err, tc.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.State != tc.state || rec.Acked != tc.acked {
				t.Errorf("state %s acked %d, want %s %d", rec.State, rec.Acked, tc.state, tc.acked)
			}
		})
	}
}

// However a stream of reports is cut into batches, repeated and re-sent, the run ends in the same state with the same steps.
func TestDeliveryDoesNotMatter(t *testing.T) {
	t.Parallel()
	stream := []apiv1.RunReport{step(1, "download", "started"), step(2, "download", "done"), step(3, "apply", "started"),
		{Seq: 4, Lines: []string{"Unpacking x"}}, step(5, "apply", "done"), step(6, "verify", "done"), outcome(7, "succeeded", "")}
	whole, err := Advance(Run{State: Preparing}, apiv1.RunReports{Reports: stream}, now)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := Run{State: Preparing}
		var lines int
		for r.Acked < int64(len(stream)) {
			from := rapid.IntRange(0, int(r.Acked)).Draw(t, "from") // may repeat what was delivered
			to := rapid.IntRange(int(r.Acked)+1, len(stream)).Draw(t, "to")
			rec, err := Advance(r, apiv1.RunReports{Reports: stream[from:to]}, now)
			if err != nil {
				t.Fatal(err)
			}
			r.State, r.Acked, r.Step, r.Outcome, r.Reason = rec.State, rec.Acked, rec.Step, rec.Outcome, rec.Reason
			lines += len(rec.Lines)
		}
		got := Record{State: r.State, Acked: r.Acked, Step: r.Step, Outcome: r.Outcome, Reason: r.Reason}
		if diff := cmp.Diff(whole, got, cmpopts.IgnoreFields(Record{}, "Steps", "Lines", "At")); diff != "" {
			t.Fatal(diff)
		}
		if lines != 1 {
			t.Fatalf("%d log lines, want 1", lines)
		}
	})
}

func TestSilence(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, tc := range map[string]struct {
		run       Run
		connected bool
		want      State
	}{
		"offer still good":          {Run{State: Offered, GrantedAt: ago(time.Minute)}, false, ""},
		"offer not taken":           {Run{State: Offered, GrantedAt: ago(20 * time.Minute)}, true, Pending},
		"at work":                   {Run{State: Applying, LastWord: ago(time.Minute)}, false, ""},
		"silent and gone":           {Run{State: Applying, LastWord: ago(2 * time.Minute)}, false, Uncertain},
		"silent but connected":      {Run{State: Applying, LastWord: ago(2 * time.Minute)}, true, ""},
		"uncertain stays":           {Run{State: Uncertain, LastWord: ago(10 * time.Minute)}, false, ""},
		"lost":                      {Run{State: Uncertain, LastWord: ago(46 * time.Minute)}, false, Lost},
		"lost though connected":     {Run{State: Applying, LastWord: ago(46 * time.Minute)}, true, Lost},
		"no word since it accepted": {Run{State: Preparing, AcceptedAt: ago(2 * time.Minute)}, false, Uncertain},
		"ended":                     {Run{State: Succeeded, LastWord: ago(48 * time.Hour)}, false, ""},
		"pending":                   {Run{State: Pending}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expires := tc.run.GrantedAt.Add(10 * time.Minute)
			if got, _ := Silence(tc.run, expires, tc.connected, now); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

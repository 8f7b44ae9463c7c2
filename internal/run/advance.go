package run

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Time limits (ROLLOUT §1.6, Lost agent). An agent at work reports at least every 30 s; three of those missed make a run uncertain.
// Lost comes late on purpose: a transaction is never hurried, and a host that is lost stops the whole rollout.
const (
	uncertainAfter = 90 * time.Second
	lostAfter      = 45 * time.Minute
)

// maxReports bounds what one run may say in one epoch: a host cannot fill the server's disk.
const maxReports = 100_000

// stateOfStep is the run state that a step belongs to; steps before anything changes on the host are Preparing.
var stateOfStep = map[string]State{
	"accept": Preparing, "recover": Preparing, "download": Preparing, "stage": Preparing, "simulate": Preparing,
	"apply": Applying, "marks": Verifying, "restart": Verifying, "reboot": Rebooting, "verify": Verifying,
}

// Advance is what a batch of reports makes of a run. It is pure. Reports that are durable already are passed over, so delivering a batch
// twice changes nothing; a gap is refused, because a lost report would be lost for ever. A late report of a run that ended as Lost is
// taken: the truth is recorded, the failure stays counted by whoever counted it.
func Advance(r Run, batch apiv1.RunReports, now time.Time) (Record, error) {
	rec := Record{RunID: r.ID, Epoch: r.Epoch, From: r.Acked, Acked: r.Acked, State: r.State, Reason: r.Reason, Step: r.Step, Outcome: r.Outcome, At: now}
	if batch.Epoch != r.Epoch {
		return rec, fault.New(fault.Conflict, "run %s is at epoch %d, not %d", r.ID, r.Epoch, batch.Epoch)
	}
	if r.State == Pending || r.State == Canceled || r.State == Offered {
		return rec, fault.New(fault.Conflict, "run %s is %s: accept it first", r.ID, r.State)
	}
	reports := slices.Clone(batch.Reports)
	slices.SortFunc(reports, func(a, b apiv1.RunReport) int { return int(a.Seq - b.Seq) })
	for _, report := range reports {
		if report.Seq <= rec.Acked {
			continue
		}
		if report.Seq != rec.Acked+1 {
			return rec, fault.New(fault.Conflict, "run %s: report %d follows %d", r.ID, report.Seq, rec.Acked)
		}
		if report.Seq > maxReports {
			return rec, fault.New(fault.TooLarge, "run %s says more than %d things", r.ID, maxReports)
		}
		rec.Acked = report.Seq
		if err := rec.take(report); err != nil {
			return rec, err
		}
	}
	if rec.State == Uncertain { // it spoke: it is where its last step says
		rec.State = stateOfStep[rec.Step]
		if rec.State == "" {
			rec.State = Preparing
		}
	}
	return rec, nil
}

func (rec *Record) take(report apiv1.RunReport) error {
	rec.Lines = append(rec.Lines, report.Lines...)
	if s := report.Step; s != nil {
		state, known := stateOfStep[s.Name]
		if !known || !slices.Contains([]string{"started", "done", "failed", "skipped"}, s.State) {
			return fault.New(fault.Invalid, "run %s: step %q (%q) is not known", rec.RunID, s.Name, s.State)
		}
		step := Step{RunID: rec.RunID, Name: s.Name, State: s.State, Started: s.Started, Text: s.Text}
		if s.Ended != nil {
			step.Ended = *s.Ended
		}
		rec.Steps = append(rec.Steps, step)
		rec.Step = s.Name
		if !rec.State.Ended() {
			rec.State = state
		}
	}
	if o := report.Outcome; o != nil && (rec.Outcome == nil || rec.State == Lost) {
		return rec.end(*o)
	}
	return nil
}

// end takes the first outcome; a second one in the same epoch is passed over.
func (rec *Record) end(o apiv1.RunOutcome) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encoding the outcome of run %s: %w", rec.RunID, err)
	}
	rec.Outcome, rec.Reason = text, o.Reason
	switch o.Result {
	case "succeeded":
		rec.State = Succeeded
	case "plan_stale":
		rec.State = Stale
	case "failed", "refused":
		rec.State = Failed
	default:
		return fault.New(fault.Invalid, "run %s: result %q is not known", rec.RunID, o.Result)
	}
	return nil
}

// Silence is what time alone makes of a run in flight: an offer that was not taken goes back, a silent host becomes uncertain and then lost.
// The empty state means nothing changes. connected: the host's long poll is open, so that the host is there even if the run says nothing.
func Silence(r Run, expires time.Time, connected bool, now time.Time) (to State, reason string) {
	quiet := now.Sub(latest(r.LastWord, r.AcceptedAt, r.GrantedAt))
	switch {
	case r.State == Offered && now.After(expires):
		return Pending, "the host did not take the offer in time"
	case r.State == Offered || !r.State.InFlight():
		return "", ""
	case quiet > lostAfter:
		return Lost, fmt.Sprintf("no word from the host for %d minutes, at step %s", int(quiet.Minutes()), orNone(r.Step))
	case r.State != Uncertain && quiet > uncertainAfter && !connected:
		return Uncertain, "no word from the host since step " + orNone(r.Step)
	}
	return "", ""
}

func orNone(step string) string {
	if step == "" {
		return "accept"
	}
	return step
}

func latest(ts ...time.Time) time.Time {
	var out time.Time
	for _, t := range ts {
		if t.After(out) {
			out = t
		}
	}
	return out
}

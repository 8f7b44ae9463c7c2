package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/run"
)

// Change is what a decision asks to be done: at most one of a new state, or grants.
type Change struct {
	To     State    // empty: stays
	Reason string   // of the new state
	Cancel []string // pending runs that end with it
	Grant  []string // ids of runs to grant now, in order
	// Waiting says for each pending run why it is not granted now.
	Waiting map[string]string
}

// Decide is the whole policy of a rollout with one ring and no tolerance for failure: grant while nothing has failed and fewer than
// MaxConcurrent are in flight; a failure, or a host that went silent for too long, stops further grants (ROLLOUT §0.1, §0.4: silence is a
// failure, and what is in flight is counted before it ends). It is pure: same snapshot, same instant, same answer.
func Decide(s Snapshot, now time.Time) Change {
	pending, flying, bad := sortOut(s.Runs)
	switch {
	case s.Rollout.State == Aborting && flying == 0:
		return Change{To: Aborted, Reason: s.Rollout.Reason, Cancel: pending}
	case s.Rollout.State == Aborting || s.Rollout.State == Aborted || s.Rollout.State == Completed:
		return Change{}
	case s.Rollout.State == Halted:
		return Change{Waiting: all(pending, "the rollout is halted: "+s.Rollout.Reason)}
	case len(bad) > 0:
		return Change{To: Halted, Reason: because(bad), Waiting: all(pending, "the rollout is halted: "+because(bad))}
	case len(pending) == 0 && flying == 0:
		return Change{To: Completed, Reason: "every host has ended well"}
	case now.After(s.NotAfter) && flying == 0:
		return Change{To: Halted, Reason: "the plan's approval has expired"}
	case now.After(s.NotAfter):
		return Change{Waiting: all(pending, "the plan's approval has expired")}
	}
	return grants(s, flying)
}

// grants picks hosts that are there and free, in order of name, up to the limit; the others learn why they wait.
func grants(s Snapshot, flying int) Change {
	c := Change{Waiting: map[string]string{}}
	for _, r := range s.Runs {
		if r.State != run.Pending {
			continue
		}
		switch holder := s.Claimed[r.HostID]; {
		case holder != "" && holder != r.ID:
			c.Waiting[r.ID] = "another run holds the host: " + holder
		case !s.Online[r.HostID]:
			c.Waiting[r.ID] = "the host is not connected"
		case flying+len(c.Grant) >= s.Rollout.MaxConcurrent:
			c.Waiting[r.ID] = fmt.Sprintf("%d of at most %d hosts are at work", flying+len(c.Grant), s.Rollout.MaxConcurrent)
		default:
			c.Grant = append(c.Grant, r.ID)
		}
	}
	return c
}

func sortOut(runs []run.Run) (pending []string, flying int, bad []run.Run) {
	for _, r := range runs {
		switch {
		case r.State == run.Pending:
			pending = append(pending, r.ID)
		case r.State.InFlight():
			flying++
		case r.State != run.Succeeded && r.State != run.Canceled:
			bad = append(bad, r)
		}
	}
	return pending, flying, bad
}

func because(bad []run.Run) string {
	names := make([]string, len(bad))
	for i, r := range bad {
		names[i] = r.HostName + " " + string(r.State)
	}
	slices.Sort(names)
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

func all(ids []string, why string) map[string]string {
	out := make(map[string]string, len(ids))
	for _, id := range ids {
		out[id] = why
	}
	return out
}

package cli

import (
	"slices"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// sign is how a run's state looks: a glyph and a colour, always beside the word.
type sign struct {
	glyph string
	tone  tone
}

// runOrder is the order of states on the screen: what may need a person first, then what moves, what waits, what is done.
func runOrder() []string {
	return []string{
		apiv1.RunFailed, apiv1.RunLost, apiv1.RunStale, apiv1.RunUncertain,
		apiv1.RunApplying, apiv1.RunRebooting, apiv1.RunVerifying, apiv1.RunPreparing, apiv1.RunOffered,
		apiv1.RunPending, apiv1.RunCanceled, apiv1.RunSucceeded,
	}
}

func runSign(state string) sign {
	switch state {
	case apiv1.RunPending:
		return sign{"·", faint}
	case apiv1.RunOffered:
		return sign{"…", plain}
	case apiv1.RunPreparing:
		return sign{"↓", plain}
	case apiv1.RunApplying:
		return sign{"▶", plain}
	case apiv1.RunVerifying:
		return sign{"≈", plain}
	case apiv1.RunRebooting:
		return sign{"↻", plain}
	case apiv1.RunUncertain:
		return sign{"?", warn}
	case apiv1.RunSucceeded:
		return sign{"✓", good}
	case apiv1.RunFailed, apiv1.RunLost:
		return sign{"✗", bad}
	case apiv1.RunStale:
		return sign{"≠", bad}
	case apiv1.RunCanceled:
		return sign{"–", faint}
	}
	return sign{" ", plain}
}

// runEnded says whether nothing more is expected of a run.
func runEnded(state string) bool {
	return slices.Contains([]string{apiv1.RunSucceeded, apiv1.RunFailed, apiv1.RunStale, apiv1.RunLost, apiv1.RunCanceled}, state)
}

// atWork says whether a run holds a slot.
func atWork(state string) bool { return state != apiv1.RunPending && !runEnded(state) }

// rolloutEnded says whether nothing more happens: a halted rollout first finishes what is at work.
func rolloutEnded(r apiv1.Rollout) bool {
	switch r.State {
	case apiv1.RolloutCompleted, apiv1.RolloutAborted:
		return true
	case apiv1.RolloutHalted:
		return !slices.ContainsFunc(r.Runs, func(run apiv1.Run) bool { return atWork(run.State) })
	}
	return false
}

package event

import (
	"context"
	"fmt"
)

// verifyPage is how many events are in memory at a time while the log is verified.
const verifyPage = 1000

// Log is the part of Store that reads the log in order.
type Log interface {
	EventsAfter(ctx context.Context, after int64, limit int) ([]Event, error)
}

// Verification is how far the chain holds. Broken is the first event that does not, or 0.
type Verification struct {
	Events int64
	Seq    int64
	Hash   string
	Broken int64
	Reason string
}

// Verify recomputes the chain from the first event on, a page at a time, and stops at the first event that does not hold. It sees
// what was changed, dropped, inserted or reordered; an end that was cut off, or a log that was rewritten from some event on with all
// its hashes, it can show only to someone who kept a later Hash elsewhere.
func Verify(ctx context.Context, log Log) (Verification, error) {
	var v Verification
	for {
		page, err := log.EventsAfter(ctx, v.Seq, verifyPage)
		if err != nil {
			return v, fmt.Errorf("reading events after %d: %w", v.Seq, err)
		}
		for _, e := range page {
			if v.check(e); v.Broken != 0 {
				return v, nil
			}
		}
		if len(page) < verifyPage {
			return v, nil
		}
	}
}

func (v *Verification) check(e Event) {
	switch {
	case e.Seq != v.Seq+1:
		v.Broken, v.Reason = e.Seq, fmt.Sprintf("it follows event %d: what was between is gone", v.Seq)
	case Chain(v.Hash, e) != e.Hash:
		v.Broken, v.Reason = e.Seq, "its hash does not fit its contents and the event before it"
	default:
		v.Events, v.Seq, v.Hash = v.Events+1, e.Seq, e.Hash
	}
}

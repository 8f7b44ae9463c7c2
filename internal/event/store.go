package event

import "context"

// Store is what the log and its followers ask for.
type Store interface {
	// AppendEvent adds an event that belongs to no other write; writes that belong together carry their events in the same transaction.
	AppendEvent(ctx context.Context, e Event) (seq int64, err error)
	// Events lists events with seq < before (0: from the newest), newest first; host "" means all.
	Events(ctx context.Context, host string, before int64, limit int) ([]Event, error)
	// EventsAfter lists events in order of seq, for verification of the chain.
	EventsAfter(ctx context.Context, after int64, limit int) ([]Event, error)
	// Seq is the newest committed change.
	Seq(ctx context.Context) (int64, error)
	// ChangesAfter lists changes with seq > after, in order.
	ChangesAfter(ctx context.Context, after int64, limit int) ([]Change, error)
	// Committed is signalled (never blocking) after each local commit that appended a change.
	Committed() <-chan struct{}
}

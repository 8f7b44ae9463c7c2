package event

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// followEvery bounds how late a commit of another process is seen; local commits are signalled.
	followEvery = 500 * time.Millisecond
	// followPage bounds one read of changes.
	followPage = 1000
)

// Follower tells subscribers every stored change, in order of seq, and unstored ones as they are told.
type Follower struct {
	store Store
	log   *slog.Logger

	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	closed bool
	cancel context.CancelFunc
	done   chan struct{}
}

// subscriber has one more place than was asked for: the last one takes a resync. While that waits to be read everything else is
// dropped, since whoever reads a resync reads everything again afterwards. So the sender never waits, and the reader never misses.
type subscriber struct {
	ch   chan Change
	lost bool // a resync is, or was, in ch
}

// NewFollower makes a follower; nothing is read before Start.
func NewFollower(store Store, log *slog.Logger) *Follower {
	return &Follower{store: store, log: log, subs: map[*subscriber]struct{}{}}
}

// Start reads where the sequence stands and follows it from there until Stop or the end of ctx.
func (f *Follower) Start(ctx context.Context) error {
	cursor, err := f.store.Seq(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	f.cancel, f.done = cancel, make(chan struct{})
	f.mu.Unlock()
	go f.follow(ctx, cursor, f.done)
	return nil
}

// Stop ends the follower and closes every subscription. It may be called twice, and on a follower that was never started.
func (f *Follower) Stop() {
	f.mu.Lock()
	cancel, done := f.cancel, f.done
	f.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subs {
		close(s.ch)
	}
	clear(f.subs)
}

// Subscribe gives changes from now on. A reader that falls more than buffer (at least 1) behind gets one Change of kind resync in
// place of what it missed. The channel is closed by cancel, which may be called twice, and by Stop.
func (f *Follower) Subscribe(buffer int) (<-chan Change, func()) {
	s := &subscriber{ch: make(chan Change, max(buffer, 1)+1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(s.ch)
		return s.ch, func() {}
	}
	f.subs[s] = struct{}{}
	return s.ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, there := f.subs[s]; there {
			delete(f.subs, s)
			close(s.ch)
		}
	}
}

// Tell passes a change that is not stored, as presence, to every subscriber.
func (f *Follower) Tell(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs {
		s.offer(c)
	}
}

// offer never blocks. Only the holder of the follower's lock sends, so a place that was free stays free.
func (s *subscriber) offer(c Change) {
	if s.lost {
		if len(s.ch) > 0 {
			return
		}
		s.lost = false
	}
	if len(s.ch) == cap(s.ch)-1 {
		c = Change{Seq: c.Seq, At: c.At, Kind: ChangeResync}
	}
	s.lost = c.Kind == ChangeResync
	s.ch <- c
}

func (f *Follower) follow(ctx context.Context, cursor int64, done chan struct{}) {
	defer close(done)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failing := false
	for {
		next, err := f.catchUp(ctx, cursor)
		cursor = next
		if err != nil && ctx.Err() == nil && !failing {
			f.log.ErrorContext(ctx, "following changes; will keep trying", "after", cursor, "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-f.store.Committed():
		case <-tick.C:
		}
	}
}

// catchUp tells every change after cursor and returns the new one. Numbers are handed out without gaps, so a gap means that
// changes were pruned before this process saw them.
func (f *Follower) catchUp(ctx context.Context, cursor int64) (int64, error) {
	for {
		changes, err := f.store.ChangesAfter(ctx, cursor, followPage)
		if err != nil {
			return cursor, err
		}
		for _, c := range changes {
			if c.Seq != cursor+1 {
				f.Tell(Change{Seq: c.Seq, At: c.At, Kind: ChangeResync})
			}
			f.Tell(c)
			cursor = c.Seq
		}
		if len(changes) < followPage {
			return cursor, nil
		}
	}
}

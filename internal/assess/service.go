package assess

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Store is what assess asks for: everything it derives its answers from.
type Store interface {
	inventory.Store
	advisory.Store
	fleet.Store
	event.Store
}

// seenEvery is how often last-seen times are read: they are written every 5 s, without changes to follow.
const seenEvery = 5 * time.Second

// Service answers from the index and keeps it current. One goroutine writes the index; answers only read it.
type Service struct {
	store    Store
	past     func(at time.Time) PastReader // the store as it was
	follower *event.Follower
	presence *fleet.Presence
	log      *slog.Logger
	now      func() time.Time

	mu    sync.RWMutex  // over ix, the pointer and what it points to
	ix    *index        // nil before Start
	moved chan struct{} // closed and replaced when ix.seq moves

	pasts   pasts
	room    *Room           // for what is loaded beside the present index
	life    context.Context //nolint:containedctx // of what is loaded for those who ask about the past: until Stop
	cancel  context.CancelFunc
	done    chan struct{}
	heardAt time.Time // newest last-seen read; only the writing goroutine uses it
}

// NewService makes the service. past gives the store as it was at an instant. Nothing is read before Start.
func NewService(store Store, past func(at time.Time) PastReader, follower *event.Follower, presence *fleet.Presence, log *slog.Logger, now func() time.Time) *Service {
	return &Service{store: store, past: past, follower: follower, presence: presence, log: log, now: now, moved: make(chan struct{}), life: context.Background()}
}

// Within bounds what is loaded beside the present index. It is called before Start.
func (s *Service) Within(room *Room) {
	s.room = room
	room.Spared(s.pasts.drop)
}

// Start loads the index, which takes seconds for a large fleet, and then follows changes until Stop or the end of ctx. The follower
// must run already.
func (s *Service) Start(ctx context.Context) error {
	changes, unsubscribe := s.follower.Subscribe(1024) // before loading, so that nothing falls between
	if err := s.reload(ctx); err != nil {
		unsubscribe()
		return fmt.Errorf("loading the index: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.life, s.cancel, s.done = ctx, cancel, make(chan struct{})
	s.mu.Unlock()
	go func() {
		defer close(s.done)
		defer unsubscribe()
		s.follow(ctx, changes)
	}()
	return nil
}

// Stop ends following. It may be called twice, and on a service that was never started.
func (s *Service) Stop() {
	s.mu.RLock()
	cancel, done := s.cancel, s.done
	s.mu.RUnlock()
	if cancel != nil {
		cancel()
		<-done
		s.pasts.work.Wait()
	}
}

// Ready says whether the index is loaded.
func (s *Service) Ready() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ix != nil
}

// WaitSeq waits until answers include a change, so that a caller who just wrote sees what it wrote. It ends with ctx, as fault.Unavailable.
func (s *Service) WaitSeq(ctx context.Context, seq int64) error {
	for {
		s.mu.RLock()
		reached, moved := s.ix != nil && s.ix.seq >= seq, s.moved
		s.mu.RUnlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Unavailable, "the server has not caught up with change %d yet", seq)
		}
	}
}

// reading runs a read of the index. fault.Unavailable before it is loaded.
func (s *Service) reading(ctx context.Context, read func(*index) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ix == nil {
		return fault.New(fault.Unavailable, "the server is still loading its index; try again in a moment")
	}
	return read(s.ix)
}

// writing changes the index; only the goroutine of Start calls it.
func (s *Service) writing(change func(*index)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.ix)
}

// step is a short change of the index, made without the index at hand.
func (s *Service) step(change func()) { s.writing(func(*index) { change() }) }

// reach says that answers include everything up to seq.
func (s *Service) reach(seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq <= s.ix.seq {
		return
	}
	s.ix.seq = seq
	close(s.moved)
	s.moved = make(chan struct{})
}

// reload builds a new index beside the present one, which answers meanwhile, and puts it in its place.
func (s *Service) reload(ctx context.Context) error {
	ix, heard, err := load(ctx, s.store, s.store.CurrentOverlays, s.now)
	if err != nil {
		return err
	}
	s.heardAt = heard
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ix != nil {
		ix.generation = s.ix.generation + 1
	}
	s.ix = ix
	close(s.moved)
	s.moved = make(chan struct{})
	return nil
}

// follow applies changes as they come, all that wait at once.
func (s *Service) follow(ctx context.Context, changes <-chan event.Change) {
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	var pending batch
	for {
		select {
		case <-ctx.Done():
			return
		case c, open := <-changes:
			if !open {
				return
			}
			pending.add(c)
			for len(changes) > 0 {
				pending.add(<-changes)
			}
		case <-tick.C:
			s.logged(ctx, "reading last-seen times", s.followSeen(ctx))
			s.ix.rejudge(s.step)
		}
		// A batch that failed is tried again with the next change or tick; until then answers say the older seq.
		if err := s.applyBatch(ctx, pending); err != nil {
			s.logged(ctx, "following changes; will try again", err)
			continue
		}
		pending = batch{}
	}
}

func (s *Service) logged(ctx context.Context, what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.ErrorContext(ctx, what, "error", err)
	}
}

// batch is what some changes ask for, each thing once.
type batch struct {
	seq      int64
	hosts    map[string]bool
	advisory bool
	feeds    bool
	resync   bool
}

func (b *batch) add(c event.Change) {
	b.seq = max(b.seq, c.Seq)
	switch c.Kind {
	case event.ChangeHost:
		if b.hosts == nil {
			b.hosts = map[string]bool{}
		}
		b.hosts[c.Ref] = true
	case event.ChangeAdvisory:
		b.advisory, b.feeds = true, true
	case event.ChangeFeed:
		b.feeds = true
	case event.ChangeResync:
		b.resync = true
	}
}

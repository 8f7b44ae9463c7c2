package assess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

const (
	pastsKept    = 2               // each is as large as the present index
	pastsFor     = 5 * time.Minute // names and labels have no history, so an old index would have old ones
	pastsLoading = 10 * time.Minute

	// How long an index is loaded on when nobody waits for it: those whose time was up were told to ask again, those who went may be the last.
	goneGrace = 10 * time.Second
	toldGrace = 2 * time.Minute
)

// pasts keeps the indexes of the times that were asked about last. Once loaded nothing writes them, so they need no lock. One is loaded
// at a time: whoever may read could have the server load as many as there are instants.
type pasts struct {
	mu      sync.Mutex
	kept    []*pastIndex // the one that was asked for last is last
	loading *pastIndex   // nil: none
	work    sync.WaitGroup
}

type pastIndex struct {
	Past
	generation int64 // of the knowledge, when it is today's
	until      time.Time
	done       chan struct{} // closed when ix and err are there
	ix         *index
	err        error

	// While it is loaded, under the lock of pasts:
	waiting int       // how many wait for it
	wanted  time.Time // until when it is loaded though nobody does
	cancel  context.CancelFunc
}

// answering runs a read of the index of the time that is asked about. Loading the past takes as long as a start of the server: who
// cannot wait is told to ask again, and finds it loaded.
func (s *Service) answering(ctx context.Context, past Past, read func(*index) error) error {
	if past == (Past{}) {
		return s.reading(ctx, read)
	}
	if err := past.check(s.now()); err != nil {
		return err
	}
	var generation int64
	if err := s.reading(ctx, func(ix *index) error { generation = ix.generation; return nil }); err != nil {
		return err
	}
	for {
		p, mine := s.pasts.get(past, generation, s.now(), s.loadPast)
		var err error
		select {
		case <-p.done:
		case <-ctx.Done():
			err = fault.Wrap(ctx.Err(), fault.Unavailable, "what was at %s is still being read; try again in a moment", inventory.Instant(p.At.UTC()))
		}
		if mine {
			s.pasts.leave(p, ctx.Err())
		}
		switch {
		case err != nil:
			return err
		case !mine:
			continue // another time's was being loaded; it is our turn, or that of another who waits
		case p.err != nil:
			return p.err
		}
		return read(p.ix)
	}
}

// get finds an index, or begins to load it. While another is being loaded it gives that one, which is not mine: to wait for. Whoever gets
// his own leaves it afterwards.
func (ps *pasts) get(past Past, generation int64, now time.Time, load func(context.Context, Past) (*index, error)) (_ *pastIndex, mine bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for i, p := range ps.kept {
		if !p.At.Equal(past.At) || p.Hindsight != past.Hindsight {
			continue
		}
		if now.Before(p.until) && (!p.Hindsight || p.generation == generation) {
			ps.kept = append(append(ps.kept[:i:i], ps.kept[i+1:]...), p)
			p.waiting++
			return p, true
		}
		ps.kept = append(ps.kept[:i:i], ps.kept[i+1:]...)
		break
	}
	if ps.loading != nil {
		return ps.loading, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), pastsLoading)
	p := &pastIndex{Past: past, generation: generation, until: now.Add(pastsFor), done: make(chan struct{}), waiting: 1, cancel: cancel}
	ps.loading = p
	ps.kept = append(ps.kept, p)
	if len(ps.kept) > pastsKept {
		ps.kept = ps.kept[1:]
	}
	ps.work.Go(func() {
		defer close(p.done)
		defer cancel()
		p.ix, p.err = load(ctx, past)
		ps.loaded(p)
	})
	return p, true
}

// turn waits until no index of the past is loaded, and holds back the next until done: for one that is not kept. fault.Unavailable when
// the turn does not come in time.
func (ps *pasts) turn(ctx context.Context, at time.Time) (done func(), err error) {
	for {
		ps.mu.Lock()
		before := ps.loading
		if before == nil {
			p := &pastIndex{Past: Past{At: at}, done: make(chan struct{})}
			ps.loading = p
			ps.mu.Unlock()
			return func() {
				ps.mu.Lock()
				defer ps.mu.Unlock()
				ps.loading = nil
				close(p.done)
			}, nil
		}
		ps.mu.Unlock()
		select {
		case <-before.done:
		case <-ctx.Done():
			return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "what was at %s is still being read; try again in a moment", inventory.Instant(before.At.UTC()))
		}
	}
}

// leave says that one waits no more, and why: nil when he has what he wanted.
func (ps *pasts) leave(p *pastIndex, why error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.waiting--
	if ps.loading != p {
		return
	}
	grace := goneGrace
	if errors.Is(why, context.DeadlineExceeded) {
		grace = toldGrace
	}
	if until := time.Now().Add(grace); until.After(p.wanted) {
		p.wanted = until
	}
	if p.waiting == 0 {
		time.AfterFunc(time.Until(p.wanted), func() { ps.giveUp(p) })
	}
}

// giveUp ends the loading of an index that nobody has wanted for a while.
func (ps *pasts) giveUp(p *pastIndex) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.loading == p && p.waiting == 0 && !time.Now().Before(p.wanted) {
		p.cancel()
	}
}

// loaded lets the next be loaded, and forgets an index that could not be, so that the next question tries again.
func (ps *pasts) loaded(p *pastIndex) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.loading = nil
	if p.err != nil {
		ps.kept = slices.DeleteFunc(ps.kept, func(one *pastIndex) bool { return one == p })
		return
	}
	time.AfterFunc(pastsFor, func() { ps.forget(p) }) // nobody may ask again, and it is large
}

// forget drops an index.
func (ps *pasts) forget(p *pastIndex) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.kept = slices.DeleteFunc(ps.kept, func(one *pastIndex) bool { return one == p })
}

// drop forgets all that are loaded; false: there is none. Whoever reads one goes on.
func (ps *pasts) drop() bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	before := len(ps.kept)
	ps.kept = slices.DeleteFunc(ps.kept, func(one *pastIndex) bool { return one != ps.loading })
	return len(ps.kept) < before
}

// loadPast reads an index of the past, if there is room for it beside everything else. It goes on when the one who asked has gone: the next
// who asks is served.
func (s *Service) loadPast(ctx context.Context, past Past) (*index, error) {
	s.mu.RLock()
	life := s.life
	s.mu.RUnlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	var from Reader = s.past(past.At)
	if past.Hindsight {
		from = withHindsight{s.past(past.At), s.store}
	}
	ix, err := s.loadBeside(ctx, from, past.At)
	switch {
	case err == nil:
		ix.past = past
		return ix, nil
	case life.Err() != nil:
		return nil, fault.Wrap(err, fault.Unavailable, "the server is being stopped")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, fault.Wrap(err, fault.Unavailable, "reading what was at %s was given up; try again in a moment", inventory.Instant(past.At.UTC()))
	}
	return nil, fmt.Errorf("reading the past: %w", err)
}

// loadBeside loads an index of an instant beside the present one.
func (s *Service) loadBeside(ctx context.Context, from Reader, at time.Time) (*index, error) {
	if s.room != nil {
		counts, err := CountsOf(ctx, from)
		if err != nil {
			return nil, err
		}
		giveBack, err := s.room.Take(fmt.Sprintf("the fleet as it was at %s, which had %s with %s, %s and %s", inventory.Instant(at.UTC()),
			plural(int(counts.Hosts), "host", "hosts"), plural(int(counts.Sets), "package set", "package sets"), plural(int(counts.Packages), "package", "packages"),
			plural(int(counts.Advisories), "advisory", "advisories")), counts.beside())
		if err != nil {
			return nil, err
		}
		defer giveBack()
	}
	ix, _, err := load(ctx, from, nil, func() time.Time { return at }) // ages are of then
	return ix, err
}

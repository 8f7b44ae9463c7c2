package assess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Reader is what an index is loaded from: the store as it is, or as it was.
type Reader interface {
	Seq(ctx context.Context) (int64, error)
	Hosts(ctx context.Context) ([]fleet.Host, error)
	OpenPackageSets(ctx context.Context) ([]inventory.HostSet, error)
	PackageSet(ctx context.Context, digest string) ([]inventory.PackageID, error)
	AllPackages(ctx context.Context, after inventory.PackageID, limit int) ([]inventory.Package, error)
	OpenBodies(ctx context.Context, section string, fn func(hostID string, from time.Time, digest string, json []byte) error) error
	AllSeen(ctx context.Context) ([]inventory.Seen, error)
	Knower
}

// Knower is the part of a Reader that is about packages and not about hosts.
type Knower interface {
	CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error
	CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error)
	// OverlaysOf lists the overlays of some CVEs, OverlaysFrom those of one feed.
	OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error)
	OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error)
	CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error)
	FeedStates(ctx context.Context) ([]advisory.FeedState, error)
}

// PastReader is the store as it was at an instant, and how a later instant differs from it.
type PastReader interface {
	Reader
	Host(ctx context.Context, id string) (fleet.Host, error) // fault.NotFound when it was not there
	OpenSections(ctx context.Context, hostID string) (map[string]inventory.Interval, error)
	// HostsChangedUntil names the hosts of which anything else was at a later instant.
	HostsChangedUntil(ctx context.Context, later time.Time) ([]string, error)
	// KnowledgeUntil is what turns the advisories of a later instant back into this one's.
	KnowledgeUntil(ctx context.Context, later time.Time) (advisory.Knowledge, error)
}

// withHindsight has the hosts of one time and the knowledge of another.
type withHindsight struct {
	PastReader
	Knower
}

func (w withHindsight) CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error {
	return w.Knower.CurrentAdvisories(ctx, fn)
}

func (w withHindsight) CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error) {
	return w.Knower.CurrentAdvisory(ctx, r)
}

func (w withHindsight) OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error) {
	return w.Knower.OverlaysOf(ctx, cves)
}

func (w withHindsight) OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error) {
	return w.Knower.OverlaysFrom(ctx, feed)
}

func (w withHindsight) CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error) {
	return w.Knower.CurrentLifecycles(ctx)
}

func (w withHindsight) FeedStates(ctx context.Context) ([]advisory.FeedState, error) {
	return w.Knower.FeedStates(ctx)
}

const (
	pastsKept    = 2               // each is as large as the present index
	pastsFor     = 5 * time.Minute // names and labels have no history, so an old index would have old ones
	pastsLoading = 10 * time.Minute
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
		select {
		case <-p.done:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Unavailable, "what was at %s is still being read; try again in a moment", inventory.Instant(p.At.UTC()))
		}
		switch {
		case !mine:
			continue // another time's was being loaded; it is our turn, or that of another who waits
		case p.err != nil:
			return p.err
		}
		return read(p.ix)
	}
}

// get finds an index, or begins to load it. While another is being loaded it gives that one, which is not mine: to wait for.
func (ps *pasts) get(past Past, generation int64, now time.Time, load func(Past) (*index, error)) (_ *pastIndex, mine bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for i, p := range ps.kept {
		if !p.At.Equal(past.At) || p.Hindsight != past.Hindsight {
			continue
		}
		if now.Before(p.until) && (!p.Hindsight || p.generation == generation) {
			ps.kept = append(append(ps.kept[:i:i], ps.kept[i+1:]...), p)
			return p, true
		}
		ps.kept = append(ps.kept[:i:i], ps.kept[i+1:]...)
		break
	}
	if ps.loading != nil {
		return ps.loading, false
	}
	p := &pastIndex{Past: past, generation: generation, until: now.Add(pastsFor), done: make(chan struct{})}
	ps.loading = p
	ps.kept = append(ps.kept, p)
	if len(ps.kept) > pastsKept {
		ps.kept = ps.kept[1:]
	}
	ps.work.Go(func() {
		defer close(p.done)
		p.ix, p.err = load(past)
		ps.loaded(p)
	})
	return p, true
}

// loaded lets the next be loaded, and forgets an index that could not be, so that the next question tries again.
func (ps *pasts) loaded(p *pastIndex) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.loading = nil
	if p.err != nil {
		ps.kept = slices.DeleteFunc(ps.kept, func(one *pastIndex) bool { return one == p })
	}
}

// loadPast reads an index of the past. It goes on when the one who asked has gone: the next who asks is served.
func (s *Service) loadPast(past Past) (*index, error) {
	s.mu.RLock()
	life := s.life
	s.mu.RUnlock()
	ctx, cancel := context.WithTimeout(life, pastsLoading)
	defer cancel()
	var from Reader = s.past(past.At)
	if past.Hindsight {
		from = withHindsight{s.past(past.At), s.store}
	}
	ix, _, err := load(ctx, from, nil, func() time.Time { return past.At }) // ages are of then
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, fault.Wrap(err, fault.Unavailable, "the server is being stopped")
		}
		return nil, fmt.Errorf("reading the past: %w", err)
	}
	ix.past = past
	return ix, nil
}

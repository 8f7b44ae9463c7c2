package inventory

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// flushEvery is how often last-seen times are written: at 50,000 hosts, one transaction instead of thousands. Those of the last
	// few seconds may be lost, nothing else may.
	flushEvery = 5 * time.Second
	// flushWithin bounds the last write at Stop.
	flushWithin = 5 * time.Second
)

// Service takes in what agents report and answers what a host has and had.
type Service struct {
	store Store
	log   *slog.Logger
	now   func() time.Time

	allowed allowances

	mu      sync.Mutex
	seen    map[string]Seen // not yet written, by host
	phasing map[phasedVersion]PhasedShare
	told    map[string]time.Time // when the log last said that a host's changes wait
	cancel  context.CancelFunc
	done    chan struct{}
}

type phasedVersion struct{ ecosystem, name, version string }

// NewService makes the service. Without Start it works, but nothing writes last-seen times before Stop.
func NewService(store Store, log *slog.Logger, now func() time.Time) *Service {
	return &Service{store: store, log: log, now: now, seen: map[string]Seen{}, phasing: map[phasedVersion]PhasedShare{}, told: map[string]time.Time{}, allowed: allowances{until: map[allowanceOf]time.Time{}}}
}

// Start writes last-seen times every five seconds until Stop or the end of ctx.
func (s *Service) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancel, s.done = cancel, make(chan struct{})
	done := s.done
	s.mu.Unlock()
	go func() {
		defer close(done)
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.flush(ctx)
			}
		}
	}()
	return nil
}

// Stop writes what is not written yet. It may be called twice, and on a service that was never started.
func (s *Service) Stop() {
	s.mu.Lock()
	cancel, done := s.cancel, s.done
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
	ctx, end := context.WithTimeout(context.Background(), flushWithin)
	defer end()
	s.flush(ctx)
}

// Seen notes that a host was heard of now; it is written with the next batch.
func (s *Service) Seen(hostID string) { s.note(Seen{HostID: hostID, At: s.now()}) }

// note merges news of a host into what waits to be written: absent vitals and agent version mean unchanged.
func (s *Service) note(n Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[n.HostID] = merge(s.seen[n.HostID], n)
}

// merge lays newer news of a host over older.
func merge(older, newer Seen) Seen {
	if newer.At.Before(older.At) {
		newer.At = older.At
	}
	if newer.AgentVersion == "" {
		newer.AgentVersion = older.AgentVersion
	}
	if newer.Vitals == nil {
		newer.Vitals, newer.VitalsAt = older.Vitals, older.VitalsAt
	}
	return newer
}

// flush writes the batch. What could not be written waits for the next time, below what has come since.
func (s *Service) flush(ctx context.Context) {
	s.mu.Lock()
	seen, phasing := s.seen, s.phasing
	s.seen, s.phasing = map[string]Seen{}, map[phasedVersion]PhasedShare{}
	s.mu.Unlock()
	if len(seen) == 0 && len(phasing) == 0 {
		return
	}
	batch := make([]Seen, 0, len(seen))
	for _, n := range seen {
		batch = append(batch, n)
	}
	shares := make([]PhasedShare, 0, len(phasing))
	for _, p := range phasing {
		shares = append(shares, p)
	}
	err := s.store.WriteSeen(ctx, batch, shares)
	if err == nil {
		return
	}
	s.log.ErrorContext(ctx, "writing last-seen times; they wait for the next batch", "hosts", len(batch), "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, older := range seen {
		newer, ok := s.seen[id]
		if !ok {
			newer = older
		}
		s.seen[id] = merge(older, newer)
	}
	for k, older := range phasing {
		if _, newer := s.phasing[k]; !newer {
			s.phasing[k] = older
		}
	}
}

// lastSeen is the stored last-seen of a host with what waits to be written on top.
func (s *Service) lastSeen(ctx context.Context, hostID string) (Seen, error) {
	stored, err := s.store.SeenHost(ctx, hostID)
	if err != nil {
		return Seen{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting, ok := s.seen[hostID]; ok {
		return merge(stored, waiting), nil
	}
	return stored, nil
}

package feed

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// work is what the service does now, for whoever waits for it. One thing is done at a time.
type work struct {
	mu      sync.Mutex
	now     apiv1.FeedWork
	records atomic.Int64
}

// begin says what is done now. about is how many records there will be, as far as that is known.
func (w *work) begin(doing, feed string, about int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.Doing, w.now.Feed, w.now.About = doing, feed, about
	if w.now.Since == nil {
		w.now.Since = instant(now)
	}
	w.records.Store(0)
}

// step says which of several feeds is worked on, from 1.
func (w *work) step(at, of int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.At, w.now.Of = at, of
}

// end says that one thing is done. Of several feeds the place among them stays until the last.
func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = apiv1.FeedWork{At: w.now.At, Of: w.now.Of}
}

// Work is what the service does now; nothing in it: nothing.
func (s *Service) Work() apiv1.FeedWork {
	s.work.mu.Lock()
	defer s.work.mu.Unlock()
	now := s.work.now
	if now.Doing == "" {
		return apiv1.FeedWork{}
	}
	now.Records = int(s.work.records.Load())
	return now
}

// counting is a sink that counts what goes through it.
func (w *work) counting(to intake.Sink) intake.Sink {
	return intake.Sink{
		Advisory:  func(a advisory.Advisory) error { w.records.Add(1); return to.GiveAdvisory(a) },
		Overlay:   func(o advisory.Overlay) error { w.records.Add(1); return to.GiveOverlay(o) },
		Lifecycle: func(l advisory.Lifecycle) error { w.records.Add(1); return to.GiveLifecycle(l) },
	}
}

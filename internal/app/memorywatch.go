package app

import (
	"context"
	"log/slog"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/assess"
)

const (
	memoryLookEvery = time.Minute
	// scarceFrom is the share of what there is, in percent, from which on a warning is logged; plentyBelow is when the next one may be.
	scarceFrom, plentyBelow = 80, 70
)

// memoryWatch warns while a fleet grows that it will not fit for much longer.
type memoryWatch struct {
	memory func() assess.Memory
	room   *assess.Room // may have something to give back
	log    *slog.Logger

	warned bool // only look uses it
	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// Start begins to look, once a minute.
func (w *memoryWatch) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	w.mu.Lock()
	w.cancel, w.done = cancel, make(chan struct{})
	w.mu.Unlock()
	go func() {
		defer close(w.done)
		tick := time.NewTicker(memoryLookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.look(ctx, liveHeap)
			}
		}
	}()
	return nil
}

// Stop ends looking. It may be called twice, and before Start.
func (w *memoryWatch) Stop() {
	w.mu.Lock()
	cancel, done := w.cancel, w.done
	w.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// look warns when what is held is most of what there is for this process, once until it is less again. What is kept only because it may be
// asked for again is dropped first.
func (w *memoryWatch) look(ctx context.Context, live func() int64) {
	held := live()
	share := w.memory().Share(held)
	if share >= scarceFrom && w.room.Spare() {
		held = live()
		share = w.memory().Share(held)
	}
	switch {
	case share >= scarceFrom && !w.warned:
		w.log.WarnContext(ctx, "memory is getting scarce: give the server more before it is ended by the system, or does not start again", "held", held, "percent", share)
		w.warned = true
	case share < plentyBelow:
		w.warned = false
	}
}

// goHeap is what Go has of the process's memory.
func goHeap() assess.Heap {
	all := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	bytes := func(i int) int64 {
		if all[i].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return int64(all[i].Value.Uint64()) //nolint:gosec // less than an int64 holds
	}
	return assess.Heap{Objects: bytes(0), Mapped: bytes(1) - bytes(2)}
}

// liveHeap is what the last collection of garbage left, in bytes.
func liveHeap() int64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	if metrics.Read(live); live[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(live[0].Value.Uint64()) //nolint:gosec // less than an int64 holds
}

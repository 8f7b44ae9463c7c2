package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Port is what the rest of the server may do with the queue.
type Port interface {
	// Start opens the queue and sweeps every kind once. Everything it started has ended when Stop returns.
	Start(ctx context.Context) error
	// Stop lets a run that is under way finish for a few seconds, then cancels its context and waits for it. When ctx ends first Stop
	// gives its error, and may be called again. Stopping what is not started does nothing.
	Stop(ctx context.Context) error
	// Nudge asks for one run of a kind with a key, soon. A run that was asked for and has not begun answers for later nudges too; one
	// that has begun does not, so what changes meanwhile is not missed. fault.Unavailable when not started.
	Nudge(ctx context.Context, kind, key string) error
}

// Kind is one kind of work. Runs of one kind in one process happen one after the other; of different kinds, side by side.
type Kind struct {
	Every time.Duration // sweep interval, at least a second: Run with the key ""
	// Run does what is due for the key, or, for "", whatever is due. An error is logged, and the next sweep tries again.
	Run func(ctx context.Context, key string) error
}

// Config says where the queue is kept. Exactly one of Path and URL is set.
type Config struct {
	Path  string // a SQLite file of its own, made when absent and made anew when it cannot be used
	URL   string // postgres://…, the database of the store
	Kinds map[string]Kind
	Log   *slog.Logger // nil: silent
}

// Queue is the Port on River.
type Queue struct {
	cfg      Config
	log      *slog.Logger
	softStop time.Duration // how long a run may finish in peace when the server stops

	turn    sync.Mutex              // held by Start and Stop, never by Nudge: a run that Stop waits for may nudge
	running atomic.Pointer[backend] // nil: not started
}

var _ Port = (*Queue)(nil)

// backend is a started River client and what to close after it.
type backend struct {
	client client
	close  func() error
}

// client is the part of river.Client that does not depend on the database.
type client interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
}

// New checks the configuration; nothing is opened before Start.
func New(cfg Config) (*Queue, error) {
	if (cfg.Path == "") == (cfg.URL == "") {
		return nil, fault.New(fault.Invalid, "give the job queue a file or a database URL")
	}
	for name, k := range cfg.Kinds {
		if k.Run == nil || k.Every < time.Second {
			return nil, fault.New(fault.Invalid, "job kind %q needs something to run and an interval of at least a second", name)
		}
	}
	if len(cfg.Kinds) == 0 {
		return nil, fault.New(fault.Invalid, "a job queue without a kind of job")
	}
	q := &Queue{cfg: cfg, log: cfg.Log, softStop: 5 * time.Second}
	if q.log == nil {
		q.log = slog.New(slog.DiscardHandler)
	}
	return q, nil
}

// Start opens the queue and begins to work. The context bounds the opening, not the work.
func (q *Queue) Start(ctx context.Context) error {
	q.turn.Lock()
	defer q.turn.Unlock()
	if q.running.Load() != nil {
		return nil
	}
	b, err := q.open(ctx)
	if err != nil {
		return fmt.Errorf("jobs: open: %w", err)
	}
	if err := b.client.Start(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(fmt.Errorf("jobs: start: %w", err), b.close())
	}
	q.running.Store(b)
	// Not left to River's own run-on-start, which waits for its leader election: after a crash that is a quarter of a minute.
	for _, kind := range slices.Sorted(maps.Keys(q.cfg.Kinds)) {
		if err := b.nudge(ctx, kind, ""); err != nil {
			q.running.Store(nil)
			return errors.Join(fmt.Errorf("jobs: first sweep of %s: %w", kind, err), b.client.Stop(ctx), b.close())
		}
	}
	return nil
}

// Stop ends the work and closes the queue.
func (q *Queue) Stop(ctx context.Context) error {
	q.turn.Lock()
	defer q.turn.Unlock()
	b := q.running.Load()
	if b == nil {
		return nil
	}
	if err := b.client.Stop(ctx); err != nil {
		return fmt.Errorf("jobs: stop: %w", err)
	}
	q.running.Store(nil)
	return b.close()
}

// Nudge asks for a run.
func (q *Queue) Nudge(ctx context.Context, kind, key string) error {
	if _, known := q.cfg.Kinds[kind]; !known {
		return fault.New(fault.Internal, "no job kind %q", kind)
	}
	b := q.running.Load()
	if b == nil {
		return fault.New(fault.Unavailable, "background work is stopped")
	}
	if err := b.nudge(ctx, kind, key); err != nil {
		return fmt.Errorf("jobs: nudge %s: %w", kind, err)
	}
	return nil
}

// slots is how many jobs of one kind and key may be under way by River's account. More than two are there only after crashes: a killed
// process leaves its job "running" until River rescues it.
const slots = 8

// nudge inserts a job unless one is waiting. River counts a running job as a duplicate too, but a run that has begun may have looked
// already: then the job goes to the next slot, and waits there for its turn.
func (b *backend) nudge(ctx context.Context, kind, key string) error {
	for slot := range slots {
		r, err := b.client.Insert(ctx, look{Kind_: kind, Key: key, Slot: fmt.Sprint(slot)}, insertOpts(kind))
		if err != nil {
			return err
		}
		if !r.UniqueSkippedAsDuplicate || r.Job.State != rivertype.JobStateRunning {
			return nil
		}
	}
	return nil // all of them running: the sweep will look again
}

package jobs

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// onBoth runs a test on SQLite and on PostgreSQL. The configuration lacks kinds.
func onBoth(t *testing.T, test func(t *testing.T, cfg Config)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Config{Path: filepath.Join(t.TempDir(), "jobs.db")})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Config{URL: storetest.Postgres(t).URL})
	})
}

// often is longer than any test: what runs was nudged, or swept at the start.
const often = time.Hour

// work is a kind whose runs a test sees begin and lets end.
type work struct {
	begun chan string // keys
	end   chan error
}

func newWork() work { return work{begun: make(chan string, 100), end: make(chan error, 100)} }

func (w work) kind(every time.Duration) Kind {
	return Kind{Every: every, Run: func(ctx context.Context, key string) error {
		w.begun <- key
		select {
		case err := <-w.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

// next waits for a run to begin.
func (w work) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-w.begun:
		if got != want {
			t.Fatalf("a run of %q began, want %q", got, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("no run of %q began", want)
	}
}

// start is a started queue whose runs, at its stop, have hardly any time to end by themselves: most tests leave one under way.
func start(t *testing.T, cfg Config) *Queue {
	t.Helper()
	return startWith(t, cfg, 10*time.Millisecond)
}

func startWith(t *testing.T, cfg Config, softStop time.Duration) *Queue {
	t.Helper()
	q, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	q.softStop = softStop
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, q) })
	return q
}

func stop(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func nudge(t *testing.T, q *Queue, kind, key string) {
	t.Helper()
	if err := q.Nudge(t.Context(), kind, key); err != nil {
		t.Fatal(err)
	}
}

func TestEveryKindIsSweptAtStartAndRunsWhenNudged(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		a, b := newWork(), newWork()
		cfg.Kinds = map[string]Kind{"a": a.kind(often), "b": b.kind(often)}
		q := start(t, cfg)
		a.next(t, "")
		b.next(t, "") // while a is still at it
		b.end <- nil
		nudge(t, q, "b", "key")
		b.next(t, "key")
		if err := q.Nudge(t.Context(), "c", ""); err == nil {
			t.Error("a kind that is not there was nudged")
		}
	})
}

func TestNudgesWaitAsOneAndAreNotLostWhileOneRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		w := newWork()
		cfg.Kinds = map[string]Kind{"w": w.kind(often)}
		q := start(t, cfg)
		w.next(t, "")
		w.end <- nil
		nudge(t, q, "w", "x")
		w.next(t, "x")
		for range 5 { // while x runs
			nudge(t, q, "w", "x")
		}
		nudge(t, q, "w", "y")
		for _, want := range []string{"x", "y"} {
			w.end <- nil
			w.next(t, want)
		}
		w.end <- nil
		nudge(t, q, "w", "z") // had another x been waiting, it would come first
		w.next(t, "z")
	})
}

func TestSweepsComeBack(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		w := newWork()
		cfg.Kinds = map[string]Kind{"w": w.kind(time.Second)}
		start(t, cfg)
		for range 3 {
			w.next(t, "")
			w.end <- nil
		}
	})
}

func TestFailuresAreLoggedOnceAndEndNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		var log buffer
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		w := newWork()
		kind := w.kind(often)
		cfg.Kinds = map[string]Kind{"w": {Every: often, Run: func(ctx context.Context, key string) error {
			err := kind.Run(ctx, key)
			if key == "panics" {
				panic("something odd")
			}
			return err
		}}}
		q := startWith(t, cfg, time.Minute)
		w.next(t, "")
		w.end <- errors.New("disk on fire")
		nudge(t, q, "w", "panics")
		w.next(t, "panics")
		w.end <- nil
		nudge(t, q, "w", "after")
		w.next(t, "after")
		w.end <- nil
		stop(t, q)
		text := log.String()
		for _, once := range []string{"disk on fire", "something odd"} {
			if n := strings.Count(text, once); n != 1 {
				t.Errorf("%q is logged %d times:\n%s", once, n, text)
			}
		}
		if n := strings.Count(text, "\n"); n != 2 {
			t.Errorf("%d lines are logged, want 2:\n%s", n, text)
		}
	})
}

// buffer is a log that may be written by several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestStopWaitsAndMayBeRepeated(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		var q *Queue
		var ended bool // no lock: Stop returns after the run has ended
		begun := make(chan struct{})
		cfg.Kinds = map[string]Kind{"w": {Every: often, Run: func(ctx context.Context, key string) error {
			if key != "slow" {
				return nil
			}
			close(begun)
			<-ctx.Done()
			err := q.Nudge(context.WithoutCancel(ctx), "w", "from within") // may fail, must not hang
			ended = true
			return err
		}}}
		unstarted, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		stop(t, unstarted)
		if err := unstarted.Nudge(t.Context(), "w", ""); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("nudged before the start: %v", err)
		}

		q = start(t, cfg)
		if err := q.Start(t.Context()); err != nil {
			t.Errorf("started twice: %v", err)
		}
		nudge(t, q, "w", "slow")
		<-begun
		stop(t, q)
		if !ended {
			t.Error("Stop did not wait")
		}
		stop(t, q)
		if err := q.Nudge(t.Context(), "w", ""); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("nudged after the stop: %v", err)
		}
	})
}

func TestSecondProcessIsNotHeldUpByTheFirst(t *testing.T) {
	t.Parallel()
	cfg := Config{URL: storetest.Postgres(t).URL}
	queues, works := make([]*Queue, 2), []work{newWork(), newWork()}
	var starters sync.WaitGroup
	for i := range queues { // together
		starters.Go(func() {
			cfg := cfg
			cfg.Kinds = map[string]Kind{"w": works[i].kind(often)}
			var err error
			if queues[i], err = New(cfg); err != nil {
				t.Error(err)
			}
			queues[i].softStop = 10 * time.Millisecond
			if err := queues[i].Start(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	starters.Wait()
	defer stop(t, queues[0])
	defer stop(t, queues[1])
	// One runs, never to end by itself. What is asked for now, of either, runs in the other.
	var other work
	select {
	case <-works[0].begun:
		other = works[1]
	case <-works[1].begun:
		other = works[0]
	}
	nudge(t, queues[0], "w", "")
	other.next(t, "")
}

// A killed process leaves its job "running" in the file.
func TestJobOfAKilledProcessHoldsNothingUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{Path: filepath.Join(dir, "jobs.db")}
	w := newWork()
	cfg.Kinds = map[string]Kind{"w": w.kind(often)}
	q := start(t, cfg)
	w.next(t, "")
	w.end <- nil
	nudge(t, q, "w", "key")
	w.next(t, "key")

	// What the disk holds at this instant, the run being under way.
	crashed := filepath.Join(dir, "crashed.db")
	db, err := sql.Open("sqlite", cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `VACUUM INTO $1`, crashed); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	after := newWork()
	q = start(t, Config{Path: crashed, Kinds: map[string]Kind{"w": after.kind(often)}})
	after.next(t, "")
	after.end <- nil
	nudge(t, q, "w", "key")
	after.next(t, "key")
}

func TestTheFileMayBeDeletedOrDamagedWhileStopped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	for name, spoil := range map[string]func() error{
		"deleted": func() error { return os.Remove(path) },
		"damaged": func() error { return os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600) },
		"kept":    func() error { return nil },
	} {
		w := newWork()
		cfg := Config{Path: path, Kinds: map[string]Kind{"w": w.kind(often)}}
		for range 2 {
			q := start(t, cfg)
			w.next(t, "")
			w.end <- nil
			nudge(t, q, "w", "key")
			w.next(t, "key")
			w.end <- nil
			stop(t, q)
			if err := spoil(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	run := func(context.Context, string) error { return nil }
	good := map[string]Kind{"w": {Every: time.Second, Run: run}}
	for name, cfg := range map[string]Config{
		"no place":   {Kinds: good},
		"two places": {Path: "a", URL: "b", Kinds: good},
		"no kind":    {Path: "a"},
		"no run":     {Path: "a", Kinds: map[string]Kind{"w": {Every: time.Second}}},
		"too often":  {Path: "a", Kinds: map[string]Kind{"w": {Every: time.Millisecond, Run: run}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(cfg); fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v, want a fault", err)
			}
		})
	}
}

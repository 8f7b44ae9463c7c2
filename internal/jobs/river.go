package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/staunch-dev/staunch/internal/id"
)

const (
	runTimeout  = time.Hour        // a feed on a slow line; a run that hangs must not stop its kind for ever
	pollEvery   = time.Second      // for what the workers were not told of: a nudge while they were starting, a job of another process
	keepRecords = 15 * time.Minute // of jobs that are done; nothing reads them but a person who looks for trouble
)

// look is the one job there is: run a kind with a key. Slot is only there to tell jobs of equal kind and key apart.
type look struct {
	Kind_ string `json:"kind"` //nolint:revive // the method that River asks for has the name
	Key   string `json:"key"`
	Slot  string `json:"slot"`
}

// Kind is River's word for the type of the arguments.
func (look) Kind() string { return "look" }

// insertOpts: unique among jobs that wait or run. Retryable is left out and attempts are one: we do not use the queue's retries.
func insertOpts(kind string) *river.InsertOpts {
	return &river.InsertOpts{
		Queue:       kind,
		MaxAttempts: 1,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateScheduled, rivertype.JobStateRunning,
		}},
	}
}

// worker runs looks.
type worker struct {
	river.WorkerDefaults[look]
	kinds map[string]Kind
	log   *slog.Logger
}

// Work runs a kind. It always succeeds for River, which would log a failure once more and try again: we log it here, and sweep.
func (w *worker) Work(ctx context.Context, job *river.Job[look]) error {
	defer func() {
		if p := recover(); p != nil {
			w.log.ErrorContext(ctx, "job panicked", "kind", job.Args.Kind_, "key", job.Args.Key, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	kind, known := w.kinds[job.Args.Kind_]
	if !known {
		return nil // left by another version of the program
	}
	if err := kind.Run(ctx, job.Args.Key); err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "job failed; the next sweep tries again", "kind", job.Args.Kind_, "key", job.Args.Key, "err", err)
	}
	return nil
}

// riverConfig is the same for both databases but for pollOnly.
func (q *Queue) riverConfig(pollOnly bool) (*river.Config, error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{kinds: q.cfg.Kinds, log: q.log}); err != nil {
		return nil, err
	}
	cfg := &river.Config{
		CompletedJobRetentionPeriod: keepRecords,
		FetchPollInterval:           pollEvery,
		JobTimeout:                  runTimeout,
		Logger:                      slog.New(quiet{q.log.Handler()}),
		PollOnly:                    pollOnly,
		Queues:                      map[string]river.QueueConfig{},
		RescueStuckJobsAfter:        2 * runTimeout,
		SoftStopTimeout:             q.softStop,
		Workers:                     workers,
	}
	// A sweep's slot is of this start only, so that it is never taken for the job that a killed process left "running".
	slot := id.New("sweep", time.Now())
	for name, kind := range q.cfg.Kinds {
		cfg.Queues[name] = river.QueueConfig{MaxWorkers: 1}
		cfg.PeriodicJobs = append(cfg.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(kind.Every),
			func() (river.JobArgs, *river.InsertOpts) { return look{Kind_: name, Slot: slot}, insertOpts(name) }, nil))
	}
	return cfg, nil
}

// quiet passes on what River says from warnings up: it tells of every start, stop and election.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{h.Handler.WithAttrs(attrs)} }
func (h quiet) WithGroup(name string) slog.Handler       { return quiet{h.Handler.WithGroup(name)} }

package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/staunch-dev/staunch/internal/jobs"
)

// Kinds of background work.
const (
	jobFeeds    = "feeds"    // fetch the feeds whose time has come
	jobSessions = "sessions" // forget sessions that have ended
	jobTotals   = "totals"   // count the days that are over
)

const (
	feedSweep    = 15 * time.Second // also how soon the feed of a release that is new to the fleet is fetched
	sessionSweep = time.Hour
	totalsSweep  = 20 * time.Minute
)

// newJobs says what runs in the background. What is due is in the store; a job only looks.
func newJobs(cfg Config, w *wire, log *slog.Logger) (jobs.Port, error) {
	queue := jobs.Config{Path: filepath.Join(cfg.Data, "jobs.db"), Log: log, Kinds: map[string]jobs.Kind{
		jobFeeds: {Every: feedSweep, Run: func(ctx context.Context, _ string) error {
			_, err := w.feed.UpdateDue(ctx)
			return err
		}},
		jobSessions: {Every: sessionSweep, Run: func(ctx context.Context, _ string) error {
			_, err := w.access.DeleteExpiredSessions(ctx)
			return err
		}},
		jobTotals: {Every: totalsSweep, Run: func(ctx context.Context, _ string) error {
			if !w.assess.Ready() {
				return nil
			}
			_, err := w.totals.Fill(ctx)
			return err
		}},
	}}
	if cfg.Database != "" {
		queue.Path, queue.URL = "", cfg.Database
	}
	return jobs.New(queue)
}

// nudge asks for a look soon; when that fails the next sweep looks anyway.
func (a *App) nudge(ctx context.Context, kind string) {
	if err := a.wire.jobs.Nudge(ctx, kind, ""); err != nil {
		a.log.WarnContext(ctx, "nudge", "kind", kind, "error", err)
	}
}

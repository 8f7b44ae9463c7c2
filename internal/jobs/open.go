package jobs

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/staunch-dev/staunch/internal/fault"
)

func (q *Queue) open(ctx context.Context) (*backend, error) {
	if q.cfg.URL != "" {
		return q.openPostgres(ctx)
	}
	b, err := q.openSQLite(ctx)
	if err == nil || ctx.Err() != nil {
		return b, err
	}
	// Damaged, or of another version: it holds nothing that a sweep does not find again.
	q.log.WarnContext(ctx, "job queue file cannot be used and is made anew", "err", err)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(q.cfg.Path + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return q.openSQLite(ctx)
}

func (q *Queue) openSQLite(ctx context.Context) (*backend, error) {
	path, err := filepath.Abs(q.cfg.Path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// NORMAL: the last jobs before a power cut may be lost, as any may. One connection: River's parts would lock each other out.
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{
		"_busy_timeout": {"5000"}, "_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	// Polling only: there is no other process to hear from, and River's listener would query the file twenty times a second. Jobs that
	// this process inserts are told to its workers directly.
	b, err := ready(ctx, q, riversqlite.New(db), true)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	b.close = db.Close
	return b, nil
}

// migrationLock is the key of the advisory lock under which processes that start together take turns: "staunch jobs", shortened.
const migrationLock = 0x73746a6f6273

func (q *Queue) openPostgres(ctx context.Context) (*backend, error) {
	poolCfg, err := pgxpool.ParseConfig(q.cfg.URL)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the database URL cannot be read")
	}
	poolCfg.MaxConns = 6 // one listens, one is for the migration's lock, and the kinds rarely run at once
	pool, err := pgxpool.NewWithConfig(ctx, poolCfg)
	if err != nil {
		return nil, err
	}
	var b *backend
	err = pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		var err error
		b, err = ready(ctx, q, riverpgxv5.New(pool), false)
		_, unlockErr := conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, int64(migrationLock))
		return errors.Join(err, unlockErr)
	})
	if err != nil {
		pool.Close()
		return nil, err
	}
	b.close = func() error { pool.Close(); return nil }
	return b, nil
}

// ready brings River's tables up to date and makes its client.
func ready[T any](ctx context.Context, q *Queue, driver riverdriver.Driver[T], pollOnly bool) (*backend, error) {
	cfg, err := q.riverConfig(pollOnly)
	if err != nil {
		return nil, err
	}
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	c, err := river.NewClient(driver, cfg)
	if err != nil {
		return nil, err
	}
	return &backend{client: c}, nil
}

package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
)

var (
	_ event.Store     = (*Store)(nil)
	_ fleet.Store     = (*Store)(nil)
	_ inventory.Store = (*Store)(nil)
	_ advisory.Store  = (*Store)(nil)
	_ access.Store    = (*Store)(nil)
	_ plan.Store      = (*Store)(nil)
	_ run.Store       = (*Store)(nil)
	_ rollout.Store   = (*Store)(nil)
)

// Config says which database. Exactly one of Path and URL is set.
type Config struct {
	Path string // SQLite file; made (0600) when absent. Its directory must exist
	URL  string // postgres://…
	// MaxConns bounds the connections to PostgreSQL. 0: 20, a fifth of its default limit, since several servers and their job queues share it.
	MaxConns int
	Log      *slog.Logger // nil: silent
}

// Store is the database. Safe for concurrent use.
type Store struct {
	dialect   dialect
	reader    *sql.DB // on PostgreSQL the same as writer
	writer    *sql.DB
	log       *slog.Logger
	encoder   *zstd.Encoder
	decoder   *zstd.Decoder
	committed chan struct{}

	writes, seenWrites atomic.Int64
}

// Stats counts committed write transactions since Open.
type Stats struct {
	Writes     int64 // all but those of SeenWrites
	SeenWrites int64 // batches of last-seen times (WriteSeen)
}

// Open opens the database and brings its schema up to date. A schema newer than this program is refused with fault.Conflict.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{log: cfg.Log, committed: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch {
	case cfg.Path != "" && cfg.URL != "":
		err = fault.New(fault.Invalid, "give a database file or a database URL, not both")
	case cfg.Path != "":
		err = s.openSQLite(cfg.Path)
	case cfg.URL != "":
		err = s.openPostgres(cfg.URL, cmp.Or(cfg.MaxConns, 20))
	default:
		err = fault.New(fault.Invalid, "no database given")
	}
	if err == nil {
		err = s.openCodec()
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(wrap("open", err), s.Close())
	}
	return s, nil
}

// Close ends every connection; the last one to a SQLite file folds its WAL into it. It may be called twice.
func (s *Store) Close() error {
	var errs []error
	if s.reader != nil && s.reader != s.writer {
		errs = append(errs, s.reader.Close()) // before the writer, whose close does the checkpoint
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.decoder != nil {
		s.decoder.Close()
	}
	return wrap("close", errors.Join(errs...))
}

// Ping asks the database for an answer, for readiness.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return wrap("ping", s.reader.QueryRowContext(ctx, `SELECT 1`).Scan(&one))
}

// Stats says how many write transactions were committed.
func (s *Store) Stats() Stats {
	return Stats{Writes: s.writes.Load(), SeenWrites: s.seenWrites.Load()}
}

// wrap says at the package's boundary what the store was doing; faults pass as they are, since their message is for people.
func wrap(doing string, err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return err
	}
	return fmt.Errorf("store: %s: %w", doing, err)
}

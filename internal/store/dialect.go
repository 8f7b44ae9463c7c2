package store

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/staunch-dev/staunch/internal/fault"
)

// dialect is all that differs between the two databases.
type dialect struct {
	goose   goose.Dialect
	writeTx *sql.TxOptions
	retry   func(error) bool // the transaction lost a race that running it again can win
}

// sqliteURI has the pragmas of every connection to the SQLite file. busy_timeout: another process (a backup, an operator's sqlite3) may hold the
// lock for a moment. foreign_keys is off by default, per connection. trusted_schema off, defensive on and no double-quoted strings:
// nothing of ours needs the leniencies, and a mistake in a statement then fails instead of meaning something else.
func sqliteURI(path string, more url.Values) string {
	q := url.Values{
		"_busy_timeout": {"5000"},
		"_foreign_keys": {"1"},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_pragma":       {"trusted_schema(0)"},
	}
	for k, v := range more {
		q[k] = append(q[k], v...)
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

func (s *Store) openSQLite(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// SQLite would make the file with the umask's mode; -wal and -shm take the mode of the file.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "cannot open the database file %q", path)
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.dialect = dialect{goose: goose.DialectSQLite3, retry: func(error) bool { return false }}
	// The writer. WAL: readers see the last commit and never wait for it. synchronous=FULL: a commit is on the disk before we
	// acknowledge it, which WAL's usual NORMAL does not promise. BEGIN IMMEDIATE: a transaction that will write takes the lock at once
	// instead of failing in the middle. journal_size_limit: after a feed import the WAL shrinks again. cache_size: 32 MB keep most of an
	// import's pages from being written twice.
	s.writer, err = sql.Open("sqlite", sqliteURI(path, url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_pragma":       {"journal_size_limit(67108864)", "cache_size(-32000)"},
	}))
	if err != nil {
		return err
	}
	// One connection: SQLite has one writer anyway, and waiting in our pool is fair and honours contexts, which its lock is not and does not.
	s.writer.SetMaxOpenConns(1)
	// The readers. query_only: a write that strays here fails instead of fighting the writer for the lock.
	s.reader, err = sql.Open("sqlite", sqliteURI(path, url.Values{"_query_only": {"1"}}))
	if err != nil {
		return err
	}
	// More than the cores, because a stream (CurrentAdvisories) holds its connection while its reader works.
	n := max(8, 2*runtime.GOMAXPROCS(0))
	s.reader.SetMaxOpenConns(n)
	s.reader.SetMaxIdleConns(n)
	return nil
}

func (s *Store) openPostgres(address string, conns int) error {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the database URL cannot be read") // pgx leaves the password out of its error
	}
	// Planned anew each time, for the values at hand. A plan kept from when a table was small goes on scanning it whole after it has grown,
	// until the server analyzes it: interning 800 packages took 300 ms instead of 30 in the first minute of a new database.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	s.dialect = dialect{
		goose:   goose.DialectPostgres,
		writeTx: &sql.TxOptions{Isolation: sql.LevelReadCommitted}, // whatever the server's default is; see the package comment
		retry: func(err error) bool {
			var pg *pgconn.PgError
			return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") // serialization failure, deadlock
		},
	}
	s.writer = stdlib.OpenDB(*cfg)
	s.reader = s.writer
	s.writer.SetMaxOpenConns(conns)
	s.writer.SetMaxIdleConns(conns)
	s.writer.SetConnMaxIdleTime(5 * time.Minute)
	return nil
}

// errNewer refuses a database that a later program has migrated.
func errNewer(have, know int64) error {
	return fault.New(fault.Conflict, "the database has schema version %d and this program knows only %d: start the newer staunch that made it", have, know)
}

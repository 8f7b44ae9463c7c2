package storetest

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/store"
)

// Open is a fresh store in a SQLite file of its own, closed at the end of the test. It is what other packages test with: the real thing.
func Open(tb testing.TB) *store.Store {
	tb.Helper()
	return Reopen(tb, SQLite(tb))
}

// SQLite is the configuration of a database file that does not exist yet.
func SQLite(tb testing.TB) store.Config {
	tb.Helper()
	return store.Config{Path: filepath.Join(tb.TempDir(), "staunch.db")}
}

// PostgresEnv names the server that the suite may make databases on.
const PostgresEnv = "STAUNCH_TEST_POSTGRES"

// Postgres is the configuration of a fresh database on the server that PostgresEnv names, dropped at the end of the test. Without one
// the test is skipped; in CI it fails.
func Postgres(tb testing.TB) store.Config {
	tb.Helper()
	address := os.Getenv(PostgresEnv)
	if address == "" {
		const hint = PostgresEnv + " is not set: run test/bin/pgtmp.sh start DIR PORT and set it to postgres://postgres@127.0.0.1:PORT/postgres"
		if os.Getenv("CI") == "true" {
			tb.Fatal(hint)
		}
		tb.Skip(hint)
	}
	server, err := url.Parse(address)
	if err != nil {
		tb.Fatalf("%s: %v", PostgresEnv, err)
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		tb.Fatal(err)
	}
	name := id.New("staunch_test", time.Now())
	if _, err := db.ExecContext(context.Background(), `CREATE DATABASE `+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if _, err := db.ExecContext(context.Background(), `DROP DATABASE `+name); err != nil {
			tb.Errorf("a connection was left open: %v", err)
		}
		_ = db.Close()
	})
	server.Path = "/" + name
	return store.Config{URL: server.String()}
}

// Reopen opens a database and closes it at the end of the test.
func Reopen(tb testing.TB, cfg store.Config) *store.Store {
	tb.Helper()
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

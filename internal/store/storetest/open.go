package storetest

import (
	"context"
	"path/filepath"
	"testing"

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

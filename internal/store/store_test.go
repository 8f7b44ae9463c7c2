package store_test

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/store/storetest"
)

func TestSQLite(t *testing.T) { storetest.Run(t, storetest.SQLite) }

func TestPostgreSQL(t *testing.T) {
	storetest.Postgres(t) // skips, or fails in CI, once and not in every test
	storetest.Run(t, storetest.Postgres)
}

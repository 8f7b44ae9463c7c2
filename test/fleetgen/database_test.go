package fleetgen

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/store"
)

func TestADatabaseHasTheFleetAndEveryIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := New(Of(50, false))
	told := map[string]bool{}
	if err := f.Write(t.Context(), filepath.Join(dir, "fleet.db"), func(doing string, done, of int) {
		if told[doing] = true; done < 0 || done >= of {
			t.Errorf("%s: %d of %d", doing, done, of)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(told) != 3 {
		t.Errorf("told of %v", told)
	}
	for _, name := range []string{"fleet.db", "empty.db"} {
		s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := s.HostCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if name == "fleet.db" && (counts.Hosts != 50 || counts.Sets != 50 || counts.Updates != 50 || counts.Packages != int64(len(f.Packages)) || counts.UpdateBytes == 0) {
			t.Errorf("%+v", counts)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff(indexes(t, filepath.Join(dir, "empty.db")), indexes(t, filepath.Join(dir, "fleet.db"))); d != "" {
		t.Error(d)
	}
}

// indexes of a database, by name.
func indexes(t *testing.T, path string) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(context.Background(), `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		out[name] = text
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSQLiteConnections(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd name?%41#.db")
	s, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file: %v, %v; want mode 0600", info, err)
	}
	for _, p := range []struct {
		name           string
		writer, reader string
	}{
		{"journal_mode", "wal", "wal"},
		{"synchronous", "2", "2"},
		{"foreign_keys", "1", "1"},
		{"busy_timeout", "5000", "5000"},
		{"trusted_schema", "0", "0"},
		{"query_only", "0", "1"},
	} {
		var writer, reader string
		if err := s.writer.QueryRow("PRAGMA " + p.name).Scan(&writer); err != nil {
			t.Fatal(err)
		}
		if err := s.reader.QueryRow("PRAGMA " + p.name).Scan(&reader); err != nil {
			t.Fatal(err)
		}
		if writer != p.writer || reader != p.reader {
			t.Errorf("%s: writer %s, reader %s; want %s, %s", p.name, writer, reader, p.writer, p.reader)
		}
	}
	if _, err := s.reader.Exec(`UPDATE counters SET value = 7`); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("a write through the readers: %v", err)
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"nothing":      {},
		"both":         {Path: filepath.Join(dir, "a.db"), URL: "postgres://127.0.0.1/x"},
		"no directory": {Path: filepath.Join(dir, "none", "a.db")},
		"other file":   {Path: text},
		"bad URL":      {URL: "postgres://user:hunter2@[::1:5432/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), cfg)
			if err == nil {
				_ = s.Close()
				t.Fatal("opened")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

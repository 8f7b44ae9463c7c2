package vex

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// shared finds the folder of shared test data, or skips; on CI it must be there.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("STAUNCH_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no shared test data at %s: %v", dir, err)
		}
		t.Skipf("no shared test data at %s; STAUNCH_SHARED names its place", dir)
	}
	return filepath.Join(dir, "data")
}

func sample(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{shared(t)}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// read passes over data once.
func read(t testing.TB, adapter intake.Adapter, data []byte, limits intake.Limits) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	var all []advisory.Advisory
	f := intake.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Name: "file"}
	s, err := adapter(t.Context(), f, intake.Options{Feed: "f", Limits: limits}, intake.Sink{Advisory: func(a advisory.Advisory) error {
		all = append(all, a)
		return nil
	}})
	return s, all, err
}

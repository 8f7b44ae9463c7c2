package lifecycle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
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
func read(t testing.TB, adapter intake.Adapter, data []byte, limits intake.Limits) (intake.Survey, []advisory.Lifecycle, error) {
	t.Helper()
	var all []advisory.Lifecycle
	f := intake.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Name: "file"}
	s, err := adapter(t.Context(), f, intake.Options{Feed: "f", Limits: limits}, intake.Sink{Lifecycle: func(l advisory.Lifecycle) error {
		all = append(all, l)
		return nil
	}})
	return s, all, err
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// member is a file of an archive.
type member struct{ name, text string }

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

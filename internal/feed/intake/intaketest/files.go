package intaketest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Shared is a path below the folder of shared test data. Without that folder the test is skipped; on CI it must be there.
func Shared(t testing.TB, parts ...string) string {
	t.Helper()
	dir := os.Getenv("STAUNCH_SHARED")
	if dir == "" {
		dir = filepath.Join(top(t), "..", "shared")
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(data); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no shared test data at %s: %v", dir, err)
		}
		t.Skipf("no shared test data at %s; STAUNCH_SHARED names its place", dir)
	}
	return filepath.Join(append([]string{data}, parts...)...)
}

// top is the folder of the project: tests run in that of their package.
func top(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
	}
	t.Fatalf("no go.mod above %s", dir)
	return ""
}

// Sample is a file of the shared test data.
func Sample(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(Shared(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Modified is when every File was changed last.
func Modified() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) }

// File is a file as adapters get it.
func File(data []byte) intake.File {
	return intake.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Name: "file", Modified: Modified()}
}

// Member is a file of an archive: its name and its text.
type Member [2]string

// Tar is an archive of members, in their order.
func Tar(t testing.TB, members ...Member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		err := w.WriteHeader(&tar.Header{Name: m[0], Typeflag: tar.TypeReg, Size: int64(len(m[1])), Mode: 0o644})
		if _, writeErr := w.Write([]byte(m[1])); err != nil || writeErr != nil {
			t.Fatal(err, writeErr)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Zip is an archive of members, in their order.
func Zip(t testing.TB, members ...Member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.Create(m[0])
		if err == nil {
			_, err = f.Write([]byte(m[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Gzip is data packed.
func Gzip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

package ubuntu

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	return dir
}

type document struct{ name, text string }

// samples are the documents below some folders of the samples, in the order of their paths.
func samples(t testing.TB, folders ...string) []document {
	t.Helper()
	root := filepath.Join(shared(t), "data", "samples", "vunnel", "ubuntu", "test-fixtures")
	var all []document
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			all = append(all, document{strings.TrimPrefix(path, root), string(data)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func tarOf(t testing.TB, docs ...document) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, d := range docs {
		if err := w.WriteHeader(&tar.Header{Name: d.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(d.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(d.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipOf(t testing.TB, docs ...document) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, d := range docs {
		f, err := w.Create(d.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(d.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func fileOf(data []byte) intake.File {
	return intake.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Name: "file"}
}

// readAll runs an adapter over data; advisories by id.
func readAll(ctx context.Context, read intake.Adapter, data []byte, o intake.Options) (map[string]advisory.Advisory, intake.Survey, error) {
	all := map[string]advisory.Advisory{}
	s, err := read(ctx, fileOf(data), o, intake.Sink{Advisory: func(a advisory.Advisory) error {
		if _, twice := all[a.ID]; twice {
			return fmt.Errorf("%s was given twice", a.ID)
		}
		all[a.ID] = a
		return nil
	}})
	return all, s, err
}

// entry finds what an advisory says of a package of a release, with or without an entitlement.
func entry(a advisory.Advisory, ecosystem, name, entitlement string) advisory.Affected {
	for _, e := range a.Affected {
		if e.Ecosystem == ecosystem && e.Package == name && e.Entitlement == entitlement {
			return e
		}
	}
	return advisory.Affected{}
}

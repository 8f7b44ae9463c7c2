package inspect

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/fault"
)

// layerFile writes a packed layer of as many members as fill gives.
func layerFile(t *testing.T, fill func(w *tar.Writer) error) *imageFile {
	t.Helper()
	name := filepath.Join(t.TempDir(), "l")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	if err := errors.Join(fill(w), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	return &imageFile{file: f, size: size, members: map[string]member{"l": {size: size}}}
}

// A link, and a name, costs its own bytes: not those of the header that it came in, nor those of the path that it is the end of.
func TestNamesOfALayerDoNotKeepTheirHeaders(t *testing.T) { // not parallel: it measures memory
	const links = 150
	padding := strings.Repeat("x", 900<<10)
	a := layerFile(t, func(w *tar.Writer) error {
		for i := range links {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("l%d", i), Linkname: strings.Repeat("y", 200), Typeflag: tar.TypeSymlink, PAXRecords: map[string]string{"STAUNCH.x": padding}}); err != nil {
				return err
			}
		}
		return nil
	})
	tree := newTree(t.TempDir(), false)
	if err := a.apply(t.Context(), tree, "l"); err != nil || len(tree.root.children) != links {
		t.Fatalf("%d links, %v", len(tree.root.children), err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("%d MiB for %d links", m.HeapAlloc>>20, links)
	}
	runtime.KeepAlive(tree)
}

func TestALayersNamesAndStepsAreBounded(t *testing.T) {
	t.Parallel()
	many := layerFile(t, func(w *tar.Writer) error {
		for i := range 200 {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("l%d", i), Linkname: strings.Repeat("y", 1000), Typeflag: tar.TypeSymlink}); err != nil {
				return err
			}
		}
		return nil
	})
	whiteouts := layerFile(t, func(w *tar.Writer) error {
		for i := range 100 {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("d%d/", i), Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
				return err
			}
		}
		for range 200 {
			if err := w.WriteHeader(&tar.Header{Name: ".wh..wh..opq", Typeflag: tar.TypeReg}); err != nil {
				return err
			}
		}
		return nil
	})
	for name, c := range map[string]struct {
		layer        *imageFile
		names, steps int
		ok           bool
	}{
		"names within bounds": {many, 300_000, 10_000, true},
		"names":               {many, 100_000, 10_000, false},
		"steps within bounds": {whiteouts, 300_000, 100_000, true},
		"whiteouts":           {whiteouts, 300_000, 10_000, false},
	} {
		tree := newTree(t.TempDir(), false)
		tree.names, tree.steps = c.names, c.steps
		if err := c.layer.apply(t.Context(), tree, "l"); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A small archive does not fill the disk with what it unpacks to, and no file that is wanted is larger than any database.
func TestASmallImageKeepsLittle(t *testing.T) {
	t.Parallel()
	if got := newTree(t.TempDir(), false).of(1000).extracted; got != grace+1000*fold {
		t.Errorf("%d bytes may be kept of an archive of a thousand", got)
	}
	tree := newTree(t.TempDir(), false)
	tree.extracted = 1 << 20
	zeros := layerFile(t, func(w *tar.Writer) error {
		if err := w.WriteHeader(&tar.Header{Name: "var/lib/dpkg/info/a.list", Typeflag: tar.TypeReg, Size: 2 << 20}); err != nil {
			return err
		}
		_, err := w.Write(make([]byte, 2<<20))
		return err
	})
	if err := zeros.apply(t.Context(), tree, "l"); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("more than may be kept: %v", err)
	}
	if err := tree.entry(&tar.Header{Name: "var/lib/dpkg/status", Typeflag: tar.TypeReg, Size: maxWanted + 1}, strings.NewReader("")); err == nil {
		t.Error("a status file of four gigabytes")
	}
	if _, err := zeros.file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := unpacked(zeros.file, t.TempDir(), 1<<20); err == nil {
		t.Error("an archive that unpacks to more than it may")
	}
}

// An image whose folders are in each other too often for any file system is a bad image, not a fault of ours.
func TestFoldersInFoldersAreTheImagesFault(t *testing.T) {
	t.Parallel()
	deep := tarOf(t, entry{name: "a", link: strings.Repeat("dddd/", 700)}, entry{name: strings.Repeat("dddd/", 700)}, entry{name: "a/" + strings.Repeat("dddd/", 700) + "a.jar", text: strings.Repeat("x", 100)})
	if _, err := Image(t.Context(), imageFileOf(t, saved(t, deep)), Options{Languages: true}); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

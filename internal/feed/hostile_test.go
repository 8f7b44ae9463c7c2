package feed

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// sound is a good file, or several, of every source that is supported: a real sample where there is one. A source that is not here fails
// the test.
func sound(t *testing.T) map[string][][]byte {
	t.Helper()
	data := intaketest.Shared(t)
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(data, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	tree := func(dir string) []byte {
		var files []file
		if err := filepath.WalkDir(filepath.Join(data, filepath.FromSlash(dir)), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(filepath.Join(data, filepath.FromSlash(dir)), path)
			raw, readErr := os.ReadFile(path)
			files = append(files, file{filepath.ToSlash(name), string(raw)})
			return errors.Join(err, readErr)
		}); err != nil {
			t.Fatal(err)
		}
		return tarOf(t, files...)
	}
	one := func(raw []byte) [][]byte { return [][]byte{raw} }
	const vunnel = "samples/vunnel/"
	return map[string][][]byte{
		"osv/Debian":     one(zipOf(t, debians(30)...)),
		"debian-tracker": one(read(vunnel + "debian/test-fixtures/input/debian.json")),
		"debian-dsa":     one(read(vunnel + "debian/test-fixtures/input/DSA")),
		"ubuntu/osv":     one(tree(vunnel + "ubuntu/test-fixtures/osv")),
		"ubuntu/vex":     one(tree(vunnel + "ubuntu/test-fixtures/vex")),
		"redhat/csaf":    one(tree(vunnel + "rhel/test-fixtures/csaf/advisories")),
		"suse/oval/15":   one(read(vunnel + "sles/test-fixtures/suse_truncated.xml")),
		"alpine/v3.15":   {read(vunnel + "alpine/test-fixtures/input/secdb/v3.15/main.yaml"), read(vunnel + "alpine/test-fixtures/input/secdb/v3.15/community.yaml")},
		"oracle":         one(read(vunnel + "oracle/test-fixtures/mock_data")),
		"kev":            one(read("feeds/kev/known_exploited_vulnerabilities.json.gz")),
		"epss":           one(read(vunnel + "epss/test-fixtures/example-1.csv")),
		"ssvc":           one([]byte("cve\texploitation\tautomatable\ttechnical_impact\tssvc_timestamp\nCVE-2024-0001\tnone\tno\ttotal\t2024-10-24T00:00:00Z\n")),
		"eol":            one(read("feeds/eol/endoflife.json.gz")),
		"distro-info":    {read("feeds/eol/distro-info-debian.csv"), read("feeds/eol/distro-info-ubuntu.csv")},
		"override":       one([]byte(overrides)),
		"vex":            one([]byte(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.org/vex/1","author":"a","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2026-0001"},"products":[{"@id":"pkg:deb/debian/p?distro=debian-12"}],"status":"not_affected","justification":"component_not_present"}]}`)),
	}
}

// damages are what may come in place of a file, whatever its source.
func damages(t *testing.T) map[string][]byte {
	t.Helper()
	const much = 256 << 20
	var gz, zst bytes.Buffer
	z := gzip.NewWriter(&gz)
	e, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for range much / len(block) {
		_, gzErr := z.Write(block)
		_, zstErr := e.Write(block)
		if err := errors.Join(gzErr, zstErr); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"nothing":              {},
		"a page":               []byte("<html><body>Please sign in</body></html>"),
		"zeros":                make([]byte, 1<<20),
		"an endless line":      bytes.Repeat([]byte("a"), 48<<20),
		"a giant value":        append([]byte(`{"a":{"b":"`), bytes.Repeat([]byte("a"), 48<<20)...),
		"endless nesting":      bytes.Repeat([]byte(`[`), 8<<20),
		"endless nested names": bytes.Repeat([]byte(`{"a":`), 2<<20),
		"endless elements":     bytes.Repeat([]byte(`<a>`), 8<<20),
		"a gzip bomb":          gz.Bytes(),
		"a zstd bomb":          zst.Bytes(),
		"a zip bomb":           zipOf(t, file{"a.json", strings.Repeat(" ", 48<<20)}),
		"an empty object":      []byte("{}"),
		"another's":            []byte(`{"title":"someone else's"}`),
	}
}

// heapPeak is the most heap that is held while fn runs, garbage included, above what was held before.
func heapPeak(fn func()) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	fn()
	close(stop)
	<-done
	return max(most.Load(), before) - before
}

// Whatever comes in place of any source's file: it is refused by name, costs little, and the last good data stays. Not parallel: it measures
// the heap.
func TestEverySourceRefusesWhatItIsNot(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	good, bad := sound(t), damages(t)
	for _, s := range registry() {
		if prefix, mark := s.split(); s.supported() && mark != "" {
			found := false
			for name := range good {
				found = found || strings.HasPrefix(name, prefix)
			}
			if !found {
				t.Errorf("no sound file of %s", s.name)
			}
		} else if s.supported() && good[s.name] == nil {
			t.Errorf("no sound file of %s", s.name)
		}
	}
	for name, files := range good {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			f, ok := sourceOf(name)
			if !ok {
				t.Fatalf("no source %s", name)
			}
			dir := t.TempDir()
			write := func(i int, data []byte) {
				path := filepath.Join(dir, filepath.FromSlash(f.files[i].paths[0]))
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			for i, data := range files {
				write(i, data)
			}
			at, missing, err := f.findIn(dir)
			if err != nil || missing != "" {
				t.Fatal(missing, err)
			}
			var opened []intake.File
			for _, path := range at {
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				opened = append(opened, intake.File{ReaderAt: bytes.NewReader(raw), Size: int64(len(raw)), Name: filepath.Base(path)})
			}
			if found, err := readFiles(t.Context(), f, time.Now(), opened, intake.Options{}, intake.Sink{}); err != nil || found.FixesOnly != f.fixesOnly && name != "suse/oval/15" { // the sample is of SUSE's other file, without what is unfixed
				t.Errorf("%v: it names fixes only: %v, the registry says %v", err, found.FixesOnly, f.fixesOnly)
			}
			b := setup(t, "")
			bring := func() error {
				_, err := b.importFolder(t.Context(), f, dir, true)
				return err
			}
			if err := bring(); err != nil {
				t.Fatal(err)
			}
			was, knew := b.feed(t, name), b.everything(t)
			if len(knew) == 0 {
				t.Fatal("the sound file says nothing")
			}
			kinds := map[string][]byte{"half of it": files[0][:len(files[0])/2]}
			for kind, data := range bad {
				kinds[kind] = data
			}
			for kind, data := range kinds {
				write(0, data)
				var err error
				peak := heapPeak(func() { err = bring() })
				// xz and zstd may take a window of 128 MiB each; the rest is a record, its copies, and garbage.
				if peak > intaketest.Slack*256<<20 {
					t.Errorf("%s: %d MiB of heap", kind, peak>>20)
				}
				if kind == "half of it" && err == nil { // a list that ends early is a shorter list
					if now := b.feed(t, name); now.Records == 0 || was.Records >= 20 && now.Records*2 < was.Records {
						t.Errorf("%s: %d records in place of %d", kind, now.Records, was.Records)
					}
					write(0, files[0])
					if err := bring(); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if name == "override" && kind == "nothing" && err == nil { // an emptied list is a list
					write(0, files[0])
					if err := bring(); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), filepath.FromSlash(f.files[0].paths[0])) {
					t.Errorf("%s: %.300v does not say what was refused", kind, err)
				}
				now := b.feed(t, name)
				now.Changed, now.LastAttempt, now.AsOf = was.Changed, was.LastAttempt, was.AsOf
				if diff := cmp.Diff(was, now); diff != "" {
					t.Errorf("%s: %s", kind, diff)
				}
			}
			if diff := cmp.Diff(knew, b.everything(t)); diff != "" {
				t.Errorf("the last good data did not stay: %.2000s", diff)
			}
		})
	}
}

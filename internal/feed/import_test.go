package feed

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// folder writes files below a folder of the test's own.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestImportAFolderOrOneFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{
		"osv/Debian/all.zip":                       zipOf(t, debians(3)...),
		"osv/npm/notes.txt":                        []byte("no archive here"),
		"kev/known_exploited_vulnerabilities.json": catalogue(kevEntry("CVE-2026-0001")),
	})
	b := setup(t, "")
	done, err := b.Import(t.Context(), dir)
	if err != nil || len(done) != 2 || done[0].Name != "osv/Debian" || done[0].Records != 3 || done[1].Name != "kev" {
		t.Fatalf("%v: %+v", err, done)
	}
	// A file is as old as its newest record: it cannot say when its source last answered.
	if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); !done[0].AsOf.Equal(want) {
		t.Errorf("as of %v, want %v", done[0].AsOf, want)
	}
	if want := time.Date(2026, 11, 19, 10, 0, 0, 0, time.UTC); !done[1].AsOf.Equal(want) {
		t.Errorf("as of %v, want %v", done[1].AsOf, want)
	}
	other := folder(t, map[string][]byte{"any-name.bin": zipOf(t, debians(4)...), "k": catalogue(kevEntry("CVE-2026-0002"))})
	if done, err = b.Import(t.Context(), filepath.Join(other, "any-name.bin")); err != nil || len(done) != 1 || done[0].Name != "osv/Debian" || done[0].Records != 4 {
		t.Errorf("%v: %+v", err, done)
	}
	if done, err = b.Import(t.Context(), filepath.Join(other, "k")); err != nil || len(done) != 1 || done[0].Name != "kev" {
		t.Errorf("%v: %+v", err, done)
	}
	for name, path := range map[string]string{"nothing there": filepath.Join(dir, "no"), "an empty folder": t.TempDir()} {
		if _, err := b.Import(t.Context(), path); !errors.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnImportThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	if _, err := b.ImportFile(t.Context(), "osv/Debian", bytes.NewReader(zipOf(t, debians(30)...)), false); err != nil {
		t.Fatal(err)
	}
	before, seq := b.feed(t, "osv/Debian"), mustSeq(t, b)
	for name, tc := range map[string]struct {
		name string
		data []byte
		want string
	}{
		"no feed's name":     {"osv/Void", nil, "no feed is named"},
		"no bucket's name":   {"osv/Debain", nil, `no feed is named "osv/Debain": what osv has is AlmaLinux, `},
		"empty":              {"kev", nil, "not CISA's catalogue: it is empty"},
		"cut off":            {"kev", catalogue(kevEntry("CVE-2026-0001"))[:100], "not CISA's catalogue: it ends in the middle"},
		"catalogue as osv":   {"osv/Debian", catalogue(kevEntry("CVE-2026-0001")), "not a zip"},
		"zip as kev":         {"kev", zipOf(t, debianRecord(1)), "not CISA's catalogue"},
		"another bucket":     {"osv/Ubuntu", zipOf(t, debianRecord(1)), "none of its records names a package of Ubuntu"},
		"half":               {"osv/Debian", zipOf(t, debians(30)...)[:2000], "not a zip"},
		"shrunk":             {"osv/Debian", zipOf(t, debians(2)...), "2 records where the last one held 30"},
		"nothing":            {"", nil, "it is empty"},
		"text":               {"", []byte("hello"), "not CISA's catalogue"},
		"unknown ecosystems": {"", zipOf(t, file{"a.json", record("A", `"affected":[`+affected("Void", "p", `{"introduced":"0"}`)+`]`)}), "no feed"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			_, err := b.ImportFile(t.Context(), tc.name, bytes.NewReader(tc.data), false)
			if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	after := b.feed(t, "osv/Debian")
	if after.Records != before.Records || after.Error != "" || !after.Changed.Equal(*before.Changed) || mustSeq(t, b) != seq || len(b.current(t)) != 30 {
		t.Errorf("%+v, was %+v; seq %d, was %d", after, before, mustSeq(t, b), seq)
	}
}

// A feed can really shrink; only a person can know that.
func TestForceTakesInWhatHasShrunk(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	give := func(force bool, records ...file) error {
		_, err := b.ImportFile(t.Context(), "osv/Debian", bytes.NewReader(zipOf(t, records...)), force)
		return err
	}
	if err := give(false, debians(30)...); err != nil {
		t.Fatal(err)
	}
	if err := give(true, file{"a.json", "?"}); !errors.Is(err, fault.Invalid) || len(b.current(t)) != 30 {
		t.Errorf("damaged, by force: %v, %d records", err, len(b.current(t)))
	}
	if err := give(true, debians(2)...); err != nil || len(b.current(t)) != 2 || b.feed(t, "osv/Debian").Records != 2 {
		t.Errorf("by force: %v, %d records", err, len(b.current(t)))
	}
}

func TestAnImportLongerThanTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, "")
	b.cfg.MaxArchive = 10_000
	_, err := b.ImportFile(t.Context(), "osv/Debian", spaces{}, false)
	if !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "longer than 10000 bytes") {
		t.Errorf("%v", err)
	}
}

func TestRealFeedsFromAFolder(t *testing.T) {
	t.Parallel()
	b := setup(t, intaketest.Shared(t, "feeds"), "Debian:12", "AlmaLinux:9")
	names := map[string]int{"osv/Debian": 2155, "osv/AlmaLinux": 5637, "kev": 1674, "epss": 360142, "ssvc": 44026, "eol": 8351, "distro-info": 64}
	if err := b.Update(t.Context(), slices.Sorted(maps.Keys(names))); err != nil {
		t.Fatal(err)
	}
	for name, want := range names {
		if got := b.feed(t, name); got.Records != want || got.Skipped != 0 || len(got.Problems) != 0 {
			t.Errorf("%+v, want %d records", got, want)
		}
	}
	if n := len(b.current(t)); n != 2155+5637 {
		t.Errorf("%d advisories", n)
	}
	if want := time.Date(2026, 8, 16, 0, 0, 0, 0, time.UTC); !b.feed(t, "epss").AsOf.Equal(want) {
		t.Errorf("the scores are as of %v, want their own date %v", b.feed(t, "epss").AsOf, want)
	}
	overlays := map[string]int{}
	if err := b.store.CurrentOverlays(t.Context(), func(o advisory.Overlay) error {
		overlays[o.Feed]++
		return nil
	}); err != nil || overlays["kev"] != 1674 || overlays["epss"] != 360142 || overlays["ssvc"] != 44026 {
		t.Errorf("%v: %v", err, overlays)
	}
}

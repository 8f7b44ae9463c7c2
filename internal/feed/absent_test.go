package feed

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/fault"
)

// A mirror need not have every feed: what it lacks is said, with what is not known because of it, and is no failure. What it had and lacks
// now is one.
func TestWhatAMirrorLacksIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]func(t *testing.T) (base string, put, remove func(path string, data []byte)){
		"folder": func(t *testing.T) (string, func(string, []byte), func(string, []byte)) {
			dir := t.TempDir()
			return dir, func(path string, data []byte) {
					at := filepath.Join(dir, path)
					if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, data, 0o600)); err != nil {
						t.Fatal(err)
					}
				}, func(path string, _ []byte) {
					if err := os.Remove(filepath.Join(dir, path)); err != nil {
						t.Fatal(err)
					}
				}
		},
		"address": func(t *testing.T) (string, func(string, []byte), func(string, []byte)) {
			m := newMirror(t)
			return m.URL, func(path string, data []byte) { m.answer(path, serve(data, "")) }, func(path string, _ []byte) { m.answer(path, http.NotFound) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, put, remove := on(t)
			put(debianPath, zipOf(t, debianRecord(1)))
			b := setup(t, base, "Debian:12", "Ubuntu:24.04")
			for range 2 {
				if _, err := b.UpdateDue(t.Context()); err != nil {
					t.Fatal(err)
				}
				b.advance(2 * time.Hour)
			}
			kev, ubuntu := b.feed(t, "kev"), b.feed(t, "osv/Ubuntu")
			if !kev.Absent || kev.Error != "" || kev.Means != "which vulnerabilities are exploited is not known" || kev.URL != base+kevPath || kev.LastAttempt == nil || kev.Next == nil {
				t.Errorf("%+v", kev)
			}
			if !ubuntu.Absent || ubuntu.Error != "" || ubuntu.Means != "no feed here assesses Ubuntu:24.04" {
				t.Errorf("%+v", ubuntu)
			}
			if diff := cmp.Diff([]string{"feed.updated: osv/Debian"}, b.events(t)); diff != "" {
				t.Error(diff)
			}
			if n := strings.Count(b.log.String(), "the source does not have a feed"); n != 2 || strings.Contains(b.log.String(), "feed failed") {
				t.Errorf("said %d times:\n%s", n, b.log)
			}

			put(kevPath, catalogue(kevEntry("CVE-2026-0001")))
			b.advance(5 * time.Hour)
			if _, err := b.UpdateDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if kev = b.feed(t, "kev"); kev.Absent || kev.Records != 1 || kev.Means != "" {
				t.Errorf("it has come: %+v", kev)
			}
			remove(kevPath, nil)
			b.advance(24 * time.Hour)
			if _, err := b.UpdateDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if kev = b.feed(t, "kev"); kev.Absent || !strings.Contains(kev.Error, "no such file") || kev.Records != 1 {
				t.Errorf("it has vanished: %+v", kev)
			}
		})
	}
}

// Where nothing is, the address is wrong, and that is a failure of all; so is a folder that is not there.
func TestAMirrorThatHasNothingIsAFailure(t *testing.T) {
	t.Parallel()
	gone := filepath.Join(t.TempDir(), "gone")
	for base, want := range map[string]string{t.TempDir(): "none of the feeds is at", gone: `the folder "` + gone + `" cannot be read`, newMirror(t).URL: "none of the feeds is at"} {
		b := setup(t, base, "Debian:12")
		if all, err := b.Status(t.Context()); err != nil || all[0].Error != "" {
			t.Errorf("nothing was asked for yet: %v, %+v", err, all)
		}
		if _, err := b.UpdateDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"kev", "osv/Debian"} {
			if f := b.feed(t, name); f.Absent || !strings.Contains(f.Error, want) {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// What an import gave is not missed where the mirror never had it, and a feed that is there in part is broken.
func TestAnImportIsNotMissedAndAHalfIsBroken(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	m.answer(debianPath, serve(zipOf(t, debianRecord(1)), ""))
	m.answer("/alpine/v3.20/main.json", serve([]byte(`{}`), ""))
	b := setup(t, m.URL, "Debian:12", "Alpine:v3.20", "Alpine:v3.21")
	b.cfg.Without = nil
	if _, err := b.ImportFile(t.Context(), "kev", strings.NewReader(string(catalogue(kevEntry("CVE-2026-0001")))), false); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UpdateDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kev := b.feed(t, "kev"); kev.Error != "" || kev.Absent || kev.Records != 1 {
		t.Errorf("%+v", kev)
	}
	if half := b.feed(t, "alpine/v3.20"); half.Absent || !strings.Contains(half.Error, "there in part") {
		t.Errorf("%+v", half)
	}
	if none := b.feed(t, "alpine/v3.21"); !none.Absent || none.Means != "no feed here assesses Alpine:v3.21" {
		t.Errorf("%+v", none)
	}
}

// A request that nothing would come of is refused: it would be answered with "in the background", and nothing would happen there.
func TestAFeedThatNobodyNeedsIsNotRequested(t *testing.T) {
	t.Parallel()
	b := setup(t, t.TempDir(), "Debian:12")
	for name, want := range map[string]string{"osv/PyPI": "no host here has a release", "epss": "feeds_without", "osv/Debian": ""} {
		err := b.Request(t.Context(), []string{name})
		if want == "" && err != nil || want != "" && (!errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

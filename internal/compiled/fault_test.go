//go:build unix

package compiled

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// pages is a file of so many advisories that cutting it takes whole pages away.
func pages(t *testing.T) (path string, l *Library) {
	t.Helper()
	c := sample()
	for i := range 5000 {
		id := fmt.Sprintf("CVE-2024-%05d", i)
		c.Advisories = append(c.Advisories, advisory.Advisory{Feed: "osv/Debian", ID: "D-" + id, CVEs: []string{id}, Affected: []advisory.Affected{
			{Ecosystem: "Debian:12", Package: fmt.Sprint("q", i), Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.2-3"}}},
		}})
		c.Overlays = append(c.Overlays, advisory.Overlay{Feed: "ssvc", CVE: id, SSVC: &advisory.SSVC{Exploitation: "active"}})
		c.Lifecycles = append(c.Lifecycles, advisory.Lifecycle{Feed: "eol", Product: fmt.Sprint("r", i), Release: "1", EOL: "2026-06-10"})
	}
	path = compiledFile(t, c)
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return path, l
}

// A file that another program cuts while it is mapped is an error that says so, whatever is asked and wherever it is cut. Before, the system
// ended the program.
func TestAFileThatIsCutWhileMappedIsAnError(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(l *Library, i int) error{
		"about": func(l *Library, i int) error { _, err := l.About("Debian:12", fmt.Sprint("q", i)); return err },
		"version": func(l *Library, i int) error {
			_, err := l.AboutVersion("Debian:12", fmt.Sprint("q", i), "x")
			return err
		},
		"threat":    func(l *Library, i int) error { _, err := l.Threat(fmt.Sprintf("CVE-2024-%05d", i)); return err },
		"odd":       func(l *Library, _ int) error { _, err := l.Threat("odd"); return err },
		"lifecycle": func(l *Library, i int) error { _, err := l.Lifecycles(fmt.Sprint("r", i)); return err },
		"each": func(l *Library, _ int) error {
			return l.Each(func(string, string, []advisory.Advisory) error { return nil })
		},
	} {
		for _, keep := range []int64{0, 1, 4096, 3*4096 + 100} {
			t.Run(fmt.Sprint(name, "-", keep), func(t *testing.T) {
				t.Parallel()
				path, l := pages(t)
				if err := errors.Join(ask(l, 17), l.Whole()); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(path, keep); err != nil {
					t.Fatal(err)
				}
				err := ask(l, 17)
				for i := 0; i < 5000 && err == nil; i += 50 {
					err = ask(l, i)
				}
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("%v", err)
				}
				if err := l.Whole(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "changed by another program") {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// A file that is written over in place, and is as long as before, is noticed too.
func TestAFileThatIsWrittenWhileMappedIsNotWhole(t *testing.T) {
	t.Parallel()
	path, l := pages(t)
	if err := l.Whole(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0}, 1000); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), os.Chtimes(path, time.Now(), time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := l.Whole(); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

// Removing and replacing it, which is what Staunch does, changes nothing for who has it mapped.
func TestAFileThatIsReplacedWhileMappedStaysWhole(t *testing.T) {
	t.Parallel()
	path, l := pages(t)
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("another"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if all, err := l.About("Debian:12", "q17"); err != nil || len(all) != 1 || l.Whole() != nil {
		t.Errorf("%v, %d, %v", err, len(all), l.Whole())
	}
}

// A fault elsewhere is not ours to explain.
func TestOtherPanicsGoOn(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it was swallowed")
		}
	}()
	var err error
	func() {
		defer faults(make([]byte, 10), &err, false)
		var nothing *Library
		_ = nothing.headers //nolint:govet // the fault is what is tested
	}()
}

package scan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/compiled"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// cached are options with a cache of their own.
func cached(t *testing.T) Options {
	t.Helper()
	return Options{Root: rootWith(t, []byte(status), debian12), Feeds: feeds(t), Cache: filepath.Join(t.TempDir(), "cache"), Now: func() time.Time {
		return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	}}
}

func scanOnce(t *testing.T, opts Options) apiv1.Scan {
	t.Helper()
	out, err := Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// theFile is the one file of the cache.
func theFile(t *testing.T, opts Options) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(opts.Cache, "*.feeds"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	return files[0]
}

func TestTheCacheChangesNothingButTheTime(t *testing.T) {
	t.Parallel()
	opts := cached(t)
	var stages []string
	opts.Progress = func(what string, _ int) { stages = append(stages, what) }
	first := scanOnce(t, opts)
	if !strings.Contains(strings.Join(stages, "\n"), "compiling") {
		t.Errorf("nothing was compiled: %v", stages)
	}
	stages = nil
	second := scanOnce(t, opts)
	if strings.Contains(strings.Join(stages, "\n"), "compiling") {
		t.Errorf("compiled again: %v", stages)
	}
	opts.NoCache = true
	third := scanOnce(t, opts)
	if d := cmp.Diff(first, second) + cmp.Diff(first, third); d != "" || len(first.Findings) != 1 {
		t.Errorf("%d findings; %s", len(first.Findings), d)
	}
}

// Another build may read the same feeds in another way: what it did not compile itself it does not take.
func TestEachBuildCompilesForItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "staunch")
	build := func(text string, at time.Time) string {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return program(path, nil)
	}
	first := build("one", time.Unix(1, 0))
	for name, other := range map[string]string{"size": build("three", time.Unix(1, 0)), "time": build("one", time.Unix(2, 0))} {
		if other == first || other == "" {
			t.Errorf("another %s is the same program: %q", name, other)
		}
	}
	if again := build("one", time.Unix(1, 0)); again != first || !strings.Contains(first, runtime.Version()) {
		t.Errorf("%q, then %q", first, again)
	}
	if unknown := program(path+"-", nil) + program(path, os.ErrNotExist); unknown != "" {
		t.Errorf("a program that is not known: %q", unknown)
	}
}

func TestABadCacheFileIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(file []byte) []byte{
		"empty":        func([]byte) []byte { return nil },
		"foreign":      func([]byte) []byte { return []byte(strings.Repeat("no cache", 1000)) },
		"cut off":      func(f []byte) []byte { return f[:len(f)-1] },
		"newer format": func(f []byte) []byte { f[8]++; return f },
		"damaged head": func(f []byte) []byte { f[20] ^= 1; return f },
		"damaged late": func(f []byte) []byte { f[len(f)-1] ^= 1; return f },
		"damaged record": func(f []byte) []byte { // found only while judging
			i := strings.Index(string(f), "3.0.17-1~deb12u3")
			f[i] = '4'
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := cached(t)
			want := scanOnce(t, opts)
			path := theFile(t, opts)
			sound := read(t, path)
			if err := os.WriteFile(path, spoil(append([]byte(nil), sound...)), 0o600); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, scanOnce(t, opts)); d != "" {
				t.Error(d)
			}
			if name != "damaged late" && string(read(t, path)) != string(sound) { // the very end is of another CVE's: nobody has asked for it
				t.Error("the file was not made again")
			}
		})
	}
}

func TestAFolderOfFeedsThatChanges(t *testing.T) {
	t.Parallel()
	opts := cached(t)
	scanOnce(t, opts)
	kev := filepath.Join(opts.Feeds, "kev", "known_exploited_vulnerabilities.json")
	if err := os.Remove(kev); err != nil {
		t.Fatal(err)
	}
	if out := scanOnce(t, opts); out.Findings[0].KEV != nil {
		t.Error("what was removed from the folder is still believed")
	}
	// One that changes each time it is read: the answer comes, says so, and is not kept.
	opts.Cache = filepath.Join(t.TempDir(), "cache")
	n := 0
	opts.Progress = func(what string, _ int) {
		if n++; strings.HasPrefix(what, "compiling") {
			put(t, filepath.Join(opts.Feeds, "new"), []byte(strings.Repeat("x", n)))
		}
	}
	out := scanOnce(t, opts)
	if len(out.Findings) != 1 || !strings.Contains(strings.Join(out.Warnings, "\n"), "changed each time") {
		t.Errorf("%d findings, %v", len(out.Findings), out.Warnings)
	}
	if files, _ := os.ReadDir(opts.Cache); len(files) > 0 {
		t.Errorf("kept: %v", files)
	}
}

func TestManyScansAtOnce(t *testing.T) {
	t.Parallel()
	opts := cached(t)
	want := scanOnce(t, Options{Root: opts.Root, Feeds: opts.Feeds, NoCache: true, Now: opts.Now})
	var all sync.WaitGroup
	results := make([]string, 8)
	for i := range results {
		all.Go(func() {
			out, err := Run(context.Background(), opts)
			if err != nil {
				results[i] = err.Error()
				return
			}
			results[i] = cmp.Diff(want, out)
		})
	}
	all.Wait()
	for _, d := range results {
		if d != "" {
			t.Error(d)
		}
	}
	theFile(t, opts)
}

func TestACacheThatIsNotOursIsNotUsed(t *testing.T) {
	t.Parallel()
	opts := cached(t)
	if err := os.MkdirAll(opts.Cache, 0o755); err != nil { //nolint:gosec // the case under test
		t.Fatal(err)
	}
	if err := os.Chmod(opts.Cache, 0o777); err != nil { //nolint:gosec // same
		t.Fatal(err)
	}
	out := scanOnce(t, opts)
	if len(out.Findings) != 1 || !strings.Contains(strings.Join(out.Warnings, "\n"), "open to others") {
		t.Errorf("%d findings, %v", len(out.Findings), out.Warnings)
	}
	if files, _ := os.ReadDir(opts.Cache); len(files) > 0 {
		t.Errorf("written: %v", files)
	}
}

// compiledOf compiles records and opens them.
func compiledOf(t interface{ Fatal(args ...any) }, dir string, all []advisory.Advisory, overlays []advisory.Overlay) *compiled.Library {
	path := filepath.Join(dir, "compiled")
	w, err := compiled.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, a := range all {
		if err := w.Advisory(a); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range overlays {
		if err := w.Overlay(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(nil, nil); err != nil {
		t.Fatal(err)
	}
	l, err := compiled.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What compiled feeds leave out at look-up never changes a finding: whatever advisories say of a few packages and vulnerabilities, in
// whatever words, a host has the same findings with them as with everything.
func TestLeavingOutChangesNoFinding(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		eco := rapid.SampledFrom([]string{"Debian:12", "AlmaLinux:9", "Alpine:v3.20", "PyPI", "Arch Linux"}).Draw(rt, "ecosystem")
		versions := []string{"1.0-1", "1.0-2", "1.1-1", "2.0-1", "1:0.5-1"}
		switch eco {
		case "AlmaLinux:9":
			versions = []string{"1.0-1.el9", "1.0-2.el9_2", "1.1-1.el9_4", "1.0-1.module_el9.2.0+1+a", "1.1-1.module_el9.4.0+2+b", "2.0-1.el9"}
		case "Alpine:v3.20":
			versions = []string{"1.0-r0", "1.0-r1", "1.1-r0", "2.0_rc1-r0", "2.0-r0"}
		case "PyPI":
			versions = []string{"1.0", "1.0.1", "1.1rc1", "1.1", "2.0"}
		}
		version := rapid.SampledFrom(versions)
		maybe := rapid.SampledFrom(append([]string{"", ""}, versions...))
		affected := rapid.Custom(func(t *rapid.T) advisory.Affected {
			a := advisory.Affected{
				Ecosystem: eco, Package: "p",
				Status:      rapid.SampledFrom([]advisory.Status{"", "", advisory.StatusNotAffected, advisory.StatusUndetermined, advisory.StatusNoDSA, advisory.StatusWontFix, advisory.StatusUnimportant}).Draw(t, "status"),
				Stream:      rapid.SampledFrom([]string{"", "", "", "m:1"}).Draw(t, "stream"),
				Entitlement: rapid.SampledFrom([]string{"", "", "eus"}).Draw(t, "entitlement"),
			}
			for range rapid.IntRange(0, 2).Draw(t, "ranges") {
				r := advisory.Range{Introduced: rapid.SampledFrom(append([]string{"0", "0"}, versions...)).Draw(t, "from"), Fixed: maybe.Draw(t, "fixed")}
				if r.Fixed == "" {
					r.Last = maybe.Draw(t, "last")
				}
				a.Ranges = append(a.Ranges, r)
			}
			if rapid.IntRange(0, 5).Draw(t, "listed") == 0 {
				a.Versions = []string{version.Draw(t, "exactly")}
			}
			return a
		})
		var all []advisory.Advisory
		for i := range rapid.IntRange(0, 8).Draw(rt, "advisories") {
			a := advisory.Advisory{
				Feed: rapid.SampledFrom([]string{"osv/x", "debian-tracker", "override", "redhat/vex"}).Draw(rt, "feed"), ID: fmt.Sprint("A-", i),
				CVEs:     rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003"}), 0, 2, rapid.ID).Draw(rt, "cves"),
				Affected: rapid.SliceOfN(affected, 1, 3).Draw(rt, "affected"),
			}
			if rapid.IntRange(0, 9).Draw(rt, "withdrawn") == 0 {
				a.Withdrawn = now
			}
			all = append(all, a)
		}
		l := compiledOf(rt, t.TempDir(), all, nil)
		defer l.Close() //nolint:errcheck // a test
		for _, v := range versions {
			host := inventory.Convert(apiv1.Packages{Ecosystem: eco, Packages: []apiv1.Package{{Name: "p", Arch: "x86_64", Version: v, Stream: rapid.SampledFrom([]string{"", "m:1"}).Draw(rt, "installed stream")}}})
			want, err := assess.JudgeAll(host, assess.HostState{}, advisory.NewList(all, nil, nil), now)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := assess.JudgeAll(host, assess.HostState{}, l, now)
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(want.Findings(nil), got.Findings(nil)); d != "" {
				rt.Fatalf("%s (-list +compiled): %s", v, d)
			}
		}
	})
}

func TestLeavingOutChangesNoFindingOfRealHosts(t *testing.T) {
	t.Parallel()
	data := shared(t)
	known, err := feed.ReadDir(t.Context(), filepath.Join(data, "feeds"), []string{"Debian:12"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	list, l := advisory.NewList(known.Advisories, known.Overlays, known.Lifecycles), compiledOf(t, t.TempDir(), known.Advisories, known.Overlays)
	defer l.Close() //nolint:errcheck // a test
	for _, name := range []string{"dpkg-status", "dpkg-status-upgraded"} {
		s := &session{out: apiv1.Scan{Root: rootWith(t, read(t, filepath.Join(data, "debian12", name)), debian12)}}
		if err := s.readInput(t.Context(), Options{}); err != nil {
			t.Fatal(err)
		}
		want, err := assess.JudgeAll(s.installed, assess.HostState{}, list, now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := assess.JudgeAll(s.installed, assess.HostState{}, l, now)
		if err != nil {
			t.Fatal(err)
		}
		ignoreDate := cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".EPSSDate" || p.Last().String() == ".AsOf" || p.Last().String() == ".Date"
		}, cmp.Ignore())
		if d := cmp.Diff(want.Findings(nil), got.Findings(nil), ignoreDate); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A compiled file that is cut while it is mapped costs another compilation, and neither the scan nor a finding: also one that was cut after
// the last look into it, of which nobody can say what was seen.
func TestACacheThatIsCutDuringAScanIsMadeAgain(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("nothing is mapped there")
	}
	opts := cached(t)
	want := scanOnce(t, opts)
	path := theFile(t, opts)
	cut := 0
	opts.Progress = func(what string, _ int) {
		if strings.HasPrefix(what, "judging") && cut == 0 {
			cut++
			if err := os.Truncate(path, 0); err != nil {
				t.Error(err)
			}
		}
	}
	if diff := cmp.Diff(want, scanOnce(t, opts)); diff != "" || cut != 1 {
		t.Errorf("cut %d times: %s", cut, diff)
	}

	opts.Progress = func(what string, _ int) {
		if strings.HasPrefix(what, "judging") { // each time: it is said, and with what to do
			if err := os.Truncate(theFile(t, opts), 100); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := Run(t.Context(), opts); !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "changed by another program") || !strings.Contains(fault.Message(err), "--no-cache") {
		t.Errorf("%v", err)
	}
}

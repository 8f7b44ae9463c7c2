package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// lived is a host's past: kernels and headers come and go, one of them runs and is patched in memory or not, and a library is replaced
// while processes map it.
func lived(t *rapid.T) []Interval {
	var out []Interval
	at := 0
	for range rapid.IntRange(0, 5).Draw(t, "intervals") {
		at += rapid.IntRange(1, 3).Draw(t, "days")
		one := Interval{From: day(at)}
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 4), 0, 3, rapid.ID).Draw(t, "images") {
			one.Packages = append(one.Packages, deb(fmt.Sprintf("linux-image-6.1.0-%d-amd64", n), "linux", fmt.Sprintf("6.1.%d-1", n)))
		}
		if n := rapid.IntRange(0, 4).Draw(t, "headers"); n > 0 {
			one.Packages = append(one.Packages, deb("linux-libc-dev", "linux", fmt.Sprintf("6.1.%d-1", n)))
		}
		if n := rapid.IntRange(0, 3).Draw(t, "library"); n > 0 {
			one.Packages = append(one.Packages, deb("libssl3", "openssl", fmt.Sprint(n)))
		}
		for range rapid.IntRange(0, 3).Draw(t, "said") {
			s := Said{From: day(at), State: assess.HostState{Said: true}}
			at += rapid.IntRange(1, 2).Draw(t, "later")
			if n := rapid.IntRange(0, 5).Draw(t, "runs"); n > 0 {
				s.State.Running = fmt.Sprintf("6.1.0-%d-amd64", n)
			}
			if rapid.Bool().Draw(t, "patched") {
				s.State.Livepatches = []apiv1.Livepatch{{CVEs: []string{"CVE-1"}}}
			}
			if n := rapid.IntRange(0, 3).Draw(t, "mapped"); n > 0 {
				s.State.OldCode = []apiv1.OldCode{{Name: "libssl3", Arch: "amd64", From: fmt.Sprint(n), Units: []string{}}}
			}
			one.Said = append(one.Said, s)
		}
		if n := len(out); n > 0 {
			out[n-1].To = one.From
		}
		out = append(out, one)
	}
	return out
}

// listedAt is what the list of findings has of a host at one instant, cut down to what counts.
func listedAt(t *rapid.T, past []Interval, at time.Time, known []advisory.Advisory, running bool) []string {
	var packages []inventory.Package
	var state assess.HostState
	ran := map[string]inventory.Package{} // by release, the image that was last seen while it ran
	for _, i := range past {
		for _, s := range i.said() {
			if s.From.After(at) {
				break
			}
			packages, state = i.Packages, s.State
			for _, p := range packages {
				if assess.RunsAs(p, state.Running) {
					ran[state.Running] = p
				}
			}
		}
	}
	if removed, was := ran[state.Running]; was && running && !slices.ContainsFunc(packages, func(p inventory.Package) bool { return p.Name == removed.Name }) {
		packages = append(slices.Clone(packages), removed)
	}
	judged, err := assess.JudgeAll(packages, state, advisory.NewList(known, nil, nil), day(60))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range judged.Cases() {
		idle := c.Status == apiv1.StatusNotLoaded || c.Status == apiv1.StatusNotRunning && state.Running != ""
		if running && !idle || !running && c.Status != apiv1.StatusOldCode {
			out = append(out, c.Vulnerability+" "+c.Subject.Source)
		}
	}
	return distinct(out)
}

// At every instant, what counts is what the list of findings would have said then, by what is known now: in metrics without kernels that do
// not run and with what has gone from the disk and runs, in compliance reports as the packages on disk are.
func TestWhatCountsIsWhatIsListed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		past := lived(t)
		k := NewKnowledge(nil, day(60))
		var known []advisory.Advisory
		for i, source := range []string{"linux", "linux", "openssl"} {
			fixed := fmt.Sprint(rapid.IntRange(1, 5).Draw(t, "fixed"))
			if source == "linux" {
				fixed = "6.1." + fixed + "-1"
			}
			a := fixes(fmt.Sprint("CVE-", i+1), source, fixed, rapid.IntRange(1, 9).Draw(t, "published"), 20)
			k.Add(a, nil)
			known = append(known, a.Advisory)
		}
		for _, running := range []bool{true, false} {
			exposures := Exposures(past, k)
			if !running {
				exposures = Listed(past, k, nil)
			}
			for n := range 80 {
				at := day(1).Add(time.Duration(n) * 12 * time.Hour)
				if len(past) == 0 || at.Before(past[0].From) {
					continue
				}
				var out []advisory.Advisory
				for _, a := range known {
					if !a.Published.After(at) {
						out = append(out, a)
					}
				}
				var says []string
				for _, e := range exposures {
					if !at.Before(e.Since) && (e.Until.IsZero() || at.Before(e.Until)) {
						says = append(says, e.Vulnerability+" "+e.Source)
					}
				}
				slices.Sort(says)
				if want := listedAt(t, past, at, out, running); !slices.Equal(says, want) {
					t.Fatalf("at %s (running %v): %s counts, the list has %s\n%+v", at, running, strings.Join(says, ", "), strings.Join(want, ", "), exposures)
				}
			}
		}
	})
}

// Alpine keeps one image of a kernel: the upgrade takes its place on disk, and the old one runs until the host boots.
func TestAKernelThatIsReplacedRunsUntilTheHostBoots(t *testing.T) {
	t.Parallel()
	lts := func(version string) inventory.Package {
		return inventory.Package{Ecosystem: "Alpine:v3.20", Name: "linux-lts", Arch: "x86_64", Version: version, Source: "linux-lts", SourceVersion: version}
	}
	runs := func(from int, release string, patched ...string) Said {
		s := Said{From: day(from), State: assess.HostState{Said: true, Running: release}}
		if len(patched) > 0 {
			s.State.Livepatches = []apiv1.Livepatch{{CVEs: patched}}
		}
		return s
	}
	old, fixed := lts("6.6.30-r0"), lts("6.6.31-r0")
	for name, tc := range map[string]struct {
		past []Interval
		want []string
	}{
		"until it boots": {[]Interval{{From: day(1), To: day(8), Packages: []inventory.Package{old}, Said: []Said{runs(1, "6.6.30-0-lts")}},
			{From: day(8), Packages: []inventory.Package{fixed}, Said: []Said{runs(1, "6.6.30-0-lts"), runs(11, "6.6.31-0-lts")}}},
			[]string{"CVE-1 linux-lts 6.6.30-r0 since 5 (advisory published) until 11 to nothing"}},
		"its image was never seen": {[]Interval{{From: day(1), Packages: []inventory.Package{fixed}, Said: []Said{runs(1, "6.6.30-0-lts"), runs(11, "6.6.31-0-lts")}}},
			[]string{"CVE-1 linux-lts 6.6.30-r0 since 5 (advisory published) until 11 to nothing"}},
		"until it is patched in memory": {[]Interval{{From: day(1), Packages: []inventory.Package{fixed}, Said: []Said{runs(1, "6.6.30-0-lts"), runs(9, "6.6.30-0-lts", "CVE-1")}}},
			[]string{"CVE-1 linux-lts 6.6.30-r0 since 5 (advisory published) until 9 to nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := NewKnowledge(nil, day(30))
			a := fixes("CVE-1", "linux-lts", "6.6.31-r0", 5, 5)
			a.Advisory.Feed, a.Advisory.Affected[0].Ecosystem = "alpine/secdb", "Alpine:v3.20"
			k.Add(a, nil)
			var got []string
			for _, e := range Exposures(tc.past, k) {
				got = append(got, told(e))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("\n got %q\nwant %q", got, tc.want)
			}
		})
	}
}

// A kernel that is patched in memory is fixed, in the words of a report too, until the patch is lost; and what ran counts as it did, though it
// ran no more when its image was removed.
func TestReportsOfKernels(t *testing.T) {
	t.Parallel()
	old, fixed := deb("linux-image-6.1.0-37-amd64", "linux", "6.1.137-1"), deb("linux-image-6.1.0-40-amd64", "linux", "6.1.140-1")
	runs := func(from int, release string, patched ...string) Said {
		return Said{From: day(from), State: assess.HostState{Said: true, Running: release, OldCode: []apiv1.OldCode{}, Livepatches: []apiv1.Livepatch{{CVEs: patched}}}}
	}
	for name, tc := range map[string]struct {
		past  []Interval
		fixed []string // from, to, priority and state
		open  []string // status and priority
	}{
		"patched in memory": {[]Interval{{From: day(1), Packages: []inventory.Package{old}, Said: []Said{runs(1, "6.1.0-37-amd64"), runs(8, "6.1.0-37-amd64", "CVE-1")}}},
			[]string{"6.1.137-1 to 6.1.137-1, patched in memory: high, loaded"}, nil},
		"and lost": {[]Interval{{From: day(1), Packages: []inventory.Package{old}, Said: []Said{runs(1, "6.1.0-37-amd64"), runs(8, "6.1.0-37-amd64", "CVE-1"), runs(9, "6.1.0-37-amd64")}}},
			[]string{"6.1.137-1 to 6.1.137-1, patched in memory: high, loaded"}, []string{"fix available high"}},
		"booted, and the image is still there": {[]Interval{{From: day(1), Packages: []inventory.Package{old, fixed}, Said: []Said{runs(1, "6.1.0-37-amd64"), runs(8, "6.1.0-40-amd64")}}},
			nil, []string{"kernel installed but not running low"}},
		"booted, and the image is removed": {[]Interval{{From: day(1), To: day(9), Packages: []inventory.Package{old, fixed}, Said: []Said{runs(1, "6.1.0-37-amd64"), runs(8, "6.1.0-40-amd64")}},
			{From: day(9), Packages: []inventory.Package{fixed}, Said: []Said{runs(8, "6.1.0-40-amd64")}}},
			[]string{"6.1.137-1 to 6.1.140-1: high, loaded"}, nil},
		"the image is removed, and runs": {[]Interval{{From: day(1), To: day(9), Packages: []inventory.Package{old}, Said: []Said{runs(1, "6.1.0-37-amd64")}},
			{From: day(9), Packages: []inventory.Package{fixed}, Said: []Said{runs(1, "6.1.0-37-amd64")}}},
			[]string{"6.1.137-1 to 6.1.140-1: high, installed"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := NewKnowledge(nil, day(30))
			k.Add(fixes("CVE-1", "linux", "6.1.140-1", 5, 5), nil)
			var closed, open []string
			for _, e := range Listed(tc.past, k, nil) {
				if f := fixedFinding(e); !e.Until.IsZero() {
					closed = append(closed, fmt.Sprintf("%s to %s: %s, %s", f.From, f.To, f.Priority, f.FixState))
				} else {
					open = append(open, e.Status+" "+e.Priority)
				}
			}
			if !slices.Equal(closed, tc.fixed) || !slices.Equal(open, tc.open) {
				t.Errorf("\n got %q, %q\nwant %q, %q", closed, open, tc.fixed, tc.open)
			}
		})
	}
}

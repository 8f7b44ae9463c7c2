package report

import (
	"cmp"
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

// day n of a story that begins on 1 November.
func day(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }

func deb(name, source, version string) inventory.Package {
	return inventory.Package{Ecosystem: "Debian:12", Name: name, Arch: "amd64", Version: version, Source: source, SourceVersion: version, Origin: "Debian"}
}

// fixes says that a CVE of a source is fixed in a version, published and first known on these days (0: no date of publication).
func fixes(cve, source, fixed string, published, known int) Known {
	a := advisory.Advisory{Feed: "osv/Debian", ID: "DEBIAN-" + cve, CVEs: []string{cve}, Severity: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
		Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: source, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}}}
	if published > 0 {
		a.Published = day(published)
	}
	return Known{a, day(known)}
}

// had is intervals that begin on these days, each with these packages; the last is open.
func had(spans ...span) []Interval {
	var out []Interval
	for i, s := range spans {
		one := Interval{From: day(s.from), Packages: s.packages}
		if i+1 < len(spans) {
			one.To = day(spans[i+1].from)
		}
		out = append(out, one)
	}
	return out
}

type span struct {
	from     int
	packages []inventory.Package
}

func on(from int, packages ...inventory.Package) span { return span{from, packages} }

// told is an exposure in one line.
func told(e Exposure) string {
	text := fmt.Sprintf("%s %s %s since %d (%s)", e.Vulnerability, e.Source, strings.Join(e.Versions, "+"), e.Since.Day(), e.SinceWhy)
	if e.Until.IsZero() {
		return text + " open " + e.Priority
	}
	text += fmt.Sprintf(" until %d to %s", e.Until.Day(), cmp.Or(strings.Join(e.To, "+"), "nothing"))
	if e.By != nil {
		text += " by " + e.By.Run
	}
	return text
}

// A report says of what is open the same as the list of findings does: nobody will fix what nobody looks after.
func TestWhatNobodyLooksAfterIsReportedAsThat(t *testing.T) {
	t.Parallel()
	k := NewKnowledge(nil, day(20))
	k.Add(fixes("CVE-1", "openssl", "", 5, 7), nil)
	k.AddLifecycles([]advisory.Lifecycle{{Product: "debian", Release: "11", EOL: "2030-01-01"}, {Product: "debian", Release: "12", EOL: "2026-06-10"}})
	all := Listed(had(on(1, deb("libssl3", "openssl", "3.0.16"))), k, nil)
	if len(all) != 1 || all[0].Status != apiv1.StatusEndOfLife {
		t.Errorf("%+v, want one with status %q", all, apiv1.StatusEndOfLife)
	}
}

func TestExposuresTellTheStoryOfAHost(t *testing.T) {
	t.Parallel()
	ssl := fixes("CVE-1", "openssl", "3.0.17", 5, 7)
	run := func(id string, accepted, ended int, brings map[string]string) Deed {
		d := Deed{Run: id, Rollout: "roll_1", Plan: "plan_1", State: "succeeded", Accepted: day(accepted).Add(-time.Hour), Brings: map[Package]string{}}
		if ended > 0 {
			d.Ended = day(ended).Add(-time.Minute)
		}
		for name, version := range brings {
			d.Brings[Package{name, "amd64"}] = version
		}
		return d
	}
	toNew := map[string]string{"libssl3": "3.0.17"}
	// On the 3rd 3.0.16 was thought to be fixed; on the 9th it was not.
	incomplete := []Known{fixes("CVE-1", "openssl", "3.0.16", 3, 3), fixes("CVE-1", "openssl", "3.0.17", 9, 9)}
	incomplete[1].Advisory.ID = "DSA-2"
	for name, tc := range map[string]struct {
		had   []Interval
		known []Known
		kev   []string
		deeds []Deed
		want  []string
	}{
		"no inventory":   {nil, []Known{ssl}, nil, nil, nil},
		"never affected": {had(on(1, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, nil, nil},
		"there before it was published": {had(on(1, deb("libssl3", "openssl", "3.0.15"))), []Known{ssl}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) open high"}},
		"installed after it was published": {had(on(1), on(9, deb("libssl3", "openssl", "3.0.15"))), []Known{ssl}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 9 (package seen) open high"}},
		"a feed without dates": {had(on(1, deb("libssl3", "openssl", "3.0.15"))), []Known{fixes("CVE-1", "openssl", "3.0.17", 0, 7)}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 7 (advisory first known) open high"}},
		"a feed that dates itself into the future": {had(on(1, deb("libssl3", "openssl", "3.0.15"))), []Known{fixes("CVE-1", "openssl", "3.0.17", 28, 7)}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 7 (advisory first known) open high"}},
		"the earlier of two advisories counts": {had(on(1, deb("libssl3", "openssl", "3.0.15"))),
			[]Known{ssl, {Advisory: func() advisory.Advisory {
				a := fixes("CVE-1", "openssl", "3.0.17", 3, 9).Advisory
				a.ID = "DSA-1"
				return a
			}(), FirstKnown: day(9)}}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 3 (advisory published) open high"}},
		"what one advisory took for fixed counts from when another knew better": {had(on(1, deb("libssl3", "openssl", "3.0.15"))),
			[]Known{fixes("CVE-1", "openssl", "3.0.15", 3, 3), {Advisory: func() advisory.Advisory {
				a := fixes("CVE-1", "openssl", "3.0.17", 9, 9).Advisory
				a.ID = "DSA-2"
				return a
			}(), FirstKnown: day(9)}}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 9 (advisory published) open high"}},
		"known of the version before, and later of this one": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(6, deb("libssl3", "openssl", "3.0.16"))), incomplete, nil, nil,
			[]string{"CVE-1 openssl 3.0.16 since 3 (advisory published) open high"}},
		"the version before was gone when it became known": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(2, deb("libssl3", "openssl", "3.0.16"))), incomplete, nil, nil,
			[]string{"CVE-1 openssl 3.0.16 since 9 (advisory published) open high"}},
		"known to be exploited": {had(on(1, deb("libssl3", "openssl", "3.0.15"))), []Known{ssl}, []string{"CVE-1"}, nil,
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) open urgent"}},
		"gone before anyone knew": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(4, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, nil, nil},
		"fixed by hand": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17"}},
		"removed by hand": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8)), []Known{ssl}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to nothing"}},
		"from one vulnerable version to another": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.16"))), []Known{ssl}, nil,
			[]Deed{run("run_1", 8, 8, map[string]string{"libssl3": "3.0.16"})}, []string{"CVE-1 openssl 3.0.16 since 5 (advisory published) open high"}},
		"and back again": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17")), on(10, deb("libssl3", "openssl", "3.0.15"))), []Known{ssl}, nil, nil,
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17", "CVE-1 openssl 3.0.15 since 10 (package seen) open high"}},
		"two binaries of one source, one left behind": {had(on(1, deb("libssl3", "openssl", "3.0.15"), deb("openssl", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"), deb("openssl", "openssl", "3.0.15"))),
			[]Known{ssl}, nil, nil, []string{"CVE-1 openssl 3.0.15 since 5 (advisory published) open high"}},
		"another vendor's package of the same name": {had(on(1, func() inventory.Package { p := deb("libssl3", "openssl", "3.0.15"); p.Origin = "Vendor"; return p }())), []Known{ssl}, nil, nil, nil},
		"withdrawn": {had(on(1, deb("libssl3", "openssl", "3.0.15"))), []Known{{Advisory: func() advisory.Advisory { a := ssl.Advisory; a.Withdrawn = day(9); return a }(), FirstKnown: day(7)}}, nil, nil, nil},
		"an old kernel stays beside the one that runs": {
			[]Interval{
				{From: day(1), To: day(8), Said: []Said{{State: assess.HostState{Running: "6.1.0-37-amd64"}}}, Packages: []inventory.Package{deb("linux-image-6.1.0-37-amd64", "linux-signed-amd64", "6.1.140+1")}},
				{From: day(8), Said: []Said{{State: assess.HostState{Running: "6.1.0-40-amd64"}}}, Packages: []inventory.Package{deb("linux-image-6.1.0-37-amd64", "linux-signed-amd64", "6.1.140+1"), deb("linux-image-6.1.0-40-amd64", "linux-signed-amd64", "6.1.150+1")}},
			},
			[]Known{fixes("CVE-1", "linux", "6.1.150-1", 5, 5)}, nil, nil, []string{"CVE-1 linux 6.1.140-1 since 5 (advisory published) open low"}},

		"by a run": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, []Deed{run("run_1", 8, 8, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17 by run_1"}},
		"by a run whose end was never heard": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, []Deed{run("run_1", 8, 0, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17 by run_1"}},
		"by a run, heard of days later": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(12, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, []Deed{run("run_1", 8, 8, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 12 to 3.0.17 by run_1"}},
		"by a run that removed it": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8)), []Known{ssl}, nil, []Deed{run("run_1", 8, 8, map[string]string{"libssl3": ""})},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to nothing by run_1"}},
		"by hand, before a run wanted the same": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, []Deed{run("run_1", 9, 9, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17"}},
		"by hand, to another version than the run's": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.18"))), []Known{ssl}, nil, []Deed{run("run_1", 8, 8, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.18"}},
		"by hand, while a run did something else": {had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, []Deed{run("run_1", 8, 8, map[string]string{"nginx": "1.22"})},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17"}},
		"by hand, long after a run had ended without it": {
			had(on(1, deb("libssl3", "openssl", "3.0.15")), on(9, deb("libssl3", "openssl", "3.0.15"), deb("tzdata", "tzdata", "1")), on(12, deb("libssl3", "openssl", "3.0.17"))),
			[]Known{ssl}, nil, []Deed{run("run_1", 8, 8, toNew)}, []string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 12 to 3.0.17"}},
		"by a run, undone by hand, and again by hand": {
			had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17")), on(9, deb("libssl3", "openssl", "3.0.15")), on(10, deb("libssl3", "openssl", "3.0.17"))),
			[]Known{ssl}, nil, []Deed{run("run_1", 8, 8, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 8 to 3.0.17 by run_1", "CVE-1 openssl 3.0.15 since 9 (package seen) until 10 to 3.0.17"}},
		"by the second of two runs": {
			had(on(1, deb("libssl3", "openssl", "3.0.15")), on(12, deb("libssl3", "openssl", "3.0.17"))), []Known{ssl}, nil, []Deed{run("run_1", 8, 8, toNew), run("run_2", 12, 12, toNew)},
			[]string{"CVE-1 openssl 3.0.15 since 5 (advisory published) until 12 to 3.0.17 by run_2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kev []advisory.Overlay
			for _, cve := range tc.kev {
				kev = append(kev, advisory.Overlay{CVE: cve, KEV: &advisory.KEV{CVE: cve}})
			}
			k := NewKnowledge(kev, day(30))
			for _, a := range tc.known {
				k.Add(a, nil)
			}
			var got []string
			for _, e := range Listed(tc.had, k, tc.deeds) {
				got = append(got, told(e))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("\n got %q\nwant %q", got, tc.want)
			}
		})
	}
}

// drawn is a host's past of one source whose versions come and go, and advisories about it.
func drawn(t *rapid.T) ([]Interval, *Knowledge, []Known) {
	var intervals []Interval
	at := 0
	for range rapid.IntRange(0, 6).Draw(t, "intervals") {
		at += rapid.IntRange(1, 4).Draw(t, "days")
		one := Interval{From: day(at)}
		for _, name := range []string{"a", "b"} {
			if v := rapid.IntRange(0, 4).Draw(t, "version"); v > 0 {
				one.Packages = append(one.Packages, deb(name, "src-"+name, fmt.Sprint(v)))
			}
		}
		if n := len(intervals); n > 0 {
			intervals[n-1].To = one.From
		}
		intervals = append(intervals, one)
	}
	k := NewKnowledge(nil, day(30))
	var known []Known
	for i := range rapid.IntRange(0, 3).Draw(t, "advisories") {
		a := fixes(fmt.Sprint("CVE-", i), rapid.SampledFrom([]string{"src-a", "src-b"}).Draw(t, "source"), fmt.Sprint(rapid.IntRange(1, 5).Draw(t, "fixed")),
			rapid.IntRange(0, 20).Draw(t, "published"), rapid.IntRange(1, 20).Draw(t, "known"))
		k.Add(a, nil)
		known = append(known, a)
	}
	return intervals, k, known
}

// At every instant at which something was known and a host had it, exactly one exposure says so; at no other instant does any.
func TestExposuresCoverExactlyWhatWasThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		intervals, k, known := drawn(t)
		exposures := Listed(intervals, k, nil)
		for n := range 60 {
			at := day(1).Add(time.Duration(n) * 12 * time.Hour)
			for _, a := range known {
				disclosed := a.FirstKnown
				if p := a.Advisory.Published; !p.IsZero() && p.Before(disclosed) {
					disclosed = p
				}
				has := false
				for _, i := range intervals {
					for _, p := range i.Packages {
						has = has || !at.Before(i.From) && (i.To.IsZero() || at.Before(i.To)) && !at.Before(disclosed) &&
							p.Source == a.Advisory.Affected[0].Package && p.Version < a.Advisory.Affected[0].Ranges[0].Fixed
					}
				}
				says := 0
				for _, e := range exposures {
					if e.Vulnerability == a.Advisory.CVEs[0] && !at.Before(e.Since) && (e.Until.IsZero() || at.Before(e.Until)) {
						says++
					}
				}
				if want := map[bool]int{true: 1, false: 0}[has]; says != want {
					t.Fatalf("%s at %s: %d exposures, want %d\n%+v", a.Advisory.CVEs[0], at, says, want, exposures)
				}
			}
		}
	})
}

func TestFixedFindingSaysWhoApproved(t *testing.T) {
	t.Parallel()
	k := NewKnowledge(nil, day(30))
	k.Add(fixes("CVE-1", "openssl", "3.0.17", 5, 7), nil)
	deed := Deed{Run: "run_1", Rollout: "roll_1", Plan: "plan_1", State: "failed", Accepted: day(8).Add(-time.Hour), Brings: map[Package]string{{"libssl3", "amd64"}: "3.0.17"},
		ApprovedBy: []string{"user:admin", "alice"}, ApprovedAt: day(7)}
	all := Listed(had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17"))), k, []Deed{deed})
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	f := fixedFinding(all[0])
	if f.By != apiv1.FixedByRollout || f.Rollout != "roll_1" || f.Plan != "plan_1" || f.RunState != "failed" || !slices.Equal(f.ApprovedBy, deed.ApprovedBy) ||
		f.ApprovedAt == nil || !f.ApprovedAt.Equal(day(7)) || f.From != "3.0.15" || f.To != "3.0.17" || !f.FixedAt.Equal(day(8)) {
		t.Errorf("%+v", f)
	}
}

func TestHowFarAFixHasCome(t *testing.T) {
	t.Parallel()
	deed := func(state string) []Deed {
		return []Deed{{Run: "run_1", Rollout: "roll_1", State: state, Accepted: day(8).Add(-time.Hour), Brings: map[Package]string{{"libssl3", "amd64"}: "3.0.17"}}}
	}
	old := func(from string) assess.HostState {
		return assess.HostState{Said: true, OldCode: []apiv1.OldCode{{Name: "libssl3", Arch: "amd64", From: from, Units: []string{"ssh.service"}}}}
	}
	for name, tc := range map[string]struct {
		state assess.HostState
		deeds []Deed
		want  string
	}{
		"the host says nothing of itself":        {assess.HostState{}, deed("succeeded"), apiv1.FixInstalled},
		"processes map the version before":       {old("3.0.15"), deed("succeeded"), apiv1.FixInstalled},
		"processes map nobody knows which":       {old(""), nil, apiv1.FixInstalled},
		"processes map one that had the fix too": {old("3.0.17~rc1"), nil, apiv1.FixLoaded},
		"nothing runs the version before":        {assess.HostState{Said: true, OldCode: []apiv1.OldCode{}}, nil, apiv1.FixLoaded},
		"its run failed afterwards":              {assess.HostState{Said: true, OldCode: []apiv1.OldCode{}}, deed("failed"), apiv1.FixLoaded},
		"nobody may look at its processes":       {assess.HostState{Said: true}, nil, apiv1.FixInstalled},
		"its run was content":                    {assess.HostState{Said: true}, deed("succeeded"), apiv1.FixVerified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := NewKnowledge(nil, day(30))
			k.Add(fixes("CVE-1", "openssl", "3.0.16", 5, 7), nil)
			intervals := had(on(1, deb("libssl3", "openssl", "3.0.15")), on(8, deb("libssl3", "openssl", "3.0.17")))
			intervals[1].Said = []Said{{day(8), tc.state}}
			all := Listed(intervals, k, tc.deeds)
			if len(all) != 1 || fixedFinding(all[0]).FixState != tc.want {
				t.Errorf("%+v, want %s", all, tc.want)
			}
		})
	}
}

package changelog

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// fixes are the CVEs of evidence with the versions that fix them.
func fixes(all []advisory.Advisory) map[string]string {
	of := map[string]string{}
	for _, a := range all {
		of[a.CVEs[0]] = a.Affected[0].Ranges[0].Fixed
	}
	return of
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	debian := func(installed, version string) Pending { return Pending{"Debian:12", "p", installed, version} }
	rpm := func(installed, version string) Pending { return Pending{"Red Hat:9", "p", installed, version} }
	for name, tc := range map[string]struct {
		pending Pending
		entries []Entry
		want    map[string]string
	}{
		"after the installed version, up to the pending one": {debian("1-1", "1-3"),
			[]Entry{{Version: "1-3", CVEs: []string{"CVE-3-0001"}}, {Version: "1-2", CVEs: []string{"CVE-2-0001"}}, {Version: "1-1", CVEs: []string{"CVE-1-0001"}}, {Version: "1-0", CVEs: []string{"CVE-0-0001"}}},
			map[string]string{"CVE-3-0001": "1-3", "CVE-2-0001": "1-2"}},
		"the installed version has no entry": {debian("1-1+local1", "1-3"),
			[]Entry{{Version: "1-3"}, {Version: "1-2", CVEs: []string{"CVE-2-0001"}}, {Version: "1-1", CVEs: []string{"CVE-1-0001"}}}, map[string]string{"CVE-2-0001": "1-2"}},
		"what stands below the installed version is in it, though greater": {debian("17.0.14+7-1~deb12u1", "17.0.15+6-1~deb12u1"),
			[]Entry{{Version: "17.0.15+6-1~deb12u1"}, {Version: "17.0.15+6-1", CVEs: []string{"CVE-2-0001"}}, {Version: "17.0.14+7-1~deb12u1"}, {Version: "17.0.14+7-1", CVEs: []string{"CVE-1-0001"}}},
			map[string]string{"CVE-2-0001": "17.0.15+6-1~deb12u1"}},
		"named twice, fixed by the later": {debian("1-1", "1-3"),
			[]Entry{{Version: "1-3", CVEs: []string{"CVE-2-0001"}}, {Version: "1-2", CVEs: []string{"CVE-2-0001"}}}, map[string]string{"CVE-2-0001": "1-3"}},
		"not newer":              {debian("1-3", "1-3"), []Entry{{Version: "1-3", CVEs: []string{"CVE-2-0001"}}}, map[string]string{}},
		"a version that is none": {debian("x_", "1-3"), []Entry{{Version: "1-3", CVEs: []string{"CVE-2-0001"}}}, map[string]string{}},
		"an entry of an invalid version is passed over": {debian("1-1", "1-3"),
			[]Entry{{Version: "x_", CVEs: []string{"CVE-9-0001"}}, {Version: "1-2", CVEs: []string{"CVE-2-0001"}}}, map[string]string{"CVE-2-0001": "1-2"}},
		"rpm, without the distribution's mark and the epoch": {rpm("1:7.61.1-33.el9", "1:7.61.1-34.el9_3"),
			[]Entry{{Version: "7.61.1-34", CVEs: []string{"CVE-2-0001"}}, {Version: "7.61.1-33", CVEs: []string{"CVE-1-0001"}}, {Version: "7.61.1-32", CVEs: []string{"CVE-0-0001"}}},
			map[string]string{"CVE-2-0001": "1:7.61.1-34"}},
		"an order that we do not know": {Pending{"Linux:6", "p", "1", "2"}, []Entry{{Version: "2", CVEs: []string{"CVE-2-0001"}}}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, fixes(Evidence(tc.pending, tc.entries))); diff != "" {
				t.Error(diff)
			}
		})
	}
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	got := Evidence(debian("1-1", "1-2"), []Entry{{Version: "1-2", Date: at, CVEs: []string{"CVE-2026-0001"}}})
	want := []advisory.Advisory{{
		Feed: "changelog", ID: "CVE-2026-0001/p", CVEs: []string{"CVE-2026-0001"}, Summary: "named in the changelog of p 1-2", Published: at,
		Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "p", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-2"}}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The installed version is before every fix, and no fix is after the pending version.
func TestEvidenceLiesBetween(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.StringMatching(`[0-9]\.[0-9]-[0-9](~deb12u[0-9]|\+deb12u[0-9])?`)
		p := Pending{"Debian:12", "p", version.Draw(t, "installed"), version.Draw(t, "pending")}
		var entries []Entry
		for i, v := range rapid.SliceOfN(version, 0, 8).Draw(t, "entries") {
			entries = append(entries, Entry{Version: v, CVEs: []string{fmt.Sprintf("CVE-2026-%04d", i%5)}})
		}
		for cve, fixed := range fixes(Evidence(p, entries)) {
			after, _ := vercmp.Compare(vercmp.Deb, p.Installed, fixed)
			upTo, _ := vercmp.Compare(vercmp.Deb, fixed, p.Version)
			if after >= 0 || upTo > 0 {
				t.Errorf("%s is fixed in %s: %+v", cve, fixed, p)
			}
		}
	})
}

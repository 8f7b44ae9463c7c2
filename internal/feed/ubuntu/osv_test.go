package ubuntu

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// osvRecord is a small record; extra is put beside its id and modified time.
func osvRecord(id, extra string) string {
	return fmt.Sprintf(`{"id":%q,"modified":"2026-01-02T03:04:05Z",%s}`, id, extra)
}

// osvEntry is an entry of package p with one range of the given events; extra is put beside them.
func osvEntry(ecosystem, distro, events, extra string) string {
	return fmt.Sprintf(`{"package":{"ecosystem":%q,"name":"p","purl":"pkg:deb/ubuntu/p@1?arch=source&distro=%s"},"ranges":[{"type":"ECOSYSTEM","events":[%s]}]%s}`,
		ecosystem, distro, events, extra)
}

const (
	osvFixed = `{"introduced":"0"},{"fixed":"2"}`
	infra    = `,"ecosystem_specific":{"availability":"Available with Ubuntu Pro (Infra-only): https://ubuntu.com/pro"}`
	apps     = `,"ecosystem_specific":{"availability":"Available with Ubuntu Pro: https://ubuntu.com/pro"}`
)

// Every status and entitlement that Canonical's OSV can give, one row each.
func TestOSV(t *testing.T) {
	t.Parallel()
	fixed := []advisory.Range{{Introduced: "0", Fixed: "2"}}
	for name, tc := range map[string]struct {
		entry string
		want  advisory.Affected
	}{
		"fixed":                 {osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed}},
		"open":                  {osvEntry("Ubuntu:25.10", "questing", `{"introduced":"0"}`, ""), advisory.Affected{Ecosystem: "Ubuntu:25.10", Ranges: []advisory.Range{{Introduced: "0"}}}},
		"open_up_to":            {osvEntry("Ubuntu:25.10", "questing", `{"last_affected":"3"},{"introduced":"1"}`, ""), advisory.Affected{Ecosystem: "Ubuntu:25.10", Ranges: []advisory.Range{{Introduced: "1", Last: "3"}}}},
		"esm_infra_by_distro":   {osvEntry("Ubuntu:Pro:16.04:LTS", "esm-infra/xenial", osvFixed, apps), advisory.Affected{Ecosystem: "Ubuntu:16.04", Ranges: fixed, Entitlement: "esm-infra"}},
		"esm_infra_by_text":     {osvEntry("Ubuntu:Pro:16.04:LTS", "xenial", osvFixed, infra), advisory.Affected{Ecosystem: "Ubuntu:16.04", Ranges: fixed, Entitlement: "esm-infra"}},
		"esm_infra_old_distro":  {osvEntry("Ubuntu:Pro:14.04:LTS", "trusty/esm", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:14.04", Ranges: fixed, Entitlement: "esm-infra"}},
		"esm_infra_legacy":      {osvEntry("Ubuntu:Pro:14.04:LTS", "esm-infra-legacy/trusty", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:14.04", Ranges: fixed, Entitlement: "esm-infra-legacy"}},
		"esm_apps_by_distro":    {osvEntry("Ubuntu:Pro:22.04:LTS", "esm-apps/jammy", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "esm-apps"}},
		"esm_apps_by_text":      {osvEntry("Ubuntu:Pro:22.04:LTS", "", osvFixed, apps), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "esm-apps"}},
		"pro_when_nothing_says": {osvEntry("Ubuntu:Pro:22.04:LTS", "", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "pro"}},
		"fips":                  {osvEntry("Ubuntu:Pro:FIPS:20.04:LTS", "fips/focal", osvFixed, apps), advisory.Affected{Ecosystem: "Ubuntu:20.04", Ranges: fixed, Entitlement: "fips", Stream: "fips"}},
		"fips_updates":          {osvEntry("Ubuntu:Pro:FIPS-updates:22.04:LTS", "fips-updates/jammy", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "fips-updates", Stream: "fips-updates"}},
		"realtime":              {osvEntry("Ubuntu:Pro:Realtime:24.04:LTS", "realtime/noble", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:24.04", Ranges: fixed, Entitlement: "realtime-kernel", Stream: "realtime-kernel"}},
		"realtime_at_the_end":   {osvEntry("Ubuntu:Pro:22.04:LTS:Realtime:Kernel", "realtime/jammy", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "realtime-kernel", Stream: "realtime-kernel"}},
		"bluefield_at_the_end":  {osvEntry("Ubuntu:22.04:LTS:for:NVIDIA:BlueField", "bluefield/jammy", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "nvidia-bluefield", Stream: "nvidia-bluefield"}},
		"bluefield":             {osvEntry("Ubuntu:Nvidia-Bluefield:22.04:LTS", "bluefield/jammy", osvFixed, ""), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Entitlement: "nvidia-bluefield", Stream: "nvidia-bluefield"}},
		"priority_of_package":   {osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, `,"severity":[{"type":"Ubuntu","score":"High"},{"type":"CVSS_V3","score":"x"}]`), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Severity: "high"}},
		"priority_of_notice": {osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, `,"database_specific":{"cves_map":{"cves":[{"severity":[{"type":"Ubuntu","score":"low"}]},{"severity":[{"type":"Ubuntu","score":"medium"}]}]}}`),
			advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Severity: "medium"}},
		"versions_beside_ranges": {osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, `,"versions":["1","1.5","7"]`), advisory.Affected{Ecosystem: "Ubuntu:22.04", Ranges: fixed, Versions: []string{"7"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, s, err := intaketest.ByID(t.Context(), ReadOSV, []byte(osvRecord("UBUNTU-CVE-2026-0001", `"upstream":["CVE-2026-0001"],"affected":[`+tc.entry+`]`)), intake.Options{Feed: "ubuntu/osv"})
			if err != nil || s.Records != 1 || len(s.Problems) > 0 {
				t.Fatalf("%v: %+v", err, s)
			}
			tc.want.Package = "p"
			a := got["UBUNTU-CVE-2026-0001"]
			if diff := cmp.Diff([]advisory.Affected{tc.want}, a.Affected) + cmp.Diff([]string{"CVE-2026-0001"}, a.CVEs) + cmp.Diff([]string{tc.want.Ecosystem}, s.Ecosystems) + cmp.Diff("ubuntu/osv", a.Feed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A kernel that is only built as a variant is found by its name: there is no ordinary build to mistake it for.
func TestKernelsOfVariantsAreTheirOwnSources(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ ecosystem, source, stream string }{
		"real_time":           {"Ubuntu:Pro:24.04:LTS:Realtime:Kernel", "linux-realtime", ""},
		"an_older_one":        {"Ubuntu:Pro:22.04:LTS:Realtime:Kernel", "linux-realtime-6.8", ""},
		"fips":                {"Ubuntu:Pro:FIPS-updates:22.04:LTS", "linux-aws-fips", ""},
		"fips_of_a_library":   {"Ubuntu:Pro:FIPS-updates:22.04:LTS", "openssl", "fips-updates"},
		"fips_of_plain_linux": {"Ubuntu:Pro:FIPS:20.04:LTS", "linux", "fips"},
		"bluefield":           {"Ubuntu:22.04:LTS:for:NVIDIA:BlueField", "linux-bluefield", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entry := strings.Replace(osvEntry(tc.ecosystem, "", osvFixed, ""), `"name":"p"`, `"name":"`+tc.source+`"`, 1)
			got, _, err := intaketest.ByID(t.Context(), ReadOSV, []byte(osvRecord("UBUNTU-CVE-2026-0001", `"affected":[`+entry+`]`)), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			a := got["UBUNTU-CVE-2026-0001"].Affected
			if len(a) != 1 || a[0].Stream != tc.stream || a[0].Entitlement == "" {
				t.Errorf("%+v, want stream %q", a, tc.stream)
			}
		})
	}
}

func TestOSVNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, "")
	for name, tc := range map[string]struct {
		text                   string
		records, skipped, left int
		problem                string
	}{
		"an entry of no release":           {osvRecord("USN-1", `"affected":[`+good+`,`+osvEntry("Ubuntu:jammy", "jammy", osvFixed, "")+`]`), 1, 0, 0, "names no release of Ubuntu"},
		"entries of no release alone":      {osvRecord("USN-1", `"affected":[`+osvEntry("Ubuntu:Pro:LTS", "jammy", osvFixed, "")+`]`), 0, 1, 0, "names no release of Ubuntu"},
		"another distribution":             {osvRecord("USN-1", `"affected":[`+osvEntry("Debian:12", "", osvFixed, "")+`]`), 0, 1, 0, "names no release of Ubuntu"},
		"a version that is none":           {osvRecord("USN-1", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", `{"introduced":"0"},{"fixed":"x_1"}`, "")+`]`), 0, 1, 0, "invalid deb version"},
		"a listed version that is none":    {osvRecord("USN-1", `"affected":[{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"p"},"versions":["1","x_1"]}]`), 1, 0, 0, "invalid deb version"},
		"a second range that is none":      {osvRecord("USN-1", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", `{"introduced":"0"},{"fixed":"1"}]},{"type":"ECOSYSTEM","events":[{"fixed":"2"}`, "")+`]`), 0, 1, 0, "no introduced event"},
		"a range without a beginning":      {osvRecord("USN-1", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", `{"fixed":"1"}`, "")+`]`), 0, 1, 0, "no introduced event"},
		"no versions":                      {osvRecord("USN-1", `"affected":[{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"p"}}]`), 0, 1, 0, "names no versions"},
		"no id":                            {osvRecord("", `"affected":[`+good+`]`), 0, 1, 0, "its id is empty"},
		"no modified time":                 {`{"id":"USN-1"}`, 0, 1, 0, "no modified time"},
		"withdrawn needs no entry":         {osvRecord("USN-1", `"withdrawn":"2026-02-03T00:00:00Z","affected":[]`), 1, 0, 0, ""},
		"a livepatch notice":               {osvRecord("LSN-0112-1", `"affected":[`+good+`]`), 0, 0, 1, ""},
		"not affected anywhere":            {osvRecord("USN-1", `"affected":[]`), 0, 0, 1, ""},
		"something follows":                {osvRecord("USN-1", `"affected":[]`) + `{}`, 0, 1, 0, "follows its JSON value"},
		"cut off":                          {`{"id":"USN-1","affected":[`, 0, 1, 0, "unexpected EOF"},
		"a field of another type":          {osvRecord("USN-1", `"affected":[{"package":"p"}]`), 0, 1, 0, "cannot unmarshal"},
		"a package named twice is merged":  {osvRecord("USN-1", `"affected":[`+good+`,`+good+`]`), 1, 0, 0, ""},
		"a package name that is not shown": {osvRecord("USN-1", `"affected":[{"package":{"ecosystem":"Ubuntu:22.04","name":"\u0007"},"versions":["1"]}]`), 0, 1, 0, "not printable"},
		"more problems than are named":     {osvRecord("USN-1", `"affected":[`+strings.TrimSuffix(strings.Repeat(`{"package":{"ecosystem":"Ubuntu:22.04","name":"p"}},`, intake.MaxProblems+1), ",")+`]`), 0, 1, 0, "names no versions"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			got, s, err := intaketest.ByID(t.Context(), ReadOSV, []byte(tc.text), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			intaketest.Counted(t, s, tc.records, tc.skipped, tc.left, tc.problem)
			for _, a := range got {
				if a.Affected == nil || len(a.Affected) > 1 {
					t.Errorf("%+v", a)
				}
			}
		})
	}
}

// The same records from each shape of file, in the same order.
func TestShapesOfFiles(t *testing.T) {
	t.Parallel()
	docs := []intaketest.Member{
		{"osv/README.md", "x"},
		{"osv/cve/1.json", osvRecord("UBUNTU-CVE-2026-0001", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, "")+`]`)},
		{"osv/cve/2.json", `{`},
		{"osv/usn/3.json", osvRecord("USN-1-1", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, "")+`]`)},
		{"osv/usn/4.json", osvRecord("USN-1-1", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, "")+`]`)},
	}
	tarred := intaketest.Tar(t, docs...)
	for name, data := range map[string][]byte{"tar": tarred, "tar.gz": intaketest.Gzip(t, tarred), "zip": intaketest.Zip(t, docs...)} {
		var order []string
		s, err := ReadOSV(t.Context(), intaketest.File(data), intake.Options{}, intake.Sink{Advisory: func(a advisory.Advisory) error {
			order = append(order, a.ID)
			return nil
		}})
		if err != nil || s.Records != 2 || s.Skipped != 2 {
			t.Errorf("%s: %v: %+v", name, err, s)
		}
		if diff := cmp.Diff([]string{"UBUNTU-CVE-2026-0001", "USN-1-1"}, order); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	full := errors.New("disk full")
	for name, data := range map[string][]byte{"tar": tarred, "zip": intaketest.Zip(t, docs...), "json": []byte(docs[1][1])} {
		_, err := ReadOSV(t.Context(), intaketest.File(data), intake.Options{}, intake.Sink{Advisory: func(advisory.Advisory) error { return full }})
		if !errors.Is(err, full) {
			t.Errorf("%s, a sink that fails: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty": {}, "no archive": []byte("hello"), "cut off": intaketest.Gzip(t, tarred)[:200], "no documents": intaketest.Tar(t, docs[0]), "empty zip": intaketest.Zip(t, docs[0]), "half a zip": intaketest.Zip(t, docs...)[:100],
	} {
		if _, _, err := intaketest.ByID(t.Context(), ReadOSV, data, intake.Options{}); !errors.Is(err, intake.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := intaketest.Tar(t, intaketest.Member{"a.json", osvRecord("USN-1", `"details":"`+strings.Repeat("x", 5000)+`"`)}, docs[1])
	if _, s, err := intaketest.ByID(t.Context(), ReadOSV, long, intake.Options{Limits: intake.Limits{MaxRecord: 2000}}); err != nil || s.Skipped != 1 || s.Records != 1 {
		t.Errorf("a giant record: %v: %+v", err, s)
	}
	if _, _, err := intaketest.ByID(t.Context(), ReadOSV, long, intake.Options{Limits: intake.Limits{MaxTotal: 3000}}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("a giant archive: %v", err)
	}
}

func TestOSVWanted(t *testing.T) {
	t.Parallel()
	text := osvRecord("USN-1", `"affected":[`+osvEntry("Ubuntu:22.04:LTS", "jammy", osvFixed, "")+`,`+osvEntry("Ubuntu:Pro:16.04:LTS", "xenial", osvFixed, "")+`]`)
	for wanted, want := range map[string][]int{"Ubuntu:16.04": {1, 0}, "Ubuntu:24.04": {0, 1}} {
		_, s, err := intaketest.ByID(t.Context(), ReadOSV, []byte(text), intake.Options{Wanted: func(e string) bool { return e == wanted }})
		if err != nil || s.Records != want[0] || s.Left != want[1] {
			t.Errorf("%s: %v: %+v", wanted, err, s)
		}
	}
}

// Records as Canonical publishes them.
func TestOSVSample(t *testing.T) {
	t.Parallel()
	got, s, err := intaketest.ByID(t.Context(), ReadOSV, intaketest.Gzip(t, intaketest.Tar(t, samples(t, "osv", "osv-esm-cases")...)), intake.Options{Feed: "ubuntu/osv"})
	if err != nil || s.Records != 9 || s.Skipped != 0 || s.Left != 0 || len(s.Problems) != 0 {
		t.Fatalf("%v: %+v", err, s)
	}
	for _, row := range []struct {
		name, id string
		want     advisory.Affected
	}{
		{"fixed", "USN-5614-1", advisory.Affected{Ecosystem: "Ubuntu:22.04", Package: "wayland", Severity: "medium", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.20.0-1ubuntu0.1"}}}},
		{"fixed with esm-infra", "UBUNTU-CVE-2021-3782", advisory.Affected{Ecosystem: "Ubuntu:16.04", Package: "wayland", Severity: "medium", Entitlement: "esm-infra",
			Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.12.0-1~ubuntu16.04.3+esm1"}}}},
		{"fixed with esm-apps", "UBUNTU-CVE-2022-24823", advisory.Affected{Ecosystem: "Ubuntu:24.04", Package: "netty", Severity: "low", Entitlement: "esm-apps",
			Ranges: []advisory.Range{{Introduced: "0", Fixed: "1:4.1.48-9ubuntu0.1~esm1"}}}},
		{"not fixed yet", "UBUNTU-CVE-2016-20013", advisory.Affected{Ecosystem: "Ubuntu:24.04", Package: "glibc", Severity: "negligible", Ranges: []advisory.Range{{Introduced: "0"}}}},
		{"not fixed with esm-infra", "UBUNTU-CVE-2016-20013", advisory.Affected{Ecosystem: "Ubuntu:18.04", Package: "glibc", Severity: "negligible", Entitlement: "esm-infra", Ranges: []advisory.Range{{Introduced: "0"}}}},
		{"nothing but pro", "UBUNTU-CVE-2020-36325", advisory.Affected{Ecosystem: "Ubuntu:14.04", Package: "jansson", Entitlement: "pro", Ranges: []advisory.Range{{Introduced: "0"}}}},
	} {
		if diff := cmp.Diff(row.want, entry(got[row.id], row.want.Ecosystem, row.want.Package, row.want.Entitlement)); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
	if a := got["UBUNTU-CVE-2013-2208"]; a.Withdrawn.IsZero() {
		t.Errorf("not withdrawn: %+v", a)
	}
	if a := got["USN-5614-1"]; !cmp.Equal(a.CVEs, []string{"CVE-2021-3782"}) || a.Published.IsZero() {
		t.Errorf("%+v", a)
	}
}

package ubuntu

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// vexDocument holds one statement of p in jammy, with the fields given.
func vexDocument(fields string) string {
	return vexOf("CVE-2026-0001", `"products":[{"@id":"pkg:deb/ubuntu/p@2-1?arch=source&distro=jammy"},{"@id":"pkg:deb/ubuntu/libp1@2-1?arch=amd64&distro=jammy"}],`+fields)
}

func vexOf(id, statement string) string {
	return `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://github.com/canonical/ubuntu-security-notices/blob/main/vex/cve/2026/` + id + `",
		"timestamp":"2026-05-20T14:49:37.715155Z","version":4,"statements":[{"vulnerability":{"name":"CVE-2026-0001","description":"d"},"timestamp":"2026-02-19",` + statement + `}]}`
}

// Every status that Canonical's VEX can give, one row each.
func TestVEX(t *testing.T) {
	t.Parallel()
	upTo := []advisory.Range{{Introduced: "0", Last: "2-1"}}
	const ignored = "This package (for the given release) is vulnerable to the CVE, the problem is understood, but the Ubuntu Security Team decided to not fix it. "
	for name, tc := range map[string]struct {
		fields string
		want   advisory.Affected
	}{
		"not_affected": {`"status":"not_affected","justification":"vulnerable_code_not_present","impact_statement":"This package is not affected. CVE Notes / justification: code not built"`,
			advisory.Affected{Status: advisory.StatusNotAffected, Note: "code not built"}},
		"not_affected_by_justification_alone": {`"status":"not_affected","justification":"vulnerable_code_not_present"`, advisory.Affected{Status: advisory.StatusNotAffected, Note: "vulnerable_code_not_present"}},
		"fixed_from_the_version_that_is_there": {`"status":"fixed","status_notes":"An update has been published."`,
			advisory.Affected{Status: advisory.StatusNotAffected, Ranges: []advisory.Range{{Introduced: "2-1"}}, Note: "An update has been published."}},
		"needed":       {`"status":"affected","action_statement":"The package is vulnerable and needs fixing."`, advisory.Affected{Ranges: upTo, Note: "The package is vulnerable and needs fixing."}},
		"ignored":      {`"status":"affected","action_statement":"` + ignored + `CVE Notes / justification: it was deferred once"`, advisory.Affected{Ranges: upTo, Status: advisory.StatusIgnored, Note: "it was deferred once"}},
		"end_of_life":  {`"status":"affected","action_statement":"This package (for the given release) is no longer supported."`, advisory.Affected{Ranges: upTo, Status: advisory.StatusEndOfLife, Note: "This package (for the given release) is no longer supported."}},
		"deferred":     {`"status":"under_investigation","status_notes":"The vulnerability is known but remediation is deferred."`, advisory.Affected{Ranges: upTo, Status: advisory.StatusDeferred, Note: "The vulnerability is known but remediation is deferred."}},
		"undetermined": {`"status":"under_investigation","status_notes":"Vulnerability assessment is pending."`, advisory.Affected{Ranges: upTo, Status: advisory.StatusUndetermined, Note: "Vulnerability assessment is pending."}},
		"priority": {`"status":"affected","action_statement":"x","status_notes":"Ubuntu Security Team classified this CVE as of Medium priority."`,
			advisory.Affected{Ranges: upTo, Note: "x", Severity: "medium"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, s, err := intaketest.ByID(t.Context(), ReadVEX, []byte(vexDocument(tc.fields)), intake.Options{Feed: "ubuntu/vex"})
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Ecosystem, tc.want.Package = "Ubuntu:22.04", "p"
			at := time.Date(2026, 5, 20, 14, 49, 37, 715155000, time.UTC)
			want := advisory.Advisory{
				Feed: "ubuntu/vex", ID: "CVE-2026-0001", CVEs: []string{"CVE-2026-0001"}, Details: "d",
				Published: time.Date(2026, 2, 19, 0, 0, 0, 0, time.UTC), Modified: at, Affected: []advisory.Affected{tc.want},
			}
			if diff := cmp.Diff(map[string]advisory.Advisory{want.ID: want}, got) + cmp.Diff(intake.Survey{Records: 1, Ecosystems: []string{"Ubuntu:22.04"}, Newest: at}, s); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A package that the archive does not have is left to other sources: the documents say nothing of hosts that have it all the same.
func TestVEXNotInArchive(t *testing.T) {
	t.Parallel()
	text := vexDocument(`"status":"not_affected","justification":"component_not_present","impact_statement":"This package (for the given release) does not exist in the archive."`)
	got, s, err := intaketest.ByID(t.Context(), ReadVEX, []byte(text), intake.Options{})
	if err != nil || len(got) != 0 || s.Left != 1 || len(s.Problems) != 0 {
		t.Errorf("%v: %+v, %v", err, s, got)
	}
}

func TestVEXNotice(t *testing.T) {
	t.Parallel()
	text := `{"@id":"https://github.com/canonical/ubuntu-security-notices/blob/main/vex/usn/USN-1-1","timestamp":"2026-04-24T08:06:46.602534Z","statements":[
		{"vulnerability":{"name":"USN-1-1","aliases":["CVE-2026-0002","CVE-2026-0001","https://ubuntu.com/security/CVE-2026-0003"]},"timestamp":"2024-01-30 15:15:00 UTC",
		"products":[{"@id":"pkg:deb/ubuntu/libstdc%2B%2B@1%3A2?arch=source&distro=esm-apps/jammy"}],"status":"fixed","status_notes":"x"}]}`
	got, _, err := intaketest.ByID(t.Context(), ReadVEX, []byte(text), intake.Options{})
	want := map[string]advisory.Advisory{"USN-1-1": {
		ID: "USN-1-1", CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"}, Published: time.Date(2024, 1, 30, 15, 15, 0, 0, time.UTC), Modified: time.Date(2026, 4, 24, 8, 6, 46, 602534000, time.UTC),
		Affected: []advisory.Affected{{Ecosystem: "Ubuntu:22.04", Package: "libstdc++", Entitlement: "esm-apps", Status: advisory.StatusNotAffected, Note: "x", Ranges: []advisory.Range{{Introduced: "1:2"}}}},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	text = vexOf("USN-1-1", `"products":[{"@id":"pkg:deb/ubuntu/p@1?arch=source&distro=jammy"}],"status":"fixed"`)
	if got, _, err := intaketest.ByID(t.Context(), ReadVEX, []byte(text), intake.Options{}); err != nil || len(got["USN-1-1/CVE-2026-0001"].Affected) != 1 {
		t.Errorf("a document of another name than its vulnerability: %v: %+v", err, got)
	}
	wrapped := `{"metadata":{"@id":"x/CVE-2026-0001","timestamp":"2025-07-23T05:12:19.020044"},"statements":[]}`
	if _, s, err := intaketest.ByID(t.Context(), ReadVEX, []byte(wrapped), intake.Options{}); err != nil || s.Skipped != 0 || s.Newest.IsZero() {
		t.Errorf("metadata in an object of its own: %v: %+v", err, s)
	}
}

func TestVEXNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	source := func(distro, version string) string {
		return `"products":[{"@id":"pkg:deb/ubuntu/p@` + version + `?arch=source&distro=` + distro + `"}],`
	}
	for name, tc := range map[string]struct {
		text          string
		skipped, left int
		problem       string
	}{
		"a status that is new":         {vexDocument(`"status":"perhaps"`), 0, 1, `status "perhaps" is not known`},
		"a release that is new":        {vexOf("CVE-2026-0001", source("zesty-zebra", "1")+`"status":"fixed"`), 0, 1, `"zesty-zebra" is no release`},
		"no distro":                    {vexOf("CVE-2026-0001", `"products":[{"@id":"pkg:deb/ubuntu/p@1?arch=source"}],"status":"fixed"`), 0, 1, `"" is no release`},
		"a version that is none":       {vexOf("CVE-2026-0001", source("jammy", "x")+`"status":"fixed"`), 0, 1, "invalid deb version"},
		"a product that is no package": {vexOf("CVE-2026-0001", `"products":[{"@id":"pkg:oci/x"}],"status":"fixed"`), 0, 1, "no purl of an Ubuntu package"},
		"no name":                      {`{"@id":"x","statements":[{"status":"fixed"}]}`, 1, 0, "has no name"},
		"no id":                        {`{"statements":[]}`, 1, 0, "its @id is missing"},
		"an array":                     {`{"@id":"x","statements":{}}`, 1, 0, "instead of"},
		"cut off":                      {`{"@id":"x","statements":[{"status"`, 1, 0, "EOF"},
		"a giant value":                {vexDocument(`"status_notes":"` + strings.Repeat("x", 3<<20) + `"`), 1, 0, "too long"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			_, s, err := intaketest.ByID(t.Context(), ReadVEX, []byte(tc.text), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]int{0, tc.skipped, tc.left}, []int{s.Records, s.Skipped, s.Left}); diff != "" {
				t.Error(diff)
			}
			if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, tc.problem) {
				t.Errorf("%+v, want %q", s.Problems, tc.problem)
			}
		})
	}
	full := errors.New("disk full")
	if _, err := ReadVEX(t.Context(), intaketest.File([]byte(vexDocument(`"status":"fixed"`))), intake.Options{}, intake.Sink{Advisory: func(advisory.Advisory) error { return full }}); !errors.Is(err, full) {
		t.Errorf("a sink that fails: %v", err)
	}
}

// Documents as Canonical publishes them.
func TestVEXSample(t *testing.T) {
	t.Parallel()
	got, s, err := intaketest.ByID(t.Context(), ReadVEX, intaketest.Gzip(t, intaketest.Tar(t, samples(t, "vex")...)), intake.Options{Feed: "ubuntu/vex"})
	if err != nil || s.Records != 2 || s.Skipped != 0 || s.Left != 0 || len(s.Problems) != 0 {
		t.Fatalf("%v: %+v", err, s)
	}
	curl := "CVE-2023-38545"
	for _, row := range []struct {
		name, id string
		want     advisory.Affected
	}{
		{"fixed", curl, advisory.Affected{Ecosystem: "Ubuntu:22.04", Package: "curl", Status: advisory.StatusNotAffected, Ranges: []advisory.Range{{Introduced: "7.81.0-1ubuntu1.24"}},
			Note: "This package (for the given release) was vulnerable, but an update has been uploaded and published."}},
		{"no longer supported, but ESM found it not affected", curl, advisory.Affected{Ecosystem: "Ubuntu:16.04", Package: "curl", Status: advisory.StatusNotAffected, Entitlement: "esm-infra",
			Note: "affects 7.69 and higher introduced in https://github.com/curl/curl/commit/4a4b63daaa"}},
		{"not in the archive", "CVE-2016-20013", advisory.Affected{}},
	} {
		want := row.want
		ecosystem, name := want.Ecosystem, want.Package
		if ecosystem == "" {
			ecosystem, name = "Ubuntu:24.04", "zabbix"
		}
		if diff := cmp.Diff(want, entry(got[row.id], ecosystem, name, want.Entitlement)); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
	if e := entry(got[curl], "Ubuntu:16.04", "curl", ""); e.Package != "" {
		t.Errorf("the release without ESM says %+v", e)
	}
	ignored := entry(got["CVE-2016-20013"], "Ubuntu:24.04", "glibc", "")
	if ignored.Status != advisory.StatusIgnored || !cmp.Equal(ignored.Ranges, []advisory.Range{{Introduced: "0", Last: "2.39-0ubuntu8.7"}}) || !strings.HasPrefix(ignored.Note, "Actually addressing this") {
		t.Errorf("ignored: %+v", ignored)
	}
	if n := len(got["CVE-2016-20013"].Affected); n != 35 {
		t.Errorf("%d sources, want 35", n)
	}
}

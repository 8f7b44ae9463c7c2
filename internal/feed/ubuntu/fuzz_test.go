package ubuntu

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

var fuzzed = intake.Limits{MaxEntries: 1000, MaxRecord: 1 << 16, MaxTotal: 1 << 20}

// checkAdvisory holds what a record that was let through promises to the store and to matching.
func checkAdvisory(t *testing.T, a advisory.Advisory) {
	t.Helper()
	if a.ID == "" || len(a.ID) > 2*maxID+1 || len(a.Details) > maxDetails || len(a.Summary) > maxSummary || a.Affected == nil || len(a.Affected) == 0 && a.Withdrawn.IsZero() {
		t.Errorf("%+v", a)
	}
	for _, f := range a.Affected {
		if scheme, ok := vercmp.ForEcosystem(f.Ecosystem); !ok || scheme != vercmp.Deb || f.Package == "" || len(f.Note) > maxNote {
			t.Errorf("%+v", f)
		}
		for _, r := range f.Ranges {
			for _, v := range []string{r.Introduced, r.Fixed, r.Last} {
				if v != "" && v != "0" && vercmp.Valid(vercmp.Deb, v) != nil {
					t.Errorf("%q", v)
				}
			}
			if r.Introduced == "" || r.Fixed != "" && r.Last != "" {
				t.Errorf("%+v", r)
			}
		}
	}
}

func FuzzOSV(f *testing.F) {
	one := osvRecord("UBUNTU-CVE-2026-0001", `"upstream":["CVE-2026-0001"],"severity":[{"type":"Ubuntu","score":"low"}],"affected":[`+osvEntry("Ubuntu:Pro:FIPS:22.04:LTS", "fips/jammy", osvFixed, infra)+`,`+osvEntry("Ubuntu:22.04:LTS", "jammy", `{"introduced":"0"}`, `,"versions":["1"]`)+`]`)
	f.Add([]byte(one))
	f.Add(intaketest.Tar(f, intaketest.Member{"a.json", one}, intaketest.Member{"b", one}))
	f.Add(intaketest.Zip(f, intaketest.Member{"a.json", one}))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = intaketest.Fuzz(t, ReadOSV, data, fuzzed, checkAdvisory) })
}

func FuzzVEX(f *testing.F) {
	f.Add([]byte(vexDocument(`"status":"affected","action_statement":"x","status_notes":"Ubuntu Security Team classified this CVE as of Medium priority."`)))
	f.Add([]byte(vexOf("USN-1-1", `"products":[{"@id":"pkg:deb/ubuntu/libstdc%2B%2B@1%3A2?arch=source&distro=esm-apps/jammy"}],"status":"fixed"`)))
	f.Add(intaketest.Tar(f, intaketest.Member{"a.json", vexDocument(`"status":"not_affected"`)}))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = intaketest.Fuzz(t, ReadVEX, data, fuzzed, checkAdvisory) })
}

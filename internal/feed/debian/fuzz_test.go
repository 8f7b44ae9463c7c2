package debian

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

var fuzzed = intake.Limits{MaxRecord: 1 << 16, MaxTotal: 1 << 20}

// checkAdvisory holds what a record that was let through promises to the store and to matching.
func checkAdvisory(t *testing.T, a advisory.Advisory) {
	t.Helper()
	if a.ID == "" || len(a.ID) > maxID+1+maxName || len(a.Details) > maxDetails || len(a.Affected) == 0 {
		t.Errorf("%+v", a)
	}
	for _, cve := range a.CVEs {
		if !intake.IsCVE(cve) {
			t.Errorf("%q", cve)
		}
	}
	for _, f := range a.Affected {
		if scheme, ok := vercmp.ForEcosystem(f.Ecosystem); !ok || scheme != vercmp.Deb || f.Package == "" || len(f.Note) > maxNote || len(f.Ranges) > 1 {
			t.Errorf("%+v", f)
		}
		for _, r := range f.Ranges {
			if r.Introduced != "0" || r.Fixed != "" && vercmp.Valid(vercmp.Deb, r.Fixed) != nil || f.Status == advisory.StatusNotAffected {
				t.Errorf("%+v", f)
			}
		}
	}
}

func FuzzTracker(f *testing.F) {
	f.Add([]byte(`{"p":{"CVE-2026-0001":{"description":"x","releases":{"bookworm":{"status":"resolved","fixed_version":"1:2~rc1-1+deb12u1","urgency":"low**","nodsa":"x","nodsa_reason":"ignored"},"sid":{"status":"open"}}}}}`))
	f.Add([]byte(`{"p":{"TEMP-0000000-2FC21E":{"releases":[]},"CVE-2026-0002":{"releases":{"trixie":{"status":"undetermined"},"x":1}}},"q":{}}`))
	f.Add([]byte(`{"p":[`))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = intaketest.Fuzz(t, ReadTracker, data, fuzzed, checkAdvisory) })
}

func FuzzList(f *testing.F) {
	f.Add([]byte("[21 Nov 2026] DSA-1234-1 pkg - security update\n\t{CVE-2026-0002 CVE-2026-0001}\n\t[bookworm] - pkg 1:2-3~deb12u1 (note)\n\t[trixie] - pkg <not-affected>\n\tNOTE: x\n"))
	f.Add([]byte("[7 Jun 2015] DLA-1-2 x\n {CVE-2026-0002\n }\n [sid] - x <unfixed>\nDSA\n"))
	f.Fuzz(func(t *testing.T, data []byte) { _, _ = intaketest.Fuzz(t, ReadList, data, fuzzed, checkAdvisory) })
}

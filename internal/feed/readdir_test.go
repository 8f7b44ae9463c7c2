package feed

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

func TestReadDirDebian(t *testing.T) {
	t.Parallel()
	k, err := ReadDir(t.Context(), intaketest.Shared(t, "feeds"), []string{"Debian:12"})
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Advisories) != 2155 || len(k.KEV) != 1674 {
		t.Errorf("%d advisories, %d KEV entries, want 2155 and 1674", len(k.Advisories), len(k.KEV))
	}
	for _, a := range k.Advisories {
		if len(a.CVEs) != 1 || len(a.Affected) != 1 || len(a.Affected[0].Ranges) != 1 || a.Affected[0].Ranges[0].Fixed == "" {
			t.Fatalf("%+v", a)
		}
	}
	there := 0
	for _, s := range k.Status {
		if s.Error == "not in the folder of feeds" {
			continue
		}
		there++
		if s.Skipped != 0 || len(s.Problems) != 0 || s.AsOf == nil || s.Error != "" {
			t.Errorf("%+v", s)
		}
	}
	if there < 4 {
		t.Errorf("%d feeds of the folder were read, want osv/Debian, kev, epss and ssvc at least", there)
	}
}

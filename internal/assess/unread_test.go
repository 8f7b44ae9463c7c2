package assess

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// A host whose package manager could not be asked reports an empty list, or its snaps alone: that is never "no findings".
func TestAHostWithoutPackagesIsNotAssessed(t *testing.T) {
	t.Parallel()
	w, a, b := fleetOf(t)
	w.packages(a.ID, "Debian:12")
	w.packages(b.ID, "Debian:12", apiv1.Package{Name: "lxd", Arch: "amd64", Version: "5.0", Ecosystem: apiv1.EcosystemSnap})
	w.settle()
	for _, id := range []string{a.ID, b.ID} {
		row, err := w.assess.Host(t.Context(), id)
		w.must(err)
		if row.Findings.Assessed || row.Findings.Reason == "" {
			t.Errorf("%+v", row.Findings)
		}
	}
}

package assess

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What a source says of a package is shown whether it names versions or not: silence would hide why a host has no finding.
func TestAnAdvisoryShowsWhatItSaysOfEachPackage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		says advisory.Affected
		want []apiv1.AffectedRange
	}{
		"a range": {
			advisory.Affected{Ranges: []advisory.Range{{Introduced: "0", Fixed: "2"}}},
			[]apiv1.AffectedRange{{Range: "< 2", Fixed: "2"}},
		},
		"a range and a version": {
			advisory.Affected{Ranges: []advisory.Range{{Introduced: "0", Fixed: "2"}}, Versions: []string{"3"}, Status: advisory.StatusNoDSA, Note: "minor"},
			[]apiv1.AffectedRange{{Range: "< 2", Fixed: "2", Status: "no_dsa", Note: "minor"}, {Range: "= 3", Status: "no_dsa", Note: "minor"}},
		},
		"no version": {
			advisory.Affected{Status: advisory.StatusNotAffected, Note: "not built in"},
			[]apiv1.AffectedRange{{Status: "not_affected", Note: "not built in"}},
		},
		"every version":            {advisory.Affected{}, []apiv1.AffectedRange{{Range: "every version"}}},
		"every version, in a word": {advisory.Affected{Status: advisory.StatusIgnored}, []apiv1.AffectedRange{{Range: "every version", Status: "ignored"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.says.Ecosystem, tc.says.Package = "Debian:12", "p"
			for i := range tc.want {
				tc.want[i].Ecosystem, tc.want[i].Package = "Debian:12", "p"
			}
			got := advisoryRef(&advisory.Advisory{ID: "A-1", Affected: []advisory.Affected{tc.says}}).Affected
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

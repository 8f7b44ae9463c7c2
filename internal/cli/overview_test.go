package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Who was online, who waited and whose lists were old has no history: of the past nobody counts them.
func TestTheOverviewOfThePastLeavesOutWhatHasNoHistory(t *testing.T) {
	t.Parallel()
	said := func(v apiv1.Overview, name string) bool {
		return slices.ContainsFunc(overviewPairs(v), func(pair [2]string) bool { return pair[0] == name })
	}
	for _, name := range []string{"online", "pending", "stale_package_lists"} {
		if !said(apiv1.Overview{}, name) {
			t.Errorf("%s is left out of now", name)
		}
		if said(apiv1.Overview{Past: &apiv1.Past{AsOf: time.Now()}}, name) {
			t.Errorf("%s is said of the past", name)
		}
	}
	if !said(apiv1.Overview{Past: &apiv1.Past{}}, "hosts") {
		t.Error("the hosts are left out")
	}
}

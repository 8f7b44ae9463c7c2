package cli

import (
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// What a finding's fix is must be readable on a terminal of 80 columns, whatever stands beside it.
func TestEveryStatusOfAFindingFitsInto80Columns(t *testing.T) {
	t.Parallel()
	said := map[string]string{}
	for _, status := range []string{
		apiv1.StatusFixed, apiv1.StatusNoFix, apiv1.StatusNotLoaded, apiv1.StatusNotRunning, apiv1.StatusRebootPending, apiv1.StatusOldCode, apiv1.StatusEntitlement,
		apiv1.StatusPostponed, apiv1.StatusWontFix, apiv1.StatusUndetermined, apiv1.StatusUnimportant, apiv1.StatusEndOfLife, apiv1.StatusUntold,
	} {
		f := apiv1.Finding{
			Priority: apiv1.PriorityUrgent, Vulnerability: "DEBIAN-CVE-2026-123456", Host: "web-1.production.example.org", Source: "linux-signed-amd64",
			Installed: "1:2.36-9+deb12u10~bpo11+1", Status: status,
		}
		table := tableOf([]apiv1.Finding{f}, findingColumns(true)).render(80, false)
		words := fixWords(f)
		row := strings.Split(strings.TrimSpace(table), "\n")[1]
		if !strings.HasSuffix(row, "  "+words) || columns(row) > 80 {
			t.Errorf("%s is shown as\n%s", status, row)
		}
		if other := said[words]; other != "" {
			t.Errorf("%q stands for %q and for %q", words, status, other)
		}
		said[words] = status
	}
}

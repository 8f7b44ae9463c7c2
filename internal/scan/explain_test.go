package scan

import (
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Red Hat's VEX says of a source package what is not fixed in it: whoever has one of its binary packages has what it speaks of.
func TestAWordOnAComponentIsAboutItsPackages(t *testing.T) {
	t.Parallel()
	libs := inventory.Package{Ecosystem: "Red Hat:9", Name: "openssl-libs", Arch: "x86_64", Version: "1:3.0.7-28.el9_4", Source: "openssl", SourceVersion: "1:3.0.7-28.el9_4"}
	of := subjectsOf([]inventory.Package{libs, libs})
	for status, want := range map[advisory.Status]string{
		advisory.StatusNotAffected: "1:3.0.7-28.el9_4: not affected", advisory.StatusWontFix: "1:3.0.7-28.el9_4: affected",
		advisory.StatusUndetermined: "1:3.0.7-28.el9_4: its source has not determined that yet",
	} {
		a := advisory.Advisory{Feed: "redhat/vex", ID: "CVE-1", CVEs: []string{"CVE-1"}, Affected: []advisory.Affected{{Ecosystem: "Red Hat:9", Package: "openssl", Status: status}}}
		if got := sourceSays(&a, "Red Hat:9", "openssl", of[[2]string{"Red Hat:9", "openssl"}]); len(got.Installed) != 1 || got.Verdict != want {
			t.Errorf("%s: installed %q, %q, want %q", status, got.Installed, got.Verdict, want)
		}
	}
}

func TestAKernelThatIsPatchedInMemoryIsNotSaidNeverToHaveBeenAffected(t *testing.T) {
	t.Parallel()
	e := Explanation{Vulnerability: "CVE-1", Sources: []Source{{Package: "linux", Installed: []string{"6.8.0-40.40"}, Verdict: "6.8.0-40.40: affected"}}}
	on := assess.HostState{Livepatches: []apiv1.Livepatch{{Name: "lp", CVEs: []string{"CVE-1"}}}}
	if got := e.answer(on); !strings.Contains(got, "patched in the memory of the kernel that runs") {
		t.Error(got)
	}
	if got := e.answer(assess.HostState{}); strings.Contains(got, "memory") {
		t.Error(got)
	}
}

package cli

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func TestLifecycleWords(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]apiv1.HostLifecycle{
		"unknown": {State: "unknown"},
		"supported until 2028-08-09 (distro-info+eol)": {State: "supported", Until: "2028-08-09", Source: "distro-info+eol"},
		"supported (eol)": {State: "supported", Source: "eol"},
		"extended until 2032-04-21, which needs esm-infra (distro-info)": {State: "extended", Until: "2032-04-21", EntitlementNeeded: "esm-infra", Source: "distro-info"},
		"ended on 2024-06-30 (eol)":                                      {State: "ended", Until: "2024-06-30", Source: "eol"},
	} {
		if got := lifecycleWords(l); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := osOf(apiv1.Host{Ecosystem: "Debian:10", Lifecycle: apiv1.HostLifecycle{State: "ended"}}); got != "Debian 10, ended" {
		t.Errorf("%q", got)
	}
}

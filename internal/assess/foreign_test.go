package assess

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// What another origin built, and what came by snap or flatpak, is not spoken of by the distribution's advisories.
func TestForeign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    inventory.Package
		want bool
	}{
		"own":            {inventory.Package{Ecosystem: "Debian:12", Origin: "Debian"}, false},
		"unknown_origin": {inventory.Package{Ecosystem: "Debian:12"}, false},
		"a_vendors":      {inventory.Package{Ecosystem: "Debian:12", Origin: "nginx"}, true},
		"snap":           {inventory.Package{Ecosystem: "Snap"}, true},
		"flatpak":        {inventory.Package{Ecosystem: "Flatpak"}, true},
	} {
		if got := foreign(c.p); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

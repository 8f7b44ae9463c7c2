package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// A package of another ecosystem keeps its own through interning, and has no order key where that ecosystem has no order.
func TestConvertKeepsAPackagesOwnEcosystem(t *testing.T) {
	t.Parallel()
	got := Convert(apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{
		{Name: "a", Arch: "all", Version: "1"}, {Name: "b", Arch: "amd64", Version: "120.0.1", Ecosystem: apiv1.EcosystemSnap},
	}})
	want := []Package{
		{Ecosystem: "Debian:12", Name: "a", Arch: "all", Version: "1", Source: "a", SourceVersion: "1"},
		{Ecosystem: "Snap", Name: "b", Arch: "amd64", Version: "120.0.1", Source: "b", SourceVersion: "120.0.1"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Package{}, "VersionKey", "SourceKey")); diff != "" {
		t.Error(diff)
	}
	if got[0].VersionKey == nil || got[1].VersionKey != nil {
		t.Errorf("keys %x and %x; want one and none", got[0].VersionKey, got[1].VersionKey)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	of := func(ecosystems ...string) (out []Package) {
		for _, e := range ecosystems {
			out = append(out, Package{Ecosystem: e})
		}
		return out
	}
	for name, c := range map[string]struct {
		in   []Package
		want string
	}{
		"none":              {nil, ""},
		"one":               {of("Debian:12"), "Debian:12"},
		"beside_snaps":      {of("Snap", "Debian:12", "Snap", "Flatpak"), "Debian:12"},
		"snaps_alone":       {of("Snap"), ""},
		"a_release_unknown": {of("", "", "Snap"), ""},
		"most_of_them":      {of("PyPI", "Debian:12", "Debian:12"), "Debian:12"},
	} {
		if got := Release(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

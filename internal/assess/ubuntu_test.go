package assess

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// A kernel for FIPS is judged by what is said of it: certified builds stay as they are, and updated ones have the fix.
func TestUbuntuKernelsForFIPS(t *testing.T) {
	t.Parallel()
	about := aboutPackage("Ubuntu:22.04", "linux-fips")
	certified := about("", "", needs("fips"), func(a *advisory.Affected) { a.Ranges = []advisory.Range{{Introduced: "0"}} })
	said := entryOf("ubuntu/osv", "UBUNTU-CVE-2026-1", certified, about("", "5.15.0-92.102+fips1", needs("fips-updates")))
	for version, want := range map[string]string{"5.15.0-73.80+fips1": "fix needs a subscription 5.15.0-92.102+fips1 by UBUNTU-CVE-2026-1", "5.15.0-92.102+fips1": ""} {
		p := apiv1.Package{Name: "linux-image-5.15.0-73-fips", Arch: "amd64", Version: version, Source: "linux-signed-fips"}
		if got := outcome(p, "Ubuntu:22.04", Standing{}, said); got != want {
			t.Errorf("%s: got %q, want %q", version, got, want)
		}
	}
}

// Ubuntu's VEX names the version that the archive has, its OSV the one that fixed: what the one says ends at that version, and builds for
// FIPS are not the ordinary ones.
func TestUbuntuVEXAndOSV(t *testing.T) {
	t.Parallel()
	ssl := func(v string) apiv1.Package { return apiv1.Package{Name: "openssl", Arch: "amd64", Version: v} }
	about := aboutPackage("Ubuntu:22.04", "openssl")
	vex := func(affected ...advisory.Affected) advisory.Advisory {
		return entryOf("ubuntu/vex", "CVE-2026-1", affected...)
	}
	osv := func(fixed string) advisory.Advisory {
		a := about("", fixed)
		if fixed == "" {
			a.Ranges = []advisory.Range{{Introduced: "0"}}
		}
		return entryOf("ubuntu/osv", "UBUNTU-CVE-2026-1", a)
	}
	upTo := func(status advisory.Status, last string) advisory.Affected {
		return about(status, "", func(a *advisory.Affected) { a.Ranges = []advisory.Range{{Introduced: "0", Last: last}} })
	}
	from := func(version string) advisory.Affected {
		return about(advisory.StatusNotAffected, "", func(a *advisory.Affected) { a.Ranges = []advisory.Range{{Introduced: version}} })
	}
	for name, tc := range map[string]struct {
		version string
		said    []advisory.Advisory
		want    string
	}{
		"ignored in the version that there is":         {"3.0.2-1", []advisory.Advisory{vex(upTo(advisory.StatusIgnored, "3.0.2-1")), osv("")}, "no fix planned (ignored)"},
		"and not spoken of after it":                   {"3.0.2-2", []advisory.Advisory{vex(upTo(advisory.StatusIgnored, "3.0.2-1")), osv("")}, "no fix yet"},
		"fixed since the documents were made":          {"3.0.2-2", []advisory.Advisory{vex(upTo("", "3.0.2-1")), osv("3.0.2-2")}, ""},
		"before the fix":                               {"3.0.2-1", []advisory.Advisory{vex(from("3.0.2-5")), osv("3.0.2-2")}, "fix available 3.0.2-2 by UBUNTU-CVE-2026-1"},
		"between the fix and the version there is":     {"3.0.2-3", []advisory.Advisory{vex(from("3.0.2-5")), osv("3.0.2-2")}, ""},
		"never affected":                               {"3.0.2-1", []advisory.Advisory{vex(about(advisory.StatusNotAffected, "")), osv("")}, ""},
		"the build for FIPS is not, the ordinary one?": {"3.0.2-1", []advisory.Advisory{vex(about(advisory.StatusNotAffected, "", ofStream("fips"), needs("fips"))), osv("3.0.2-2")}, "fix available 3.0.2-2 by UBUNTU-CVE-2026-1"},
		"a fix for FIPS is none of the ordinary one":   {"3.0.2-3", []advisory.Advisory{osv("3.0.2-2"), entryOf("ubuntu/osv", "USN-1-1", about("", "3.0.2-9+Fips1", ofStream("fips"), needs("fips")))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(ssl(tc.version), "Ubuntu:22.04", Standing{}, tc.said...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

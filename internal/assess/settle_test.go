package assess

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// entryOf is an advisory of one feed about CVE-2026-1, with its entries.
func entryOf(feed, id string, affected ...advisory.Affected) advisory.Advisory {
	return advisory.Advisory{Feed: feed, ID: id, CVEs: []string{"CVE-2026-1"}, Affected: affected}
}

// about makes entries of one package of one release.
func aboutPackage(ecosystem, name string) func(status advisory.Status, fixed string, change ...func(*advisory.Affected)) advisory.Affected {
	return func(status advisory.Status, fixed string, change ...func(*advisory.Affected)) advisory.Affected {
		a := advisory.Affected{Ecosystem: ecosystem, Package: name, Status: status}
		if fixed != "" {
			a.Ranges = []advisory.Range{{Introduced: "0", Fixed: fixed}}
		}
		for _, c := range change {
			c(&a)
		}
		return a
	}
}

func needs(entitlement string) func(*advisory.Affected) {
	return func(a *advisory.Affected) { a.Entitlement = entitlement }
}

func ofStream(stream string) func(*advisory.Affected) {
	return func(a *advisory.Affected) { a.Stream = stream }
}

// outcome is what a finding says in short; empty: there is none.
func outcome(p apiv1.Package, ecosystem string, standing Standing, advisories ...advisory.Advisory) string {
	one := interned(ecosystem, p)
	hit, there := Settle(Match(one, advisories))["CVE-2026-1"]
	if !there {
		return ""
	}
	c := Case{Vulnerability: "CVE-2026-1", Subject: SubjectOf(one), Hit: hit, Standing: standing}
	v := Judge(c, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	out := v.Status
	if fixed := hit.Fixed(standing); fixed != "" {
		out += " " + fixed + " by " + hit.FixedBy(standing).ID
	}
	if hit.status != "" {
		out += " (" + string(hit.status) + ")"
	}
	return out
}

func TestSourcesOfUnequalTrustSettle(t *testing.T) {
	t.Parallel()
	xz := aboutPackage("Debian:12", "xz-utils")
	installed := func(v string) apiv1.Package {
		return apiv1.Package{Name: "liblzma5", Arch: "amd64", Version: v, Source: "xz-utils"}
	}
	tracker := func(status advisory.Status, fixed string) advisory.Advisory {
		return entryOf("debian-tracker", "CVE-2026-1", xz(status, fixed))
	}
	osv := func(fixed string) advisory.Advisory {
		return entryOf("osv/Debian", "DEBIAN-CVE-2026-1", xz("", fixed))
	}
	all := advisory.Affected{Ecosystem: "Debian:12", Package: "xz-utils", Ranges: []advisory.Range{{Introduced: "0"}}}
	for name, tc := range map[string]struct {
		version string
		said    []advisory.Advisory
		want    string
	}{
		"the tracker names a version that never came": {"5.4.1-1+deb12u2", []advisory.Advisory{tracker("", "5.4.1-2+deb12u1")}, "fix available 5.4.1-2+deb12u1 by CVE-2026-1"},
		"and the override list cures it":              {"5.4.1-1+deb12u2", []advisory.Advisory{tracker("", "5.4.1-2+deb12u1"), entryOf("override", "site-1", xz("", "5.4.1-1+deb12u2"))}, ""},
		"which holds nothing back from what is below": {"5.4.1-1+deb12u1", []advisory.Advisory{tracker("", "5.4.1-2+deb12u1"), entryOf("override", "site-1", xz("", "5.4.1-1+deb12u2"))}, "fix available 5.4.1-1+deb12u2 by site-1"},
		"the user's VEX is asked before the tracker":  {"5.4", []advisory.Advisory{tracker("", "5.5"), entryOf("vex", "ours", xz(advisory.StatusNotAffected, ""))}, ""},
		"the override list before the user's VEX":     {"5.4", []advisory.Advisory{entryOf("vex", "ours", xz(advisory.StatusNotAffected, "")), entryOf("override", "site-1", all)}, "no fix yet"},
		"not affected, says the tracker, over OSV":    {"5.4", []advisory.Advisory{osv("5.5"), tracker(advisory.StatusNotAffected, "")}, ""},
		"affected, says the tracker, over OSV's fix":  {"5.6", []advisory.Advisory{osv("5.5"), tracker("", "")}, "no fix yet"},
		"no DSA":                                     {"5.4", []advisory.Advisory{tracker(advisory.StatusNoDSA, "")}, "fix postponed by the distribution (no_dsa)"},
		"no DSA is not final: OSV knows a fix":       {"5.4", []advisory.Advisory{tracker(advisory.StatusNoDSA, ""), osv("5.5")}, "fix available 5.5 by DEBIAN-CVE-2026-1 (no_dsa)"},
		"no DSA, later fixed in a point release":     {"5.4", []advisory.Advisory{tracker(advisory.StatusNoDSA, "5.5")}, "fix available 5.5 by CVE-2026-1 (no_dsa)"},
		"no DSA, and the point release is installed": {"5.5", []advisory.Advisory{tracker(advisory.StatusNoDSA, "5.5")}, ""},
		"postponed":                                  {"5.4", []advisory.Advisory{tracker(advisory.StatusPostponed, "")}, "fix postponed by the distribution (postponed)"},
		"ignored":                                    {"5.4", []advisory.Advisory{tracker(advisory.StatusIgnored, "")}, "no fix planned (ignored)"},
		"unimportant":                                {"5.4", []advisory.Advisory{tracker(advisory.StatusUnimportant, "")}, "no security impact, says the distribution (unimportant)"},
		"end of life":                                {"5.4", []advisory.Advisory{tracker(advisory.StatusEndOfLife, "")}, "end of life: nobody fixes it (end_of_life)"},
		"undetermined is heard where nobody else speaks":   {"5.4", []advisory.Advisory{tracker(advisory.StatusUndetermined, "")}, "under investigation (undetermined)"},
		"undetermined decides nothing":                     {"5.4", []advisory.Advisory{tracker(advisory.StatusUndetermined, ""), osv("5.5")}, "fix available 5.5 by DEBIAN-CVE-2026-1"},
		"undetermined does not keep what is fixed":         {"5.6", []advisory.Advisory{tracker(advisory.StatusUndetermined, ""), osv("5.5")}, ""},
		"a changelog names a fix that no feed knows":       {"5.4", []advisory.Advisory{tracker("", ""), entryOf("changelog", "xz-utils 5.4.1", xz("", "5.4.1"))}, "fix available 5.4.1 by xz-utils 5.4.1"},
		"a changelog is a finding where no feed names it":  {"5.4", []advisory.Advisory{entryOf("changelog", "xz-utils 5.4.1", xz("", "5.4.1"))}, "fix available 5.4.1 by xz-utils 5.4.1"},
		"a changelog does not outdo not affected":          {"5.4", []advisory.Advisory{tracker(advisory.StatusNotAffected, ""), entryOf("changelog", "xz-utils 5.4.1", xz("", "5.4.1"))}, ""},
		"updateinfo before the changelog":                  {"5.4", []advisory.Advisory{entryOf("changelog", "c", xz("", "5.4.1")), entryOf("updateinfo/x", "u", xz("", "5.4.2"))}, "fix available 5.4.2 by u"},
		"of equals the higher fix is needed":               {"5.4", []advisory.Advisory{entryOf("osv/Debian", "DSA-1", xz("", "5.4.1")), entryOf("osv/Debian", "DSA-2", xz("", "5.4.2"))}, "fix available 5.4.2 by DSA-2"},
		"of equals one that says affected counts":          {"5.4.1", []advisory.Advisory{entryOf("osv/Debian", "DSA-1", xz("", "5.4.1")), entryOf("osv/Debian", "DSA-2", xz("", "5.4.2"))}, "fix available 5.4.2 by DSA-2"},
		"an advisory of another feed of the same trust":    {"5.4", []advisory.Advisory{entryOf("debian-dsa", "DSA-1", xz("", "5.4.1")), osv("5.4.1")}, "fix available 5.4.1 by DSA-1"},
		"no word is no word: a range that begins later on": {"5.4", []advisory.Advisory{entryOf("debian-tracker", "CVE-2026-1", advisory.Affected{Ecosystem: "Debian:12", Package: "xz-utils", Ranges: []advisory.Range{{Introduced: "5.6", Fixed: "5.7"}}})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(installed(tc.version), "Debian:12", Standing{}, tc.said...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEntitlements(t *testing.T) {
	t.Parallel()
	esm := aboutPackage("Ubuntu:20.04", "openssl")
	eus := aboutPackage("Red Hat:9", "kernel-core")
	ubuntu := entryOf("ubuntu/osv", "UBUNTU-CVE-2026-1", esm("", ""), esm("", "1.1.1f-1ubuntu2.24+esm2", needs("esm-infra")))
	paidOnly := entryOf("ubuntu/osv", "UBUNTU-CVE-2026-1", esm("", "1.1.1f-1ubuntu2.24+esm2", needs("esm-infra")))
	main, extended := entryOf("redhat/csaf", "RHSA-1", eus("", "5.14.0-427.13.1.el9_4")), entryOf("redhat/csaf", "RHSA-2", eus("", "5.14.0-284.30.1.el9_2", needs("eus")))
	el8, sle := aboutPackage("Red Hat:8", "kernel-core"), aboutPackage("SUSE:15.3", "openssl")
	several := entryOf("redhat/csaf", "RHSA-3", el8("", "4.18.0-372.99.1.el8_6", needs("aus")), el8("", "4.18.0-372.99.1.el8_6", needs("e4s")), el8("", "4.18.0-372.99.1.el8_6", needs("tus")))
	suse := entryOf("suse/oval/15", "CVE-2026-1", sle("", "1.1.1d-150200.11.9", needs("espos")), sle("", "1.1.1d-150200.11.9", needs("ltss")))
	ssl := func(v string) apiv1.Package { return apiv1.Package{Name: "openssl", Arch: "amd64", Version: v} }
	kernel := func(v string) apiv1.Package {
		return apiv1.Package{Name: "kernel-core", Arch: "x86_64", Version: v, Source: "kernel"}
	}
	with := func(e string) Standing { return Standing{Entitlements: e} }
	for name, tc := range map[string]struct {
		ecosystem string
		p         apiv1.Package
		standing  Standing
		said      []advisory.Advisory
		want      string
	}{
		"the fix needs Pro":                          {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24"), with(""), []advisory.Advisory{ubuntu}, "fix needs a subscription 1.1.1f-1ubuntu2.24+esm2 by UBUNTU-CVE-2026-1"},
		"named only for those who have it":           {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24"), with(""), []advisory.Advisory{paidOnly}, "fix needs a subscription 1.1.1f-1ubuntu2.24+esm2 by UBUNTU-CVE-2026-1"},
		"this host has it":                           {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24"), with("esm-apps,esm-infra"), []advisory.Advisory{ubuntu}, "fix available 1.1.1f-1ubuntu2.24+esm2 by UBUNTU-CVE-2026-1"},
		"pro opens both":                             {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24"), with("pro"), []advisory.Advisory{ubuntu}, "fix available 1.1.1f-1ubuntu2.24+esm2 by UBUNTU-CVE-2026-1"},
		"another one does not help":                  {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24"), with("esm-apps"), []advisory.Advisory{ubuntu}, "fix needs a subscription 1.1.1f-1ubuntu2.24+esm2 by UBUNTU-CVE-2026-1"},
		"an installed esm version is fixed":          {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24+esm2"), with(""), []advisory.Advisory{ubuntu}, ""},
		"named only there, and installed":            {"Ubuntu:20.04", ssl("1.1.1f-1ubuntu2.24+esm3"), with(""), []advisory.Advisory{paidOnly}, ""},
		"a public fix is named first":                {"Ubuntu:20.04", ssl("1.1"), with(""), []advisory.Advisory{ubuntu, entryOf("ubuntu/osv", "USN-1", esm("", "1.1.1f-1ubuntu2.25"))}, "fix available 1.1.1f-1ubuntu2.25 by USN-1"},
		"an EUS build at its fix is fixed":           {"Red Hat:9", kernel("5.14.0-284.30.1.el9_2"), with("eus"), []advisory.Advisory{main, extended}, ""},
		"and stays so without the subscription":      {"Red Hat:9", kernel("5.14.0-284.40.1.el9_2"), with(""), []advisory.Advisory{main, extended}, ""},
		"an EUS build below its fix":                 {"Red Hat:9", kernel("5.14.0-284.11.1.el9_2"), with("eus"), []advisory.Advisory{main, extended}, "fix available 5.14.0-284.30.1.el9_2 by RHSA-2"},
		"without EUS the next minor release":         {"Red Hat:9", kernel("5.14.0-284.11.1.el9_2"), with(""), []advisory.Advisory{main, extended}, "fix available 5.14.0-427.13.1.el9_4 by RHSA-1"},
		"another minor release is not the EUS build": {"Red Hat:9", kernel("5.14.0-362.8.1.el9_3"), with(""), []advisory.Advisory{main, extended}, "fix available 5.14.0-427.13.1.el9_4 by RHSA-1"},
		"both named by one record":                   {"Red Hat:9", kernel("5.14.0-284.30.1.el9_2"), with(""), []advisory.Advisory{entryOf("redhat/vex", "CVE-2026-1", main.Affected[0], extended.Affected[0])}, ""},
		"both named by one record, another minor":    {"Red Hat:9", kernel("5.14.0-362.8.1.el9_3"), with(""), []advisory.Advisory{entryOf("redhat/vex", "CVE-2026-1", main.Affected[0], extended.Affected[0])}, "fix available 5.14.0-427.13.1.el9_4 by CVE-2026-1"},
		"above them all":                             {"Red Hat:9", kernel("5.14.0-503.el9_5"), with(""), []advisory.Advisory{main, extended}, ""},
		"one of several is enough":                   {"Red Hat:8", kernel("4.18.0-372.9.1.el8_6"), with("e4s"), []advisory.Advisory{several}, "fix available 4.18.0-372.99.1.el8_6 by RHSA-3"},
		"another one of the several":                 {"Red Hat:8", kernel("4.18.0-372.9.1.el8_6"), with("els,tus"), []advisory.Advisory{several}, "fix available 4.18.0-372.99.1.el8_6 by RHSA-3"},
		"and none of them is not":                    {"Red Hat:8", kernel("4.18.0-372.9.1.el8_6"), with("eus"), []advisory.Advisory{several}, "fix needs a subscription 4.18.0-372.99.1.el8_6 by RHSA-3"},
		"SUSE's LTSS beside ESPOS":                   {"SUSE:15.3", ssl("1.1.1d-150200.11.1"), with("ltss"), []advisory.Advisory{suse}, "fix available 1.1.1d-150200.11.9 by CVE-2026-1"},
		"ELS only, on a plain host":                  {"Red Hat:7", ssl("1:1.0.2k-26.el7_9"), with(""), []advisory.Advisory{entryOf("redhat/csaf", "RHSA-4", aboutPackage("Red Hat:7", "openssl")("", "1:1.0.2k-27.el7_9", needs("els")))}, "fix needs a subscription 1:1.0.2k-27.el7_9 by RHSA-4"},
		"only the EUS fix is known":                  {"Red Hat:9", kernel("5.14.0-284.11.1.el9_2"), with(""), []advisory.Advisory{extended}, "fix needs a subscription 5.14.0-284.30.1.el9_2 by RHSA-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(tc.p, tc.ecosystem, tc.standing, tc.said...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestModuleStreams(t *testing.T) {
	t.Parallel()
	node := aboutPackage("AlmaLinux:8", "nodejs")
	build := func(v, stream string) apiv1.Package {
		return apiv1.Package{Name: "nodejs", Arch: "x86_64", Version: v, Stream: stream}
	}
	eighteen := entryOf("osv/AlmaLinux", "ALSA-18", node("", "1:18.19.0-1.module_el8.9.0+1+a", ofStream("nodejs:18")))
	unnamed := entryOf("osv/AlmaLinux", "ALSA-X", node("", "1:18.19.0-2.module_el8.9.0+1+a"))
	plain := entryOf("osv/AlmaLinux", "ALSA-P", node("", "1:30-1.el8"))
	for name, tc := range map[string]struct {
		p    apiv1.Package
		said advisory.Advisory
		want string
	}{
		"below the fix of its stream":         {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18"), eighteen, "fix available 1:18.19.0-1.module_el8.9.0+1+a by ALSA-18"},
		"at the fix of its stream":            {build("1:18.19.0-1.module_el8.9.0+1+a", "nodejs:18"), eighteen, ""},
		"rpm's whole label":                   {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18:8080020230718130114:63b34585"), eighteen, "fix available 1:18.19.0-1.module_el8.9.0+1+a by ALSA-18"},
		"another stream, although it is less": {build("1:16.20.2-1.module_el8.8.0+1+a", "nodejs:16"), eighteen, ""},
		"not modular":                         {build("1:10.24.0-1.el8", ""), eighteen, ""},
		"modular, of what is not":             {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18"), plain, ""},
		"no stream named, same upstream":      {build("1:18.19.0-1.module_el8.9.0+1+a", "nodejs:18"), unnamed, "fix available 1:18.19.0-2.module_el8.9.0+1+a by ALSA-X"},
		"no stream named, same and fixed":     {build("1:18.19.0-2.module_el8.9.0+2+a", "nodejs:18"), unnamed, ""},
		"no stream named: cannot be told":     {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18"), unnamed, "cannot be told: the module stream is not known"},
		"stream not known here":               {build("1:18.17.1-1.module_el8.8.0+1+a", ""), eighteen, ""},
		"stream not known, same upstream":     {build("1:18.19.0-0.module_el8.8.0+1+a", ""), eighteen, "fix available 1:18.19.0-1.module_el8.9.0+1+a by ALSA-18"},
		"one rebuild's data":                  {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18"), entryOf("osv/Rocky Linux", "RLSA-1", aboutPackage("Rocky Linux:8", "nodejs")("", "1:19", ofStream("nodejs:18"))), ""},
		"all versions of a stream":            {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18"), entryOf("redhat/vex", "V", node(advisory.StatusWontFix, "", ofStream("nodejs:18"))), "no fix planned (wont_fix)"},
		"all versions of another stream":      {build("1:18.17.1-1.module_el8.8.0+1+a", "nodejs:18"), entryOf("redhat/vex", "V", node(advisory.StatusWontFix, "", ofStream("nodejs:16"))), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(tc.p, "AlmaLinux:8", Standing{}, tc.said); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTracks(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{
		"5.14.0-427.13.1.el9_4": "9_4", "2:8.0.1763-16.el8_5.13": "8_5", "1.0-1.el9": "", "1.0-1.el8_6.elrepo": "8_6", "1.0-1.el7.centos": "",
		"1:18.19.0-1.module_el8.9.0+3767+70b9d6fb": "8_9", "1:16.1-1.module+el8.6.0+15186+abc": "8_6", "1.0-1.fc40": "", "1.0-1.el9.1": "", "models-1.el9": "", "": "",
	} {
		if got := track("rpm", v); got != want {
			t.Errorf("%s: %q, want %q", v, got, want)
		}
	}
}

// Installing the fix that a finding names is the end of the finding, for what one source says.
func TestTheFixThatIsNamedCures(t *testing.T) {
	t.Parallel()
	versions := []string{"1.0-1.el9", "1.0-2.el9_1", "1.0-3.el9_2", "1.0-3.el9_2.1", "1.0-4.el9_3", "1.0-4.el9_4", "1.0-5.el9_4.2", "2.0-1.el9"}
	rapid.Check(t, func(t *rapid.T) {
		var said []advisory.Advisory
		for i := range rapid.IntRange(1, 4).Draw(t, "advisories") {
			a := entryOf("osv/AlmaLinux", fmt.Sprint("A-", i))
			for range rapid.IntRange(1, 3).Draw(t, "builds") {
				a.Affected = append(a.Affected, aboutPackage("AlmaLinux:9", "p")("", rapid.SampledFrom(versions).Draw(t, "fix")))
			}
			said = append(said, a)
		}
		v := rapid.SampledFrom(versions).Draw(t, "installed")
		for range len(versions) + 1 {
			p := interned("AlmaLinux:9", apiv1.Package{Name: "p", Arch: "x86_64", Version: v})
			hit, there := Settle(Match(p, said))["CVE-2026-1"]
			if !there {
				return
			}
			next := hit.Fixed(Standing{})
			if next == "" || compareTexts(v, next) >= 0 {
				t.Fatalf("%s is vulnerable, and the fix is %q", v, next)
			}
			v = next
		}
		t.Fatalf("no end of fixes: %s of %+v", v, said)
	})
}

func compareTexts(a, b string) int {
	order, _ := compare("rpm", newVersion("rpm", a), newVersion("rpm", b))
	return order
}

// Red Hat's VEX names a component, which is a source package, where it names no version.
func TestWhatIsSaidOfAComponentHoldsForItsPackages(t *testing.T) {
	t.Parallel()
	component, binary := aboutPackage("Red Hat:9", "openssl"), aboutPackage("Red Hat:9", "openssl-libs")
	libs := func(v string) apiv1.Package {
		return apiv1.Package{Name: "openssl-libs", Arch: "x86_64", Version: v, Source: "openssl"}
	}
	csaf := entryOf("redhat/csaf", "RHSA-1", binary("", "1:3.0.7-20.el9"))
	for name, tc := range map[string]struct {
		p    apiv1.Package
		said []advisory.Advisory
		want string
	}{
		"will not be fixed":                        {libs("1:3.0.7-1.el9"), []advisory.Advisory{entryOf("redhat/vex", "CVE-2026-1", component(advisory.StatusWontFix, ""))}, "no fix planned (wont_fix)"},
		"never there, over an erratum":             {libs("1:3.0.7-1.el9"), []advisory.Advisory{csaf, entryOf("redhat/vex", "CVE-2026-1", component(advisory.StatusNotAffected, ""))}, ""},
		"versions are of the package of that name": {libs("1:3.0.7-1.el9"), []advisory.Advisory{entryOf("redhat/vex", "CVE-2026-1", component("", "1:9-1.el9"))}, ""},
		"its own name":                             {libs("1:3.0.7-1.el9"), []advisory.Advisory{csaf}, "fix available 1:3.0.7-20.el9 by RHSA-1"},
		"of another module's stream":               {apiv1.Package{Name: "nodejs-docs", Arch: "noarch", Version: "1:18.1-1.module+el9.1.0+1+a", Source: "openssl", Stream: "nodejs:18"}, []advisory.Advisory{entryOf("redhat/vex", "V", component(advisory.StatusWontFix, ""))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(tc.p, "Red Hat:9", Standing{}, tc.said...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Canonical's VEX names the version that the archive has, not the one that brought the fix.
func TestARangeThatEndsAtTheLastKnownVersionSaysNothingOfLaterOnes(t *testing.T) {
	t.Parallel()
	p := func(v string) apiv1.Package { return apiv1.Package{Name: "p", Arch: "amd64", Version: v} }
	upTo := func(status advisory.Status) advisory.Advisory {
		return entryOf("ubuntu/vex", "CVE-2026-1", advisory.Affected{Ecosystem: "Ubuntu:22.04", Package: "p", Status: status, Ranges: []advisory.Range{{Introduced: "0", Last: "2-1"}}})
	}
	from := entryOf("ubuntu/vex", "CVE-2026-1", advisory.Affected{Ecosystem: "Ubuntu:22.04", Package: "p", Status: advisory.StatusNotAffected, Ranges: []advisory.Range{{Introduced: "2-1"}}})
	open := entryOf("ubuntu/osv", "UBUNTU-CVE-2026-1", aboutPackage("Ubuntu:22.04", "p")("", "3-1"))
	for name, tc := range map[string]struct {
		version string
		said    []advisory.Advisory
		want    string
	}{
		"affected up to the archive's":      {"2-1", []advisory.Advisory{upTo(advisory.StatusIgnored)}, "no fix planned (ignored)"},
		"newer: OSV is asked":               {"2-2", []advisory.Advisory{upTo(advisory.StatusIgnored), open}, "fix available 3-1 by UBUNTU-CVE-2026-1"},
		"newer, and nobody else speaks":     {"2-2", []advisory.Advisory{upTo(advisory.StatusIgnored)}, ""},
		"not determined, newer":             {"2-2", []advisory.Advisory{upTo(advisory.StatusUndetermined), open}, "fix available 3-1 by UBUNTU-CVE-2026-1"},
		"fixed from the archive's":          {"2-1", []advisory.Advisory{from, open}, ""},
		"and of older ones it says nothing": {"1-1", []advisory.Advisory{from, open}, "fix available 3-1 by UBUNTU-CVE-2026-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(p(tc.version), "Ubuntu:22.04", Standing{}, tc.said...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestNobodyFixesWhatNobodyLooksAfter(t *testing.T) {
	t.Parallel()
	sold := aboutPackage("Debian:10", "p")
	ended := []advisory.Lifecycle{{Feed: "eol", Product: "debian", Release: "10", EOL: "2022-09-10", Extended: "2024-06-30"}}
	for name, tc := range map[string]struct {
		said   advisory.Affected
		cycles []advisory.Lifecycle
		want   string
	}{
		"support has ended":            {sold("", ""), ended, apiv1.StatusEndOfLife},
		"postponed, and then it ended": {sold(advisory.StatusPostponed, ""), ended, apiv1.StatusEndOfLife},
		"it was never to be fixed":     {sold(advisory.StatusIgnored, ""), ended, apiv1.StatusWontFix},
		"a fix is there all the same":  {sold("", "2"), ended, apiv1.StatusFixed},
		"somebody looks after it":      {sold("", ""), []advisory.Lifecycle{{Feed: "eol", Product: "debian", Release: "10", EOL: "2022-09-10", Extended: "2030-06-30"}}, apiv1.StatusNoFix},
		"nobody knows":                 {sold("", ""), nil, apiv1.StatusNoFix},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			library := advisory.NewList([]advisory.Advisory{entryOf("debian-tracker", "CVE-2026-1", tc.said)}, nil, tc.cycles)
			judged, err := JudgeAll([]inventory.Package{interned("Debian:10", apiv1.Package{Name: "p", Arch: "amd64", Version: "1"})}, HostState{}, library, today)
			if err != nil {
				t.Fatal(err)
			}
			if all := judged.Findings(nil); len(all) != 1 || all[0].Status != tc.want {
				t.Errorf("%+v, want %s", all, tc.want)
			} else if tc.want == apiv1.StatusEndOfLife && !strings.Contains(all[0].Explanation, "Support of Debian:10 ended on 2024-06-30.") {
				t.Error(all[0].Explanation)
			}
		})
	}
}

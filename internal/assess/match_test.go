package assess

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

func interned(ecosystem string, p apiv1.Package) inventory.Package {
	return inventory.Convert(apiv1.Packages{Ecosystem: ecosystem, Packages: []apiv1.Package{p}})[0]
}

func TestMatch(t *testing.T) {
	t.Parallel()
	ranged := func(ecosystem, name string, ranges ...advisory.Range) advisory.Advisory {
		return advisory.Advisory{Feed: "f", ID: "A-1", CVEs: []string{"CVE-2025-1"}, Affected: []advisory.Affected{{Ecosystem: ecosystem, Package: name, Ranges: ranges}}}
	}
	below := func(v string) advisory.Range { return advisory.Range{Introduced: "0", Fixed: v} }
	libssl := apiv1.Package{Name: "libssl3", Arch: "amd64", Version: "3.0.16-1~deb12u1+b1", Source: "openssl", SourceVersion: "3.0.16-1~deb12u1"}
	with := func(p apiv1.Package, change func(*apiv1.Package)) apiv1.Package { change(&p); return p }
	for name, tc := range map[string]struct {
		ecosystem string
		pkg       apiv1.Package
		advisory  advisory.Advisory
		want      bool
	}{
		"below the fix":             {"Debian:12", libssl, ranged("Debian:12", "openssl", below("3.0.17-1~deb12u3")), true},
		"source version, not +b1":   {"Debian:12", libssl, ranged("Debian:12", "openssl", below("3.0.16-1~deb12u1")), false},
		"binary name of a source":   {"Debian:12", libssl, ranged("Debian:12", "libssl3", below("9")), false},
		"other release":             {"Debian:12", libssl, ranged("Debian:13", "openssl", below("9")), false},
		"a tilde is before":         {"Debian:12", with(libssl, func(p *apiv1.Package) { p.SourceVersion = "17.0.15+6-1~deb12u1" }), ranged("Debian:12", "openssl", below("17.0.15+6-1")), true},
		"introduced later":          {"Debian:12", libssl, ranged("Debian:12", "openssl", advisory.Range{Introduced: "3.1", Fixed: "3.2"}), false},
		"introduced here":           {"Debian:12", libssl, ranged("Debian:12", "openssl", advisory.Range{Introduced: "3.0.16-1~deb12u1"}), true},
		"zero is before everything": {"Debian:12", with(libssl, func(p *apiv1.Package) { p.SourceVersion = "0~~1" }), ranged("Debian:12", "openssl", below("0~1")), true},
		"last affected":             {"Debian:12", libssl, ranged("Debian:12", "openssl", advisory.Range{Introduced: "0", Last: "3.0.16-1~deb12u1"}), true},
		"after last affected":       {"Debian:12", libssl, ranged("Debian:12", "openssl", advisory.Range{Introduced: "0", Last: "3.0.15-1"}), false},
		"second range":              {"Debian:12", libssl, ranged("Debian:12", "openssl", below("1"), advisory.Range{Introduced: "3", Fixed: "4"}), true},
		"exact version": {"Debian:12", libssl, advisory.Advisory{ID: "A-1", CVEs: []string{"CVE-2025-1"},
			Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "openssl", Versions: []string{"0:3.0.16-1~deb12u1"}}}}, true},
		"named twice": {"Debian:12", libssl, advisory.Advisory{ID: "A-1", CVEs: []string{"CVE-2025-1"}, Affected: []advisory.Affected{
			{Ecosystem: "Debian:12", Package: "openssl", Ranges: []advisory.Range{below("1")}},
			{Ecosystem: "Debian:12", Package: "openssl", Ranges: []advisory.Range{{Introduced: "3"}}}}}, true},
		"withdrawn": {"Debian:12", libssl, func() advisory.Advisory {
			a := ranged("Debian:12", "openssl", below("9"))
			a.Withdrawn = time.Unix(1, 0)
			return a
		}(), false},
		"known foreign origin":              {"Debian:12", with(libssl, func(p *apiv1.Package) { p.Origin = "nginx" }), ranged("Debian:12", "openssl", below("9")), false},
		"own origin":                        {"Debian:12", with(libssl, func(p *apiv1.Package) { p.Origin = "Debian" }), ranged("Debian:12", "openssl", below("9")), true},
		"version without order":             {"Debian:12", with(libssl, func(p *apiv1.Package) { p.SourceVersion = "no version" }), ranged("Debian:12", "openssl", below("9")), false},
		"without order, no end":             {"Debian:12", with(libssl, func(p *apiv1.Package) { p.SourceVersion = "no version" }), ranged("Debian:12", "openssl", advisory.Range{Introduced: "0"}), false},
		"signed kernel is linux":            {"Debian:12", apiv1.Package{Name: "linux-image-6.1.0-37-amd64", Arch: "amd64", Version: "6.1.140-1", Source: "linux-signed-amd64", SourceVersion: "6.1.140+1"}, ranged("Debian:12", "linux", below("6.1.141-1")), true},
		"signed kernel with fix":            {"Debian:12", apiv1.Package{Name: "linux-image-6.1.0-37-amd64", Arch: "amd64", Version: "6.1.140-1", Source: "linux-signed-amd64", SourceVersion: "6.1.140+1"}, ranged("Debian:12", "linux", below("6.1.140-1")), false},
		"ubuntu's signed kernel":            {"Ubuntu:24.04", apiv1.Package{Name: "linux-image-6.8.0-40-generic", Arch: "amd64", Version: "6.8.0-40.40", Source: "linux-signed"}, ranged("Ubuntu:24.04", "linux", below("6.8.0-41.41")), true},
		"rpm by binary name":                {"AlmaLinux:9", apiv1.Package{Name: "openssl-libs", Arch: "x86_64", Version: "1:3.0.7-1.el9", Source: "openssl"}, ranged("AlmaLinux:9", "openssl-libs", below("1:3.0.7-2.el9")), true},
		"rpm epoch counts":                  {"AlmaLinux:9", apiv1.Package{Name: "openssl-libs", Arch: "x86_64", Version: "1:3.0.7-1.el9", Source: "openssl"}, ranged("AlmaLinux:9", "openssl-libs", below("9.0-1.el9")), false},
		"rpm reached one of the fixes":      {"AlmaLinux:8", apiv1.Package{Name: "vim-common", Arch: "x86_64", Version: "2:8.0.1763-16.el8"}, ranged("AlmaLinux:8", "vim-common", below("2:8.0.1763-16.el8_5.13"), below("2:8.0.1763-16.el8")), false},
		"rpm module is another world":       {"AlmaLinux:8", apiv1.Package{Name: "nodejs", Arch: "x86_64", Version: "1:10.0-1.el8"}, ranged("AlmaLinux:8", "nodejs", below("1:16.1-1.module_el8.5.0+119+9a9ec082")), false},
		"a backport is not the release's":   {"Debian:12", apiv1.Package{Name: "linux-image-6.12.90+deb12-amd64", Arch: "amd64", Version: "6.12.90-2~bpo12+1", Source: "linux-signed-amd64", SourceVersion: "6.12.90+2~bpo12+1"}, ranged("Debian:12", "linux", advisory.Range{Introduced: "0"}), false},
		"ubuntu's backport neither":         {"Ubuntu:24.04", apiv1.Package{Name: "cockpit", Arch: "all", Version: "343-1~bpo24.04.1"}, ranged("Ubuntu:24.04", "cockpit", advisory.Range{Introduced: "0"}), false},
		"nuget knows no case":               {"NuGet", apiv1.Package{Name: "Microsoft.NETCore.App", Version: "8.0.0"}, ranged("NuGet", "microsoft.netcore.app", below("8.0.5")), true},
		"a local label says nothing":        {"PyPI", apiv1.Package{Name: "torch", Version: "2.5.1+cu118"}, ranged("PyPI", "torch", advisory.Range{Introduced: "0", Last: "2.5.1"}), true},
		"a local label of what is fixed":    {"PyPI", apiv1.Package{Name: "torch", Version: "2.6.0+cu118"}, ranged("PyPI", "torch", below("2.6.0")), false},
		"a local label that is named":       {"PyPI", apiv1.Package{Name: "torch", Version: "2.5.1+sp1"}, ranged("PyPI", "torch", below("2.5.1+sp1")), false},
		"a local label below one named":     {"PyPI", apiv1.Package{Name: "torch", Version: "2.5.1"}, ranged("PyPI", "torch", below("2.5.1+sp1")), true},
		"go: a tag of custom versions":      {"Go", apiv1.Package{Name: "x.org/y", Version: "7.2.1+incompatible"}, ranged("Go", "x.org/y", advisory.Range{Introduced: "0", Last: "0.0.0"}, advisory.Range{Introduced: "6.0.0", Fixed: "7.2.1"}), false},
		"go: below a fix of custom ones":    {"Go", apiv1.Package{Name: "x.org/y", Version: "7.2.0+incompatible"}, ranged("Go", "x.org/y", advisory.Range{Introduced: "0", Last: "0.0.0"}, advisory.Range{Introduced: "6.0.0", Fixed: "7.2.1"}), true},
		"go: a commit of custom ones":       {"Go", apiv1.Package{Name: "x.org/y", Version: "0.0.0-20240101000000-abcdefabcdef"}, ranged("Go", "x.org/y", advisory.Range{Introduced: "0", Last: "0.0.0"}, advisory.Range{Introduced: "6.0.0", Fixed: "7.2.1"}), true},
		"go: a fix that is a commit":        {"Go", apiv1.Package{Name: "golang.org/x/crypto", Version: "0.53.0"}, ranged("Go", "golang.org/x/crypto", below("0.0.0-20200124225646-8b5121be2f68")), false},
		"npm: a pre-release before the fix": {"npm", apiv1.Package{Name: "next", Version: "15.2.3-canary.0"}, ranged("npm", "next", advisory.Range{Introduced: "15.0.0", Fixed: "15.2.3"}), true},
		"an update that mends an update": {"Debian:12", libssl, func() advisory.Advisory {
			a := ranged("Debian:12", "openssl", below("9"))
			a.ID, a.CVEs, a.Affected[0].Status = "DSA-1-2", nil, advisory.StatusNotice
			return a
		}(), false},
		"rpm bug fix": {"AlmaLinux:8", apiv1.Package{Name: "vim-common", Arch: "x86_64", Version: "2:8.0-1.el8"}, func() advisory.Advisory {
			a := ranged("AlmaLinux:8", "vim-common", below("2:9-1.el8"))
			a.ID, a.CVEs = "ALBA-2022:1", nil
			return a
		}(), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hits := Match(interned(tc.ecosystem, tc.pkg), []advisory.Advisory{tc.advisory})
			if got := len(Settle(hits)) > 0; got != tc.want {
				t.Errorf("matched: %v, want %v (%+v)", got, tc.want, hits)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	kev := advisory.Threat{KEV: &advisory.KEV{CVE: "CVE-2025-1", Added: "2025-10-12"}}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	linux := interned("Debian:12", apiv1.Package{Name: "linux-perf", Arch: "amd64", Version: "6.1.140-1", Source: "linux"})
	on := func(r Role) Standing { return Standing{Role: r} }
	for name, tc := range map[string]struct {
		severity, fixed string
		threat          advisory.Threat
		standing        Standing
		want            Verdict
	}{
		"no severity is normal":        {"", "6.1.150-1", advisory.Threat{}, on(Role{}), Verdict{apiv1.StatusFixed, apiv1.PriorityNormal}},
		"no fix can wait":              {"", "", advisory.Threat{}, on(Role{}), Verdict{apiv1.StatusNoFix, apiv1.PriorityLow}},
		"word":                         {"Important", "6.1.150-1", advisory.Threat{}, on(Role{}), Verdict{apiv1.StatusFixed, apiv1.PriorityHigh}},
		"unknown word":                 {"purple", "6.1.150-1", advisory.Threat{}, on(Role{}), Verdict{apiv1.StatusFixed, apiv1.PriorityNormal}},
		"cvss 9.8":                     {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "6.1.150-1", advisory.Threat{}, on(Role{}), Verdict{apiv1.StatusFixed, apiv1.PriorityHigh}},
		"exploited":                    {"low", "6.1.150-1", kev, on(Role{}), Verdict{apiv1.StatusFixed, apiv1.PriorityUrgent}},
		"exploited without a fix":      {"low", "", kev, on(Role{}), Verdict{apiv1.StatusNoFix, apiv1.PriorityUrgent}},
		"exploited but not loaded":     {"", "6.2", kev, on(Role{Part: NotLoaded}), Verdict{apiv1.StatusNotLoaded, apiv1.PriorityLowest}},
		"exploited but not running":    {"", "6.2", kev, on(Role{Part: NotRunning}), Verdict{apiv1.StatusNotRunning, apiv1.PriorityLow}},
		"newest has the fix":           {"", "6.1.147-1", advisory.Threat{}, on(Role{Newest: "6.1.147-1"}), Verdict{apiv1.StatusRebootPending, apiv1.PriorityNormal}},
		"newest has it not":            {"", "6.1.150-1", advisory.Threat{}, on(Role{Newest: "6.1.147-1"}), Verdict{apiv1.StatusFixed, apiv1.PriorityNormal}},
		"exploited and reboot pending": {"", "6.1.147-1", kev, on(Role{Newest: "6.1.147-1"}), Verdict{apiv1.StatusRebootPending, apiv1.PriorityUrgent}},
		"old code":                     {"", "6.1.147-1", kev, on(Role{Part: OldCode, Newest: "6.1.147-1"}), Verdict{apiv1.StatusOldCode, apiv1.PriorityUrgent}},
		"old code without a named fix": {"", "", kev, on(Role{Part: OldCode, Newest: "6.1.146-1"}), Verdict{apiv1.StatusOldCode, apiv1.PriorityUrgent}},
		"livepatched":                  {"", "6.1.147-1", kev, on(Role{Livepatched: NewCVESet([]string{"CVE-2025-1"})}), Verdict{}},
		"something else livepatched":   {"", "6.1.147-1", kev, on(Role{Livepatched: NewCVESet([]string{"CVE-2025-11"})}), Verdict{apiv1.StatusFixed, apiv1.PriorityUrgent}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := advisory.Advisory{ID: "A-1", Feed: "f", CVEs: []string{"CVE-2025-1"}, Severity: tc.severity,
				Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "linux", Ranges: []advisory.Range{{Introduced: "0", Fixed: tc.fixed}}}}}
			hit := Settle(Match(linux, []advisory.Advisory{a}))["CVE-2025-1"]
			c := Case{Vulnerability: "CVE-2025-1", Subject: SubjectOf(linux), Hit: hit, Threat: tc.threat, Standing: tc.standing}
			if d := cmp.Diff(tc.want, Judge(c, now)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			c.OnDisk = true
			if v := Judge(c, now); tc.standing.Role.Part == OldCode && v.IsFinding() {
				t.Errorf("old code of what is listed itself: %+v", v)
			}
		})
	}
}

func TestKernelRoles(t *testing.T) {
	t.Parallel()
	image := func(release, version string) inventory.Package {
		return interned("Debian:12", apiv1.Package{Name: "linux-image-" + release, Arch: "amd64", Version: version, Source: "linux-signed-amd64", SourceVersion: "6.1." + version[4:7] + "+1"})
	}
	old, now := image("6.1.0-37-amd64", "6.1.140-1"), image("6.1.0-38-amd64", "6.1.147-1")
	headers := interned("Debian:12", apiv1.Package{Name: "linux-libc-dev", Arch: "amd64", Version: "6.1.147-1", Source: "linux"})
	stale := interned("Debian:12", apiv1.Package{Name: "linux-perf", Arch: "amd64", Version: "6.1.100-1", Source: "linux"})
	meta := interned("Debian:12", apiv1.Package{Name: "linux-image-amd64", Arch: "amd64", Version: "6.1.147-1", Source: "linux-signed-amd64", SourceVersion: "6.1.147+1"})
	ssl := interned("Debian:12", apiv1.Package{Name: "openssl", Arch: "amd64", Version: "3"})
	for name, tc := range map[string]struct {
		installed []inventory.Package
		running   string
		of        inventory.Package
		want      Role
	}{
		"only headers":                  {[]inventory.Package{headers}, "6.1.0-38-amd64", headers, Role{Part: NotLoaded}},
		"only a meta package":           {[]inventory.Package{meta}, "6.1.0-38-amd64", meta, Role{Part: NotLoaded}},
		"running and newest":            {[]inventory.Package{old, now, headers}, "6.1.0-38-amd64", now, Role{}},
		"headers of the running one":    {[]inventory.Package{old, now, headers}, "6.1.0-38-amd64", headers, Role{}},
		"old beside the running":        {[]inventory.Package{old, now}, "6.1.0-38-amd64", old, Role{Part: NotRunning}},
		"old runs, newest waits":        {[]inventory.Package{now, old}, "6.1.0-37-amd64", old, Role{Newest: "6.1.147-1"}},
		"newest is not booted yet":      {[]inventory.Package{now, old}, "6.1.0-37-amd64", now, Role{Part: NotRunning}},
		"running not known":             {[]inventory.Package{old, now}, "", now, Role{}},
		"another machine's kernel runs": {[]inventory.Package{old, now}, "6.12-host", old, Role{Part: NotRunning}},
		"tools of no installed image":   {[]inventory.Package{now, stale}, "6.1.0-38-amd64", stale, Role{Part: NotLoaded}},
		"no kernel":                     {[]inventory.Package{ssl}, "6.1.0-38-amd64", ssl, Role{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := KernelsOf(tc.installed, tc.running).Role(SubjectOf(tc.of)); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestExplanation(t *testing.T) {
	t.Parallel()
	p := interned("Debian:12", apiv1.Package{Name: "libssl3", Arch: "amd64", Version: "3.0.16-1~deb12u1", Source: "openssl", Origin: "Debian"})
	q := interned("Debian:12", apiv1.Package{Name: "openssl", Arch: "amd64", Version: "3.0.16-1~deb12u1", Origin: "Debian"})
	hits := Match(p, []advisory.Advisory{fixes("CVE-2025-1234", "openssl", "3.0.17-1~deb12u3")})
	c := Case{Vulnerability: "CVE-2025-1234", Subject: SubjectOf(p), Hit: hits[0]}
	got := Explain(c, Judge(c, time.Time{}), Installed{Packages: []inventory.Package{q, p}, Offer: "apt offers libssl3 3.0.17-1~deb12u3 from bookworm-security now"}, time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), time.Time{})
	want := "openssl 3.0.16-1~deb12u1 is below 3.0.17-1~deb12u3, fixed by DEBIAN-CVE-2025-1234 (osv/Debian as of 2026-11-21 10:00 UTC); " +
		"installed as libssl3, openssl; origin Debian; apt offers libssl3 3.0.17-1~deb12u3 from bookworm-security now. Priority normal: the advisory gives no severity."
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestNamesSortAsPeopleCount(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"CVE-2024-9", "CVE-2024-10"}, {"CVE-2023-99999", "CVE-2024-0001"}, {"ALSA-2019:2", "ALSA-2019:10"}} {
		if compareNames(pair[0], pair[1]) >= 0 {
			t.Errorf("%s is not before %s", pair[0], pair[1])
		}
	}
}

package assess

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// told is every finding of a host in short.
func toldOf(t *testing.T, packages []inventory.Package, state HostState, library advisory.Library) []string {
	t.Helper()
	judged, err := JudgeAll(packages, state, library, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, f := range judged.Findings(nil) {
		out = append(out, fmt.Sprintf("%s %s %s: %s", f.Vulnerability, f.Source, f.Installed, f.Status))
	}
	slices.Sort(out)
	return out
}

func fixedIn(ecosystem, name string, fixes map[string]string) *advisory.List {
	var all []advisory.Advisory
	for cve, fixed := range fixes {
		all = append(all, advisory.Advisory{Feed: "osv/x", ID: "A-" + cve, CVEs: []string{cve}, Affected: []advisory.Affected{{Ecosystem: ecosystem, Package: name,
			Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}}})
	}
	return advisory.NewList(all, nil, nil)
}

func TestKernelsThatRunAndThatAreInstalled(t *testing.T) {
	t.Parallel()
	rpm := func(name, v string) apiv1.Package {
		return apiv1.Package{Name: name, Arch: "x86_64", Version: v, Source: "kernel"}
	}
	for name, tc := range map[string]struct {
		ecosystem, named string
		fixed            string
		packages         []apiv1.Package
		running          string
		want             []string
	}{
		"rpm: the running one": {"AlmaLinux:9", "kernel-core", "5.14.0-427.20.1.el9_4", []apiv1.Package{rpm("kernel-core", "5.14.0-427.13.1.el9_4")}, "5.14.0-427.13.1.el9_4.x86_64",
			[]string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: fix available"}},
		"rpm: the new one waits for a reboot": {"AlmaLinux:9", "kernel-core", "5.14.0-427.20.1.el9_4", []apiv1.Package{rpm("kernel-core", "5.14.0-427.13.1.el9_4"), rpm("kernel-core", "5.14.0-427.20.1.el9_4")},
			"5.14.0-427.13.1.el9_4.x86_64", []string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: fixed on disk, the old kernel still runs"}},
		"rpm: the old one is only installed": {"AlmaLinux:9", "kernel-core", "5.14.0-427.20.1.el9_4", []apiv1.Package{rpm("kernel-core", "5.14.0-427.13.1.el9_4"), rpm("kernel-core", "5.14.0-427.20.1.el9_4")},
			"5.14.0-427.20.1.el9_4.x86_64", []string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: kernel installed but not running"}},
		"rpm: headers without an image": {"AlmaLinux:9", "kernel-headers", "5.14.0-427.20.1.el9_4", []apiv1.Package{rpm("kernel-headers", "5.14.0-427.13.1.el9_4")}, "6.1.0-other",
			[]string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: no kernel image installed: not loaded"}},
		"rpm: the kernel package is the image": {"Amazon Linux:2023", "kernel", "6.1.100-1.amzn2023", []apiv1.Package{{Name: "kernel", Arch: "x86_64", Version: "6.1.90-1.amzn2023", Source: "kernel"}},
			"6.1.90-1.amzn2023.x86_64", []string{"CVE-1 kernel 6.1.90-1.amzn2023: fix available"}},
		"suse: rebuilds count apart": {"SUSE:15.5", "kernel-default", "5.14.21-150500.55.9.1", []apiv1.Package{{Name: "kernel-default", Arch: "x86_64", Version: "5.14.21-150500.55.7.1", Source: "kernel-default"},
			{Name: "kernel-default", Arch: "x86_64", Version: "5.14.21-150500.55.9.1", Source: "kernel-default"}}, "5.14.21-150500.55.7-default",
			[]string{"CVE-1 kernel-default 5.14.21-150500.55.7.1: fixed on disk, the old kernel still runs"}},
		"alpine: the running one": {"Alpine:v3.20", "linux-lts", "6.6.31-r0", []apiv1.Package{{Name: "linux-lts", Arch: "x86_64", Version: "6.6.30-r0"}}, "6.6.30-0-lts",
			[]string{"CVE-1 linux-lts 6.6.30-r0: fix available"}},
		"alpine: the old kernel runs on, and no package has it": {"Alpine:v3.20", "linux-lts", "6.6.31-r0", []apiv1.Package{{Name: "linux-lts", Arch: "x86_64", Version: "6.6.31-r0"}}, "6.6.30-0-lts",
			[]string{"CVE-1 linux-lts 6.6.30-r0: fixed on disk, the old kernel still runs"}},
		"alpine: another line's newer kernel is not what a reboot brings to this one": {"Alpine:v3.20", "linux-lts", "6.6.31-r0", []apiv1.Package{{Name: "linux-lts", Arch: "x86_64", Version: "6.6.30-r0"},
			{Name: "linux-edge", Arch: "x86_64", Version: "6.12.1-r0"}}, "6.6.29-0-lts",
			[]string{"CVE-1 linux-lts 6.6.29-r0: fix available", "CVE-1 linux-lts 6.6.30-r0: kernel installed but not running"}},
		"oracle: beside the other line's newer kernel": {"Oracle Linux:9", "kernel-core", "5.14.0-503.11.1.el9_5", []apiv1.Package{rpm("kernel-core", "5.14.0-427.13.1.el9_4"), rpm("kernel-core", "5.14.0-503.11.1.el9_5"),
			{Name: "kernel-uek-core", Arch: "x86_64", Version: "5.15.0-305.176.4.el9uek", Source: "kernel-uek"}}, "5.14.0-427.13.1.el9_4.x86_64",
			[]string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: fixed on disk, the old kernel still runs"}},
		"oracle: a newer UEK of another line has not the fix": {"Oracle Linux:8", "kernel-uek", "5.4.17-2136.330.7.1.el8uek", []apiv1.Package{
			{Name: "kernel-uek", Arch: "x86_64", Version: "5.4.17-2136.300.7.el8uek", Source: "kernel-uek"}, {Name: "kernel-uek", Arch: "x86_64", Version: "5.15.0-1.43.4.el8uek", Source: "kernel-uek"}},
			"5.4.17-2136.300.7.el8uek.x86_64", []string{"CVE-1 kernel-uek 5.4.17-2136.300.7.el8uek: fix available"}},
		"oracle: of its own line it waits for a reboot": {"Oracle Linux:8", "kernel-uek", "5.4.17-2136.330.7.1.el8uek", []apiv1.Package{
			{Name: "kernel-uek", Arch: "x86_64", Version: "5.4.17-2136.300.7.el8uek", Source: "kernel-uek"}, {Name: "kernel-uek", Arch: "x86_64", Version: "5.4.17-2136.331.7.el8uek", Source: "kernel-uek"},
			{Name: "kernel-uek", Arch: "x86_64", Version: "5.15.0-1.43.4.el8uek", Source: "kernel-uek"}},
			"5.4.17-2136.300.7.el8uek.x86_64", []string{"CVE-1 kernel-uek 5.4.17-2136.300.7.el8uek: fixed on disk, the old kernel still runs"}},
		"rpm: a debug kernel runs": {"Red Hat:9", "kernel-debug-core", "5.14.0-427.20.1.el9_4", []apiv1.Package{rpm("kernel-debug-core", "5.14.0-427.13.1.el9_4"), rpm("kernel-core", "5.14.0-427.20.1.el9_4")},
			"5.14.0-427.13.1.el9_4.x86_64+debug", []string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: fixed on disk, the old kernel still runs"}},
		"suse: the kernel of small images": {"SUSE:15.5", "kernel-default-base", "5.14.21-150500.55.9.1.150500.6.4.1", []apiv1.Package{
			{Name: "kernel-default-base", Arch: "x86_64", Version: "5.14.21-150500.55.7.1.150500.6.2.3", Source: "kernel-default-base"},
			{Name: "kernel-default-base", Arch: "x86_64", Version: "5.14.21-150500.55.9.1.150500.6.4.1", Source: "kernel-default-base"}}, "5.14.21-150500.55.7-default",
			[]string{"CVE-1 kernel-default-base 5.14.21-150500.55.7.1.150500.6.2.3: fixed on disk, the old kernel still runs"}},
		"suse: and when the new one runs": {"SUSE:15.5", "kernel-default-base", "5.14.21-150500.55.9.1.150500.6.4.1", []apiv1.Package{
			{Name: "kernel-default-base", Arch: "x86_64", Version: "5.14.21-150500.55.7.1.150500.6.2.3", Source: "kernel-default-base"},
			{Name: "kernel-default-base", Arch: "x86_64", Version: "5.14.21-150500.55.9.1.150500.6.4.1", Source: "kernel-default-base"}}, "5.14.21-150500.55.9-default",
			[]string{"CVE-1 kernel-default-base 5.14.21-150500.55.7.1.150500.6.2.3: kernel installed but not running"}},
		"suse: another flavour": {"SUSE:15.3", "kernel-preempt", "5.3.18-150300.59.98.1", []apiv1.Package{{Name: "kernel-preempt", Arch: "x86_64", Version: "5.3.18-150300.59.93.1", Source: "kernel-preempt"},
			{Name: "kernel-preempt", Arch: "x86_64", Version: "5.3.18-150300.59.98.1", Source: "kernel-preempt"}}, "5.3.18-150300.59.98-preempt",
			[]string{"CVE-1 kernel-preempt 5.3.18-150300.59.93.1: kernel installed but not running"}},
		"suse: documentation does not run": {"SUSE:15.3", "kernel-docs", "5.3.18-150300.59.98.1", []apiv1.Package{{Name: "kernel-docs", Arch: "noarch", Version: "5.3.18-150300.59.93.1", Source: "kernel-docs"}},
			"5.3.18-150300.59.98-default", []string{"CVE-1 kernel-docs 5.3.18-150300.59.93.1: no kernel image installed: not loaded"}},
		"rpm: real time, built from the kernel's own source": {"Red Hat:9", "kernel-rt-core", "5.14.0-427.20.1.el9_4", []apiv1.Package{rpm("kernel-rt-core", "5.14.0-427.13.1.el9_4"), rpm("kernel-rt-core", "5.14.0-427.20.1.el9_4")},
			"5.14.0-427.13.1.el9_4.x86_64+rt", []string{"CVE-1 kernel 5.14.0-427.13.1.el9_4: fixed on disk, the old kernel still runs"}},
		"rpm: real time, with a source of its own": {"Red Hat:8", "kernel-rt-core", "4.18.0-553.16.1.rt7.357.el8_10", []apiv1.Package{
			{Name: "kernel-rt-core", Arch: "x86_64", Version: "4.18.0-553.rt7.342.el8_10", Source: "kernel-rt"}, {Name: "kernel-rt-core", Arch: "x86_64", Version: "4.18.0-553.16.1.rt7.357.el8_10", Source: "kernel-rt"}},
			"4.18.0-553.rt7.342.el8_10.x86_64", []string{"CVE-1 kernel-rt 4.18.0-553.rt7.342.el8_10: fixed on disk, the old kernel still runs"}},
		"azure: its kernels do not name their machine": {"Azure Linux:3", "kernel", "6.6.64.2-1.azl3", []apiv1.Package{rpm("kernel", "6.6.57.1-7.azl3"), rpm("kernel", "6.6.64.2-1.azl3")}, "6.6.57.1-7.azl3",
			[]string{"CVE-1 kernel 6.6.57.1-7.azl3: fixed on disk, the old kernel still runs"}},
		"ubuntu: a certified kernel is one": {"Ubuntu:22.04", "linux-fips", "5.15.0-90.100+fips1", []apiv1.Package{{Name: "linux-image-5.15.0-73-fips", Arch: "amd64", Version: "5.15.0-73.80+fips1", Source: "linux-signed-fips"},
			{Name: "linux-image-5.15.0-92-fips", Arch: "amd64", Version: "5.15.0-92.102+fips1", Source: "linux-signed-fips"}}, "5.15.0-73-fips",
			[]string{"CVE-1 linux-fips 5.15.0-73.80+fips1: fixed on disk, the old kernel still runs"}},
		"alpine: firmware is no kernel": {"Alpine:v3.20", "linux-firmware", "2", []apiv1.Package{{Name: "linux-firmware", Arch: "x86_64", Version: "1"}}, "6.6.30-0-lts",
			[]string{"CVE-1 linux-firmware 1: fix available"}},
		"arch: the old kernel runs on": {"Arch Linux", "linux", "6.9.2.arch1-1", []apiv1.Package{{Name: "linux", Arch: "x86_64", Version: "6.9.2.arch1-1"}}, "6.9.1-arch1-1",
			[]string{"CVE-1 linux 6.9.1.arch1-1: fixed on disk, the old kernel still runs"}},
		"arch: up to date":                         {"Arch Linux", "linux", "6.9.2.arch1-1", []apiv1.Package{{Name: "linux", Arch: "x86_64", Version: "6.9.2.arch1-1"}}, "6.9.2-arch1-1", []string{}},
		"a container has another machine's kernel": {"Arch Linux", "linux", "6.9.2.arch1-1", []apiv1.Package{{Name: "linux", Arch: "x86_64", Version: "6.9.2.arch1-1"}}, "6.8.0-40-generic", []string{}},
		"debian: linux-libc-dev is no running kernel": {"Debian:12", "linux", "6.1.150-1", []apiv1.Package{{Name: "linux-libc-dev", Arch: "amd64", Version: "6.1.140-1", Source: "linux"}}, "6.1.0-37-amd64",
			[]string{"CVE-1 linux 6.1.140-1: no kernel image installed: not loaded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packages := inventory.Convert(apiv1.Packages{Ecosystem: tc.ecosystem, Packages: tc.packages})
			got := toldOf(t, packages, HostState{Running: tc.running}, fixedIn(tc.ecosystem, tc.named, map[string]string{"CVE-1": tc.fixed}))
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestALivepatchedKernelCountsAsFixed(t *testing.T) {
	t.Parallel()
	packages := inventory.Convert(apiv1.Packages{Ecosystem: "Ubuntu:24.04", Packages: []apiv1.Package{
		{Name: "linux-image-6.8.0-40-generic", Arch: "amd64", Version: "6.8.0-40.40", Source: "linux-signed"},
		{Name: "linux-image-6.8.0-38-generic", Arch: "amd64", Version: "6.8.0-38.38", Source: "linux-signed"}}})
	library := fixedIn("Ubuntu:24.04", "linux", map[string]string{"CVE-1": "6.8.0-50.50", "CVE-2": "6.8.0-50.50"})
	patched := []apiv1.Livepatch{{Name: "lp", CVEs: []string{"CVE-1"}}}
	got := toldOf(t, packages, HostState{Running: "6.8.0-40-generic", Livepatches: patched}, library)
	want := []string{
		"CVE-1 linux 6.8.0-38.38: kernel installed but not running", // what is patched is the memory of the other one
		"CVE-2 linux 6.8.0-38.38: kernel installed but not running",
		"CVE-2 linux 6.8.0-40.40: fix available",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	judged, err := JudgeAll(packages, HostState{Running: "6.8.0-40-generic", Livepatches: patched}, library, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if judged.Count.Normal != 1 || judged.Count.Low != 1 {
		t.Errorf("counts %+v, want CVE-1 low and CVE-2 normal", judged.Count)
	}
}

func TestOldCodeIsJudgedAtTheVersionBefore(t *testing.T) {
	t.Parallel()
	library := fixedIn("Debian:12", "openssl", map[string]string{"CVE-1": "3.0.17-1", "CVE-2": "3.0.18-1"})
	packages := inventory.Convert(apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{
		{Name: "libssl3", Arch: "amd64", Version: "3.0.17-1+b1", Source: "openssl", SourceVersion: "3.0.17-1"}}})
	for name, tc := range map[string]struct {
		old  apiv1.OldCode
		want []string
	}{
		"judged with the version before": {apiv1.OldCode{Name: "libssl3", Arch: "amd64", From: "3.0.16-1", Units: []string{"ssh.service", "nginx.service"}},
			[]string{"CVE-1 openssl 3.0.16-1: fixed on disk, the old code is still loaded", "CVE-2 openssl 3.0.17-1: fix available"}},
		"a rebuild of the same source": {apiv1.OldCode{Name: "libssl3", Arch: "amd64", From: "3.0.17-1", Units: []string{}}, []string{"CVE-2 openssl 3.0.17-1: fix available"}},
		"the version is not known":     {apiv1.OldCode{Name: "libssl3", Arch: "amd64", Units: []string{}}, []string{"CVE-2 openssl 3.0.17-1: fix available"}},
		"another architecture":         {apiv1.OldCode{Name: "libssl3", Arch: "i386", From: "3.0.16-1", Units: []string{}}, []string{"CVE-2 openssl 3.0.17-1: fix available"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, toldOf(t, packages, HostState{OldCode: []apiv1.OldCode{tc.old}}, library)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
	judged, err := JudgeAll(packages, HostState{OldCode: []apiv1.OldCode{{Name: "libssl3", Arch: "amd64", From: "3.0.16-1", Units: []string{"ssh.service", "nginx.service"}}}}, library, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range judged.Findings(nil) {
		found = found || f.Vulnerability == "CVE-1" && strings.Contains(f.Explanation, "restart nginx.service, ssh.service")
	}
	if !found {
		t.Errorf("no explanation names the units: %+v", judged.Findings(nil))
	}
}

// What rids the version on disk of a vulnerability need not be a fix that somebody names: what is loaded is affected all the same.
func TestOldCodeStaysAFindingHoweverTheDiskIsRidOfIt(t *testing.T) {
	t.Parallel()
	said := func(feed, id string, a advisory.Affected) advisory.Advisory {
		a.Ecosystem, a.Package = "Debian:12", "openssl"
		return advisory.Advisory{Feed: feed, ID: id, CVEs: []string{"CVE-1"}, Affected: []advisory.Affected{a}}
	}
	open := said("osv/x", "A-1", advisory.Affected{Ranges: []advisory.Range{{Introduced: "0"}}})
	stillLoaded := []string{"CVE-1 openssl 1-1: fixed on disk, the old code is still loaded"}
	packages := inventory.Convert(apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{{Name: "libssl3", Arch: "amd64", Version: "2-1", Source: "openssl"}}})
	state := HostState{OldCode: []apiv1.OldCode{{Name: "libssl3", Arch: "amd64", From: "1-1", Units: []string{"nginx.service"}}}}
	for name, tc := range map[string]struct {
		said []advisory.Advisory
		want []string
	}{
		"the user's VEX on the new version": {[]advisory.Advisory{open, said("vex", "V-1", advisory.Affected{Versions: []string{"2-1"}, Status: advisory.StatusNotAffected})}, stillLoaded},
		"the override on the new version":   {[]advisory.Advisory{open, said("override", "O-1", advisory.Affected{Versions: []string{"2-1"}, Status: advisory.StatusNotAffected})}, stillLoaded},
		"a range that ends before it":       {[]advisory.Advisory{said("osv/x", "A-1", advisory.Affected{Ranges: []advisory.Range{{Introduced: "0", Last: "1-9"}}})}, stillLoaded},
		"a list of versions without it":     {[]advisory.Advisory{said("osv/x", "A-1", advisory.Affected{Versions: []string{"1-1"}})}, stillLoaded},
		"both versions are not affected":    {[]advisory.Advisory{open, said("vex", "V-1", advisory.Affected{Status: advisory.StatusNotAffected})}, []string{}},
		"the new version is listed itself":  {[]advisory.Advisory{open}, []string{"CVE-1 openssl 2-1: no fix yet"}},
		"a named fix is not reached":        {[]advisory.Advisory{said("osv/x", "A-1", advisory.Affected{Ranges: []advisory.Range{{Introduced: "0", Fixed: "3-1"}}})}, []string{"CVE-1 openssl 2-1: fix available"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, toldOf(t, packages, state, advisory.NewList(tc.said, nil, nil))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}

	w := newWorld(t)
	a := w.enroll("a", nil)
	w.packages(a.ID, "Debian:12", apiv1.Package{Name: "libssl3", Arch: "amd64", Version: "2-1", Source: "openssl"})
	w.facts(a.ID, "", state.OldCode...)
	w.importFeed("osv/x", []string{"Debian:12"}, open)
	w.start()
	t.Cleanup(w.stop)
	for _, step := range []struct {
		vex    []advisory.Advisory
		want   string
		status string
	}{
		{nil, "2-1", apiv1.StatusNoFix},
		{[]advisory.Advisory{said("vex", "V-1", advisory.Affected{Versions: []string{"2-1"}, Status: advisory.StatusNotAffected})}, "1-1", apiv1.StatusOldCode},
		{nil, "2-1", apiv1.StatusNoFix},
	} {
		w.importFeed("vex", nil, step.vex...)
		w.settle()
		page, err := w.assess.Findings(t.Context(), Query{})
		w.must(err)
		if len(page.Items) != 1 || page.Items[0].Installed != step.want || page.Items[0].Status != step.status {
			t.Fatalf("want %s of %s: %+v", step.status, step.want, page.Items)
		}
		if step.vex != nil && !strings.Contains(page.Items[0].Explanation, "What is on disk, 2-1, is not listed for it, and the version before is still loaded: restart nginx.service") {
			t.Errorf("%q", page.Items[0].Explanation)
		}
	}
}

// A tool of the kernel that processes map in its old version is old code, and no other kernel that runs: it does not take the place of the
// image of that version, which runs itself.
func TestOldToolsOfTheKernelAreNotTheKernel(t *testing.T) {
	t.Parallel()
	library := fixedIn("Debian:12", "linux", map[string]string{"CVE-1": "2.0-1"})
	packages := inventory.Convert(apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{
		{Name: "linux-image-1.0-amd64", Arch: "amd64", Version: "1.0-1", Source: "linux-signed-amd64", SourceVersion: "1.0+1"},
		{Name: "linux-perf", Arch: "amd64", Version: "2.0-1", Source: "linux"}}})
	state := HostState{Running: "1.0-amd64", OldCode: []apiv1.OldCode{{Name: "linux-perf", Arch: "amd64", From: "1.0-1", Units: []string{"perf.service"}}}}
	want := []string{"CVE-1 linux 1.0-1: fix available", "CVE-1 linux 1.0-1: fixed on disk, the old code is still loaded"}
	if d := cmp.Diff(want, toldOf(t, packages, state, library)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestWhereTheSourceVersionCannotBeToldNothingIsClaimed(t *testing.T) {
	t.Parallel()
	packages := inventory.Convert(apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{
		{Name: "odd", Arch: "amd64", Version: "7", Source: "gcc-defaults", SourceVersion: "1.9"},
		{Name: "bsdutils", Arch: "amd64", Version: "1:2.38.1-6", Source: "util-linux", SourceVersion: "2.38.1-6"}}})
	old := OldOf(packages, HostState{OldCode: []apiv1.OldCode{{Name: "odd", Arch: "amd64", From: "6"}, {Name: "bsdutils", Arch: "amd64", From: "1:2.38.1-5"}}})
	if len(old) != 1 || old[0].Subject.Name != "util-linux" || old[0].Subject.Version != "2.38.1-5" {
		t.Errorf("%+v", old)
	}
}

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		labels fleet.Labels
		want   Place
	}{
		"stated":         {fleet.Labels{"exposure": "internet", "criticality": "high"}, Place{ExposureInternet, CriticalityHigh}},
		"however spelt":  {fleet.Labels{"exposure": " Isolated", "criticality": "LOW"}, Place{ExposureIsolated, CriticalityLow}},
		"not stated":     {fleet.Labels{"env": "prod"}, Place{}},
		"unknown words":  {fleet.Labels{"exposure": "dmz", "criticality": "9"}, Place{}},
		"another's word": {fleet.Labels{"exposure": "high", "criticality": "internet"}, Place{}},
	} {
		if got := PlaceOf(tc.labels); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestStandingsAreEqualWhereVerdictsAre(t *testing.T) {
	t.Parallel()
	linux := interned("Ubuntu:24.04", apiv1.Package{Name: "linux-image-6.8.0-40-generic", Arch: "amd64", Version: "6.8.0-40.40", Source: "linux-signed"})
	state := func(cves ...string) HostState {
		return HostState{Running: "6.8.0-40-generic", Livepatches: []apiv1.Livepatch{{Name: "x", CVEs: cves}}, Entitlements: []string{"esm-infra", "esm-apps"}}
	}
	at := func(s HostState) Standing { return SettingOf([]inventory.Package{linux}, s).Standing(SubjectOf(linux)) }
	if at(state("CVE-2", "CVE-1")) != at(state("CVE-1", "CVE-2", "CVE-1")) {
		t.Error("the same livepatches make two standings")
	}
	if at(state("CVE-1")) == at(state("CVE-2")) {
		t.Error("other livepatches make one standing")
	}
	if got := at(state()).Entitlements; got != "esm-apps,esm-infra" {
		t.Errorf("entitlements %q", got)
	}
	if s := (Setting{SettingKey: SettingKey{entitlements: "esm-apps"}}).Standing(Subject{Ecosystem: "Debian:12", Name: "x"}); s != (Standing{}) {
		t.Errorf("Debian sells nothing: %+v", s)
	}
}

// A fleet's answers name the hosts that still run what their disks are rid of, with the units to restart, until they are restarted.
func TestOldCodeInAFleet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.enroll("a", nil), w.enroll("b", nil)
	for _, h := range []fleet.Host{a, b} {
		w.packages(h.ID, "Debian:12", apiv1.Package{Name: "libssl3", Arch: "amd64", Version: "3.0.17-1", Source: "openssl"})
	}
	w.facts(a.ID, "6.1.0-37-amd64", apiv1.OldCode{Name: "libssl3", Arch: "amd64", From: "3.0.16-1", Units: []string{"nginx.service"}})
	w.facts(b.ID, "6.1.0-37-amd64")
	w.importFeed("osv/Debian", []string{"Debian:12"}, fixes("CVE-2025-1", "openssl", "3.0.17-1"))
	w.start()
	t.Cleanup(w.stop)
	page, err := w.assess.Findings(t.Context(), Query{})
	w.must(err)
	if len(page.Items) != 1 || page.Items[0].Host != "a" || page.Items[0].Installed != "3.0.16-1" || page.Items[0].Status != apiv1.StatusOldCode ||
		!strings.Contains(page.Items[0].Explanation, "restart nginx.service") {
		t.Fatalf("%+v", page.Items)
	}
	detail, err := w.assess.Vulnerability(t.Context(), "CVE-2025-1", Query{})
	w.must(err)
	row, err := w.assess.Host(t.Context(), a.ID)
	w.must(err)
	if detail.Hosts.Total != 1 || row.Findings.Total != 1 {
		t.Errorf("%d hosts, %+v", detail.Hosts.Total, row.Findings)
	}
	w.facts(a.ID, "6.1.0-37-amd64")
	w.settle()
	page, err = w.assess.Findings(t.Context(), Query{})
	w.must(err)
	if len(page.Items) != 0 {
		t.Errorf("after the restart: %+v", page.Items)
	}
	w.assess.mu.RLock()
	defer w.assess.mu.RUnlock()
	for s := range w.assess.ix.subjects {
		if s.Version == "3.0.16-1" {
			t.Error("the index holds on to what nobody runs any more")
		}
	}
}

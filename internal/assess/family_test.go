package assess

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// A kernel is fixed by builds of its own line: a greater version of another one is another kernel.
func TestLinesOfKernels(t *testing.T) {
	t.Parallel()
	fixes := func(ecosystem, name string, fixed ...string) advisory.Advisory {
		a := entryOf("f", "A-1")
		for _, v := range fixed {
			a.Affected = append(a.Affected, aboutPackage(ecosystem, name)("", v))
		}
		return a
	}
	built := func(name, source, v string) apiv1.Package {
		return apiv1.Package{Name: name, Arch: "x86_64", Version: v, Source: source}
	}
	const ol, rh, amazon = "Oracle Linux:8", "Red Hat:7", "Amazon Linux:2"
	for name, tc := range map[string]struct {
		ecosystem string
		p         apiv1.Package
		said      advisory.Advisory
		want      string
	}{
		"UEK 7's fix says nothing of UEK 6":          {ol, built("kernel-uek", "kernel-uek", "5.4.17-2136.357.3.2.el8uek"), fixes(ol, "kernel-uek", "0:5.15.0-320.202.8.2.el8uek"), ""},
		"UEK 6 below its own fix":                    {ol, built("kernel-uek", "kernel-uek", "5.4.17-2136.300.7.el8uek"), fixes(ol, "kernel-uek", "0:5.4.17-2136.330.7.1.el8uek"), "fix available 0:5.4.17-2136.330.7.1.el8uek by A-1"},
		"one erratum fixes both":                     {ol, built("kernel-uek", "kernel-uek", "5.4.17-2136.330.7.1.el8uek"), fixes(ol, "kernel-uek", "0:5.15.0-320.202.8.2.el8uek", "0:5.4.17-2136.330.7.1.el8uek"), ""},
		"and each is below its own":                  {ol, built("kernel-uek", "kernel-uek", "5.15.0-300.163.18.el8uek"), fixes(ol, "kernel-uek", "0:5.15.0-320.202.8.2.el8uek", "0:5.4.17-2136.330.7.1.el8uek"), "fix available 0:5.15.0-320.202.8.2.el8uek by A-1"},
		"UEK 7 is not fixed by being above UEK 6":    {ol, built("kernel-uek", "kernel-uek", "5.15.0-1.el8uek"), fixes(ol, "kernel-uek", "0:5.4.17-2136.330.7.1.el8uek"), ""},
		"UEK's bpftool is not Red Hat's":             {ol, built("bpftool", "kernel", "4.18.0-553.158.1.el8_10"), fixes(ol, "bpftool", "0:5.15.0-320.202.8.2.el8uek"), ""},
		"Red Hat's bpftool on Oracle":                {ol, built("bpftool", "kernel", "4.18.0-553.1.1.el8_10"), fixes(ol, "bpftool", "0:4.18.0-553.158.1.el8_10"), "fix available 0:4.18.0-553.158.1.el8_10 by A-1"},
		"kernel-alt is not RHEL 7's kernel":          {rh, built("kernel", "kernel", "3.10.0-862.11.6.el7"), fixes(rh, "kernel", "0:4.14.0-49.el7a"), ""},
		"kernel-alt below its fix":                   {rh, built("kernel", "kernel-alt", "4.11.0-44.6.1.el7a"), fixes(rh, "kernel", "0:4.14.0-49.el7a"), "fix available 0:4.14.0-49.el7a by A-1"},
		"RHEL 7's kernel below its fix":              {rh, built("kernel", "kernel", "3.10.0-862.11.6.el7"), fixes(rh, "kernel", "0:3.10.0-957.el7"), "fix available 0:3.10.0-957.el7 by A-1"},
		"Amazon's 5.10 is not 4.14":                  {amazon, built("kernel", "kernel", "4.14.275-207.503.amzn2"), fixes(amazon, "kernel", "5.10.250-166.369.amzn2"), ""},
		"Amazon's 4.14 below its fix":                {amazon, built("kernel-headers", "kernel", "4.14.275-207.503.amzn2"), fixes(amazon, "kernel-headers", "4.14.336-253.554.amzn2"), "fix available 4.14.336-253.554.amzn2 by A-1"},
		"what is no kernel has no lines":             {amazon, built("curl", "curl", "7.79.1-1.amzn2"), fixes(amazon, "curl", "8.3.0-1.amzn2"), "fix available 8.3.0-1.amzn2 by A-1"},
		"the same numbers elsewhere are of one line": {"Oracle Linux:9", built("p", "p", "1.2-1.el9"), fixes("Oracle Linux:9", "p", "0:2.3-1.el9"), "fix available 0:2.3-1.el9 by A-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := outcome(tc.p, tc.ecosystem, Standing{}, tc.said); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Rocky's records name source packages, alone in the RPM family: krb5, of which no binary package has the name.
func TestRockyNamesSources(t *testing.T) {
	t.Parallel()
	const rocky = "Rocky Linux:9"
	fix := func(name, fixed string, change ...func(*advisory.Affected)) advisory.Advisory {
		return entryOf("osv/Rocky Linux", "RLSA-1", aboutPackage(rocky, name)("", fixed, change...))
	}
	of := func(name, version, source, sourceVersion, stream string) apiv1.Package {
		return apiv1.Package{Name: name, Arch: "x86_64", Version: version, Source: source, SourceVersion: sourceVersion, Stream: stream}
	}
	for name, tc := range map[string]struct {
		p    apiv1.Package
		said advisory.Advisory
		want string
	}{
		"a library of a source without a package of its name": {of("krb5-libs", "1.21.1-1.el9", "krb5", "", ""), fix("krb5", "0:1.21.1-2.el9_4"), "fix available 0:1.21.1-2.el9_4 by RLSA-1"},
		"and at the fix":                    {of("krb5-libs", "1.21.1-2.el9_4", "krb5", "", ""), fix("krb5", "0:1.21.1-2.el9_4"), ""},
		"the epoch of both":                 {of("openssl-libs", "1:3.0.7-24.el9", "openssl", "1:3.0.7-24.el9", ""), fix("openssl", "1:3.0.7-25.el9_3"), "fix available 1:3.0.7-25.el9_3 by RLSA-1"},
		"and fixed":                         {of("openssl-libs", "1:3.0.7-27.el9", "openssl", "1:3.0.7-27.el9", ""), fix("openssl", "1:3.0.7-25.el9_3"), ""},
		"the source's version counts":       {of("perl-Errno", "1.30-480.el9", "perl", "5.32.1-480.el9", ""), fix("perl", "4:5.32.1-481.el9"), "fix available 4:5.32.1-481.el9 by RLSA-1"},
		"whose epoch its file does not say": {of("perl-Errno", "1.30-481.el9", "perl", "5.32.1-481.el9", ""), fix("perl", "4:5.32.1-481.el9"), ""},
		"above it":                          {of("device-mapper", "8:1.02.198-2.el9", "lvm2", "2.03.24-2.el9", ""), fix("lvm2", "8:2.03.23-1.el9"), ""},
		"another package of that name":      {of("python3", "3.9.18-3.el9", "python3.9", "", ""), fix("python3", "9"), ""},
		"a module's other sources":          {of("rubygem-irb", "1.13.1-1.module+el9.4.0+1+a", "ruby", "3.3.0-1.module+el9.4.0+1+a", "ruby:3.3"), fix("ruby", "0:3.3.1-2.module+el9.4.0+20787+4c237fd3", ofStream("ruby:3.3")), "fix available 0:3.3.1-2.module+el9.4.0+20787+4c237fd3 by RLSA-1"},
		"of another stream":                 {of("rubygem-irb", "1.2-1.module+el9.4.0+1+a", "ruby", "3.1.5-1.module+el9.4.0+1+a", "ruby:3.1"), fix("ruby", "0:3.3.1-2.module+el9.4.0+20787+4c237fd3", ofStream("ruby:3.3")), ""},
		"the kernel's image":                {of("kernel-core", "5.14.0-427.13.1.el9_4", "kernel", "", ""), fix("kernel", "0:5.14.0-427.20.1.el9_4"), "fix available 0:5.14.0-427.20.1.el9_4 by RLSA-1"},
		"other rebuilds name binaries":      {of("openssl-libs", "1:3.0.7-24.el9", "openssl", "", ""), entryOf("osv/AlmaLinux", "ALSA-1", aboutPackage("AlmaLinux:9", "openssl")("", "1:9")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ecosystem := rocky
			if tc.said.ID == "ALSA-1" {
				ecosystem = "AlmaLinux:9"
			}
			if got := outcome(tc.p, ecosystem, Standing{}, tc.said); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

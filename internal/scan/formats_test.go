package scan

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// realHost is a scan of the real Debian 12 host.
func realHost(t *testing.T) *session {
	t.Helper()
	data := shared(t)
	s, err := scan(t.Context(), Options{
		Root: rootWith(t, read(t, filepath.Join(data, "debian12/dpkg-status")), debian12), Feeds: filepath.Join(data, "feeds"), NoCache: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// hostile is a scan in which every text from outside holds what terminals, XML or links might act on.
func hostile() *session {
	const bad = "a\x1b]0;x\a\x00\ufffe\u202eb<&\"'\r\n\xff"
	f := apiv1.Finding{
		Vulnerability: bad, Advisory: bad, Source: bad, Package: bad, Packages: []string{bad}, Installed: bad, Fixed: bad, Status: apiv1.StatusFixed,
		Priority: apiv1.PriorityHigh, Severity: bad, KEV: &apiv1.KEV{Added: bad}, Reasons: []apiv1.Reason{}, Ecosystem: "Debian:12", Feed: bad, Explanation: bad,
	}
	return &session{
		now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		out: apiv1.Scan{
			Root: "/" + bad, OS: apiv1.OSRelease{ID: bad, VersionID: bad}, Ecosystem: "Debian:12", Assessment: apiv1.Assessment{Status: assessed},
			Findings: []apiv1.Finding{f}, Feeds: []apiv1.FeedStatus{}, Warnings: []string{bad},
		},
		installed: []inventory.Package{{Ecosystem: "Debian:12", Name: bad, Version: bad, Source: bad, SourceVersion: bad, Arch: bad}},
	}
}

func printed(t *testing.T, s *session, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, s, format, "1"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileTextIsHarmlessInEveryFormat(t *testing.T) {
	t.Parallel()
	for _, format := range formats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			out := printed(t, hostile(), format)
			for _, r := range string(out) {
				if r != '\n' && unicode.IsControl(r) || format != "json" && (r == 0x202e || r == 0xfffe) {
					t.Fatalf("%U in %q", r, out)
				}
			}
			switch format {
			case "junit":
				d := xml.NewDecoder(bytes.NewReader(out))
				for {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
			case "table":
				if !strings.Contains(string(out), `'a\u001b`) {
					t.Errorf("the name on the command line is not quoted: %s", out)
				}
			default:
				if !json.Valid(out) {
					t.Errorf("no JSON: %s", out)
				}
			}
		})
	}
}

// The rules of the SARIF 2.1.0 schema that a reader depends on, held against a real host.
func TestSARIFKeepsTheRulesOfItsSchema(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*session{"real": realHost(t), "hostile": hostile()} {
		var log sarifLog
		if err := json.Unmarshal(printed(t, s, "sarif"), &log); err != nil {
			t.Fatal(err)
		}
		if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") || len(log.Runs) != 1 {
			t.Fatalf("%s: %s %s, %d runs", name, log.Version, log.Schema, len(log.Runs))
		}
		run := log.Runs[0]
		if run.Tool.Driver.Name == "" || len(run.Invocations) != 1 || len(run.Results) != len(s.out.Findings) {
			t.Errorf("%s: driver %q, %d results of %d findings", name, run.Tool.Driver.Name, len(run.Results), len(s.out.Findings))
		}
		ids, prints := map[string]bool{}, map[string]bool{}
		for _, r := range run.Tool.Driver.Rules {
			if ids[r.ID] || r.ID == "" || r.Short.Text == "" {
				t.Errorf("%s: rule %q is empty or there twice", name, r.ID)
			}
			ids[r.ID] = true
			if _, err := url.ParseRequestURI(r.HelpURI); err != nil {
				t.Errorf("%s: helpUri %q: %v", name, r.HelpURI, err)
			}
		}
		for _, r := range run.Results {
			if r.RuleIndex < 0 || r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
				t.Fatalf("%s: %s does not point at its rule", name, r.RuleID)
			}
			if !slices.Contains([]string{"none", "note", "warning", "error"}, r.Level) || r.Message.Text == "" || len(r.Locations) == 0 {
				t.Errorf("%s: level %q, message %q, %d locations", name, r.Level, r.Message.Text, len(r.Locations))
			}
			for _, l := range r.Locations {
				if u, err := url.Parse(l.Physical.Artifact.URI); err != nil || u.IsAbs() || strings.HasPrefix(u.Path, "/") || len(l.Logical) == 0 {
					t.Errorf("%s: location %q, %d packages", name, l.Physical.Artifact.URI, len(l.Logical))
				}
			}
			mark := r.Fingerprints["staunchFinding/v1"]
			if mark == "" || prints[mark] {
				t.Errorf("%s: fingerprint %q of %s is empty or another's", name, mark, r.RuleID)
			}
			prints[mark] = true
		}
	}
}

// The rules of the CycloneDX 1.6 schema on what is used of it: words from its lists, references that point at something, each once.
func TestVEXKeepsTheRulesOfItsSchema(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*session{"real": realHost(t), "hostile": hostile()} {
		var b bom
		if err := json.Unmarshal(printed(t, s, "cyclonedx-vex"), &b); err != nil {
			t.Fatal(err)
		}
		if b.Format != "CycloneDX" || b.SpecVersion != "1.6" || b.Version < 1 || len(b.Vulnerabilities) != len(s.out.Findings) {
			t.Errorf("%s: %s %s, %d of %d", name, b.Format, b.SpecVersion, len(b.Vulnerabilities), len(s.out.Findings))
		}
		if _, err := time.Parse(time.RFC3339, b.Metadata.Timestamp); err != nil {
			t.Error(err)
		}
		refs, affected := map[string]bool{b.Metadata.Component.Ref: true}, map[string]bool{}
		for _, c := range b.Components {
			if refs[c.Ref] || c.Ref == "" || c.Name == "" || !strings.HasPrefix(c.PURL, "pkg:") {
				t.Errorf("%s: component %+v", name, c)
			}
			refs[c.Ref], affected[c.Ref] = true, true
		}
		for _, v := range b.Vulnerabilities {
			if refs[v.Ref] || v.ID == "" || len(v.Affects) == 0 {
				t.Errorf("%s: %s %s, affects %d", name, v.Ref, v.ID, len(v.Affects))
			}
			refs[v.Ref] = true
			if !slices.Contains([]string{"resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"}, v.Analysis.State) {
				t.Errorf("%s: state %q", name, v.Analysis.State)
			}
			for _, r := range v.Analysis.Response {
				if !slices.Contains([]string{"can_not_fix", "will_not_fix", "update", "rollback", "workaround_available"}, r) {
					t.Errorf("%s: response %q", name, r)
				}
			}
			for _, r := range v.Ratings {
				if !slices.Contains([]string{"CVSSv2", "CVSSv3", "CVSSv31", "CVSSv4", "OWASP", "SSVC", "other"}, r.Method) || r.Source.Name == "" ||
					r.Severity != "" && !slices.Contains([]string{"critical", "high", "medium", "low", "info", "none", "unknown"}, r.Severity) {
					t.Errorf("%s: rating %+v", name, r)
				}
			}
			for _, a := range v.Affects {
				if !affected[a.Ref] || len(a.Versions) != 1 || !slices.Contains([]string{"affected", "unaffected", "unknown"}, a.Versions[0].Status) {
					t.Errorf("%s: affects %+v", name, a)
				}
			}
		}
	}
}

// A host keeps several kernels of one name: what is said of one is not said of the other. Of old code, what is on disk is not meant.
func TestWhatIsSaidOfAVersionIsNotSaidOfTheOtherOne(t *testing.T) {
	t.Parallel()
	kernel := func(version string) inventory.Package {
		return inventory.Package{Ecosystem: "AlmaLinux:9", Name: "kernel-core", Arch: "x86_64", Version: version, Source: "kernel", SourceVersion: version}
	}
	ssl := inventory.Package{Ecosystem: "AlmaLinux:9", Name: "openssl-libs", Arch: "x86_64", Version: "1:3.0.7-28.el9_4", Source: "openssl", SourceVersion: "1:3.0.7-28.el9_4"}
	finding := func(name, source, installed, status string) apiv1.Finding {
		return apiv1.Finding{Vulnerability: "CVE-1", Advisory: "ALSA-1", Ecosystem: "AlmaLinux:9", Source: source, Package: name, Packages: []string{name}, Installed: installed,
			Status: status, Priority: apiv1.PriorityHigh, Severity: "important", Feed: "redhat/vex",
			Reasons: []apiv1.Reason{{Input: "severity", Value: "important", Source: "osv/AlmaLinux"}}}
	}
	s := &session{installed: []inventory.Package{kernel("5.14.0-1"), kernel("5.14.0-2"), kernel("5.14.0-3"), ssl}, out: apiv1.Scan{Ecosystem: "AlmaLinux:9", OS: apiv1.OSRelease{ID: "almalinux"},
		Assessment: apiv1.Assessment{Status: assessed}, Findings: []apiv1.Finding{
			finding("kernel-core", "kernel", "5.14.0-1", apiv1.StatusNotRunning), finding("kernel-core", "kernel", "5.14.0-2", apiv1.StatusRebootPending),
			finding("openssl-libs", "openssl", "1:3.0.7-27.el9_4", apiv1.StatusOldCode),
		}}}
	want := []string{"pkg:rpm/almalinux/kernel-core@5.14.0-1?arch=x86_64&distro=almalinux-9", "pkg:rpm/almalinux/kernel-core@5.14.0-2?arch=x86_64&distro=almalinux-9",
		"pkg:rpm/almalinux/openssl-libs@3.0.7-27.el9_4?arch=x86_64&distro=almalinux-9&epoch=1"}
	var b bom
	if err := json.Unmarshal(printed(t, s, "cyclonedx-vex"), &b); err != nil {
		t.Fatal(err)
	}
	for i, v := range b.Vulnerabilities {
		if len(v.Affects) != 1 || v.Affects[0].Ref != want[i] || v.Ratings[0].Source.Name != "osv/AlmaLinux" {
			t.Errorf("VEX: %+v rated by %q, want %s rated by whoever rates it", v.Affects, v.Ratings[0].Source.Name, want[i])
		}
	}
	for range 2 {
		s.installed = append(s.installed, inventory.Package{Ecosystem: "PyPI", Name: "requests", Version: "2.0"})
	}
	if got := installationsOf(s).of(apiv1.Finding{Ecosystem: "PyPI", Packages: []string{"requests"}, Installed: "2.0"}); len(got) != 1 {
		t.Errorf("a package that lies in two places is named %d times", len(got))
	}
	if len(b.Components) != 3 {
		t.Errorf("VEX: components %+v", b.Components)
	}
	var log sarifLog
	if err := json.Unmarshal(printed(t, s, "sarif"), &log); err != nil {
		t.Fatal(err)
	}
	prints := map[string]bool{}
	for i, r := range log.Runs[0].Results {
		if l := r.Locations[0].Logical; len(l) != 1 || l[0].Full != want[i] {
			t.Errorf("SARIF: %+v, want %s", l, want[i])
		}
		if mark := r.Fingerprints["staunchFinding/v1"]; prints[mark] {
			t.Errorf("SARIF: two results have the fingerprint %s", mark)
		} else {
			prints[mark] = true
		}
	}
}

func TestJUnitCountsWhatItHolds(t *testing.T) {
	t.Parallel()
	s := realHost(t)
	var all junitSuites
	if err := xml.Unmarshal(printed(t, s, "junit"), &all); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, suite := range all.Suites {
		failures := 0
		for _, c := range suite.Cases {
			if c.Failure != nil && c.Failure.Message != "" && c.Name != "" && c.Class != "" {
				failures++
			}
		}
		if failures != suite.Failures || len(suite.Cases) != suite.Tests {
			t.Errorf("%s: %d cases, %d failures; it says %d, %d", suite.Name, len(suite.Cases), failures, suite.Tests, suite.Failures)
		}
		n += failures
	}
	if n != len(s.out.Findings) || n != all.Failures {
		t.Errorf("%d failures of %d findings; it says %d", n, len(s.out.Findings), all.Failures)
	}
	none := &session{out: apiv1.Scan{Root: "/", Assessment: apiv1.Assessment{Status: notAssessed, Reason: "why"}}}
	if err := xml.Unmarshal(printed(t, none, "junit"), &all); err != nil || all.Errors != 1 {
		t.Errorf("not assessed: %d errors, %v", all.Errors, err)
	}
}

func TestPackageURLs(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]inventory.Package{
		"pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12": {Ecosystem: "Debian:12", Name: "libstdc++6", Version: "1:12.2.0-14+deb12u1", Arch: "amd64"},
		"pkg:rpm/debian/bind@9.16-1.el9?arch=x86_64&distro=debian-9&epoch=32":             {Ecosystem: "AlmaLinux:9", Name: "bind", Version: "32:9.16-1.el9", Arch: "x86_64"},
		"pkg:npm/%40angular/core@1.0.0":                                                   {Ecosystem: "npm", Name: "@angular/core", Version: "1.0.0"},
		"pkg:golang/github.com/x/y@v1.2.3":                                                {Ecosystem: "Go", Name: "github.com/x/y", Version: "v1.2.3"},
		"pkg:maven/org.apache/commons@1.0":                                                {Ecosystem: "Maven", Name: "org.apache:commons", Version: "1.0"},
		"pkg:pypi/requests@2.0":                                                           {Ecosystem: "PyPI", Name: "requests", Version: "2.0"},
		"pkg:apk/debian/musl@1.2?distro=debian-3.20":                                      {Ecosystem: "Alpine:v3.20", Name: "musl", Version: "1.2"},
	} {
		if got := purl(p, apiv1.OSRelease{ID: "debian"}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTheNextStepIsOneCommand(t *testing.T) {
	t.Parallel()
	f := func(ecosystem, source, fixed, status string, packages ...string) apiv1.Finding {
		return apiv1.Finding{Vulnerability: "CVE-1", Ecosystem: ecosystem, Source: source, Installed: "1", Fixed: fixed, Status: status, Priority: apiv1.PriorityHigh, Packages: packages, Package: packages[0]}
	}
	out := Table(apiv1.Scan{Root: "/", Ecosystem: "Debian:12", Assessment: apiv1.Assessment{Status: assessed}, Findings: []apiv1.Finding{
		f("Debian:12", "a", "1.2-1", apiv1.StatusFixed, "a", "liba"), f("Debian:12", "a", "1.10-1", apiv1.StatusFixed, "a"), f("Debian:12", "b", "2", apiv1.StatusFixed, "b; rm -rf /"),
		f("AlmaLinux:9", "c", "2", apiv1.StatusFixed, "c"), f("Arch Linux", "d", "2", apiv1.StatusFixed, "d"), f("PyPI", "e", "2", apiv1.StatusFixed, "e"),
		f("Debian:12", "linux", "2", apiv1.StatusRebootPending, "linux-image-1"), f("Debian:12", "f", "", apiv1.StatusNoFix, "f"), f("Ubuntu:24.04", "g", "2", apiv1.StatusEntitlement, "g"),
	}})
	for _, want := range []string{
		"a 1 -> 1.10-1: 2 findings, high", "apt-get install --only-upgrade a 'b; rm -rf /' liba", "dnf upgrade c", "pacman -Syu\n", "those of PyPI where they are built",
		"2. Reboot: the fixed kernel is installed", "g needs a subscription", "Watch: no fix",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// On Debian and Ubuntu the next kernel has a name of its own: to upgrade the packages that are there brings nothing.
func TestTheNextKernelHasAnotherName(t *testing.T) {
	t.Parallel()
	table := func(ecosystem string, packages ...string) string {
		return Table(apiv1.Scan{Root: "/", Ecosystem: ecosystem, Assessment: apiv1.Assessment{Status: assessed}, Findings: []apiv1.Finding{{Vulnerability: "CVE-1", Ecosystem: ecosystem,
			Source: "linux", Installed: "6.8.0-40.40", Fixed: "6.8.0-50.50", Status: apiv1.StatusFixed, Priority: apiv1.PriorityHigh, Package: packages[0], Packages: packages}}})
	}
	const other = "apt-get upgrade --with-new-pkgs\n"
	got := table("Ubuntu:24.04", "linux-headers-6.8.0-40", "linux-image-6.8.0-40-generic", "linux-libc-dev")
	if !strings.Contains(got, "--only-upgrade linux-libc-dev\n") || !strings.Contains(got, other) {
		t.Errorf("kernel and library:\n%s", got)
	}
	if got = table("Debian:12", "linux-image-6.1.0-37-amd64"); strings.Contains(got, "--only-upgrade") || !strings.Contains(got, other) {
		t.Errorf("kernel alone:\n%s", got)
	}
	if got = table("Debian:12", "linux-image-amd64", "linux-kbuild-6.1"); !strings.Contains(got, "--only-upgrade linux-image-amd64 linux-kbuild-6.1\n") || strings.Contains(got, other) {
		t.Errorf("what follows the kernel:\n%s", got)
	}
}

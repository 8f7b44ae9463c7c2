package vex

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	for purl, want := range map[string]string{
		"pkg:deb/debian/openssl@3.0.11-1~deb12u2?distro=debian-12":                       "Debian:12 openssl 3.0.11-1~deb12u2",
		"pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=source&distro=bookworm":            "Debian:12 openssl 3.0.11-1~deb12u2",
		"pkg:deb/debian/openssl?distro=debian-12.7":                                      "Debian:12 openssl ",
		"pkg:deb/debian/libssl3@3.0.11?arch=amd64&distro=debian-12":                      "!binary package",
		"pkg:deb/debian/libssl3@3.0.11?upstream=openssl&distro=debian-12":                "!binary package",
		"pkg:deb/debian/curl@1%3A7.88.1?arch=amd64&upstream=curl%407.88&distro=bookworm": "Debian:12 curl 1:7.88.1",
		"pkg:deb/debian/openssl@3.0.11-1":                                                "!which release of Debian",
		"pkg:deb/debian/openssl@3.0.11-1?distro=sid":                                     `!"sid" is not a release`,
		"pkg:deb/debian/openssl@3.0.11-1?distro=ubuntu-12":                               `!"ubuntu-12" is not a release of Debian`,
		"pkg:deb/debian/openssl@x_1?distro=debian-12":                                    "!invalid deb version",
		"pkg:deb/ubuntu/openssl@3.0.2-0ubuntu1.10?arch=source&distro=jammy":              "Ubuntu:22.04 openssl 3.0.2-0ubuntu1.10",
		"pkg:deb/ubuntu/openssl?distro=ubuntu-24.04.1":                                   "Ubuntu:24.04 openssl ",
		"pkg:deb/ubuntu/openssl?distro=ubuntu-24":                                        `!"ubuntu-24" is not a release`,
		"pkg:deb/ubuntu/openssl?distro=esm-apps%2Fnoble":                                 "!not a release",
		"pkg:deb/kali/openssl?distro=kali-2024":                                          `!"deb/kali" is not a distribution`,
		"pkg:apk/alpine/openssl@3.1.4-r5?distro=alpine-3.20.1":                           "Alpine:v3.20 openssl 3.1.4-r5",
		"pkg:apk/alpine/openssl@3.1.4-r5?distro=3.20.1":                                  "Alpine:v3.20 openssl 3.1.4-r5",
		"pkg:apk/alpine/openssl?distro=edge":                                             "Alpine:edge openssl ",
		"pkg:apk/wolfi/openssl@3.1.4-r5":                                                 "Wolfi openssl 3.1.4-r5",
		"pkg:rpm/almalinux/curl@7.76.1-26.el9?arch=x86_64&distro=almalinux-9.3":          "AlmaLinux:9 curl 7.76.1-26.el9",
		"pkg:rpm/almalinux/curl@7.76.1-26.el9?distro=rhel-9":                             `!"rhel-9" is not a release of AlmaLinux`,
		"pkg:rpm/redhat/openssl@3.0.7-24.el9?arch=x86_64&epoch=1&distro=rhel-9":          "Red Hat:9 openssl 1:3.0.7-24.el9",
		"pkg:rpm/redhat/openssl@3.0.7-24.el9?arch=src&distro=rhel-9":                     "!source package",
		"pkg:rpm/redhat/openssl@3.0.7-24.el9?arch=x86_64":                                "!which release of Red Hat",
		"pkg:rpm/rocky/nodejs@20?distro=rocky-9.3&rpmmod=nodejs:20:9030020:rhel9":        "Rocky Linux:9 nodejs 20 nodejs:20",
		"pkg:rpm/rocky/nodejs@20?distro=rocky-9.3&rpmmod=nodejs":                         "!does not name its stream",
		"pkg:rpm/oracle/curl@1-1?distro=ol-9.1":                                          "Oracle Linux:9 curl 1-1",
		"pkg:rpm/amzn/curl@1-1?distro=amzn-2023":                                         "Amazon Linux:2023 curl 1-1",
		"pkg:rpm/sles/curl@1-1?distro=sles-15-sp5":                                       "SUSE:15.5 curl 1-1",
		"pkg:rpm/suse/curl@1-1?distro=sles-15.5":                                         "SUSE:15.5 curl 1-1",
		"pkg:rpm/suse/curl@1-1?distro=sles-15":                                           "SUSE:15 curl 1-1",
		"pkg:rpm/opensuse/curl@1-1?distro=opensuse-leap-15.6":                            "openSUSE:Leap 15.6 curl 1-1",
		"pkg:rpm/opensuse/curl@1-1?distro=opensuse-tumbleweed-20250101":                  "!not a release",
		"pkg:rpm/azurelinux/curl@1-1?distro=azurelinux-3.0":                              "Azure Linux:3 curl 1-1",
		"pkg:alpm/arch/curl@8.0-1?arch=x86_64":                                           "Arch Linux curl 8.0-1",
		"pkg:pypi/Zope.Interface_x@1.0":                                                  "PyPI zope-interface-x 1.0",
		"pkg:npm/%40angular/core@1.2.3":                                                  "npm @angular/core 1.2.3",
		"pkg:golang/golang.org/x/net@v0.1.0":                                             "Go golang.org/x/net v0.1.0",
		"pkg:cargo/rand@0.7.2":                                                           "crates.io rand 0.7.2",
		"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1":                           "Maven org.apache.logging.log4j:log4j-core 2.14.1",
		"pkg:gem/rails@7.0":                                                              "RubyGems rails 7.0",
		"pkg:nuget/Newtonsoft.Json@13.0.1":                                               "NuGet newtonsoft.json 13.0.1",
		"pkg:composer/laravel/framework@9.0.0":                                           "Packagist laravel/framework 9.0.0",
		"pkg:oci/image@sha256%3Aabc":                                                     `!type "oci"`,
		"pkg:generic/openssl@1":                                                          `!type "generic"`,
		"openssl":                                                                        "!not a package URL",
		"":                                                                               "!not a package URL",
		"pkg:deb/debian/" + strings.Repeat("x", 3000):                                    "!longer than 2048 bytes",
		"pkg:deb/debian/" + strings.Repeat("x", 300) + "?distro=debian-12":               "!name is too long",
	} {
		p, err := placeOf(purl)
		if wrong, ok := strings.CutPrefix(want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %+v, %v, want %q", purl, p, err, wrong)
			}
			continue
		}
		if got := strings.TrimSuffix(fmt.Sprintf("%s %s %s %s", p.ecosystem, p.pkg, p.version, p.stream), " "); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", purl, got, err, want)
		}
	}
}

const (
	curl12   = "pkg:deb/debian/curl@7.88.1-10+deb12u5?distro=debian-12"
	anyCurl  = "pkg:deb/debian/curl?distro=debian-12"
	newCurl  = "pkg:deb/debian/curl@7.88.1-10+deb12u7?distro=debian-12"
	requests = "pkg:pypi/requests@2.31.0"
)

// openVEXOf is a document of statements, each given as vulnerability, status, justification and products.
func openVEXOf(statements ...[]string) []byte {
	var all []string
	for _, s := range statements {
		products := []string{}
		for _, p := range s[3:] {
			products = append(products, fmt.Sprintf(`{"@id":%q}`, p))
		}
		all = append(all, fmt.Sprintf(`{"vulnerability":{"name":%q},"status":%q,"justification":%q,"products":[%s]}`, s[0], s[1], s[2], strings.Join(products, ",")))
	}
	return []byte(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[` + strings.Join(all, ",") + `]}`)
}

func TestReadOpenVEX(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		data     []byte
		want     []advisory.Affected
		problems []string
	}{
		"not affected, one version": {openVEXOf([]string{"CVE-2026-0001", notAffected, "component_not_present", curl12}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}, Status: advisory.StatusNotAffected, Note: "component_not_present"}}, nil},
		"not affected, every version": {openVEXOf([]string{"CVE-2026-0001", notAffected, "", anyCurl}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Status: advisory.StatusNotAffected}}, nil},
		"affected, every version": {openVEXOf([]string{"CVE-2026-0001", affected, "", anyCurl}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Ranges: []advisory.Range{{Introduced: "0"}}}}, nil},
		"affected, two versions": {openVEXOf([]string{"CVE-2026-0001", affected, "", curl12, newCurl}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5", "7.88.1-10+deb12u7"}}}, nil},
		"under investigation": {openVEXOf([]string{"CVE-2026-0001", unclear, "", anyCurl}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Status: advisory.StatusUndetermined}}, nil},
		"fixed from a version on, the lowest of several": {openVEXOf([]string{"CVE-2026-0001", fixed, "", newCurl, curl12}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Ranges: []advisory.Range{{Introduced: "0", Fixed: "7.88.1-10+deb12u5"}}}}, nil},
		"a language's package is fixed in that version only": {openVEXOf([]string{"CVE-2026-0001", fixed, "", requests}),
			[]advisory.Affected{{Ecosystem: "PyPI", Package: "requests", Versions: []string{"2.31.0"}, Status: advisory.StatusNotAffected, Note: "fixed:"}}, nil},
		"the last of two counts": {openVEXOf([]string{"CVE-2026-0001", notAffected, "", curl12}, []string{"CVE-2026-0001", affected, "", curl12}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}}}, nil},
		"in no version, and yet in one": {openVEXOf([]string{"CVE-2026-0001", affected, "", curl12}, []string{"CVE-2026-0001", notAffected, "", anyCurl}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}}}, []string{"in no version, and yet in some"}},
		"in every version, and yet fixed": {openVEXOf([]string{"CVE-2026-0001", affected, "", anyCurl}, []string{"CVE-2026-0001", fixed, "", newCurl}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Ranges: []advisory.Range{{Introduced: "0", Fixed: "7.88.1-10+deb12u7"}}}}, []string{"in every version, and yet fixed"}},
		"what cannot be used is named": {openVEXOf([]string{"CVE-2026-0001", affected, "", curl12}, []string{"CVE-2026-0001", "gone", "", curl12}, []string{"CVE-2026-0001", affected, ""},
			[]string{"CVE-2026-0001", affected, "", "pkg:deb/debian/curl@1-1", "pkg:deb/debian/curl@1-1"}, []string{"CVE-2026-0001", fixed, "", anyCurl}, []string{"", affected, "", curl12}),
			[]advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}}},
			[]string{`"gone" is not known`, "names no product", "which release of Debian", "not in which version", "is not the id of a vulnerability"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s, got, err := read(t, ReadVEX, tc.data, intake.Limits{})
			want := []advisory.Advisory{{Feed: "f", ID: "CVE-2026-0001", CVEs: []string{"CVE-2026-0001"}, Modified: at, Affected: tc.want}}
			if diff := cmp.Diff(want, got); err != nil || diff != "" || !s.Newest.Equal(at) {
				t.Errorf("%v: %s", err, diff)
			}
			if len(s.Problems) != len(tc.problems) {
				t.Fatalf("%v, want %v", s.Problems, tc.problems)
			}
			for i, p := range tc.problems {
				found := false
				for _, have := range s.Problems {
					found = found || strings.Contains(have.Reason, p)
				}
				if !found {
					t.Errorf("no problem %d, %q, in %v", i, p, s.Problems)
				}
			}
		})
	}
}

// Statements count by their time, the parts of an image are not packages of hosts, and older documents name things by plain texts.
func TestReadOpenVEXForms(t *testing.T) {
	t.Parallel()
	text := `{"@context":"https://openvex.dev/ns","timestamp":"2026-11-01T00:00:00Z","statements":[
	 {"vulnerability":"CVE-2026-0001","products":["` + curl12 + `"],"status":"not_affected","impact_statement":"not built in","timestamp":"2026-11-03T00:00:00Z"},
	 {"vulnerability":"CVE-2026-0001","products":["` + curl12 + `"],"status":"affected","timestamp":"2026-11-02T00:00:00Z"},
	 {"vulnerability":{"name":"GHSA-abcd-efgh-ijkl","aliases":["CVE-2026-0002","https://x"]},"products":[{"@id":"urn:x","identifiers":{"purl":"` + requests + `"}}],"status":"affected","action_statement":"upgrade"},
	 {"vulnerability":{"name":"CVE-2026-0003"},"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"` + curl12 + `"}]}],"status":"not_affected"}]}`
	want := []advisory.Advisory{
		{Feed: "f", ID: "CVE-2026-0001", CVEs: []string{"CVE-2026-0001"}, Modified: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC),
			Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}, Status: advisory.StatusNotAffected, Note: "not built in"}}},
		{Feed: "f", ID: "GHSA-abcd-efgh-ijkl", CVEs: []string{"CVE-2026-0002"}, Modified: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
			Affected: []advisory.Affected{{Ecosystem: "PyPI", Package: "requests", Versions: []string{"2.31.0"}, Note: "upgrade"}}},
	}
	s, got, err := read(t, ReadVEX, []byte(text), intake.Limits{})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, `a part of "pkg:oci/app"`) {
		t.Error(s.Problems)
	}
}

const csafText = `{"document":{"category":"csaf_vex","csaf_version":"2.0","tracking":{"current_release_date":"2026-11-01T00:00:00Z"}},
 "product_tree":{
  "branches":[{"category":"vendor","name":"v","branches":[
   {"category":"product_version","name":"a","product":{"name":"a","product_id":"A","product_identification_helper":{"purl":"pkg:rpm/almalinux/a@1-1.el9?distro=almalinux-9.4"}}},
   {"category":"product_version","name":"b","product":{"name":"b","product_id":"B","product_identification_helper":{"purl":"pkg:rpm/almalinux/b@2-1.el9?distro=almalinux-9"}}}]}],
  "full_product_names":[{"name":"c","product_id":"C","product_identification_helper":{"purl":"pkg:rpm/almalinux/c?distro=almalinux-9"}},{"name":"d","product_id":"D"}],
  "relationships":[{"category":"default_component_of","full_product_name":{"name":"a in x","product_id":"X:A"},"product_reference":"A","relates_to_product_reference":"X"}]},
 "vulnerabilities":[
  {"cve":"CVE-2026-0001","product_status":{"known_not_affected":["A","X:A","B"],"known_affected":["B"],"fixed":["B"],"under_investigation":["C"],"recommended":["A"]},
   "flags":[{"label":"vulnerable_code_not_present","product_ids":["A"]}],"threats":[{"category":"impact","details":"not built in","product_ids":["A"]},{"category":"exploit_status","details":"x","product_ids":["A"]}]},
  {"ids":[{"system_name":"x","text":"BUG-1"}],"product_status":{"first_fixed":["B"],"known_affected":["D","E"]}},
  {"product_status":{"known_affected":["A"]}}]}`

func TestReadCSAF(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	want := []advisory.Advisory{
		{Feed: "f", ID: "BUG-1", Modified: at, Affected: []advisory.Affected{{Ecosystem: "AlmaLinux:9", Package: "b", Ranges: []advisory.Range{{Introduced: "0", Fixed: "2-1.el9"}}}}},
		{Feed: "f", ID: "CVE-2026-0001", CVEs: []string{"CVE-2026-0001"}, Modified: at, Affected: []advisory.Affected{
			{Ecosystem: "AlmaLinux:9", Package: "a", Versions: []string{"1-1.el9"}, Status: advisory.StatusNotAffected, Note: "vulnerable_code_not_present: not built in"},
			{Ecosystem: "AlmaLinux:9", Package: "b", Versions: []string{"2-1.el9"}}, // named three times: the worst counts
			{Ecosystem: "AlmaLinux:9", Package: "c", Status: advisory.StatusUndetermined},
		}},
	}
	s, got, err := read(t, ReadVEX, []byte(csafText), intake.Limits{})
	if diff := cmp.Diff(want, got); err != nil || diff != "" || !s.Newest.Equal(at) {
		t.Errorf("%v: %s", err, diff)
	}
	problems := []advisory.Problem{
		{Record: "X:A", Reason: "it is a part of another product, not a package of hosts"},
		{Record: "D", Reason: "the product has no package URL"},
		{Record: "E", Reason: "the product has no package URL"},
		{Record: "vulnerability 3", Reason: "it has no id"},
	}
	if diff := cmp.Diff(problems, s.Problems); diff != "" {
		t.Error(diff)
	}
}

const cdxText = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-11-01T00:00:00Z"},
 "components":[{"bom-ref":"r1","name":"curl","purl":"` + curl12 + `","components":[{"bom-ref":"r2","purl":"` + requests + `"}]},{"bom-ref":"r3","name":"x"}],
 "vulnerabilities":[
  {"id":"CVE-2026-0001","analysis":{"state":"not_affected","justification":"code_not_reachable","detail":"no proxy here"},"affects":[{"ref":"r1"},{"ref":"r3"}]},
  {"id":"CVE-2026-0002","references":[{"id":"GHSA-x"}],"analysis":{"state":"exploitable"},"affects":[{"ref":"r2"},{"ref":"urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#r1"},{"ref":"urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a8/1#pkg%3Apypi%2Frequests%402.30.0"}]},
  {"id":"CVE-2026-0003","analysis":{"state":"resolved"},"affects":[{"ref":"` + newCurl + `"}]},
  {"id":"CVE-2026-0004","analysis":{"state":"in_triage"},"affects":[{"ref":"r1","versions":[{"range":"vers:deb/<1","status":"affected"}]}]},
  {"id":"CVE-2026-0005","affects":[{"ref":"r1"}]},
  {"id":"CVE-2026-0006","analysis":{"state":"false_positive"}}]}`

func TestReadCycloneDX(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	want := []advisory.Advisory{
		{Feed: "f", ID: "CVE-2026-0001", CVEs: []string{"CVE-2026-0001"}, Modified: at, Affected: []advisory.Affected{
			{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}, Status: advisory.StatusNotAffected, Note: "not_affected: code_not_reachable: no proxy here"}}},
		{Feed: "f", ID: "CVE-2026-0002", CVEs: []string{"CVE-2026-0002"}, Aliases: []string{"GHSA-x"}, Modified: at, Affected: []advisory.Affected{
			{Ecosystem: "Debian:12", Package: "curl", Versions: []string{"7.88.1-10+deb12u5"}, Note: "exploitable"},
			{Ecosystem: "PyPI", Package: "requests", Versions: []string{"2.30.0", "2.31.0"}, Note: "exploitable"}}},
		{Feed: "f", ID: "CVE-2026-0003", CVEs: []string{"CVE-2026-0003"}, Modified: at, Affected: []advisory.Affected{
			{Ecosystem: "Debian:12", Package: "curl", Ranges: []advisory.Range{{Introduced: "0", Fixed: "7.88.1-10+deb12u7"}}, Note: "resolved"}}},
	}
	s, got, err := read(t, ReadVEX, []byte(cdxText), intake.Limits{})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	problems := []advisory.Problem{
		{Record: "CVE-2026-0001", Reason: `the component "r3" has no package URL here`},
		{Record: "CVE-2026-0004", Reason: `versions beside that of "` + curl12 + `" are not understood`},
		{Record: "CVE-2026-0005", Reason: `the state "" of its analysis is not known`},
		{Record: "CVE-2026-0006", Reason: "it names no product"},
	}
	if diff := cmp.Diff(problems, s.Problems); diff != "" {
		t.Error(diff)
	}
}

func TestReadVEXDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "a list": "[]", "something else": "{}", "a BOM without vulnerabilities": `{"bomFormat":"CycloneDX","components":[]}`,
		"cut off": csafText[:300], "nothing that can be placed": string(openVEXOf([]string{"CVE-2026-0001", affected, "", "pkg:deb/debian/curl@1-1"})),
		"a wrong shape": `{"@context":"openvex","statements":{}}`,
	} {
		if _, got, err := read(t, ReadVEX, []byte(text), intake.Limits{}); !errors.Is(err, intake.ErrDamaged) || len(got) != 0 {
			t.Errorf("%s: %v, %v", name, err, got)
		}
	}
	if _, _, err := read(t, ReadVEX, []byte(csafText), intake.Limits{MaxTotal: 100}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("%v, want too long", err)
	}
}

// Taking back all that was said is a document with an empty list; one without a list is damaged.
func TestReadOpenVEXThatTakesAllBack(t *testing.T) {
	t.Parallel()
	if s, got, err := read(t, ReadVEX, openVEXOf(), intake.Limits{}); err != nil || len(got) != 0 || s.Records != 0 || s.Skipped != 0 {
		t.Errorf("an empty list: %v, %+v %v", err, s, got)
	}
	for _, text := range []string{`{"@context":"https://openvex.dev/ns/v0.2.0"}`, `{"@context":"https://openvex.dev/ns/v0.2.0","statements":null}`} {
		if _, _, err := read(t, ReadVEX, []byte(text), intake.Limits{}); !errors.Is(err, intake.ErrDamaged) {
			t.Errorf("%s: %v, want damaged", text, err)
		}
	}
}

// Real OpenVEX documents, Canonical's, read as if they were a user's: each source package of a known release is placed, and what is said of
// binary packages is named.
func TestReadOpenVEXReal(t *testing.T) {
	t.Parallel()
	folder := []string{"samples", "vunnel", "ubuntu", "test-fixtures", "vex", "cve"}
	s, got, err := read(t, ReadVEX, intaketest.Sample(t, append(folder, "2023", "CVE-2023-38545.json")...), intake.Limits{})
	if err != nil || len(got) != 1 || got[0].ID != "CVE-2023-38545" || s.Skipped == 0 {
		t.Fatalf("%v: %+v %+v", err, got, s)
	}
	var curl []advisory.Affected
	for _, e := range got[0].Affected {
		if e.Package == "curl" {
			curl = append(curl, e)
		}
	}
	const vulnerable, over = "This package (for the given release) was vulnerable, but an update has been uploaded and published.", "This package (for the given release) is no longer supported. Please upgrade your system."
	want := []advisory.Affected{
		{Ecosystem: "Ubuntu:16.04", Package: "curl", Versions: []string{"7.47.0-1ubuntu2.19"}, Note: over},
		{Ecosystem: "Ubuntu:22.04", Package: "curl", Ranges: []advisory.Range{{Introduced: "0", Fixed: "7.81.0-1ubuntu1.24"}}, Note: vulnerable},
		{Ecosystem: "Ubuntu:24.04", Package: "curl", Ranges: []advisory.Range{{Introduced: "0", Fixed: "8.5.0-2ubuntu10.9"}}, Note: vulnerable},
	}
	if diff := cmp.Diff(want, curl); diff != "" {
		t.Error(diff)
	}
	for _, p := range s.Problems {
		if !strings.Contains(p.Reason, "binary package") && !strings.Contains(p.Reason, "is not a release of Ubuntu") {
			t.Errorf("%+v", p)
		}
	}
}

// A real CSAF document, Red Hat's: all it says is about packages as parts of its products, which is for the adapter that knows these; read as
// a user's it gives nothing, and names them.
func TestReadCSAFReal(t *testing.T) {
	t.Parallel()
	s, got, err := read(t, ReadVEX, intaketest.Sample(t, "samples", "vunnel", "rhel", "test-fixtures", "csaf", "server", "2024", "rhsa-2024_0010.json"), intake.Limits{})
	if !errors.Is(err, intake.ErrDamaged) || len(got) != 0 || s.Skipped == 0 {
		t.Errorf("%v: %v %+v", err, got, s)
	}
	for _, p := range s.Problems {
		if !strings.Contains(p.Reason, "a part of another product") || !strings.HasPrefix(p.Record, "AppStream-9") {
			t.Errorf("%+v", p)
		}
	}
}

func FuzzVEX(f *testing.F) {
	f.Add(openVEXOf([]string{"CVE-2026-0001", affected, "", curl12}, []string{"CVE-2026-0001", notAffected, "", anyCurl}, []string{"CVE-2026-0001", fixed, "", newCurl}))
	f.Add([]byte(csafText))
	f.Add([]byte(cdxText))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, all, err := read(t, ReadVEX, data, intake.Limits{MaxTotal: 1 << 20})
		if err == nil && s.Records == 0 || s.Records != len(all) || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d advisories", err, s, len(all))
		}
		checkAll(t, all)
	})
}

func FuzzPlace(f *testing.F) {
	for _, seed := range []string{curl12, requests, "pkg:rpm/rocky/nodejs@20?distro=rocky-9.3&rpmmod=nodejs:20:9030020:rhel9&epoch=1", "pkg:maven/g/a@1", "pkg:apk/alpine/a?distro=3.20"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, purl string) {
		p, err := placeOf(purl)
		if err == nil && (checkEcosystem(p.ecosystem) != nil || !sound(p.pkg, maxName) || p.version != "" && checkVersion(p.ecosystem, p.version) != nil) {
			t.Errorf("%q: %+v", purl, p)
		}
	})
}

// Hosts and advisories write the names of Go modules with capitals, which the specification of package URLs lowers: a statement would be
// about a module that nobody has.
func TestGoModulesKeepTheirCapitals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]place{
		"pkg:golang/github.com/BurntSushi/toml@v1.2.3":                       {ecosystem: "Go", pkg: "github.com/BurntSushi/toml", version: "v1.2.3"},
		"pkg:golang/github.com%2FBurntSushi%2Ftoml@v1.2.3?type=module#cmd/x": {ecosystem: "Go", pkg: "github.com/BurntSushi/toml", version: "v1.2.3"},
		"pkg:golang/stdlib@1.21.1":                                           {ecosystem: "Go", pkg: "stdlib", version: "1.21.1"},
	} {
		if got, err := placeOf(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

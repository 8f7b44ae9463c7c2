package inspect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// brief is one line for each package: ecosystem name arch version (source sourceVersion) stream.
func brief(r Result) []string {
	out := []string{}
	for _, p := range r.Packages {
		text := fmt.Sprintf("%s %s %s %s", p.Ecosystem, p.Name, p.Arch, p.Version)
		if p.Source != "" || p.SourceVersion != "" {
			text += fmt.Sprintf(" (%s %s)", p.Source, p.SourceVersion)
		}
		if p.Stream != "" {
			text += " " + p.Stream
		}
		out = append(out, text)
	}
	return out
}

func cdx(components ...string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.5","components":[` + strings.Join(components, ",") + `]}`
}

func TestSBOM(t *testing.T) {
	t.Parallel()
	const debianOS = `{"type":"operating-system","name":"debian","version":"12.5"}`
	for name, c := range map[string]struct {
		in       string
		os       string
		want     []string
		warnings int
	}{
		"syft_debian": {cdx(
			`{"type":"operating-system","name":"debian","version":"12"}`,
			`{"type":"library","name":"libssl3","version":"3.0.15-1~deb12u1","purl":"pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl"}`,
			`{"type":"library","name":"bsdutils","version":"1:2.38.1-5+deb12u1","purl":"pkg:deb/debian/bsdutils@1%3A2.38.1-5%2Bdeb12u1?arch=amd64&upstream=util-linux%402.38.1-5%2Bdeb12u1&distro=debian-12"}`,
			`{"type":"library","name":"adduser","version":"3.134","purl":"pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12"}`,
			`{"type":"file","name":"/etc/passwd"}`),
			"Debian:12", []string{"Debian:12 adduser all 3.134", "Debian:12 bsdutils amd64 1:2.38.1-5+deb12u1 (util-linux 2.38.1-5+deb12u1)", "Debian:12 libssl3 amd64 3.0.15-1~deb12u1 (openssl )"}, 0},
		"trivy_debian_properties_and_epoch": {cdx(debianOS,
			`{"type":"library","name":"login","version":"1:4.13+dfsg1-1+b1","purl":"pkg:deb/debian/login@4.13%2Bdfsg1-1%2Bb1?arch=amd64&distro=debian-12.5&epoch=1","properties":[{"name":"aquasecurity:trivy:SrcName","value":"shadow"},{"name":"aquasecurity:trivy:SrcVersion","value":"4.13+dfsg1"},{"name":"aquasecurity:trivy:SrcRelease","value":"1"},{"name":"aquasecurity:trivy:SrcEpoch","value":"1"}]}`),
			"Debian:12", []string{"Debian:12 login amd64 1:4.13+dfsg1-1+b1 (shadow 1:4.13+dfsg1-1)"}, 0},
		"no_tool_names_sources": {cdx(`{"type":"library","purl":"pkg:deb/ubuntu/libssl3@3.0.2-0ubuntu1.18?arch=amd64&distro=ubuntu-22.04"}`),
			"Ubuntu:22.04", []string{"Ubuntu:22.04 libssl3 amd64 3.0.2-0ubuntu1.18"}, 1},
		"rpm_epoch_module_source": {cdx(`{"type":"operating-system","name":"redhat","version":"8.9"}`,
			`{"type":"library","purl":"pkg:rpm/redhat/nodejs@18.20.4-1.module%2Bel8?arch=x86_64&epoch=1&distro=rhel-8.9&upstream=nodejs-18.20.4-1.module%2Bel8.src.rpm","properties":[{"name":"syft:metadata:modularityLabel","value":"nodejs:18:8090020240301:abc"}]}`,
			`{"type":"library","purl":"pkg:rpm/redhat/openssl-libs@1.1.1k-12.el8_9?arch=x86_64&epoch=1&distro=redhat-8.9","properties":[{"name":"aquasecurity:trivy:SrcName","value":"openssl"},{"name":"aquasecurity:trivy:SrcVersion","value":"1.1.1k"},{"name":"aquasecurity:trivy:SrcRelease","value":"12.el8_9"}]}`,
			`{"type":"library","purl":"pkg:rpm/redhat/gpg-pubkey@fd431d51-4ae0493b?distro=rhel-8.9"}`),
			"Red Hat:8", []string{"Red Hat:8 nodejs x86_64 1:18.20.4-1.module+el8 nodejs:18", "Red Hat:8 openssl-libs x86_64 1:1.1.1k-12.el8_9 (openssl )"}, 0},
		"rocky_without_sources": {cdx(`{"type":"library","purl":"pkg:rpm/rocky/krb5-libs@1.21.1-1.el9?arch=x86_64&distro=rocky-9.4"}`),
			"Rocky Linux:9", []string{"Rocky Linux:9 krb5-libs x86_64 1.21.1-1.el9"}, 1},
		"rocky_with_sources": {cdx(`{"type":"library","purl":"pkg:rpm/rocky/krb5-libs@1.21.1-1.el9?arch=x86_64&distro=rocky-9.4&upstream=krb5-1.21.1-1.el9.src.rpm"}`),
			"Rocky Linux:9", []string{"Rocky Linux:9 krb5-libs x86_64 1.21.1-1.el9 (krb5 )"}, 0},
		"rpm_epoch_in_the_version_alone": {cdx(`{"type":"library","name":"dbus","version":"1:1.12.8-18.el8","purl":"pkg:rpm/redhat/dbus@1.12.8-18.el8?arch=x86_64&distro=rhel-8.6"}`,
			`{"type":"library","name":"a","version":"None:1-2.el8","purl":"pkg:rpm/redhat/a@1-2.el8?arch=x86_64&distro=rhel-8.6"}`),
			"Red Hat:8", []string{"Red Hat:8 a x86_64 1-2.el8", "Red Hat:8 dbus x86_64 1:1.12.8-18.el8"}, 0},
		"amazon_as_trivy_calls_it": {cdx(`{"type":"operating-system","name":"amazon","version":"2023.6.20241010 (Amazon Linux)"}`, `{"type":"library","purl":"pkg:rpm/amazon/bash@5.2.15-1.amzn2023?arch=x86_64&distro=amazon-2023.6.20241010+%28Amazon+Linux%29"}`),
			"Amazon Linux:2023", []string{"Amazon Linux:2023 bash x86_64 5.2.15-1.amzn2023"}, 0},
		"no_release":             {cdx(`{"type":"library","purl":"pkg:rpm/x/bash@5.2.15-1?arch=x86_64"}`), "", []string{" bash x86_64 5.2.15-1"}, 1},
		"alma_as_trivy_calls_it": {cdx(`{"type":"library","purl":"pkg:rpm/alma/bash@5.1.8-9.el9?arch=x86_64&distro=alma-9.4"}`), "AlmaLinux:9", []string{"AlmaLinux:9 bash x86_64 5.1.8-9.el9"}, 0},
		"leap":                   {cdx(`{"type":"library","purl":"pkg:rpm/opensuse/bash@4.4-150400.27.1?arch=x86_64&distro=opensuse-leap-15.5"}`), "openSUSE:Leap 15.5", []string{"openSUSE:Leap 15.5 bash x86_64 4.4-150400.27.1"}, 0},
		"alpine_origin":          {cdx(`{"type":"library","purl":"pkg:apk/alpine/libssl3@3.3.1-r3?arch=x86_64&upstream=openssl&distro=alpine-3.20.1"}`), "Alpine:v3.20", []string{"Alpine:v3.20 libssl3 x86_64 3.3.1-r3 (openssl )"}, 0},
		"arch":                   {cdx(`{"type":"library","purl":"pkg:alpm/arch/bash@5.2-1?arch=x86_64&distro=arch"}`), "Arch Linux", []string{"Arch Linux bash x86_64 5.2-1"}, 0},
		"languages_nested": {cdx(`{"type":"application","name":"app","purl":"pkg:npm/app","components":[
			{"type":"library","purl":"pkg:npm/%40babel/core@7.24.0"},{"type":"library","purl":"pkg:pypi/Zope.Interface@6.0"},{"type":"library","purl":"pkg:golang/github.com/x/y/v2@v2.1.0#sub"},
			{"type":"library","purl":"pkg:golang/stdlib@go1.22.1"},{"type":"library","purl":"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar"},{"type":"library","purl":"pkg:cargo/serde@1.0.1"},
			{"type":"library","purl":"pkg:gem/rails@7.0.1"},{"type":"library","purl":"pkg:nuget/Newtonsoft.Json@13.0.1"},{"type":"library","purl":"pkg:composer/Symfony/Http-Kernel@6.0.0"}]}`), "",
			[]string{"Go github.com/x/y/v2  2.1.0", "Go stdlib  1.22.1", "Maven org.apache.logging.log4j:log4j-core  2.14.1", "NuGet Newtonsoft.Json  13.0.1", "Packagist symfony/http-kernel  6.0.0",
				"PyPI zope-interface  6.0", "RubyGems rails  7.0.1", "crates.io serde  1.0.1", "npm @babel/core  7.24.0"}, 0},
		"kinds_without_advisories_and_nameless_ones": {cdx(`{"type":"library","purl":"pkg:conan/zlib@1.2"}`, `{"type":"library","name":"x","version":"1"}`, `{"type":"library","purl":"nonsense"}`, `{"type":"library","purl":"pkg:pypi/a"}`), "", []string{}, 4},
		"go_modules_as_syft_and_trivy_write_them": {cdx(
			`{"type":"library","name":"github.com/golang-jwt/jwt/v5","purl":"pkg:golang/github.com/golang-jwt/jwt@v5.2.1#v5"}`,
			`{"type":"library","name":"github.com/hashicorp/vault/api","purl":"pkg:golang/github.com/hashicorp/vault@v0.9.0#api"}`,
			`{"type":"library","purl":"pkg:golang/github.com/aws/aws-sdk-go-v2@v1.0.0#service/x/v2"}`,
			`{"type":"application","name":"github.com/CycloneDX/gomod","purl":"pkg:golang/github.com/CycloneDX/gomod@v1.0.0?type=module#cmd/gomod"}`,
			`{"type":"library","name":"github.com/BurntSushi/toml","purl":"pkg:golang/github.com/burntsushi/toml@v1.0.0"}`,
			`{"type":"library","name":"JSONStream","purl":"pkg:npm/jsonstream@1.0.0"}`,
			`{"type":"library","name":"core","group":"@angular","purl":"pkg:npm/%40angular/core@1.0.0"}`), "",
			[]string{"Go github.com/BurntSushi/toml  1.0.0", "Go github.com/CycloneDX/gomod  1.0.0", "Go github.com/aws/aws-sdk-go-v2/service/x/v2  1.0.0", "Go github.com/golang-jwt/jwt/v5  5.2.1",
				"Go github.com/hashicorp/vault/api  0.9.0", "npm @angular/core  1.0.0", "npm JSONStream  1.0.0"}, 0},
		"go_toolchains": {cdx(`{"purl":"pkg:golang/stdlib@1.26.6-X:boringcrypto"}`, `{"purl":"pkg:golang/stdlib@v1.25.1"}`, `{"purl":"pkg:golang/stdlib@go1.22.5%20%28Red%20Hat%201.22.5-1.el9%29"}`,
			`{"purl":"pkg:golang/stdlib@1.22rc1"}`, `{"purl":"pkg:golang/go@1.21.5-custom"}`, `{"purl":"pkg:golang/stdlib@1.23.0-rc.2"}`, `{"purl":"pkg:golang/stdlib@devel"}`), "",
			[]string{"Go stdlib  1.21.5", "Go stdlib  1.22-rc.1", "Go stdlib  1.22.5", "Go stdlib  1.23.0-rc.2", "Go stdlib  1.25.1", "Go stdlib  1.26.6", "Go stdlib  devel"}, 0},
		"gems_for_platforms": {cdx(`{"purl":"pkg:gem/nokogiri@1.13.6-x86_64-linux"}`, `{"purl":"pkg:gem/ffi@1.19.3-aarch64-linux-musl"}`, `{"purl":"pkg:gem/openssl@0.9.5-java"}`,
			`{"purl":"pkg:gem/google@3.25.1-x64-mingw-ucrt"}`, `{"purl":"pkg:gem/rails@7.1.0.rc1"}`, `{"purl":"pkg:gem/odd@1.0-beta"}`), "",
			[]string{"RubyGems ffi  1.19.3", "RubyGems google  3.25.1", "RubyGems nokogiri  1.13.6", "RubyGems odd  1.0-beta", "RubyGems openssl  0.9.5", "RubyGems rails  7.1.0.rc1"}, 0},
		"releases_by_word": {cdx(`{"purl":"pkg:deb/debian/bash@5.2-1?distro=bookworm&source=bash"}`, `{"purl":"pkg:deb/ubuntu/bash@5.1-6ubuntu1?distro=jammy&source=bash"}`,
			`{"purl":"pkg:deb/debian/dash@0.5-1?distro=debian-bookworm&source=dash"}`, `{"purl":"pkg:deb/debian/dash@0.5-1?distro=sid&source=dash"}`), "Debian:12",
			[]string{"Debian:12 bash  5.2-1", "Debian:12 dash  0.5-1", "Debian:12 dash  0.5-1", "Ubuntu:22.04 bash  5.1-6ubuntu1"}, 0},
		"alpine_as_trivy_names_it": {cdx(`{"purl":"pkg:apk/alpine/musl@1.2.5-r0?distro=3.20.1&upstream=musl"}`, `{"purl":"pkg:apk/alpine/zlib@1.3.1-r0?distro=alpine-3.22.0_alpha20250108&upstream=zlib"}`), "Alpine:v3.20",
			[]string{"Alpine:edge zlib  1.3.1-r0", "Alpine:v3.20 musl  1.2.5-r0"}, 0},
		"metadata_component": {`{"bomFormat":"CycloneDX","metadata":{"component":{"type":"operating-system","name":"alpine","version":"3.20.1"}},"components":[{"type":"library","purl":"pkg:apk/alpine/musl@1.2.5-r0?upstream=musl"}]}`,
			"Alpine:v3.20", []string{"Alpine:v3.20 musl  1.2.5-r0"}, 0},
		"xml": {`<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="operating-system"><name>debian</name><version>12.5</version></component>
			<component type="library"><name>libssl3</name><purl>pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64</purl><properties><property name="syft:metadata:source">openssl</property></properties></component></components></bom>`,
			"Debian:12", []string{"Debian:12 libssl3 amd64 3.0.15-1~deb12u1 (openssl )"}, 0},
		"spdx_json_of_trivy": {`{"spdxVersion":"SPDX-2.3","packages":[{"name":"debian","versionInfo":"12.5","primaryPackagePurpose":"OPERATING-SYSTEM"},
			{"name":"libssl3","versionInfo":"3.0.15-1~deb12u1","sourceInfo":"built package from: openssl 3.0.15-1~deb12u1","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64"}]}]}`,
			"Debian:12", []string{"Debian:12 libssl3 amd64 3.0.15-1~deb12u1 (openssl )"}, 0},
		"spdx_tag_value": {"SPDXVersion: SPDX-2.3\nDocumentComment: <text>PackageName: no\nPackageName: neither</text>\n##### Package\nPackageName: bash\nSPDXID: SPDXRef-1\nPackageVersion: 5.2\n" +
			"ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&upstream=bash%405.2.15-2&distro=debian-12\n\nPackageName: x\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/x@1\nRelationship: a DESCRIBES b\n",
			"Debian:12", []string{"Debian:12 bash amd64 5.2.15-2+b2 ( 5.2.15-2)", "PyPI x  1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := SBOM(strings.NewReader(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, brief(got)); diff != "" {
				t.Error(diff)
			}
			if got.OS.Ecosystem != c.os {
				t.Errorf("release %q, want %q", got.OS.Ecosystem, c.os)
			}
			if len(got.Warnings) != c.warnings {
				t.Errorf("%d warnings, want %d: %q", len(got.Warnings), c.warnings, got.Warnings)
			}
		})
	}
}

// An SBOM without epochs makes what has one look older than every fix: it says so. SUSE's packages have none.
func TestSBOMWithoutEpochsSaysSo(t *testing.T) {
	t.Parallel()
	of := func(distro string, more ...string) string {
		for i := range 30 {
			more = append(more, fmt.Sprintf(`{"type":"library","purl":"pkg:rpm/x/p%d@1-1?arch=x86_64&distro=%s"}`, i, distro))
		}
		return cdx(more...)
	}
	for name, c := range map[string]struct {
		in   string
		says bool
	}{
		"none":      {of("rhel-9.4"), true},
		"one":       {of("rhel-9.4", `{"type":"library","purl":"pkg:rpm/x/openssl-libs@3.0.7-24.el9?epoch=1&distro=rhel-9.4"}`), false},
		"of_suse":   {of("sles-15.5"), false},
		"too_few":   {cdx(`{"type":"library","purl":"pkg:rpm/x/p@1-1?arch=x86_64&distro=rhel-9.4"}`), false},
		"none_alma": {of("almalinux-9.4"), true},
	} {
		got, err := SBOM(strings.NewReader(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if says := strings.Contains(strings.Join(got.Warnings, "\n"), "names an epoch"); says != c.says {
			t.Errorf("%s: %q", name, got.Warnings)
		}
	}
}

func TestSBOMRefusesWhatItIsNot(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"empty": "", "blank": " \n", "text": "hello\n", "other_json": `{"a":1}`, "cut_off": cdx()[:40], "other_xml": "<html/>",
		"spdx_3": `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`, "binary": "\x7fELF",
		"deep": `{"bomFormat":"CycloneDX","components":` + strings.Repeat(`[{"components":`, 20_000),
	} {
		if _, err := SBOM(strings.NewReader(in)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	var f findings
	for i := range maxWarnings + 5 {
		f.add(Package{Package: apiv1.Package{Name: strings.Repeat("x", 300+i), Version: "1"}})
	}
	r := f.result(apiv1.OSRelease{})
	if len(r.Packages) != 0 || len(r.Warnings) != maxWarnings+1 || r.Warnings[maxWarnings] != "and 5 more" {
		t.Errorf("%d packages, %d warnings", len(r.Packages), len(r.Warnings))
	}
}

func TestParsePURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]purl{
		"pkg:npm/%40a/b@1.0?x=%2F&&y#z":                {"npm", "@a", "b", "1.0", map[string]string{"x": "/"}, "z"},
		"pkg:golang/github.com/BurntSushi/toml@v1.0.0": {"golang", "github.com/BurntSushi", "toml", "v1.0.0", map[string]string{}, ""},
		"pkg:npm/@a/b":           {"npm", "@a", "b", "", map[string]string{}, ""},
		"pkg:DEB/debian/x@1%3A2": {"deb", "debian", "x", "1:2", map[string]string{}, ""},
	} {
		got, err := parsePURL(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(purl{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
	for _, in := range []string{"", "pkg:", "pkg:npm", "pkg:npm/", "npm/x@1", "pkg:npm/%zz@1", "pkg:npm/a@%zz", "pkg:npm/a?b=%zz", "pkg:golang/a/b@1#%zz", "pkg:npm/" + strings.Repeat("a", maxPURL)} {
		if _, err := parsePURL(in); err == nil {
			t.Errorf("%.40q was taken", in)
		}
	}
}

func FuzzSBOM(f *testing.F) {
	f.Add(cdx(`{"type":"library","purl":"pkg:deb/debian/libssl3@3?upstream=openssl%401","properties":[{"name":"syft:x","value":"y"}]}`))
	f.Add(`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library"><purl>pkg:rpm/a/b@1-1?epoch=1</purl></component></components></bom>`)
	f.Add("SPDXVersion: SPDX-2.3\nPackageName: bash\nExternalRef: P purl pkg:apk/a/b@1\n")
	f.Add(`{"spdxVersion":"SPDX-2.3","packages":[{"sourceInfo":"built package from: a 1","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/a/b@1"}]}]}`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := SBOM(strings.NewReader(in))
		if err != nil {
			return
		}
		if got.Packages == nil || got.Warnings == nil {
			t.Fatal("a list is nil")
		}
		for _, p := range got.Packages {
			if p.Name == "" || p.Version == "" || !plain(p.Name) || !plain(p.Version) || !plain(p.Source) {
				t.Fatalf("let through: %+v", p)
			}
		}
	})
}

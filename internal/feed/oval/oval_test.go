package oval

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

func readOracle(t testing.TB, raw []byte, o intake.Options) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	survey, got, err := intaketest.Read(t.Context(), ReadOracle, intaketest.File(raw), o)
	return survey, got.Advisories, err
}

// Both real errata whole: each package that the sample's text names as earlier than a version, and nothing else.
func TestRealOracleErrata(t *testing.T) {
	t.Parallel()
	raw := intaketest.Sample(t, "samples", "vunnel", "oracle", "test-fixtures", "mock_data")
	survey, got, err := readOracle(t, raw, intake.Options{Feed: "oracle"})
	if err != nil || survey.Records != 2 || survey.Skipped+survey.Left != 0 {
		t.Fatalf("%v: %+v", err, survey)
	}
	if diff := cmp.Diff([]string{"Oracle Linux:5", "Oracle Linux:6"}, survey.Ecosystems); diff != "" {
		t.Error(diff)
	}
	entries := func(ecosystem, fixed string, names ...string) []advisory.Affected {
		var out []advisory.Affected
		for _, name := range names {
			out = append(out, advisory.Affected{Ecosystem: ecosystem, Package: name, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}})
		}
		return out
	}
	bind, uek := got[0], got[1]
	if diff := cmp.Diff(entries("Oracle Linux:5", "30:9.3.3-8.el5", "bind", "bind-chroot", "bind-devel", "bind-libbind-devel", "bind-libs", "bind-sdb", "bind-utils", "caching-nameserver"), bind.Affected); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(entries("Oracle Linux:6", "0:2.6.39-400.302.2.el6uek", "kernel-uek", "kernel-uek-debug", "kernel-uek-debug-devel", "kernel-uek-devel", "kernel-uek-doc", "kernel-uek-firmware"), uek.Affected); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CVE-2017-13695", "CVE-2018-16658", "CVE-2018-7492", "CVE-2018-7566"}, uek.CVEs); diff != "" {
		t.Error(diff)
	}
	if bind.ID != "ELSA-2007-0057" || bind.Severity != "MODERATE" || bind.Feed != "oracle" || !bind.Published.Equal(time.Date(2007, 6, 26, 0, 0, 0, 0, time.UTC)) ||
		bind.Summary != "ELSA-2007-0057: Moderate: bind security update (MODERATE)" || !strings.HasPrefix(bind.Details, "[30:9.3.3-8]") {
		t.Errorf("%+v", bind)
	}
}

// erratum is one of our own, in Oracle's shape.
func erratum(id, criteria string) string {
	return `<definition id="oval:com.oracle.elsa:def:1" class="patch"><metadata><title>` + id + `: x (LOW)</title>
	<reference source="elsa" ref_id="` + id + `"/><description>d</description><advisory><severity>LOW</severity><issued date="2026-01-02"/><cve>CVE-2026-0001</cve></advisory></metadata>
	` + criteria + `</definition>`
}

func file(definitions ...string) []byte {
	return []byte(`<?xml version="1.0"?><oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"><definitions>` + strings.Join(definitions, "\n") + `</definitions><tests/></oval_definitions>`)
}

// leaves are criteria whose members are comments and whatever is XML already.
func leaves(operator string, members ...string) string {
	var b strings.Builder
	for _, m := range members {
		if !strings.HasPrefix(m, "<") {
			m = fmt.Sprintf(`<criterion test_ref="t" comment=%q/>`, m)
		}
		b.WriteString(m)
	}
	return `<criteria operator="` + operator + `">` + b.String() + `</criteria>`
}

func TestOracleCriteria(t *testing.T) {
	t.Parallel()
	const ol8 = "Oracle Linux 8 is installed"
	to := func(name, stream, introduced, fixed string) advisory.Affected {
		return advisory.Affected{Ecosystem: "Oracle Linux:8", Package: name, Stream: stream, Ranges: []advisory.Range{{Introduced: introduced, Fixed: fixed}}}
	}
	for name, tc := range map[string]struct {
		criteria string
		want     []advisory.Affected
		wrong    string
	}{
		"architectures as one": {leaves("AND", ol8, leaves("OR",
			leaves("AND", "Oracle Linux arch is x86_64", leaves("OR", leaves("AND", "p is earlier than 0:1-2.el8", "p is signed with the Oracle Linux 8 key"))),
			leaves("AND", "Oracle Linux arch is aarch64", leaves("OR", leaves("AND", "p is earlier than 0:1-2.el8", "p is signed with the Oracle Linux 8 key"))))),
			[]advisory.Affected{to("p", "", "0", "0:1-2.el8")}, ""},
		"built later for another architecture": {leaves("AND", ol8, leaves("OR",
			leaves("AND", "Oracle Linux arch is aarch64", leaves("OR", leaves("AND", "p is earlier than 0:8.24.0-57.0.4.el8", "p is signed with the Oracle Linux 8 key"))),
			leaves("AND", "Oracle Linux arch is x86_64", leaves("OR", leaves("AND", "p is earlier than 0:8.24.0-57.0.1.el8", "p is signed with the Oracle Linux 8 key"))))),
			[]advisory.Affected{to("p", "", "0", "0:8.24.0-57.0.1.el8")}, ""},
		"two kernels in one erratum": {leaves("AND", ol8, leaves("OR", "kernel-uek is earlier than 0:5.4.17-2136.1.el8uek", "kernel-uek is earlier than 0:5.15.0-1.el8uek", "kernel-uek is earlier than 0:5.4.17-2136.2.el8uek")),
			[]advisory.Affected{{Ecosystem: "Oracle Linux:8", Package: "kernel-uek", Ranges: []advisory.Range{{Introduced: "0", Fixed: "0:5.15.0-1.el8uek"}, {Introduced: "0", Fixed: "0:5.4.17-2136.1.el8uek"}}}}, ""},
		"a module": {leaves("AND", ol8, "Module m:ol8 is enabled", leaves("OR", "p is earlier than 0:1-2.module+el8+1+a")),
			[]advisory.Affected{to("p", "m:ol8", "0", "0:1-2.module+el8+1+a")}, ""},
		"a ksplice build is for its epoch": {leaves("AND", ol8, leaves("OR", "glibc is earlier than 2:2.28-9.ksplice1.el8")),
			[]advisory.Affected{to("glibc", "", "2:0", "2:2.28-9.ksplice1.el8")}, ""},
		"a fips build is for its epoch": {leaves("AND", ol8, leaves("OR", "gnutls is earlier than 10:3.6.16-4.el8_fips")),
			[]advisory.Affected{to("gnutls", "", "10:0", "10:3.6.16-4.el8_fips")}, ""},
		"a fips build of the plain epoch says nothing": {leaves("AND", ol8, leaves("OR", "gnutls is earlier than 0:3.6.16-4.el8_fips", "p is earlier than 1-2")),
			[]advisory.Affected{to("p", "", "0", "1-2")}, ""},
		"earlier than nothing says nothing": {leaves("AND", ol8, leaves("OR", "q is earlier than 0", "p is earlier than 1-2 (x86_64)")),
			[]advisory.Affected{to("p", "", "0", "1-2")}, ""},
		"a part that we do not understand leaves the others": {leaves("AND", ol8, leaves("OR", leaves("AND", "q is earlier than 1-1", "r is earlier than 1-1"), "the moon is full", leaves("AND", "p is earlier than 1-2"))),
			[]advisory.Affected{to("p", "", "0", "1-2")}, ""},
		"two parts at once":                  {leaves("AND", ol8, leaves("OR", "p is earlier than 1-2"), leaves("OR", "q is earlier than 1-2")), nil, "several packages at once"},
		"a condition that we do not know":    {leaves("AND", ol8, "the moon is full", leaves("OR", "p is earlier than 1-2")), nil, "we do not know what this asks: the moon is full"},
		"no release":                         {leaves("OR", "p is earlier than 1-2"), nil, "it names no product"},
		"two packages at once":               {leaves("AND", ol8, "p is earlier than 1-2", "q is earlier than 1-2"), nil, "several packages at once"},
		"a package and another":              {leaves("AND", ol8, "p is earlier than 1-2", leaves("OR", "q is earlier than 1-2")), nil, "several packages at once"},
		"negated":                            {leaves("AND", ol8, `<criterion negate="true" comment="p is earlier than 1-2"/>`), nil, "negates"},
		"another operator":                   {leaves("XOR", ol8, "p is earlier than 1-2"), nil, "joins criteria by XOR"},
		"extends another definition":         {leaves("AND", ol8, `<extend_definition definition_ref="x"/>`), nil, "extends"},
		"a version that is none":             {leaves("AND", ol8, "p is earlier than -"), nil, "invalid rpm version"},
		"a release or a package":             {leaves("OR", ol8, "p is earlier than 1-2"), nil, "alternatives"},
		"a package name that is too long":    {leaves("AND", ol8, strings.Repeat("p", 600)+" is earlier than 1-2"), nil, "package name"},
		"another release is not ours at all": {leaves("AND", "Oracle VM 3 is installed", "p is earlier than 1-2"), nil, "we do not know"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			survey, got, err := readOracle(t, file(erratum("ELSA-2026-1", tc.criteria), erratum("ELSA-2026-2", leaves("AND", ol8, leaves("OR", "z is earlier than 1-1")))), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if tc.wrong != "" {
				if len(got) != 1 || survey.Skipped != 1 || !strings.Contains(survey.Problems[0].Reason, tc.wrong) {
					t.Errorf("%+v %+v", survey, got)
				}
				return
			}
			if len(got) != 2 || survey.Skipped != 0 {
				t.Fatalf("%+v", survey)
			}
			if diff := cmp.Diff(tc.want, got[0].Affected); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A FIPS or Ksplice build is no fix for a plain one: a plain build of any version is outside the range, and so is the flavour's fixed one.
func TestFlavoursDoNotMeetPlainBuilds(t *testing.T) {
	t.Parallel()
	leaf := oracleLeaf("gnutls is earlier than 10:3.6.16-4.0.1.el8_fips")
	inside := func(v string) bool {
		low, err := vercmp.Compare(vercmp.RPM, v, leaf.Range.Introduced)
		if err != nil {
			t.Fatal(err)
		}
		high, err := vercmp.Compare(vercmp.RPM, v, leaf.Range.Fixed)
		if err != nil {
			t.Fatal(err)
		}
		return low >= 0 && high < 0
	}
	for v, want := range map[string]bool{
		"3.6.16-4.el8": false, "0:3.6.14-1.el8": false, "3.8.0-1.el8": false,
		"10:3.6.14-1.el8_fips": true, "10:3.6.16-4.0.1.el8_fips": false, "10:3.6.16-5.el8_fips": false,
	} {
		if inside(v) != want {
			t.Errorf("%s: %v, want %v", v, !want, want)
		}
	}
}

func TestDamagedFilesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	good := file(erratum("ELSA-2026-1", leaves("AND", "Oracle Linux 8 is installed", leaves("OR", "p is earlier than 1-1"))))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(append(good, bytes.Repeat([]byte("<!-- tests -->"), 10_000)...)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if survey, _, err := readOracle(t, packed.Bytes(), intake.Options{}); err != nil || survey.Records != 1 {
		t.Fatalf("%v: %+v", err, survey)
	}
	for name, raw := range map[string][]byte{
		"empty": nil, "no XML": []byte("hello"), "cut off": good[:len(good)/2], "no definitions": file(), "packed and cut off": packed.Bytes()[:packed.Len()-9],
		"a definition without an end": file(erratum("ELSA-2026-1", "<criteria><!--"+strings.Repeat("x", 1<<17))),
	} {
		if _, got, err := readOracle(t, raw, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 16}}); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	twice := erratum("ELSA-2026-1", leaves("AND", "Oracle Linux 8 is installed", leaves("OR", "p is earlier than 1-1")))
	if survey, got, err := readOracle(t, file(twice, twice), intake.Options{}); err != nil || len(got) != 1 || survey.Skipped != 1 {
		t.Errorf("%v %+v", err, survey)
	}
	if survey, got, err := readOracle(t, file(twice), intake.Options{Wanted: func(e string) bool { return e == "Oracle Linux:9" }}); err != nil || len(got) != 0 || survey.Left != 1 {
		t.Errorf("%v %+v", err, survey)
	}
}

func FuzzReadOracle(f *testing.F) {
	f.Add(file(erratum("ELSA-2026-1", leaves("AND", "Oracle Linux 8 is installed", "Module m:1 is enabled", leaves("OR", "p is earlier than 1:1-1", leaves("AND", "q is earlier than 2:2-2.ksplice1"))))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		survey, got, err := readOracle(t, raw, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 16, MaxTotal: 1 << 20}})
		if err == nil && survey.Records+survey.Left == 0 || survey.Records != len(got) || len(survey.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d", err, survey, len(got))
		}
		for _, a := range got {
			if intake.CheckID(a.ID) != nil || len(a.Affected) == 0 {
				t.Errorf("%+v", a)
			}
			for _, e := range a.Affected {
				if intake.CheckFixed(e.Package, e.Ranges[0].Fixed) != nil || !strings.HasPrefix(e.Ecosystem, "Oracle Linux:") {
					t.Errorf("%+v", e)
				}
			}
			if _, err := json.Marshal(a); err != nil {
				t.Error(err)
			}
		}
	})
}

package updateinfo

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

const release = "Amazon Linux:2023"

func read(t testing.TB, raw []byte, o intake.Options) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	survey, got, err := intaketest.Read(t.Context(), Read(release), intaketest.File(raw), o)
	return survey, got.Advisories, err
}

// erratum is one of our own, in the shape that createrepo's tools and the vendors' own write.
func erratum(id, kind, rest string) string {
	return `<update author="x" from="x" status="final" type="` + kind + `" version="1.4"><id>` + id + `</id><title>` + id + `: p</title><issued date="2026-01-02 03:04:05"/>
	<updated date="2026-02-03 00:00"/><severity>important</severity><description>Package updates.</description>
	<references><reference href="https://example.org/CVE-2026-0002" id="CVE-2026-0002" title="" type="cve"/>
	<reference href="https://example.org/CVE-2026-0001" id="1234" title="CVE-2026-0001" type="CVE"/>
	<reference href="https://example.org/b" id="99" title="" type="bugzilla"/></references>` + rest + `</update>`
}

func list(collections ...string) string {
	return `<pkglist>` + strings.Join(collections, "") + `</pkglist>`
}

func builds(module string, nevra ...string) string {
	var b strings.Builder
	b.WriteString(`<collection short="x"><name>x</name>` + module)
	for _, line := range nevra {
		f := strings.Fields(line)
		b.WriteString(`<package name="` + f[0] + `" epoch="` + f[1] + `" version="` + f[2] + `" release="` + f[3] + `" arch="` + f[4] + `" src=""><filename>x.rpm</filename></package>`)
	}
	return b.String() + `</collection>`
}

func file(errata ...string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><updates>` + strings.Join(errata, "\n") + `</updates>`)
}

func TestRead(t *testing.T) {
	t.Parallel()
	to := func(name, stream, fixed string) advisory.Affected {
		return advisory.Affected{Ecosystem: release, Package: name, Stream: stream, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}
	}
	for name, tc := range map[string]struct {
		rest  string
		want  []advisory.Affected
		named string
		wrong string
	}{
		"architectures as one, no source, no symbols": {list(builds("", "p 0 1.0 2.amzn2023 x86_64", "p 0 1.0 2.amzn2023 aarch64", "p 0 1.0 2.amzn2023 src", "p-debuginfo 0 1.0 2.amzn2023 x86_64", "p-libs 0 1.0 2.amzn2023 x86_64")),
			[]advisory.Affected{to("p", "", "1.0-2.amzn2023"), to("p-libs", "", "1.0-2.amzn2023")}, "", ""},
		"an epoch": {list(builds("", "p 32 1.0 2 x86_64")), []advisory.Affected{to("p", "", "32:1.0-2")}, "", ""},
		"modules apart": {list(builds(`<module name="m" stream="18" version="8090" context="ab" arch="x86_64"/>`, "p 1 18.0 1.module+el8+1+a x86_64"), builds(`<module name="m" stream="20"/>`, "p 1 20.0 1.module+el8+2+b x86_64")),
			[]advisory.Affected{to("p", "m:18", "1:18.0-1.module+el8+1+a"), to("p", "m:20", "1:20.0-1.module+el8+2+b")}, "", ""},
		"a bad package is named, the others stay": {list(builds("", "p x 1.0 2 x86_64", "q 0 1.0 2 x86_64")), []advisory.Affected{to("q", "", "1.0-2")}, "invalid rpm version", ""},
		"only bad packages":                       {list(builds("", "p x 1.0 2 x86_64")), nil, "", "invalid rpm version"},
		"no packages":                             {"", nil, "", "it names no package"},
		"a module without a stream":               {list(builds(`<module name="m"/>`, "p 1 18.0 1 x86_64")), nil, "", "its module stream is empty"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			survey, got, err := read(t, file(erratum("ALAS2023-2026-001", "security", tc.rest), erratum("ALAS2023-2026-002", "security", list(builds("", "z 0 1 1 noarch")))), intake.Options{Feed: "amazon/2023"})
			if err != nil {
				t.Fatal(err)
			}
			if tc.wrong != "" {
				if len(got) != 1 || survey.Skipped != 1 || !strings.Contains(survey.Problems[len(survey.Problems)-1].Reason, tc.wrong) {
					t.Errorf("%+v", survey)
				}
				return
			}
			if len(got) != 2 || survey.Records != 2 || survey.Skipped != 0 || (tc.named == "") != (len(survey.Problems) == 0) || tc.named != "" && !strings.Contains(survey.Problems[0].Reason, tc.named) {
				t.Fatalf("%+v", survey)
			}
			want := advisory.Advisory{
				Feed: "amazon/2023", ID: "ALAS2023-2026-001", CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"}, Summary: "ALAS2023-2026-001: p", Details: "Package updates.", Severity: "important",
				Published: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Modified: time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), Affected: tc.want,
			}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrataThatAreNotForSecurityAreLeft(t *testing.T) {
	t.Parallel()
	packages := list(builds("", "p 0 1 1 noarch"))
	plain := `<update type="bugfix"><id>B-1</id>` + packages + `</update>`
	survey, got, err := read(t, file(plain, erratum("E-1", "enhancement", packages), erratum("S-1", "security", packages), erratum("S-1", "security", packages)), intake.Options{})
	if err != nil || len(got) != 2 || got[0].ID != "E-1" || got[1].ID != "S-1" || survey.Left != 1 || survey.Skipped != 1 {
		t.Errorf("%v: %+v, %d", err, survey, len(got))
	}
	survey, got, err = read(t, file(), intake.Options{})
	if err != nil || len(got) != 0 || !survey.FixesOnly || len(survey.Ecosystems) != 1 {
		t.Errorf("a repository without errata: %v: %+v", err, survey)
	}
	survey, got, err = read(t, file(erratum("S-1", "security", packages)), intake.Options{Wanted: func(string) bool { return false }})
	if err != nil || len(got) != 0 || survey.Left != 1 {
		t.Errorf("not wanted: %v: %+v", err, survey)
	}
}

func TestDamagedFilesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	good := file(erratum("S-1", "security", list(builds("", "p 0 1 1 noarch"))))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(good); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, got, err := read(t, packed.Bytes(), intake.Options{}); err != nil || len(got) != 1 {
		t.Fatalf("%v: %d", err, len(got))
	}
	flipped := bytes.Clone(packed.Bytes())
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, raw := range map[string][]byte{
		"empty": nil, "no XML": []byte("hello"), "another XML": []byte("<html><body/></html>"), "cut off": good[:len(good)/2], "a wrong checksum": flipped,
		"an erratum without an end": []byte("<updates><update><id>" + strings.Repeat("x", 1<<17)), "no erratum that can be read": file(erratum("", "security", "")),
	} {
		if _, got, err := read(t, raw, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 16}}); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	at := time.Date(2023, 3, 7, 0, 29, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"2023-03-07 00:29:00": at, "2023-03-07 00:29": at, "2023-03-07T00:29:00Z": at, "1678148940": at, "2023-03-07 00:29:00 UTC": at,
		"2023-03-07": at.Truncate(24 * time.Hour), "": {}, "soon": {}, "-1": {}, "99999999999999": {},
	} {
		if got := moment(s); !got.Equal(want) {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(erratum("S-1", "security", list(builds(`<module name="m" stream="1"/>`, "p 1 1 1 noarch")))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		survey, got, err := read(t, raw, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 16, MaxTotal: 1 << 20}})
		if survey.Records != len(got) || len(survey.Problems) > intake.MaxProblems || err == nil && len(survey.Ecosystems) != 1 {
			t.Errorf("%v: %+v, %d", err, survey, len(got))
		}
		for _, a := range got {
			for _, e := range a.Affected {
				if intake.CheckID(a.ID) != nil || intake.CheckFixed(e.Package, e.Ranges[0].Fixed) != nil || e.Ecosystem != release {
					t.Errorf("%+v", a)
				}
			}
		}
	})
}

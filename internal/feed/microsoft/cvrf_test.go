package microsoft

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// month is a document of our own in the documented shape.
func month(date string, vulnerabilities ...string) []byte {
	return fmt.Appendf(nil, `{"DocumentTitle":{"Value":"Security Updates"},"DocumentTracking":{"InitialReleaseDate":"%[1]sT07:00:00","CurrentReleaseDate":"%[1]sT08:00:00"},
	 "ProductTree":{"Branch":[],"FullProductName":[{"ProductID":"11923","Value":"Windows Server 2022"},{"ProductID":"10378","Value":"Windows Server 2012"}]},
	 "Vulnerability":[%[2]s]}`, date, strings.Join(vulnerabilities, ","))
}

func vulnerable(cve string, remediations ...string) string {
	return fmt.Sprintf(`{"Title":{"Value":"A bug"},"CVE":%q,"ProductStatuses":[{"ProductID":["11923","10378"],"Type":3}],
	 "Threats":[{"Description":{"Value":"Important"},"ProductID":["11923","10378"],"Type":3},{"Description":{"Value":"Exploited:Yes"},"Type":1}],
	 "CVSSScoreSets":[{"BaseScore":5.0,"Vector":"CVSS:3.1/AV:L","ProductID":["11923"]},{"BaseScore":7.8,"Vector":"CVSS:3.1/AV:N","ProductID":["11923"]}],
	 "Remediations":[%s],"RevisionHistory":[{"Number":"1.0","Date":"2026-10-13T07:00:00"}]}`, cve, strings.Join(remediations, ","))
}

func fix(kb, supersedes, build, subtype string, products ...string) string {
	return fmt.Sprintf(`{"Description":{"Value":%q},"Supercedence":%q,"ProductID":["%s"],"Type":2,"RestartRequired":{"Value":"Yes"},"SubType":%q,"FixedBuild":%q}`,
		kb, supersedes, strings.Join(products, `","`), subtype, build)
}

func TestReadCVRF(t *testing.T) {
	t.Parallel()
	data := month("2026-10-13",
		vulnerable("CVE-2026-0002", fix("5031364", "5030216, 5029250", "10.0.20348.2031", "Security Update", "11923"), fix("5031999", "", "10.0.20348.2029", "Security HotPatch Update", "11923"),
			fix("5031442", "5030278", "6.2.9200.24523", "Monthly Rollup", "10378"), fix("5031355", "", "1.001", "IE Cumulative", "10378"), `{"Description":{"Value":"Click to Run"},"Type":2,"ProductID":["10378"]}`, `{"Type":5,"Description":{"Value":"5031364"},"ProductID":["11923"]}`),
		vulnerable("CVE-2026-0001", fix("5031364", "", "https://aka.ms/x", "Security Update", "11923")),
		`{"CVE":"ADV990001"}`, `7`)
	fixedIn := func(product, name, build, severity, note string) advisory.Affected {
		return advisory.Affected{Ecosystem: "Windows:" + product, Package: name, Ranges: []advisory.Range{{Introduced: "0", Fixed: build}}, Severity: severity, Note: note}
	}
	at := time.Date(2026, 10, 13, 7, 0, 0, 0, time.UTC)
	want := []advisory.Advisory{
		{Feed: "f", ID: "CVE-2026-0002", CVEs: []string{"CVE-2026-0002"}, Summary: "A bug", Published: at, Modified: at, Affected: []advisory.Affected{
			fixedIn("10378", "Windows Server 2012", "6.2.9200.24523", "important", "KB5031442, needs a restart"),
			fixedIn("11923", "Windows Server 2022", "10.0.20348.2031", "CVSS:3.1/AV:N", "KB5031364, needs a restart"),
		}},
		{Feed: "f", ID: "KB5031355", Affected: []advisory.Affected{}},
		{Feed: "f", ID: "KB5031364", Supersedes: []string{"KB5029250", "KB5030216"}, Affected: []advisory.Affected{}},
		{Feed: "f", ID: "KB5031442", Supersedes: []string{"KB5030278"}, Affected: []advisory.Affected{}},
		{Feed: "f", ID: "KB5031999", Affected: []advisory.Affected{}},
	}
	s, got, err := read(t, ReadCVRF, data, intake.Limits{})
	if diff := cmp.Diff(want, got); err != nil || diff != "" || s.Records != 5 || s.Skipped != 2 || s.Left != 1 || s.Newest.Format(time.DateOnly) != "2026-10-13" {
		t.Errorf("%v: %+v %s", err, s, diff)
	}
	if diff := cmp.Diff([]string{"Windows:10378", "Windows:11923"}, s.Ecosystems); diff != "" {
		t.Error(diff)
	}
}

// The later month's word on a product counts, whichever stands first in the archive; supersedence is gathered from all.
func TestReadCVRFMonths(t *testing.T) {
	t.Parallel()
	october := month("2026-10-13", vulnerable("CVE-2026-0001", fix("5031364", "5030216", "10.0.20348.2031", "Security Update", "11923"), fix("5031442", "", "6.2.9200.24523", "Monthly Rollup", "10378")))
	november := month("2026-11-10", vulnerable("CVE-2026-0001", fix("5032198", "5031364", "10.0.20348.2113", "Security Update", "11923")))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range []struct {
		name string
		data []byte
	}{{"2026-Nov.json", november}, {"2026-Oct.json", october}, {"bad.json", []byte("{")}, {"README", nil}} {
		f, err := w.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, got, err := read(t, ReadCVRF, b.Bytes(), intake.Limits{})
	if err != nil || s.Skipped != 1 || len(got) != 4 {
		t.Fatalf("%v: %+v %v", err, s, got)
	}
	var fixed []string
	for _, e := range got[0].Affected {
		fixed = append(fixed, e.Ecosystem+" "+e.Ranges[0].Fixed)
	}
	if diff := cmp.Diff([]string{"Windows:10378 6.2.9200.24523", "Windows:11923 10.0.20348.2113"}, fixed); diff != "" {
		t.Error(diff)
	}
	graph := map[string][]string{}
	for _, a := range got {
		graph[a.ID] = a.Supersedes
	}
	if diff := cmp.Diff([]string{"KB5030216", "KB5031364", "KB5032198"}, Superseded([]string{"KB5032198"}, graph)); diff != "" {
		t.Error(diff)
	}
}

func TestReadCVRFDamaged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "{}", "<cvrf/>", `{"Vulnerability":[{"CVE":"CVE-2026-0001"}]}`} {
		if _, got, err := read(t, ReadCVRF, []byte(text), intake.Limits{}); !errors.Is(err, intake.ErrDamaged) || len(got) != 0 {
			t.Errorf("%q: %v, %v", text, err, got)
		}
	}
}

// A product that the document does not list cannot be told apart from any other: it is named, and the rest stays.
func TestReadCVRFNamesProductsThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	s, got, err := read(t, ReadCVRF, month("2026-10-13", vulnerable("CVE-2026-0001", fix("5031364", "", "10.0.20348.2031", "Security Update", "11923", "99999"))), intake.Limits{})
	if err != nil || len(got) != 2 || len(got[0].Affected) != 1 || len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, "99999") {
		t.Errorf("%v: %+v %v", err, s, got)
	}
}

func TestReadCVRFIsBounded(t *testing.T) {
	t.Parallel()
	updates, old := []string{}, []string{}
	for n := range 20 {
		updates = append(updates, fix(fmt.Sprint(5031300+n), "", "10.0.20348.2031", "Security Update", "11923"))
		old = append(old, fmt.Sprint(5030000+n))
	}
	for name, data := range map[string][]byte{
		"updates":    month("2026-10-13", vulnerable("CVE-2026-0001", updates...)),
		"superseded": month("2026-10-13", vulnerable("CVE-2026-0001", fix("5031364", strings.Join(old, ","), "10.0.20348.2031", "Security Update", "11923"))),
		"vulnerabilities": month("2026-10-13", slices.Collect(func(yield func(string) bool) {
			for n := range 20 {
				if !yield(vulnerable(fmt.Sprintf("CVE-2026-%04d", n), fix("5031364", "", "10.0.20348.2031", "Security Update", "99999"))) {
					return
				}
			}
		})...),
	} {
		if _, _, err := read(t, ReadCVRF, data, intake.Limits{MaxRecords: 20}); !errors.Is(err, intake.ErrTooLong) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}

// Whatever the graph, cycles included: what is installed is in the answer, with everything that anything in the answer supersedes, and
// asking again adds nothing.
func TestSupersededIsClosed(t *testing.T) {
	t.Parallel()
	kb := rapid.SampledFrom([]string{"KB1", "KB2", "KB3", "KB4", "KB5"})
	rapid.Check(t, func(t *rapid.T) {
		graph := rapid.MapOf(kb, rapid.SliceOfN(kb, 0, 3)).Draw(t, "graph")
		installed := rapid.SliceOfN(kb, 0, 3).Draw(t, "installed")
		all := Superseded(installed, graph)
		for _, i := range installed {
			if !slices.Contains(all, i) {
				t.Fatalf("%s is installed and not in %v", i, all)
			}
		}
		for _, a := range all {
			for _, old := range graph[a] {
				if !slices.Contains(all, old) {
					t.Fatalf("%s supersedes %s, which is not in %v", a, old, all)
				}
			}
		}
		if again := Superseded(all, graph); !slices.Equal(all, again) {
			t.Fatalf("%v, then %v", all, again)
		}
	})
}

func FuzzCVRF(f *testing.F) {
	f.Add(month("2026-10-13", vulnerable("CVE-2026-0002", fix("5031364", "5030216, 5029250", "10.0.20348.2031", "Security Update", "11923"))))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, all, err := read(t, ReadCVRF, data, intake.Limits{MaxTotal: 1 << 20, MaxRecord: 1 << 18, MaxEntries: 100})
		if s.Records != len(all) || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d advisories", err, s, len(all))
		}
		for _, a := range all {
			for _, e := range a.Affected {
				if vercmp.Valid(vercmp.Windows, e.Ranges[0].Fixed) != nil || e.Package == "" || len(e.Package) > maxName {
					t.Errorf("%+v", e)
				}
			}
		}
	})
}

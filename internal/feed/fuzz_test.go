package feed

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// checkAdvisory holds what a record that was let through promises to the store and to matching.
func checkAdvisory(t *testing.T, a advisory.Advisory, bucket string) {
	t.Helper()
	if a.ID == "" || len(a.ID) > maxID || len(a.Details) > maxDetails || len(a.Summary) > maxSummary || !utf8.ValidString(a.Details) || !utf8.ValidString(a.Summary) {
		t.Errorf("%+v", a)
	}
	if len(a.Affected) == 0 && a.Withdrawn.IsZero() {
		t.Errorf("%s affects nothing", a.ID)
	}
	for _, cve := range a.CVEs {
		if !intake.IsCVE(cve) {
			t.Errorf("%q", cve)
		}
	}
	for _, f := range a.Affected {
		scheme, ok := vercmp.ForEcosystem(f.Ecosystem)
		if !ok || bucketOf(f.Ecosystem) != bucket || len(f.Ranges)+len(f.Versions) == 0 {
			t.Errorf("%+v", f)
		}
		for _, r := range f.Ranges {
			if r.Introduced == "" || r.Fixed != "" && r.Last != "" {
				t.Errorf("%+v", r)
			}
			for _, v := range []string{r.Introduced, r.Fixed, r.Last} {
				if v != "" && v != "0" && vercmp.Valid(scheme, v) != nil {
					t.Errorf("%q is no %s version", v, scheme)
				}
			}
		}
	}
	if _, err := json.Marshal(a); err != nil {
		t.Error(err)
	}
}

func FuzzOSVRecord(f *testing.F) {
	fixed := affected("Debian:12", "p", `{"introduced":"0"},{"fixed":"1:2.0~rc1-1+deb12u1"},{"introduced":"3"},{"last_affected":"4"},{"limit":"5"}`)
	for _, seed := range []string{
		debianRecord(1).text,
		record("DEBIAN-CVE-2024-0001", `"aliases":["CVE-2024-1"],"severity":[{"type":"CVSS_V3","score":"x"}],"affected":[`+fixed+`,`+fixed+`]`),
		record("X", `"withdrawn":"2026-01-01T00:00:00Z","affected":null`),
		record("X", `"affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"versions":["1","é"],"ecosystem_specific":{"urgency":"low"}}]`),
		`{"id":1}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, bucket := range []string{"Debian", "AlmaLinux"} {
			if a, _, err := parseOSV(raw, bucket); err == nil {
				checkAdvisory(t, a, bucket)
			}
		}
		firstBucket(raw)
	})
}

func FuzzOSVZip(f *testing.F) {
	whole := zipOf(f, debianRecord(1), file{"x/", ""}, file{"bad", "{"})
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(tiny(f, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := intake.Limits{MaxEntries: 1000, MaxRecord: 1 << 16, MaxTotal: 1 << 20}
		s, all, err := readAll(t, data, limits)
		if err == nil && s.Records == 0 || len(all) != s.Records || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d records", err, s, len(all))
		}
		for _, a := range all {
			checkAdvisory(t, a, "Debian")
		}
	})
}

func FuzzKEV(f *testing.F) {
	f.Add(catalogue(kevEntry("CVE-2026-0001"), `{}`, `[]`))
	f.Add([]byte(`{"vulnerabilities":{}}`))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		s, err := readKEV(bytes.NewReader(data), intake.Limits{MaxTotal: 1 << 20}, func(k advisory.KEV) error {
			n++
			if !intake.IsCVE(k.CVE) || k.Added == "" || !utf8.ValidString(k.Name) {
				t.Errorf("%+v", k)
			}
			return nil
		})
		if err == nil && n == 0 || s.Records != n || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d entries", err, s, n)
		}
	})
}

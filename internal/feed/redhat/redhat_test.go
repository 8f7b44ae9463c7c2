package redhat

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

func readFile(t testing.TB, path string, adapter intake.Adapter) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return readBytes(t, raw, filepath.Base(path), adapter, intake.Options{Feed: "redhat/csaf"})
}

func readBytes(t testing.TB, raw []byte, name string, adapter intake.Adapter, o intake.Options) (intake.Survey, []advisory.Advisory, error) {
	t.Helper()
	f := intaketest.File(raw)
	f.Name = name
	survey, got, err := intaketest.Read(t.Context(), adapter, f, o)
	return survey, got.Advisories, err
}

// checkAdvisory holds what a record that was let through promises to the store and to matching.
func checkAdvisory(t *testing.T, a advisory.Advisory) {
	t.Helper()
	if intake.CheckID(a.ID) != nil || len(a.Affected) == 0 || a.Modified.IsZero() || len(a.Summary) > intake.MaxSummary || len(a.Details) > intake.MaxDetails {
		t.Errorf("%+v", a)
	}
	for _, e := range a.Affected {
		if !strings.HasPrefix(e.Ecosystem, "Red Hat:") || intake.CheckPackage(e.Package) != nil || len(e.Note) > 2*intake.MaxWord || len(e.Stream) > intake.MaxID {
			t.Errorf("%+v", e)
		}
		for _, r := range e.Ranges {
			if r.Introduced != "0" || vercmp.Valid(vercmp.RPM, r.Fixed) != nil {
				t.Errorf("%+v", e)
			}
		}
	}
	if _, err := json.Marshal(a); err != nil {
		t.Error(err)
	}
}

// vex is a VEX document of our own, in Red Hat's shape: a build of a module in main and EUS releases, components without a version, a
// layered product, and builds that the flaw is not in.
func vex(cve, vulnerability string) string {
	return `{"document":{"category":"csaf_vex","title":"p: a flaw","aggregate_severity":{"text":"Moderate"},"tracking":{"id":"` + cve + `",
  "status":"final","initial_release_date":"2025-01-02T00:00:00+00:00","current_release_date":"2025-02-03T01:00:00+01:00"}},
 "product_tree":{"branches":[{"category":"vendor","branches":[
   {"product":{"product_id":"red_hat_enterprise_linux_9","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9"}}},
   {"product":{"product_id":"red_hat_products","product_identification_helper":{"cpe":"cpe:/a:redhat"}}},
   {"branches":[{"product":{"product_id":"App-9.4","product_identification_helper":{"cpe":"cpe:/a:redhat:enterprise_linux:9::appstream"}}},
     {"product":{"product_id":"App-9.2-EUS","product_identification_helper":{"cpe":"cpe:/a:redhat:rhel_eus:9.2::appstream"}}},
     {"product":{"product_id":"RHOSE","product_identification_helper":{"cpe":"cpe:/a:redhat:openshift:4.16::el9"}}}]},
   {"product":{"product_id":"m:15:9040:rhel9","product_identification_helper":{"purl":"pkg:rpmmod/redhat/m@15:9040:rhel9"}}},
   {"product":{"product_id":"p-0:1.5-1.module+el9.4.0+2+ab.x86_64","product_identification_helper":{"purl":"pkg:rpm/redhat/p@1.5-1.module%2Bel9.4.0%2B2%2Bab?arch=x86_64"}}},
   {"product":{"product_id":"p-0:1.5-1.module+el9.4.0+2+ab.aarch64","product_identification_helper":{"purl":"pkg:rpm/redhat/p@1.5-1.module%2Bel9.4.0%2B2%2Bab?arch=aarch64"}}},
   {"product":{"product_id":"p-0:1.5-1.module+el9.4.0+2+ab.src","product_identification_helper":{"purl":"pkg:rpm/redhat/p@1.5-1.module%2Bel9.4.0%2B2%2Bab?arch=src"}}},
   {"product":{"product_id":"p-debuginfo-0:1.5-1.x86_64","product_identification_helper":{"purl":"pkg:rpm/redhat/p-debuginfo@1.5-1?arch=x86_64"}}},
   {"product":{"product_id":"q-2:1.0-1.el9_2.x86_64","product_identification_helper":{"purl":"pkg:rpm/redhat/q@1.0-1.el9_2?arch=x86_64&epoch=2"}}},
   {"product":{"product_id":"q-libs-2:1.0-1.el9_2.x86_64"}},
   {"product":{"product_id":"f-0:2-1.el9.noarch::n:18"}},
   {"product":{"product_id":"c","product_identification_helper":{"purl":"pkg:rpm/redhat/c?arch=src"}}},
   {"product":{"product_id":"old"}},
   {"product":{"product_id":"seen-0:3.1-1.el9","product_identification_helper":{"purl":"pkg:rpm/redhat/seen@3.1-1.el9?arch=src"}}},
   {"product":{"product_id":"named-0:3.1-1.el9"}},
   {"product":{"product_id":"n:18/npm","product_identification_helper":{"purl":"pkg:rpm/redhat/npm?arch=src&rpmmod=n:18"}}},
   {"product":{"product_id":"rhel9/image","product_identification_helper":{"purl":"pkg:oci/image"}}}]}],
  "relationships":[` + relations(
		"App-9.4:m:15:9040:rhel9", "m:15:9040:rhel9", "App-9.4",
		"M:p.x86_64", "p-0:1.5-1.module+el9.4.0+2+ab.x86_64", "App-9.4:m:15:9040:rhel9",
		"M:p.aarch64", "p-0:1.5-1.module+el9.4.0+2+ab.aarch64", "App-9.4:m:15:9040:rhel9",
		"M:p.src", "p-0:1.5-1.module+el9.4.0+2+ab.src", "App-9.4:m:15:9040:rhel9",
		"M:debug", "p-debuginfo-0:1.5-1.x86_64", "App-9.4",
		"EUS:q", "q-2:1.0-1.el9_2.x86_64", "App-9.2-EUS",
		"EUS:q-libs", "q-libs-2:1.0-1.el9_2.x86_64", "App-9.2-EUS",
		"RHOSE:q", "q-2:1.0-1.el9_2.x86_64", "RHOSE",
		"M:f", "f-0:2-1.el9.noarch::n:18", "App-9.4",
		"R9:c", "c", "red_hat_enterprise_linux_9",
		"R9:seen", "seen-0:3.1-1.el9", "red_hat_enterprise_linux_9",
		"R9:named", "named-0:3.1-1.el9", "red_hat_enterprise_linux_9",
		"R9:old", "old", "red_hat_enterprise_linux_9",
		"R9:n:18/npm", "n:18/npm", "red_hat_enterprise_linux_9",
		"R9:image", "rhel9/image", "red_hat_enterprise_linux_9",
		"loop", "c", "loop",
	) + `]},"vulnerabilities":[{"cve":"` + cve + `","notes":[{"category":"description","text":"A flaw."}],
   "scores":[{"cvss_v3":{"baseScore":5.9,"vectorString":"CVSS:3.1/low"}},{"cvss_v3":{"baseScore":7.1,"vectorString":"CVSS:3.1/high"}}],` + vulnerability + `}]}`
}

func relations(triples ...string) string {
	var out []string
	for i := 0; i < len(triples); i += 3 {
		out = append(out, fmt.Sprintf(`{"category":"default_component_of","full_product_name":{"product_id":%q},"product_reference":%q,"relates_to_product_reference":%q}`,
			triples[i], triples[i+1], triples[i+2]))
	}
	return strings.Join(out, ",")
}

func TestReadVEX(t *testing.T) {
	t.Parallel()
	to := func(name, stream, fixed string) advisory.Affected {
		return advisory.Affected{Ecosystem: "Red Hat:9", Package: name, Stream: stream, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}
	}
	said := func(name string, status advisory.Status, note string) advisory.Affected {
		return advisory.Affected{Ecosystem: "Red Hat:9", Package: name, Status: status, Note: note}
	}
	eus := func(a advisory.Affected) advisory.Affected {
		a.Entitlement, a.Note = "eus", "9.2"
		return a
	}
	for name, tc := range map[string]struct {
		vulnerability string
		want          []advisory.Affected
	}{
		"fixed in a module, architectures as one, no source": {`"product_status":{"fixed":["App-9.4:m:15:9040:rhel9","M:p.src","M:p.x86_64","M:p.aarch64","M:debug"]}`,
			[]advisory.Affected{to("p", "m:15", "1.5-1.module+el9.4.0+2+ab")}},
		"fixed for EUS, with an epoch, by purl and by file name; layered products left out": {`"product_status":{"fixed":["EUS:q","EUS:q-libs","RHOSE:q"]}`,
			[]advisory.Affected{eus(to("q", "", "2:1.0-1.el9_2")), eus(to("q-libs", "", "2:1.0-1.el9_2"))}},
		"a file name with its module": {`"product_status":{"fixed":["M:f"]}`,
			[]advisory.Affected{to("f", "n:18", "0:2-1.el9")}},
		"affected, no plan": {`"product_status":{"known_affected":["R9:c","R9:old"]}`,
			[]advisory.Affected{said("c", advisory.StatusOpen, ""), said("old", advisory.StatusOpen, "")}},
		"affected": {`"product_status":{"known_affected":["R9:c"]},"remediations":[{"category":"none_available","details":"Affected","product_ids":["R9:c"]}]`,
			[]advisory.Affected{said("c", advisory.StatusOpen, "Affected")}},
		"fix deferred": {`"product_status":{"known_affected":["R9:c"]},"remediations":[{"category":"none_available","details":"Fix deferred","product_ids":["R9:c"]}]`,
			[]advisory.Affected{said("c", advisory.StatusDeferred, "Fix deferred")}},
		"will not fix": {`"product_status":{"known_affected":["R9:c"]},"remediations":[{"category":"workaround","details":"x","product_ids":["R9:c"]},{"category":"no_fix_planned","details":"Will not fix","product_ids":["R9:c"]}]`,
			[]advisory.Affected{said("c", advisory.StatusWontFix, "Will not fix")}},
		"out of support scope": {`"product_status":{"known_affected":["R9:old"]},"remediations":[{"category":"no_fix_planned","details":"Out of support scope","product_ids":["R9:old"]}]`,
			[]advisory.Affected{said("old", advisory.StatusWontFix, "Out of support scope")}},
		"a component of a module": {`"product_status":{"known_not_affected":["R9:n:18/npm"]}`,
			[]advisory.Affected{{Ecosystem: "Red Hat:9", Package: "npm", Stream: "n:18", Status: advisory.StatusNotAffected}}},
		"a build without the flaw is not affected, others are not spoken of": {`"product_status":{"known_not_affected":["EUS:q","R9:c"]}`,
			[]advisory.Affected{said("c", advisory.StatusNotAffected, ""), {Ecosystem: "Red Hat:9", Package: "q", Entitlement: "eus", Note: "9.2", Versions: []string{"2:1.0-1.el9_2"}, Status: advisory.StatusNotAffected}}},
		"affected in every version, though the id names one": {`"product_status":{"known_affected":["R9:seen","R9:named"]}`,
			[]advisory.Affected{said("named", advisory.StatusOpen, ""), said("seen", advisory.StatusOpen, "")}},
		"not affected in the version that the id names": {`"product_status":{"known_not_affected":["R9:seen","R9:named"]}`,
			[]advisory.Affected{
				{Ecosystem: "Red Hat:9", Package: "named", Versions: []string{"0:3.1-1.el9"}, Status: advisory.StatusNotAffected},
				{Ecosystem: "Red Hat:9", Package: "seen", Versions: []string{"3.1-1.el9"}, Status: advisory.StatusNotAffected},
			}},
		"under investigation": {`"product_status":{"under_investigation":["R9:c"]}`,
			[]advisory.Affected{said("c", advisory.StatusUndetermined, "")}},
		"rated otherwise than the whole": {`"product_status":{"known_affected":["R9:c","R9:old"]},"threats":[{"category":"impact","details":"Low","product_ids":["R9:c"]},{"category":"impact","details":"Moderate","product_ids":["R9:old"]}]`,
			[]advisory.Affected{{Ecosystem: "Red Hat:9", Package: "c", Severity: "Low"}, said("old", advisory.StatusOpen, "")}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			survey, got, err := readBytes(t, []byte(vex("CVE-2025-0001", tc.vulnerability)), "cve-2025-0001.json", ReadVEX, intake.Options{Feed: "redhat/vex"})
			if err != nil || len(got) != 1 || len(survey.Problems) > 0 {
				t.Fatalf("%v: %+v, %d", err, survey, len(got))
			}
			if diff := cmp.Diff(tc.want, got[0].Affected); diff != "" {
				t.Error(diff)
			}
			if a := got[0]; a.ID != "CVE-2025-0001" || a.Severity != "CVSS:3.1/high" || a.Details != "A flaw." || a.Feed != "redhat/vex" || a.Modified.Day() != 3 || a.Modified.Hour() != 0 {
				t.Errorf("%+v", a)
			}
			checkAdvisory(t, got[0])
		})
	}
}

func TestDocumentsThatAreLeftOrRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw   string
		left  int
		wrong string
	}{
		"of other products only":        {vex("CVE-2025-0001", `"product_status":{"fixed":["RHOSE:q"],"known_not_affected":["red_hat_products","R9:image","loop","nowhere"]}`), 1, ""},
		"about to go":                   {strings.Replace(vex("CVE-2025-0001", `"product_status":{"known_affected":["R9:c"]}`), `"final"`, `"deleted"`, 1), 1, ""},
		"of another category":           {strings.Replace(vex("CVE-2025-0001", `"cve":""`), "csaf_vex", "csaf_security_advisory", 1), 0, "its category is"},
		"without an id":                 {vex("", `"threats":[]`), 0, "no id"},
		"without a date":                {strings.Replace(vex("CVE-2025-0001", `"threats":[]`), "current_release_date", "x", 1), 0, "no current release date"},
		"no JSON":                       {`{"document":`, 0, "not a CSAF document"},
		"deeper than any real document": {`{"document":` + strings.Repeat(`{"x":`, 20_000) + `1` + strings.Repeat(`}`, 20_001), 0, "not a CSAF document"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			survey, got, err := readBytes(t, []byte(tc.raw), "x.json", ReadVEX, intake.Options{})
			if len(got) != 0 || survey.Left != tc.left || (err == nil) != (tc.wrong == "") {
				t.Fatalf("%v: %+v", err, survey)
			}
			if tc.wrong != "" && !strings.Contains(survey.Problems[0].Reason, tc.wrong) {
				t.Errorf("%+v", survey.Problems)
			}
		})
	}
}

func TestOnlyWantedReleases(t *testing.T) {
	t.Parallel()
	raw := []byte(vex("CVE-2025-0001", `"product_status":{"known_affected":["R9:c"]}`))
	survey, got, err := readBytes(t, raw, "x.json", ReadVEX, intake.Options{Wanted: func(e string) bool { return e == "Red Hat:8" }})
	if err != nil || len(got) != 0 || survey.Left != 1 {
		t.Errorf("%v: %+v, %d", err, survey, len(got))
	}
}

// archive packs files as Red Hat does.
func archive(t testing.TB, files ...[2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadAnArchive(t *testing.T) {
	t.Parallel()
	affected := `"product_status":{"known_affected":["R9:c"]}`
	raw := archive(t,
		[2]string{"2025/cve-2025-0001.json", vex("CVE-2025-0001", affected)},
		[2]string{"2025/cve-2025-0002.json", vex("CVE-2025-0002", `"product_status":{"fixed":["RHOSE:q"]}`)},
		[2]string{"2025/broken.json", `{`},
		[2]string{"2025/again.json", vex("CVE-2025-0001", affected)},
		[2]string{"2025/giant.json", `{"x":"` + strings.Repeat("x", 1<<20) + `"}`},
		[2]string{"changes.csv", `"a","b"`},
		[2]string{"2025/cve-2025-0003.json", vex("CVE-2025-0003", affected)},
	)
	survey, got, err := readBytes(t, raw, "csaf_vex_2025-02-15.tar.zst", ReadVEX, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 20}})
	if err != nil || len(got) != 2 || got[0].ID != "CVE-2025-0001" || got[1].ID != "CVE-2025-0003" || survey.Records != 2 || survey.Left != 1 || survey.Skipped != 3 {
		t.Fatalf("%v: %+v, %d", err, survey, len(got))
	}
	if diff := cmp.Diff([]string{"Red Hat:9"}, survey.Ecosystems); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"not a CSAF document", "a second document", "longer than 1048576 bytes"} {
		if !strings.Contains(survey.Problems[i].Reason, want) {
			t.Errorf("%+v, want %s", survey.Problems[i], want)
		}
	}
	for name, cut := range map[string][]byte{"cut off": raw[:len(raw)/2], "no archive": []byte("A TAR.ZST OF CSAF RHSAs."), "empty": nil, "no document in it": archive(t, [2]string{"x", "y"})} {
		if _, _, err := readBytes(t, cut, "x", ReadVEX, intake.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestChangesAreRefusedWhereTheyCouldLeadElsewhere(t *testing.T) {
	t.Parallel()
	for list, good := range map[string]bool{
		"\"2024/rhsa-2024_0010.json\",\"2025-02-18T14:28:08+00:00\"\n": true,
		"":                                       true,
		"\"../x.json\",\"2025-02-18T14:28:08Z\"": false,
		"\"2024/../x.json\",\"2025-02-18T14:28:08Z\"":   false,
		"\"2024/x.json?a=b\",\"2025-02-18T14:28:08Z\"":  false,
		"\"//h/x.json\",\"2025-02-18T14:28:08Z\"":       false,
		"\"2024/.json\",\"2025-02-18T14:28:08Z\"":       false,
		"\"2024/x.json\",\"yesterday\"":                 false,
		"\"2024/x.json\"":                               false,
		"\"2024/x.json\",\"2025-02-18T14:28:08Z\",\"\"": false,
	} {
		if err := ReadChanges(strings.NewReader(list), func(Change) error { return nil }); (err == nil) != good {
			t.Errorf("%q: %v", list, err)
		}
	}
	for name, good := range map[string]bool{"csaf_vex_2025-02-15.tar.zst\n": true, "../csaf_x.tar.zst": false, "csaf_/../x.tar.zst": false, "": false, "csaf_x.tar.zst?y": false} {
		if _, err := ReadLatest(strings.NewReader(name)); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzReadVEX(f *testing.F) {
	f.Add([]byte(vex("CVE-2025-0001", `"product_status":{"fixed":["EUS:q","M:p.x86_64"],"known_affected":["R9:c"],"known_not_affected":["EUS:q-libs"]}`)))
	f.Add(archive(f, [2]string{"a.json", vex("CVE-2025-0001", `"product_status":{"under_investigation":["R9:n:18/npm"]}`)}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, adapter := range []intake.Adapter{ReadVEX, ReadCSAF} {
			survey, got, err := readBytes(t, raw, "x", adapter, intake.Options{Limits: intake.Limits{MaxRecord: 1 << 20, MaxTotal: 4 << 20, MaxEntries: 100}})
			if err == nil && survey.Records+survey.Left == 0 || survey.Records != len(got) || len(survey.Problems) > intake.MaxProblems {
				t.Errorf("%v: %+v, %d", err, survey, len(got))
			}
			for _, a := range got {
				checkAdvisory(t, a)
			}
		}
	})
}

func FuzzReadChanges(f *testing.F) {
	f.Add([]byte("\"2024/rhsa-2024_0010.json\",\"2025-02-18T14:28:08+00:00\"\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = ReadChanges(bytes.NewReader(raw), func(c Change) error {
			if strings.Contains(c.Path, "..") && strings.Contains(c.Path, "/..") || c.At.IsZero() && c.Path == "" {
				t.Errorf("%+v", c)
			}
			return nil
		})
		_, _ = ReadLatest(bytes.NewReader(raw))
	})
}

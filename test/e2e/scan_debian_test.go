//go:build linux && e2e

package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// feedsWith is a copy of the shared feeds in which KEV names some CVEs, and no others: none of the Debian data set's is in the real one.
func feedsWith(t *testing.T, exploited ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "feeds")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(shared(t), "feeds"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "kev")); err != nil {
		t.Fatal(err)
	}
	entries := []map[string]any{}
	for _, cve := range exploited {
		entries = append(entries, map[string]any{"cveID": cve, "vendorProject": "Lab", "product": "lab", "vulnerabilityName": "made for this test", "dateAdded": "2026-11-03",
			"shortDescription": "made for this test", "requiredAction": "update", "dueDate": "2026-11-24", "knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": []string{}})
	}
	body, err := json.Marshal(map[string]any{"title": "fixture", "catalogVersion": "2026.11.03", "dateReleased": "2026-11-03T00:00:00.0Z", "count": len(entries), "vulnerabilities": entries})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.WriteFiles(dir, map[string]string{"kev/known_exploited_vulnerabilities.json": string(body)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// debianRoot is a root with the package database of a real host.
func debianRoot(t *testing.T, status string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(shared(t), "debian12", status))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	err = lab.WriteFiles(root, map[string]string{"var/lib/dpkg/status": string(body),
		"etc/os-release": "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// debianExpected are the pairs (vulnerability, source) of the data set.
func debianExpected(t *testing.T) []string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(shared(t), "debian12/cves_expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(body)) {
		if f := strings.Split(line, "\t"); strings.HasPrefix(f[0], "CVE-") {
			out = append(out, f[0]+" "+f[1])
		}
	}
	slices.Sort(out)
	if len(out) != 2156 {
		t.Fatalf("the data set has %d pairs", len(out))
	}
	return out
}

// unrecorded is expected of the host, and no feed has a record of it: only the changelog of the update says so.
const unrecorded = "CVE-2026-41254 lcms2"

// One real Debian host before and after its updates, with every form of output, and feeds that are compiled once.
func TestScanOfADebianRootBeforeAndAfterItsUpdates(t *testing.T) {
	const exploited = "CVE-2026-3783"
	feeds, s := feedsWith(t, exploited), newScanner(t)
	root := debianRoot(t, "dpkg-status")
	args := func(more ...string) []string { return append([]string{"--root", root, "--feeds", feeds}, more...) }

	first := s.run(t, args("-o", "json", "--progress", "plain")...)
	kept := filesBelow(t, filepath.Join(s.home, "cache"))
	second := s.run(t, args("-o", "json", "--progress", "plain")...)
	if first.code != 0 || !strings.Contains(first.err, "compiling the feeds") || len(kept) == 0 {
		t.Fatalf("the first run ended with %d and compiled nothing into %v: %s", first.code, kept, first.err)
	}
	if second.code != 0 || strings.Contains(second.err, "compiling") {
		t.Errorf("the second run ended with %d and compiled again: %s", second.code, second.err)
	}
	if d := cmp.Diff(kept, filesBelow(t, filepath.Join(s.home, "cache"))); d != "" {
		t.Errorf("the second run wrote to the cache:\n%s", d)
	}
	if first.out != second.out {
		t.Errorf("compiled and mapped feeds give different answers:\n%s", cmp.Diff(first.out, second.out))
	}
	if third := s.run(t, args("-o", "json", "--no-cache")...); third.out != first.out {
		t.Error("--no-cache gives another answer")
	}
	var out apiv1.Scan
	if err := json.Unmarshal([]byte(first.out), &out); err != nil {
		t.Fatal(err)
	}
	got := bySource(out.Findings)
	named := slices.DeleteFunc(debianExpected(t), func(pair string) bool { return pair == unrecorded })
	if d := cmp.Diff(named, got); d != "" {
		t.Errorf("pairs of the feeds (-want +got):\n%s", d)
	}
	t.Run("changelogs", func(t *testing.T) {
		with := s.scan(t, 0, args("--changelogs", filepath.Join(lab.RunDir(), staged))...)
		if d := cmp.Diff(debianExpected(t), bySource(with.Findings)); d != "" {
			t.Errorf("pairs of the feeds and of a staged update's changelog (-want +got):\n%s", d)
		}
	})

	t.Run("fail-on", func(t *testing.T) {
		if e := s.run(t, args("--fail-on", "kev")...); e.code != 6 {
			t.Errorf("--fail-on kev ended with %d: %s", e.code, e.err)
		}
		if e := s.run(t, args("--fail-on", "ransomware")...); e.code != 0 {
			t.Errorf("--fail-on ransomware, of which there is none, ended with %d: %s", e.code, e.err)
		}
		if e := s.run(t, args("--fail-on", "kve")...); e.code != 2 {
			t.Errorf("--fail-on kve ended with %d: %s", e.code, e.err)
		}
	})
	t.Run("explain", func(t *testing.T) { explained(t, s.run(t, args("--explain", exploited)...), exploited) })
	t.Run("sarif", func(t *testing.T) { sarifNames(t, s.run(t, args("-o", "sarif")...), got) })
	t.Run("junit", func(t *testing.T) { junitNames(t, s.run(t, args("-o", "junit")...), got) })
	t.Run("vex", func(t *testing.T) { vexNames(t, s.run(t, args("-o", "cyclonedx-vex")...), got) })

	root = debianRoot(t, "dpkg-status-upgraded")
	after := s.scan(t, 0, args("--fail-on", "lowest,kev,fixable", "--changelogs", filepath.Join(lab.RunDir(), staged))...)
	if after.Assessment.Status != "assessed" || len(after.Findings) > 0 || after.Packages < 700 {
		t.Errorf("after the updates: %+v, %d packages, %v", after.Assessment, after.Packages, pairsOf(after.Findings))
	}
}

// bySource are the pairs (vulnerability, source) of findings.
func bySource(findings []apiv1.Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, f.Vulnerability+" "+f.Source)
	}
	slices.Sort(out)
	return out
}

// filesBelow gives the files of a folder with their sizes and times.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 { // a lock is none
			out = append(out, fmt.Sprint(path, " ", info.Size(), " ", info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// words are the vulnerabilities of pairs.
func words(pairs []string) []string {
	out := []string{}
	for _, p := range pairs {
		word, _, _ := strings.Cut(p, " ")
		out = append(out, word)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func explained(t *testing.T, e ended, cve string) {
	for _, want := range []string{cve, "curl", "osv/Debian", "7.88.1-10+deb12u15", "KEV", "2026-11-03", "EPSS"} {
		if !strings.Contains(e.out, want) || e.code != 0 {
			t.Errorf("--explain ended with %d and does not say %q:\n%s%s", e.code, want, e.out, e.err)
		}
	}
}

func sarifNames(t *testing.T, e ended, pairs []string) {
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
			}
		}
	}
	if err := json.Unmarshal([]byte(e.out), &log); err != nil || e.code != 0 || log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("ended with %d, version %q, %d runs: %v", e.code, log.Version, len(log.Runs), err)
	}
	run := log.Runs[0]
	named := []string{}
	for _, r := range run.Results {
		if r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Fatalf("the rule of %+v is another", r)
		}
		named = append(named, r.RuleID)
	}
	slices.Sort(named)
	if d := cmp.Diff(words(pairs), slices.Compact(named)); d != "" || len(run.Results) < len(words(pairs)) {
		t.Errorf("%d results (-want +got):\n%s", len(run.Results), d)
	}
}

func junitNames(t *testing.T, e ended, pairs []string) {
	type testcase struct {
		Name    string    `xml:"name,attr"`
		Class   string    `xml:"classname,attr"`
		Failure *struct{} `xml:"failure"`
	}
	var doc struct {
		XMLName xml.Name
		Suites  []struct {
			Tests    int        `xml:"tests,attr"`
			Failures int        `xml:"failures,attr"`
			Cases    []testcase `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(e.out), &doc); err != nil || e.code != 0 || doc.XMLName.Local != "testsuites" {
		t.Fatalf("ended with %d, root %q: %v", e.code, doc.XMLName.Local, err)
	}
	all, failures := 0, 0
	text := strings.Builder{}
	for _, suite := range doc.Suites {
		if suite.Tests != len(suite.Cases) {
			t.Errorf("a suite says %d tests and has %d", suite.Tests, len(suite.Cases))
		}
		for _, c := range suite.Cases {
			all++
			if c.Failure != nil {
				failures++
			}
			text.WriteString(c.Name + " " + c.Class + "\n")
		}
	}
	if failures == 0 || all < failures {
		t.Errorf("%d of %d test cases fail", failures, all)
	}
	for _, cve := range words(pairs) {
		if !strings.Contains(e.out, cve) {
			t.Fatalf("it does not name %s", cve)
		}
	}
}

func vexNames(t *testing.T, e ended, pairs []string) {
	var doc struct {
		BOMFormat, SpecVersion string
		Components             []struct {
			Ref  string `json:"bom-ref"`
			PURL string `json:"purl"`
		}
		Vulnerabilities []struct {
			ID      string
			Affects []struct{ Ref string }
		}
	}
	if err := json.Unmarshal([]byte(e.out), &doc); err != nil || e.code != 0 || doc.BOMFormat != "CycloneDX" || doc.SpecVersion == "" {
		t.Fatalf("ended with %d, %s %s: %v", e.code, doc.BOMFormat, doc.SpecVersion, err)
	}
	refs := map[string]bool{}
	for _, c := range doc.Components {
		refs[c.Ref] = strings.HasPrefix(c.PURL, "pkg:deb/debian/")
	}
	named := []string{}
	for _, v := range doc.Vulnerabilities {
		named = append(named, v.ID)
		for _, a := range v.Affects {
			if !refs[a.Ref] {
				t.Fatalf("%s affects %q, which is no component", v.ID, a.Ref)
			}
		}
	}
	slices.Sort(named)
	if d := cmp.Diff(words(pairs), slices.Compact(named)); d != "" {
		t.Errorf("vulnerabilities (-want +got):\n%s", d)
	}
}

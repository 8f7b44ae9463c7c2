package scan

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	debian12 = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"
	debian13 = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n"
)

// shared is the folder of real data that tests may use; in CI it must be there.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("STAUNCH_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "README.md")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("STAUNCH_SHARED is needed in CI: %v", err)
		}
		t.Skipf("no shared data: set STAUNCH_SHARED (%v)", err)
	}
	return filepath.Join(dir, "data")
}

// rootWith is a root with a dpkg status file and an os-release ("" for none).
func rootWith(t *testing.T, status []byte, release string) string {
	t.Helper()
	root := t.TempDir()
	put(t, filepath.Join(root, "var/lib/dpkg/status"), status)
	if release != "" {
		put(t, filepath.Join(root, "etc/os-release"), []byte(release))
	}
	return root
}

func put(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// scanned runs the command as a user would and reads its JSON.
func scanned(t *testing.T, args ...string) (apiv1.Scan, error) {
	t.Helper()
	var stdout bytes.Buffer
	cmd := Command(Streams{Out: &stdout, Err: &bytes.Buffer{}})
	cmd.SetArgs(append(args, "-o", "json"))
	err := cmd.ExecuteContext(t.Context())
	var out apiv1.Scan
	if stdout.Len() > 0 {
		if jerr := json.Unmarshal(stdout.Bytes(), &out); jerr != nil {
			t.Fatalf("the output is not JSON: %v", jerr)
		}
	}
	return out, err
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path) //nolint:gosec // a test's own path
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pairs(findings []apiv1.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Vulnerability+" "+f.Source)
	}
	slices.Sort(out)
	return out
}

// expected are the pairs of cves_expected.tsv that the feed has a record for. A pair that the feed does not name cannot be found by
// anything that reads the feed; there is at most one such, and it is logged, so that a feed that lacks more fails here.
func expected(t *testing.T, data string) []string {
	t.Helper()
	named := feedPairs(t, filepath.Join(data, "feeds/osv/Debian/all.zip"))
	var want []string
	for text := range strings.Lines(string(read(t, filepath.Join(data, "debian12/cves_expected.tsv")))) {
		fields := strings.Split(text, "\t")
		if fields[0] == "cve" {
			continue
		}
		pair := fields[0] + " " + fields[1]
		if !named[pair] {
			t.Logf("expected, and the feed has no record of it: %s", pair)
			continue
		}
		want = append(want, pair)
	}
	slices.Sort(want)
	if len(want) < 2155 {
		t.Fatalf("the feed names %d of the 2156 expected pairs", len(want))
	}
	return want
}

// feedPairs reads which (CVE, source) pairs an archive of OSV records names for Debian 12, without the code under test.
func feedPairs(t *testing.T, path string) map[string]bool {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	named := map[string]bool{}
	for _, file := range archive.File {
		var record struct {
			Upstream []string
			Affected []struct {
				Package struct{ Ecosystem, Name string }
			}
		}
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(r).Decode(&record); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		for _, a := range record.Affected {
			for _, cve := range record.Upstream {
				named[cve+" "+a.Package.Name] = named[cve+" "+a.Package.Name] || a.Package.Ecosystem == "Debian:12"
			}
		}
	}
	return named
}

func TestARealDebian12HostHasExactlyTheExpectedFindings(t *testing.T) {
	t.Parallel()
	data := shared(t)
	out, err := scanned(t, "--root", rootWith(t, read(t, filepath.Join(data, "debian12/dpkg-status")), debian12), "--feeds", filepath.Join(data, "feeds"))
	if err != nil {
		t.Fatal(err)
	}
	want := expected(t, data)
	if d := cmp.Diff(want, pairs(out.Findings)); d != "" {
		t.Errorf("pairs (-want +got):\n%s", d)
	}
	kernel, exploited := 0, 0
	for _, f := range out.Findings {
		if f.Package == "" || f.Installed == "" || f.Fixed == "" || f.Explanation == "" {
			t.Fatalf("incomplete: %+v", f)
		}
		if f.Source != "linux" {
			if f.Priority == apiv1.PriorityLowest {
				t.Errorf("%s of %s is lowest", f.Vulnerability, f.Source)
			}
			continue
		}
		kernel++
		if f.Status != apiv1.StatusNotLoaded || f.Priority != apiv1.PriorityLowest {
			t.Errorf("%s: status %q, priority %q", f.Vulnerability, f.Status, f.Priority)
		}
		if f.KEV != nil {
			exploited++
			if !strings.Contains(f.Explanation, "KEV") {
				t.Errorf("%s is in KEV, and its explanation does not say so: %s", f.Vulnerability, f.Explanation)
			}
		}
	}
	if kernel != 2018 {
		t.Errorf("%d findings of the kernel's source, want 2018", kernel)
	}
	t.Logf("%d of the kernel's are in KEV; %+v", exploited, out.Count)
}

func TestTheUpgradedHostHasNoFindings(t *testing.T) {
	t.Parallel()
	data := shared(t)
	out, err := scanned(t, "--root", rootWith(t, read(t, filepath.Join(data, "debian12/dpkg-status-upgraded")), debian12), "--feeds", filepath.Join(data, "feeds"))
	if err != nil {
		t.Fatal(err)
	}
	if out.Assessment.Status != assessed || len(out.Findings) != 0 || out.Packages < 700 {
		t.Errorf("%s, %d packages, findings %v", out.Assessment.Status, out.Packages, pairs(out.Findings))
	}
}

func TestAnotherReleaseIsNotAssessed(t *testing.T) {
	t.Parallel()
	data := shared(t)
	status := read(t, filepath.Join(data, "debian12/dpkg-status"))
	for name, args := range map[string][]string{
		"os-release": {"--root", rootWith(t, status, debian13)},
		"distro":     {"--root", rootWith(t, status, ""), "--distro", "debian:13"},
		"no ubuntu":  {"--root", rootWith(t, status, ""), "--distro", "ubuntu:24.04"},
		"unknown":    {"--root", rootWith(t, status, "ID=arcane\nVERSION_ID=1\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := scanned(t, append(args, "--feeds", filepath.Join(data, "feeds"))...)
			if !errors.Is(err, fault.NotFound) || !strings.Contains(fault.Message(err), "not assessed") {
				t.Errorf("error %v, want not assessed", err)
			}
			if out.Assessment.Status != notAssessed || out.Assessment.Reason == "" || len(out.Findings) != 0 || out.Count.Assessed {
				t.Errorf("%+v, %d findings, %+v", out.Assessment, len(out.Findings), out.Count)
			}
		})
	}
}

func TestDistroStandsInForAMissingRelease(t *testing.T) {
	t.Parallel()
	data := shared(t)
	root := rootWith(t, read(t, filepath.Join(data, "debian12/dpkg-status")), "")
	if _, err := scanned(t, "--root", root, "--feeds", filepath.Join(data, "feeds")); !errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "--distro") {
		t.Errorf("without --distro: %v", err)
	}
	out, err := scanned(t, "--root", root, "--feeds", filepath.Join(data, "feeds"), "--distro", "debian:12")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(expected(t, data), pairs(out.Findings)); d != "" {
		t.Errorf("with --distro: %s", d)
	}
}

func TestTheTableFits80Columns(t *testing.T) {
	t.Parallel()
	data := shared(t)
	out, err := Run(t.Context(), Options{Root: rootWith(t, read(t, filepath.Join(data, "debian12/dpkg-status")), debian12), Feeds: filepath.Join(data, "feeds")})
	if err != nil {
		t.Fatal(err)
	}
	table := Table(out)
	for text := range strings.Lines(table) {
		if n := len([]rune(strings.TrimSuffix(text, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, text)
		}
	}
	for _, want := range []string{"and 2018 of linux", fmt.Sprintf("%d findings", len(out.Findings)), "apt-get install --only-upgrade"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in the table", want)
		}
	}
}

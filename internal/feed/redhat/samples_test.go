package redhat

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// advisories are the paths of Red Hat's own advisories among the samples.
func advisories(t testing.TB) []string {
	t.Helper()
	var paths []string
	root := intaketest.Shared(t, "samples", "vunnel", "rhel", "test-fixtures", "csaf")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasPrefix(filepath.Base(path), "rhsa-") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) != 8 {
		t.Fatalf("%v: %d advisories", err, len(paths))
	}
	return paths
}

// nevra is a product of a fixed list: RELEASE:NAME-[EPOCH:]VERSION-RELEASE.ARCH, and in modular advisories .rpm-MODULE:STREAM or ::MODULE:STREAM after it.
var nevra = regexp.MustCompile(`^([^:]+):(.+?)-(?:(\d+):)?([^-:]+)-([^-:]+)\.(\w+?)(?:(?:\.rpm-|::)(.+))?$`)

// readFixed reads the fixed packages of an advisory by other means: its product ids alone, which name release, package and version.
func readFixed(t *testing.T, path string) (id string, fixed map[string][]string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Document        struct{ Tracking struct{ ID string } }
		Vulnerabilities []struct {
			Product_Status struct{ Fixed []string } //nolint:revive,staticcheck // the field's own name
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	sets := map[string]map[string]bool{}
	for _, v := range doc.Vulnerabilities {
		for _, product := range v.Product_Status.Fixed {
			m := nevra.FindStringSubmatch(product)
			if m == nil {
				t.Fatalf("%s: %s", path, product)
			}
			if m[6] == "src" || strings.Contains(m[2], "-debug") {
				continue
			}
			key := m[2] + " " + m[7] + " " + release(m[1])
			if sets[key] == nil {
				sets[key] = map[string]bool{}
			}
			version := m[4] + "-" + m[5]
			if m[3] != "" && m[3] != "0" {
				version = m[3] + ":" + version
			}
			sets[key][version] = true
		}
	}
	fixed = map[string][]string{}
	for key, versions := range sets {
		fixed[key] = slices.Sorted(maps.Keys(versions))
	}
	return doc.Document.Tracking.ID, fixed
}

// release of a product id: BaseOS-9.2.0.Z.EUS is 9 eus 9.2.
func release(product string) string {
	if strings.HasPrefix(product, "6Server") {
		return "6 els"
	}
	_, version, _ := strings.Cut(product, "-")
	numbers := strings.Split(version, ".")
	if strings.HasSuffix(product, ".EUS") && !strings.Contains(product, "MAIN") {
		return numbers[0] + " eus " + numbers[0] + "." + numbers[1]
	}
	return numbers[0]
}

// Every real advisory: the packages and versions that its product ids name, in the releases that they name, and nothing else.
func TestRealAdvisories(t *testing.T) {
	t.Parallel()
	streams, entitlements := map[string]bool{}, map[string]bool{}
	for _, path := range advisories(t) {
		id, want := readFixed(t, path)
		survey, got, err := readFile(t, path, ReadCSAF)
		if err != nil || survey.Skipped != 0 || len(survey.Problems) != 0 || len(got) != 1 || got[0].ID != id {
			t.Fatalf("%s: %v, %+v, %d advisories", path, err, survey, len(got))
		}
		found := map[string][]string{}
		for _, a := range got[0].Affected {
			key := strings.TrimSpace(strings.TrimPrefix(a.Ecosystem, "Red Hat:") + " " + a.Entitlement)
			if a.Entitlement == "eus" {
				key += " " + a.Note
			}
			key = a.Package + " " + a.Stream + " " + key
			for _, r := range a.Ranges {
				found[key] = append(found[key], r.Fixed)
			}
			slices.Sort(found[key])
			streams[a.Stream], entitlements[a.Entitlement] = true, true
		}
		if len(want) == 0 {
			if len(found) == 0 || !strings.HasPrefix(got[0].Affected[0].Package, "python3.9") {
				t.Errorf("%s names its source only: %v", id, found)
			}
			continue
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
		checkAdvisory(t, got[0])
	}
	if diff := cmp.Diff([]string{"", "ruby:2.5", "ruby:2.7", "ruby:3.1"}, slices.Sorted(maps.Keys(streams))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"", "els", "eus"}, slices.Sorted(maps.Keys(entitlements))); diff != "" {
		t.Error(diff)
	}
}

func TestARealAdvisoryInFull(t *testing.T) {
	t.Parallel()
	for _, path := range advisories(t) {
		if filepath.Base(path) != "rhsa-2024_0811.json" {
			continue
		}
		_, got, err := readFile(t, path, ReadCSAF)
		if err != nil {
			t.Fatal(err)
		}
		a := got[0]
		if a.Severity != "Moderate" || !strings.HasSuffix(a.Summary, "sudo security update") || a.Modified.IsZero() || a.Published.IsZero() || a.Feed != "redhat/csaf" {
			t.Errorf("%+v", a)
		}
		if diff := cmp.Diff([]string{"CVE-2023-28486", "CVE-2023-28487", "CVE-2023-42465"}, a.CVEs); diff != "" {
			t.Error(diff)
		}
		var sudo []advisory.Affected
		for _, e := range a.Affected {
			if e.Package == "sudo" && e.Ecosystem == "Red Hat:9" {
				sudo = append(sudo, e)
			}
		}
		to := func(entitlement, minor, fixed string) advisory.Affected {
			return advisory.Affected{Ecosystem: "Red Hat:9", Package: "sudo", Entitlement: entitlement, Note: minor, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}
		}
		want := []advisory.Affected{to("", "", "1.9.5p2-10.el9_3"), to("eus", "9.0", "1.9.5p2-7.el9_0.4"), to("eus", "9.2", "1.9.5p2-9.el9_2.2")}
		if diff := cmp.Diff(want, sudo); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRealListsOfChanges(t *testing.T) {
	t.Parallel()
	root := intaketest.Shared(t, "samples", "vunnel", "rhel", "test-fixtures", "csaf", "server")
	for name, want := range map[string]int{"changes.csv": 5, "deletions.csv": 2} {
		f, err := os.Open(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // read only
		n := 0
		if err := ReadChanges(f, func(c Change) error {
			n++
			if c.At.Year() != 2025 && c.At.Year() != 2024 {
				t.Errorf("%+v", c)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if n != want {
			t.Errorf("%s: %d lines, want %d", name, n, want)
		}
	}
	f, err := os.Open(filepath.Join(root, "archive_latest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	if got, err := ReadLatest(f); err != nil || got != "csaf_advisories_2025-02-15.tar.zst" {
		t.Errorf("%q %v", got, err)
	}
}

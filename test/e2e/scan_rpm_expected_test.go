//go:build linux && e2e

package e2e

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// almaFix says that an advisory fixes vulnerabilities of a package at a version.
type almaFix struct {
	pkg, evr, stream string
	cves             []string
}

var (
	almaStream = regexp.MustCompile(`\b[a-z][a-z0-9-]*:[a-z0-9.]*[a-z0-9]`)
	almaMinor  = regexp.MustCompile(`el9(?:_|\.)(\d+)`)
)

// almaFixes reads the archive of OSV records without the code under test. Every advisory that names one of the packages must be plain:
// one fix for a package, or all of one stream; the packages of this test were chosen so.
func almaFixes(t *testing.T, path string, names map[string]bool) []almaFix {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var out []almaFix
	for _, file := range archive.File {
		var record struct {
			ID, Summary, Withdrawn     string
			Related, Aliases, Upstream []string
			Affected                   []struct {
				Package struct{ Ecosystem, Name string }
				Ranges  []struct{ Events []map[string]string }
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
		cves := slices.DeleteFunc(slices.Concat(record.Related, record.Aliases, record.Upstream), func(id string) bool { return !strings.HasPrefix(id, "CVE-") })
		if len(cves) == 0 {
			cves = []string{record.ID} // an erratum of security without a CVE goes by its own name
		}
		for _, a := range record.Affected {
			if a.Package.Ecosystem != "AlmaLinux:9" || !names[a.Package.Name] || record.Withdrawn != "" {
				continue
			}
			for _, r := range a.Ranges {
				for _, e := range r.Events {
					if e["fixed"] == "" {
						continue
					}
					stream := ""
					if strings.Contains(e["fixed"], ".module") {
						if stream = almaStream.FindString(record.Summary); stream == "" {
							t.Fatalf("%s (%s) does not name the stream of %s: choose another package", record.ID, record.Summary, a.Package.Name)
						}
					}
					out = append(out, almaFix{a.Package.Name, e["fixed"], stream, cves})
				}
			}
		}
	}
	return out
}

// almaExpected works out what is to be found: a vulnerability of a package whose fix, of its own stream, is above what is installed by
// the order of rpm itself. Where advisories speak of several minor releases, the one of the package's own counts.
func almaExpected(t *testing.T, installed []rpmPackage, fixes []almaFix) []string {
	t.Helper()
	type word struct{ affected, near bool }
	words := map[string][]word{}
	var pairs [][2]string
	var about []func(order string)
	for _, p := range installed {
		for _, f := range fixes {
			if f.pkg != p.name || f.stream != p.stream {
				continue
			}
			pairs = append(pairs, [2]string{p.evr, f.evr})
			about = append(about, func(order string) {
				near := minorOf(p.evr) != "" && minorOf(p.evr) == minorOf(f.evr)
				for _, cve := range f.cves {
					words[cve+" "+p.name] = append(words[cve+" "+p.name], word{order == "-1", near})
				}
			})
		}
	}
	for i, order := range rpmOrders(t, pairs) {
		about[i](order)
	}
	want := []string{}
	for pair, said := range words {
		near := slices.ContainsFunc(said, func(w word) bool { return w.near })
		if slices.ContainsFunc(said, func(w word) bool { return w.affected && w.near == near }) {
			want = append(want, pair)
		}
	}
	slices.Sort(want)
	return want
}

func minorOf(evr string) string {
	if m := almaMinor.FindStringSubmatch(evr); m != nil {
		return m[1]
	}
	return ""
}

// rpmOrders asks rpm for the order of pairs of versions: -1, 0 or 1.
func rpmOrders(t *testing.T, pairs [][2]string) []string {
	t.Helper()
	var script strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&script, "print(rpm.vercmp(%q, %q) .. '\\n') ", p[0], p[1])
	}
	file := filepath.Join(t.TempDir(), "order.lua")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	orders := strings.Fields(tool(t, "rpm", "--eval", "%{lua:dofile('"+file+"')}"))
	if len(orders) != len(pairs) {
		t.Fatalf("rpm gave %d answers to %d questions", len(orders), len(pairs))
	}
	return orders
}

// newest gives each package the highest fixed build of its stream.
func newest(t *testing.T, installed []rpmPackage, fixes []almaFix) []rpmPackage {
	t.Helper()
	builds := make([][]string, len(installed))
	var pairs [][2]string
	for i, p := range installed {
		builds[i] = []string{p.evr}
		for _, f := range fixes {
			if f.pkg == p.name && f.stream == p.stream && !slices.Contains(builds[i], f.evr) {
				builds[i] = append(builds[i], f.evr)
			}
		}
		for _, one := range builds[i] {
			for _, other := range builds[i] {
				pairs = append(pairs, [2]string{one, other})
			}
		}
	}
	orders := rpmOrders(t, pairs)
	out := slices.Clone(installed)
	for i := range out {
		for _, one := range builds[i] {
			n := len(builds[i])
			if !slices.Contains(orders[:n], "-1") { // none of the others comes after it
				out[i].evr = one
			}
			orders = orders[n:]
		}
	}
	return out
}

//go:build linux && e2e

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// daemonPackage is a library that a service of its own has loaded. The library is a real one, so that the loader takes it.
func daemonPackage(t *testing.T, version string) lab.Deb {
	t.Helper()
	found, err := filepath.Glob("/lib/*-linux-gnu/libz.so.1")
	if err != nil || len(found) != 1 {
		t.Fatalf("no library to take: %v %v", found, err)
	}
	body, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return lab.Deb{Name: "lab-daemon", Version: version, Files: map[string]string{
		"usr/lib/lab/liblab.so.1": string(body),
		"usr/lib/systemd/system/lab-daemon.service": "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/lab/liblab.so.1\nExecStart=/usr/bin/sleep infinity\nDynamicUser=yes\n" +
			"[Install]\nWantedBy=multi-user.target\n",
	}}
}

// threat is what CISA's and FIRST's files say of a CVE.
type threat struct {
	cve, exploitation, automatable, impact string
	epss                                   string
}

// activeThreat takes a CVE that CISA has decided is actively exploited, and what EPSS says of it, from the files themselves.
func activeThreat(t *testing.T) threat {
	t.Helper()
	rows := func(pattern string, comma rune) [][]string {
		found, err := filepath.Glob(filepath.Join(shared(t), "feeds", pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v %v", pattern, found, err)
		}
		f, err := os.Open(found[0])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(z)
		r.Comma, r.Comment, r.FieldsPerRecord, r.LazyQuotes = comma, '#', -1, true
		all, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, row := range rows("ssvc/ssvc-*.tsv.gz", '\t') {
		if row[1] != "active" {
			continue
		}
		for _, score := range rows("epss/epss_scores-*.csv.gz", ',') {
			if score[0] == row[0] {
				return threat{row[0], row[1], strings.ToLower(row[2]), strings.ToLower(row[3]), score[1]}
			}
		}
	}
	t.Fatal("no CVE is actively exploited")
	return threat{}
}

// mirrorWith is the shared feeds as a mirror's folder, with one more record in Debian's bucket: lab-daemon is vulnerable below 1.1.
func mirrorWith(t *testing.T, cve string) string {
	t.Helper()
	dir := feedsWith(t, "CVE-2021-44228") // of nothing that a host of this test has
	path := filepath.Join(dir, "osv/Debian/all.zip")
	old, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range old.File {
		if err := z.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	w, err := z.Create("DEBIAN-" + cve + ".json")
	if err != nil {
		t.Fatal(err)
	}
	err = json.NewEncoder(w).Encode(map[string]any{
		"schema_version": "1.7.0", "id": "DEBIAN-" + cve, "upstream": []string{cve}, "published": "2026-11-01T00:00:00Z", "modified": "2026-11-02T00:00:00Z", "details": "made for this test",
		"affected": []any{map[string]any{"package": map[string]any{"ecosystem": "Debian:12", "name": "lab-daemon"},
			"ranges": []any{map[string]any{"type": "ECOSYSTEM", "events": []any{map[string]any{"introduced": "0"}, map[string]any{"fixed": "1.1"}}}}}},
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := lab.WriteFiles(dir, map[string]string{"osv/Debian/all.zip": b.String()}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// expectedOn works out what a mirror's Debian bucket means for a host: by what dpkg-query says is installed there and by dpkg's own order
// of versions. As "vulnerability source installed fixed".
func expectedOn(t *testing.T, h *lab.Host, mirror string) []string {
	t.Helper()
	installed := map[string]string{}
	for line := range strings.Lines(sh(t, h, `dpkg-query -W -f '${source:Package} ${source:Version}\n'`)) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		installed[name] = version
	}
	archive, err := zip.OpenReader(filepath.Join(mirror, "osv/Debian/all.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	out := map[string]bool{}
	for _, file := range archive.File {
		var record struct {
			Upstream []string
			Affected []struct {
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
		for _, a := range record.Affected {
			version := installed[a.Package.Name]
			if a.Package.Ecosystem != "Debian:12" || version == "" {
				continue
			}
			for _, r := range a.Ranges {
				for _, e := range r.Events {
					if _, err := lab.Output("dpkg", "--compare-versions", version, "lt", e["fixed"]); e["fixed"] != "" && err == nil {
						for _, cve := range record.Upstream {
							out[strings.Join([]string{cve, a.Package.Name, version, e["fixed"]}, " ")] = true
						}
					}
				}
			}
		}
	}
	return append([]string{}, slices.Sorted(maps.Keys(out))...)
}

// told is findings in the form of expectedOn.
func told(findings []apiv1.Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, strings.Join([]string{f.Vulnerability, f.Source, f.Installed, f.Fixed}, " "))
	}
	slices.Sort(out)
	return out
}

// without is a list without what is about one source.
func without(list []string, source string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.Contains(s, " "+source+" ") })
}

// assessedLayer has the agent, lab-daemon at 1.0, and sources of the updates that are really pending.
func assessedLayer(t *testing.T, repo *lab.DebRepo, sources string, old lab.Deb) string {
	t.Helper()
	files := map[string]string{"etc/apt/sources.list": sources}
	for to, from := range map[string]string{"etc/apt/lab.gpg": repo.Key, "root/old.deb": repo.DebFile(old)} {
		body, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files[to] = string(body)
	}
	dir, err := lab.Layer(t.Context(), "assessed", nil, files, "dpkg -i /root/old.deb\nrm /root/old.deb\nsystemctl -q enable lab-daemon\n"+
		"sleep 3") // dpkg's log is in whole seconds: of a process that began in the first one of it nobody can say what it loaded
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// overrideList says of one CVE that a package is not affected; without a CVE it says nothing.
func overrideList(cve string) string {
	if cve == "" {
		return "overrides: []\n"
	}
	return fmt.Sprintf("overrides:\n  - {id: %s, ecosystem: \"Debian:12\", package: lab-daemon, status: not_affected, reason: made for this test, author: lab@staunch.example}\n", cve)
}

// openVEX says the same as an OpenVEX document.
func openVEX(cve string) string {
	statement := ""
	if cve != "" {
		statement = fmt.Sprintf(`{"vulnerability":{"name":%q},"products":[{"@id":"pkg:deb/debian/lab-daemon?arch=source&distro=debian-12"}],"status":"not_affected","justification":"vulnerable_code_not_present"}`, cve)
	}
	return `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://lab.staunch.example/vex","author":"lab","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[` + statement + `]}`
}

// memberOf is where a feed's records lie in a bundle, and how many bytes they have.
func memberOf(t *testing.T, bundle []byte, feed string) (at, size int) {
	t.Helper()
	r := bytes.NewReader(bundle)
	file := ""
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err != nil {
			t.Fatalf("no member of %s: %v", feed, err)
		}
		if h.Name == file {
			return len(bundle) - r.Len(), int(h.Size)
		}
		if h.Name != "manifest.json" {
			continue
		}
		var manifest struct{ Feeds []struct{ Name, File string } }
		if err := json.NewDecoder(in).Decode(&manifest); err != nil {
			t.Fatal(err)
		}
		for _, f := range manifest.Feeds {
			if f.Name == feed {
				file = f.File
			}
		}
	}
}

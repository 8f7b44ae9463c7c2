package scan

import (
	"archive/zip"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// osvSample is a record as OSV's specification has it, read without the code under test.
type osvSample struct {
	raw                     json.RawMessage
	ID, Withdrawn, Modified string
	Aliases, Upstream       []string
	Affected                []osvEntry
}

type osvEntry struct {
	Package struct{ Ecosystem, Name string }
	Ranges  []struct {
		Type   string
		Events []map[string]string
	}
	Versions []string
	Database struct {
		LastKnown string `json:"last_known_affected_version_range"`
	} `json:"database_specific"`
}

// osvSamples are the real records by ecosystem; the files hold some that are broken on purpose.
func osvSamples(t *testing.T, data string) map[string][]osvSample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "samples/osv/*.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	out := map[string][]osvSample{}
	for _, name := range files {
		f, err := os.Open(name) //nolint:gosec // a test's own data
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var line struct{ OSV json.RawMessage }
			var one osvSample
			if json.Unmarshal(lines.Bytes(), &line) != nil || json.Unmarshal(line.OSV, &one) != nil || one.ID == "" || one.Modified == "" || strings.HasPrefix(one.Modified, "0001") || seen[one.ID] {
				continue
			}
			seen[one.ID], one.raw = true, line.OSV
			in := map[string]bool{}
			for _, a := range one.Affected {
				in[a.Package.Ecosystem] = true
			}
			for ecosystem := range in {
				out[ecosystem] = append(out[ecosystem], one)
			}
		}
		_ = f.Close()
	}
	return out
}

// affects is the evaluation of the specification (ossf.github.io/osv-schema, "Evaluation"): listed, or after an introduced event without a
// fixed or last_affected one in between. One thing besides: an open range of GitHub's ends where it says that it does.
func (e osvEntry) affects(scheme vercmp.Scheme, v string) bool {
	before := func(a, b string) bool {
		n, err := vercmp.Compare(scheme, a, b)
		return b != "0" && (a == "0" || err == nil && n < 0)
	}
	if listed := slices.ContainsFunc(e.Versions, func(one string) bool { n, err := vercmp.Compare(scheme, one, v); return err == nil && n == 0 }); listed && !e.beyond(before, v) {
		return true
	}
	for _, r := range e.Ranges {
		if r.Type == "GIT" {
			continue
		}
		affected := false
		slices.SortStableFunc(r.Events, func(a, b map[string]string) int {
			x, y := slices.Collect(maps.Values(a))[0], slices.Collect(maps.Values(b))[0]
			switch {
			case before(x, y):
				return -1
			case before(y, x):
				return 1
			}
			return 0
		})
		for _, event := range r.Events {
			for kind, at := range event {
				switch {
				case kind == "introduced" && !before(v, at):
					affected = true
				case kind == "fixed" && !before(v, at), kind == "last_affected" && before(at, v):
					affected = false
				}
			}
		}
		if affected && !e.beyond(before, v) {
			return true
		}
	}
	return false
}

// beyond the end that GitHub gives the one range that has none.
func (e osvEntry) beyond(before func(a, b string) bool, v string) bool {
	operator, end, ok := strings.Cut(e.Database.LastKnown, " ")
	if !ok || len(e.Ranges) != 1 || len(e.Ranges[0].Events) != 1 {
		return false
	}
	return !before(v, end) && (operator == "<" || before(end, v))
}

var cveWord = regexp.MustCompile(`CVE-\d{4}-\d{4,}$`)

// Every version that the samples of languages name is judged as OSV's specification evaluates the records.
func TestEveryVersionOfTheSamplesIsJudgedAsTheSpecificationEvaluates(t *testing.T) {
	t.Parallel()
	samples := osvSamples(t, shared(t))
	ecosystems := []string{"Go", "Maven", "NuGet", "Packagist", "PyPI", "RubyGems", "crates.io", "npm"}
	dir := t.TempDir()
	for _, ecosystem := range ecosystems {
		writeBucket(t, filepath.Join(dir, "osv", ecosystem), samples[ecosystem])
	}
	known, err := feed.ReadDir(t.Context(), dir, ecosystems)
	if err != nil {
		t.Fatal(err)
	}
	assessor := assess.NewAssessor(advisory.NewList(known.Advisories, nil, nil), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	asked, found := 0, 0
	for _, ecosystem := range ecosystems {
		scheme, _ := vercmp.ForEcosystem(ecosystem)
		expected := map[probe]map[string]bool{}
		entries(samples[ecosystem], ecosystem, func(_ osvSample, e osvEntry) {
			for _, v := range e.named() {
				if v != "0" && vercmp.Valid(scheme, v) == nil {
					expected[probe{e.Package.Name, v, ""}] = map[string]bool{}
				}
			}
		})
		entries(samples[ecosystem], ecosystem, func(s osvSample, e osvEntry) {
			for p, vulnerabilities := range expected {
				if p.name == e.Package.Name && s.Withdrawn == "" && e.affects(scheme, p.version) {
					for _, name := range s.vulnerabilities() {
						vulnerabilities[name] = true
					}
				}
			}
		})
		for p, want := range expected {
			asked++
			found += len(want)
			if ecosystem == "PyPI" { // as every host has it
				p.name = regexp.MustCompile(`[-_.]+`).ReplaceAllString(strings.ToLower(p.name), "-")
			}
			if d := cmp.Diff(slices.Sorted(maps.Keys(want)), foundOn(t, assessor, ecosystem, p)); d != "" {
				t.Errorf("%s %s %s: -want +got\n%s", ecosystem, p.name, p.version, d)
			}
		}
	}
	t.Logf("%d versions, %d findings", asked, found)
	if asked < 5000 || found < 5000 {
		t.Error("that is too little to mean anything")
	}
}

func entries(samples []osvSample, ecosystem string, do func(osvSample, osvEntry)) {
	for _, s := range samples {
		for _, e := range s.Affected {
			if e.Package.Ecosystem == ecosystem {
				do(s, e)
			}
		}
	}
}

// named are all versions that an entry names.
func (e osvEntry) named() []string {
	out := slices.Clone(e.Versions)
	for _, r := range e.Ranges {
		for _, event := range r.Events {
			out = slices.AppendSeq(out, maps.Values(event))
		}
	}
	return out
}

func (s osvSample) vulnerabilities() []string {
	var out []string
	for _, name := range slices.Concat([]string{s.ID}, s.Aliases, s.Upstream) {
		if cve := cveWord.FindString(name); cve != "" {
			out = append(out, cve)
		}
	}
	if len(out) == 0 {
		return []string{s.ID}
	}
	return out
}

func writeBucket(t *testing.T, dir string, records []osvSample) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "all.zip")) //nolint:gosec // a test's own folder
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for i, r := range records {
		member, err := w.Create(fmt.Sprintf("%d.json", i))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = member.Write(r.raw)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

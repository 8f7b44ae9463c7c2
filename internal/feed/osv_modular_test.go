package feed

import (
	"archive/zip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

func TestStreamsInASummary(t *testing.T) {
	t.Parallel()
	for summary, want := range map[string][]string{
		"Moderate: nodejs:18 security update":                               {"nodejs:18"},
		"Red Hat Security Advisory: python39:3.9 security update":           {"python39:3.9"},
		"container-tools:rhel8 bug fix and enhancement update":              {"container-tools:rhel8"},
		"Moderate: virt:rhel and virt-devel:rhel security update":           {"virt-devel:rhel", "virt:rhel"},
		"idm:DL1, idm:client, and idm:DL1 update":                           {"idm:DL1", "idm:client"},
		"ALSA-2022:5468: php:8.0 security, bug fix, and enhancement update": {"php:8.0"},
		"Important: kernel security update":                                 nil,
		"Moderate: varnish security update":                                 nil,
		"see https://example.org/x":                                         nil,
		"a:1 b:1 c:1 d:1 e:1":                                               nil,
		":x y: : ::":                                                        nil,
		"":                                                                  nil,
	} {
		if diff := cmp.Diff(want, streamsIn(summary)); diff != "" {
			t.Errorf("%q: %s", summary, diff)
		}
	}
}

func TestModularEntriesGetTheStreamOfTheirRecord(t *testing.T) {
	t.Parallel()
	fixed := func(v string) string { return `{"introduced":"0"},{"fixed":"` + v + `"}` }
	to := func(stream string, ends ...string) advisory.Affected {
		a := advisory.Affected{Ecosystem: "AlmaLinux:8", Package: "p", Stream: stream}
		for _, end := range ends {
			a.Ranges = append(a.Ranges, advisory.Range{Introduced: "0", Fixed: end})
		}
		return a
	}
	const old, young, next = "1.0-2.module_el8.3.0+2044+12421f43", "1.0-2.module_el8.5.0+119+9a9ec082", "1.1-1.module_el8.6.0+1+aa"
	for name, tc := range map[string]struct {
		summary string
		fixed   []string
		want    []advisory.Affected
	}{
		"one stream, of two builds of one source the lower":   {"Low: m:1 security update", []string{young, old}, []advisory.Affected{to("m:1", old)}},
		"one stream, each source version stays":               {"Low: m:1 security update", []string{young, next}, []advisory.Affected{to("m:1", young, next)}},
		"an epoch is part of the source version":              {"Low: m:1 security update", []string{old, "1:" + young}, []advisory.Affected{to("m:1", old, "1:"+young)}},
		"an epoch of zero is none":                            {"Low: m:1 security update", []string{"0:" + young, old}, []advisory.Affected{to("m:1", old)}},
		"two modules, an entry for each":                      {"Low: m:1 and m-devel:1 update", []string{young}, []advisory.Affected{to("m-devel:1", young), to("m:1", young)}},
		"two streams, two source versions: unknown":           {"Low: m:1 and m:2 update", []string{young, next}, []advisory.Affected{to("", young, next)}},
		"no stream named: every build stays, for the matcher": {"Low: m security update", []string{young, old}, []advisory.Affected{to("", old, young)}},
		"not modular": {"Low: p:1.0 security update", []string{"1.0-2.el8"}, []advisory.Affected{to("", "1.0-2.el8")}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			var entries []string
			for _, v := range tc.fixed {
				entries = append(entries, affected("AlmaLinux:8", "p", fixed(v)))
			}
			got, problems, err := parseOSV([]byte(record("ALSA-2024:1", `"summary":"`+tc.summary+`","affected":[`+strings.Join(entries, ",")+`]`)), "AlmaLinux")
			if err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			if diff := cmp.Diff(tc.want, got.Affected); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// lineOf is one entry of a record, read without the code under test.
type lineOf struct{ record, ecosystem, name, fixed string }

// readLines reads every record of an OSV archive by other means: the standard library's zip and untyped JSON.
func readLines(t *testing.T, path string) (summaries map[string]string, lines []lineOf) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // read only
	summaries = map[string]string{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		var r map[string]any
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(f.Name, err)
		}
		id := r["id"].(string)
		summaries[id] = r["summary"].(string)
		for _, a := range r["affected"].([]any) {
			p := a.(map[string]any)["package"].(map[string]any)
			for _, each := range a.(map[string]any)["ranges"].([]any) {
				for _, e := range each.(map[string]any)["events"].([]any) {
					if v, ok := e.(map[string]any)["fixed"].(string); ok {
						lines = append(lines, lineOf{id, p["ecosystem"].(string), p["name"].(string), v})
					}
				}
			}
		}
	}
	return summaries, lines
}

// The whole of AlmaLinux's database: every record parses, and modular, epoch and twice-named entries come out as an independent reading
// of the file has them.
func TestEveryAlmaLinuxRecord(t *testing.T) {
	t.Parallel()
	path := intaketest.Shared(t, "feeds", "osv", "AlmaLinux", "all.zip")
	summaries, lines := readLines(t, path)

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := intake.OpenArchive(f, info.Size(), intake.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]advisory.Advisory{}
	survey, err := readOSV(t.Context(), archive, "AlmaLinux", nil, func(a advisory.Advisory) error {
		checkAdvisory(t, a, "AlmaLinux")
		ours[a.ID] = a
		return nil
	})
	if err != nil || survey.Skipped != 0 || len(survey.Problems) != 0 || survey.Records != len(summaries) || survey.Records != 5637 {
		t.Fatalf("%v: %+v, want %d records", err, survey, len(summaries))
	}
	if diff := cmp.Diff([]string{"AlmaLinux:10", "AlmaLinux:8", "AlmaLinux:9"}, survey.Ecosystems); diff != "" {
		t.Error(diff)
	}

	type pkg struct{ record, ecosystem, name string }
	theirs := map[pkg][]string{}
	modular, epochs := 0, 0
	for _, l := range lines {
		theirs[pkg{l.record, l.ecosystem, l.name}] = append(theirs[pkg{l.record, l.ecosystem, l.name}], l.fixed)
		modular += count(strings.Contains(l.fixed, ".module_el"))
		epochs += count(strings.Contains(l.fixed, ":"))
	}
	twice, twiceModular := 0, 0
	for _, fixed := range theirs {
		twice += count(len(fixed) > 1)
		twiceModular += count(len(fixed) > 1 && strings.Contains(fixed[0], ".module"))
	}
	if diff := cmp.Diff([]int{69160, 20750, 15032, 3576, 3546}, []int{len(lines), modular, epochs, twice, twiceModular}); diff != "" {
		t.Errorf("entries, modular, with an epoch, packages named twice, of those modular: %s", diff)
	}

	mine := map[pkg][]advisory.Affected{}
	for _, a := range ours {
		for _, e := range a.Affected {
			k := pkg{a.ID, e.Ecosystem, e.Package}
			mine[k] = append(mine[k], e)
		}
	}
	if len(mine) != len(theirs) {
		t.Errorf("%d packages in records, want %d", len(mine), len(theirs))
	}
	packages, streamed := 0, 0
	for k, fixed := range theirs {
		checkBuilds(t, k.record+" "+k.name, fixed, mine[k])
		if strings.Contains(fixed[0], ".module") {
			packages++
			streamed += count(mine[k] != nil && mine[k][0].Stream != "")
		}
	}
	t.Logf("%d of %d modular packages in records have a stream (%.1f %%)", streamed, packages, 100*float64(streamed)/float64(packages))
	if packages != 15685 || streamed != 15513 {
		t.Errorf("%d of %d modular packages in records have a stream", streamed, packages)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// checkBuilds holds entries of one package in one record against the fixed versions that the record names: without a stream they are all
// there; with one, each of its versions is the record's, and none that has the same source is lower.
func checkBuilds(t *testing.T, where string, fixed []string, got []advisory.Affected) {
	t.Helper()
	want := map[string]bool{}
	for _, v := range fixed {
		want[v] = true
	}
	if len(got) == 0 {
		t.Errorf("%s is lost", where)
	}
	for _, a := range got {
		ends := map[string]bool{}
		for _, r := range a.Ranges {
			ends[r.Fixed] = true
		}
		if a.Stream == "" {
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(ends))); diff != "" {
				t.Errorf("%s: %s", where, diff)
			}
			continue
		}
		for v := range want {
			source, _, modular := strings.Cut(v, ".module")
			held := slices.ContainsFunc(a.Ranges, func(r advisory.Range) bool {
				n, err := vercmp.Compare(vercmp.RPM, r.Fixed, v)
				return want[r.Fixed] && strings.HasPrefix(r.Fixed, source+".module") && err == nil && n <= 0
			})
			if !modular || !held {
				t.Errorf("%s %s: %s has no lower build in %v", where, a.Stream, v, a.Ranges)
			}
		}
	}
}

func TestRealRockyAndRedHatRecordsNameTheirStreams(t *testing.T) {
	t.Parallel()
	type said struct{ Ecosystem, Package, Stream, Entitlement, Minor, Fixed string }
	for file, want := range map[string]map[string]said{
		"Rocky_Linux": {
			"RLSA-2021:3891": {"Rocky Linux:8", "java-11-openjdk", "", "", "", "1:11.0.13.0.8-1.el8_4"},
			"RLSA-2023:3220": {"Rocky Linux:8", "firefox", "", "", "", "0:102.11.0-2.el8_7"},
			"RLSA-2024:3671": {"Rocky Linux:9", "ruby", "ruby:3.3", "", "", "0:3.3.1-2.module+el9.4.0+20787+4c237fd3"},
		},
		"Red_Hat": {
			"RHSA-2024:4546": {"Red Hat:8", "git-lfs", "", "aus", "8.6", "0:2.13.3-3.el8_6.1"},
			"RHSA-2024:6220": {"Red Hat:8", "PyYAML", "python39:3.9", "aus", "8.6", "0:5.4.1-1.module+el8.5.0+10613+59a13ec4"},
		},
	} {
		got := map[string]said{}
		for _, line := range gzipLines(t, intaketest.Shared(t, "samples", "osv", file+".jsonl.gz")) {
			var sample struct {
				OSV json.RawMessage `json:"osv"`
			}
			if err := json.Unmarshal([]byte(line), &sample); err != nil {
				t.Fatal(err)
			}
			a, _, err := parseOSV(sample.OSV, strings.ReplaceAll(file, "_", " "))
			if err != nil {
				continue // CVE-5, which names no versions
			}
			first := a.Affected[0]
			got[a.ID] = said{first.Ecosystem, first.Package, first.Stream, first.Entitlement, first.Note, first.Ranges[0].Fixed}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

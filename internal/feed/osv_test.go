package feed

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// record is a small OSV record; extra is put beside its id and modified time.
func record(id, extra string) string {
	return fmt.Sprintf(`{"id":%q,"modified":"2026-01-02T03:04:05Z",%s}`, id, extra)
}

// affected is one entry with one range of the given events.
func affected(ecosystem, name, events string) string {
	return fmt.Sprintf(`{"package":{"ecosystem":%q,"name":%q},"ranges":[{"type":"ECOSYSTEM","events":[%s]}]}`, ecosystem, name, events)
}

func TestParseOSVRanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		events string
		want   []advisory.Range
		err    string
	}{
		"introduced and fixed":       {`{"introduced":"0"},{"fixed":"1.0-1"}`, []advisory.Range{{Introduced: "0", Fixed: "1.0-1"}}, ""},
		"never fixed":                {`{"introduced":"0"}`, []advisory.Range{{Introduced: "0"}}, ""},
		"last affected":              {`{"introduced":"1.0"},{"last_affected":"1.4"}`, []advisory.Range{{Introduced: "1.0", Last: "1.4"}}, ""},
		"several pairs":              {`{"introduced":"0"},{"fixed":"1"},{"introduced":"2"},{"fixed":"3"}`, []advisory.Range{{Introduced: "0", Fixed: "1"}, {Introduced: "2", Fixed: "3"}}, ""},
		"out of order":               {`{"fixed":"3"},{"fixed":"1"},{"introduced":"2"},{"introduced":"0"}`, []advisory.Range{{Introduced: "0", Fixed: "1"}, {Introduced: "2", Fixed: "3"}}, ""},
		"tilde is before zero":       {`{"introduced":"0"},{"fixed":"0~rc1"}`, []advisory.Range{{Introduced: "0", Fixed: "0~rc1"}}, ""},
		"fixed twice":                {`{"introduced":"0"},{"fixed":"1"},{"fixed":"2"}`, []advisory.Range{{Introduced: "0", Fixed: "1"}}, ""},
		"both in one event":          {`{"introduced":"0","fixed":"1"}`, []advisory.Range{{Introduced: "0", Fixed: "1"}}, ""},
		"limit ends an open range":   {`{"introduced":"0"},{"limit":"2"}`, []advisory.Range{{Introduced: "0", Fixed: "2"}}, ""},
		"limit after the fix":        {`{"introduced":"0"},{"fixed":"1"},{"limit":"2"}`, []advisory.Range{{Introduced: "0", Fixed: "1"}}, ""},
		"limit before the last":      {`{"introduced":"0"},{"last_affected":"3"},{"limit":"2"}`, []advisory.Range{{Introduced: "0", Fixed: "2"}}, ""},
		"largest limit counts":       {`{"introduced":"0"},{"limit":"2"},{"limit":"4"}`, []advisory.Range{{Introduced: "0", Fixed: "4"}}, ""},
		"any limit":                  {`{"introduced":"0"},{"limit":"*"}`, []advisory.Range{{Introduced: "0"}}, ""},
		"no introduced":              {`{"fixed":"1"}`, nil, "no introduced event"},
		"invalid fixed version":      {`{"introduced":"0"},{"fixed":"not a version"}`, nil, `invalid deb version "not a version"`},
		"invalid introduced version": {`{"introduced":"v1"}`, nil, `invalid deb version "v1"`},
		"invalid limit":              {`{"introduced":"0"},{"limit":"?"}`, nil, `invalid deb version "?"`},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			got, problems, err := parseOSV([]byte(record("X-1", `"affected":[`+affected("Debian:12", "p", tc.events)+`]`)), "Debian")
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || len(problems) != 1 || problems[0].Record != "X-1" || !strings.Contains(problems[0].Reason, tc.err) {
					t.Errorf("%v, %v, want %q", problems, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]advisory.Affected{{Ecosystem: "Debian:12", Package: "p", Ranges: tc.want}}, got.Affected); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseOSV(t *testing.T) {
	t.Parallel()
	fixed := `{"introduced":"0"},{"fixed":"1"}`
	one := []advisory.Affected{{Ecosystem: "Debian:12", Package: "p", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1"}}}}
	debian := `"affected":[` + affected("Debian:12", "p", fixed) + `]`
	for name, tc := range map[string]struct {
		raw    string
		bucket string
		check  func(a advisory.Advisory, problems []advisory.Problem) string
		err    string
	}{
		"cves of id, aliases and upstream, sorted once": {
			record("DEBIAN-CVE-2024-0003", `"aliases":["CVE-2024-0002","GHSA-x"],"upstream":["CVE-2024-0001","CVE-2024-0003"],"related":["CVE-2024-9999"],`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]string{"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"}, a.CVEs) + cmp.Diff([]string{"CVE-2024-0002", "GHSA-x"}, a.Aliases)
			}, "",
		},
		"errata of the rpm family name their cves as related": {
			record("ALSA-2024:1", `"summary":"Important: p security update","related":["CVE-2024-0002","CVE-2024-0001"],"affected":[`+affected("AlmaLinux:9", "p", fixed)+`]`), "AlmaLinux",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]string{"CVE-2024-0001", "CVE-2024-0002"}, a.CVEs) + cmp.Diff("Important", a.Severity)
			}, "",
		},
		"packages named twice are one": {
			record("X", `"affected":[`+affected("Debian:12", "p", `{"introduced":"0"},{"fixed":"2"}`)+`,`+affected("Debian:12", "a", fixed)+`,`+affected("Debian:12", "p", fixed)+`,`+affected("Debian:12", "p", fixed)+`]`), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Affected{
					{Ecosystem: "Debian:12", Package: "a", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1"}}},
					{Ecosystem: "Debian:12", Package: "p", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1"}, {Introduced: "0", Fixed: "2"}}},
				}, a.Affected)
			}, "",
		},
		"the name of an LTS release is the release's": {
			record("X", `"affected":[`+affected("Ubuntu:24.04:LTS", "p", fixed)+`,`+affected("Ubuntu:Pro:18.04:LTS", "p", fixed)+`]`), "Ubuntu",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]string{"Ubuntu:24.04", "Ubuntu:Pro:18.04"}, []string{a.Affected[0].Ecosystem, a.Affected[1].Ecosystem})
			}, "",
		},
		"entries of other ecosystems are left to their buckets": {
			record("X", `"affected":[`+affected("npm", "p", fixed)+`,`+affected("Debian:12", "p", fixed)+`]`), "Debian",
			func(a advisory.Advisory, p []advisory.Problem) string {
				return cmp.Diff(one, a.Affected) + cmp.Diff(0, len(p))
			}, "",
		},
		"an unusable entry is named, the others stay": {
			record("X", `"affected":[`+affected("Debian:11", "q", `{"introduced":"bad!"}`)+`,`+affected("Debian:12", "p", fixed)+`]`), "Debian",
			func(a advisory.Advisory, p []advisory.Problem) string {
				return cmp.Diff(one, a.Affected) + cmp.Diff([]advisory.Problem{{Record: "X", Reason: `q in Debian:11: invalid deb version "bad!": the upstream version does not start with a digit`}}, p)
			}, "",
		},
		"exact versions stay when no range covers them": {
			record("X", `"affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"versions":["3","0.5","2","3"],"ranges":[{"type":"GIT","events":[{"introduced":"abc"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1"}]}]}]`), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]string{"2", "3"}, a.Affected[0].Versions)
			}, "",
		},
		"a listed version that is none is left out and named": {
			record("X", `"affected":[{"package":{"ecosystem":"PyPI","name":"p"},"versions":["2.0.0-final","1.0"]}]`), "PyPI",
			func(a advisory.Advisory, p []advisory.Problem) string {
				return cmp.Diff([]string{"1.0"}, a.Affected[0].Versions) + cmp.Diff(1, len(p))
			}, "",
		},
		"of a range that cannot be read the listed versions stay": {
			record("X", `"affected":[{"package":{"ecosystem":"PyPI","name":"p"},"versions":["1.0"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0.0-final"}]},{"type":"ECOSYSTEM","events":[{"introduced":"3"},{"fixed":"4"}]}]}]`), "PyPI",
			func(a advisory.Advisory, p []advisory.Problem) string {
				return cmp.Diff([]advisory.Affected{{Ecosystem: "PyPI", Package: "p", Versions: []string{"1.0"}}}, a.Affected) + cmp.Diff(1, len(p))
			}, "",
		},
		"withdrawn needs no entry": {
			record("X", `"withdrawn":"2026-02-03T00:00:00+02:00","affected":[]`), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff(time.Date(2026, 2, 2, 22, 0, 0, 0, time.UTC), a.Withdrawn)
			}, "",
		},
		"names with several spellings are the registry's": {
			record("X", `"affected":[`+affected("PyPI", "Zope._Interface", fixed)+`]`), "PyPI",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff("zope-interface", a.Affected[0].Package)
			}, "",
		},
		"nuget knows no case": {
			record("X", `"affected":[`+affected("NuGet", "Microsoft.NetCore.App", fixed)+`,`+affected("NuGet", "Microsoft.NETCore.App", `{"introduced":"0"},{"fixed":"1.0"}`)+`]`), "NuGet",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Affected{{Ecosystem: "NuGet", Package: "microsoft.netcore.app", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1"}, {Introduced: "0", Fixed: "1.0"}}}}, a.Affected)
			}, "",
		},
		"npm knows case": {
			record("X", `"affected":[`+affected("npm", "JSONStream", fixed)+`]`), "npm",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff("JSONStream", a.Affected[0].Package)
			}, "",
		},
		"github's end of a range that nothing fixes": {
			record("GHSA-x", `"affected":[{"package":{"ecosystem":"npm","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"15.5.1-canary.0"}]}],"database_specific":{"last_known_affected_version_range":"< 15.5.1"}}]`), "npm",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Range{{Introduced: "15.5.1-canary.0", Fixed: "15.5.1"}}, a.Affected[0].Ranges)
			}, "",
		},
		"github's end is inclusive": {
			record("GHSA-x", `"affected":[{"package":{"ecosystem":"PyPI","name":"p"},"versions":["1.0","2.0","3.0"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],"database_specific":{"last_known_affected_version_range":"<= 2.0"}}]`), "PyPI",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Affected{{Ecosystem: "PyPI", Package: "p", Ranges: []advisory.Range{{Introduced: "0", Last: "2.0"}}}}, a.Affected)
			}, "",
		},
		"github's end is not among what osv lists of an open range": {
			record("GHSA-x", `"affected":[{"package":{"ecosystem":"Maven","name":"g:a"},"versions":["1.69","1.8","1.70"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],"database_specific":{"last_known_affected_version_range":"< 1.70"}}]`), "Maven",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Affected{{Ecosystem: "Maven", Package: "g:a", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.70"}}}}, a.Affected)
			}, "",
		},
		"github's end beside a fix says nothing more": {
			record("GHSA-x", `"affected":[{"package":{"ecosystem":"npm","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}],"database_specific":{"last_known_affected_version_range":"<= 1.2.3"}}]`), "npm",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Range{{Introduced: "0", Fixed: "2.0.0"}}, a.Affected[0].Ranges)
			}, "",
		},
		"an end before the beginning is none": {
			record("GHSA-x", `"affected":[{"package":{"ecosystem":"npm","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"2.0.0"}]}],"database_specific":{"last_known_affected_version_range":"< 1.0.0"}}]`), "npm",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Range{{Introduced: "2.0.0"}}, a.Affected[0].Ranges)
			}, "",
		},
		"go's versions that are no modules'": {
			record("GO-2024-1", `"affected":[{"package":{"ecosystem":"Go","name":"x.org/y"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],"ecosystem_specific":{"custom_ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"6.0.0"},{"fixed":"7.2.1"}]}]}}]`), "Go",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Range{{Introduced: "0", Last: "0.0.0"}, {Introduced: "6.0.0", Fixed: "7.2.1"}}, a.Affected[0].Ranges)
			}, "",
		},
		"go's versions that cannot be compared": {
			record("GO-2024-1", `"affected":[{"package":{"ecosystem":"Go","name":"x.org/y"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],"ecosystem_specific":{"custom_ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"RELEASE.2024-01-01"}]}]}}]`), "Go",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Range{{Introduced: "0"}}, a.Affected[0].Ranges)
			}, "",
		},
		"rustsec: what is unsound stays": {
			record("RUSTSEC-2026-1", `"affected":[{"package":{"ecosystem":"crates.io","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0.0.0-0"}]}],"database_specific":{"informational":"unsound"}}]`), "crates.io",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Range{{Introduced: "0.0.0-0"}}, a.Affected[0].Ranges)
			}, "",
		},
		"rustsec: what nobody maintains is no vulnerability": {
			record("RUSTSEC-2026-1", `"affected":[{"package":{"ecosystem":"crates.io","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0.0.0-0"}]}],"database_specific":{"informational":"unmaintained"}}]`), "crates.io",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff([]advisory.Affected{{Ecosystem: "crates.io", Package: "p", Ranges: []advisory.Range{{Introduced: "0.0.0-0"}}, Status: advisory.StatusNotice}}, a.Affected)
			}, "",
		},
		"an update that mends an update is a notice": {
			record("DSA-2808-2", `"summary":"openjpeg - regression update",`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff(advisory.StatusNotice, a.Affected[0].Status)
			}, "",
		},
		"one that names a cve is none": {
			record("DSA-2808-2", `"summary":"openjpeg - regression update","upstream":["CVE-2024-0001"],`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff(advisory.StatusOpen, a.Affected[0].Status)
			}, "",
		},
		"a package made to do harm is critical": {
			record("MAL-2026-1", `"affected":[{"package":{"ecosystem":"npm","name":"p"},"versions":["1.0.0"]}]`), "npm",
			func(a advisory.Advisory, _ []advisory.Problem) string { return cmp.Diff("critical", a.Severity) }, "",
		},
		"details are cut at a rune": {
			record("X", `"details":"`+strings.Repeat("é", 3000)+`",`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string {
				return cmp.Diff(strings.Repeat("é", 2048), a.Details)
			}, "",
		},
		"cvss 3 before 4 and words": {
			record("X", `"severity":[{"type":"Ubuntu","score":"low"},{"type":"CVSS_V4","score":"CVSS:4.0/x"},{"type":"CVSS_V3","score":"CVSS:3.1/y"}],`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string { return cmp.Diff("CVSS:3.1/y", a.Severity) }, "",
		},
		"a vendor's word": {
			record("X", `"severity":[{"type":"Ubuntu","score":"low"}],`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string { return cmp.Diff("low", a.Severity) }, "",
		},
		"a word of the database": {
			record("X", `"database_specific":{"severity":"MODERATE","x":[1]},`+debian), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string { return cmp.Diff("MODERATE", a.Severity) }, "",
		},
		"a word of an entry": {
			record("X", `"database_specific":[],"affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"versions":["1"],"ecosystem_specific":{"urgency":"unimportant"}}]`), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string { return cmp.Diff("unimportant", a.Severity) }, "",
		},
		"an urgency that says nothing": {
			record("X", `"affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"versions":["1"],"ecosystem_specific":{"urgency":"not yet assigned"}}]`), "Debian",
			func(a advisory.Advisory, _ []advisory.Problem) string { return cmp.Diff("", a.Severity) }, "",
		},
		"no json":             {`{`, "Debian", nil, "not an OSV record"},
		"another type":        {`[]`, "Debian", nil, "not an OSV record"},
		"a field's type":      {record("X", `"affected":[{"package":"p"}]`), "Debian", nil, "not an OSV record"},
		"a time that is none": {`{"id":"X","modified":"yesterday"}`, "Debian", nil, "not an OSV record"},
		"no id":               {`{"modified":"2026-01-02T03:04:05Z"}`, "Debian", nil, "no id"},
		"no modified time":    {`{"id":"X"}`, "Debian", nil, "no modified time"},
		"id with a NUL":       {record(`X`, debian)[:7] + `\u0000` + record(`X`, debian)[7:], "Debian", nil, "not printable"},
		"deep nesting":        {`{"id":"X","database_specific":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "Debian", nil, "not an OSV record"},
		"another ecosystem":   {record("X", `"affected":[`+affected("npm", "p", fixed)+`]`), "Debian", nil, "names no package of this ecosystem"},
		"no versions":         {record("X", `"affected":[{"package":{"ecosystem":"Debian:12","name":"p"}}]`), "Debian", nil, "names no versions"},
		"no package name":     {record("X", `"affected":[`+affected("Debian:12", "", fixed)+`]`), "Debian", nil, "package name"},
		"no version order":    {record("X", `"affected":[`+affected("Linux:6", "p", fixed)+`]`), "Linux", nil, "no version order for Linux:6"},
		"too many aliases":    {record("X", `"aliases":[`+strings.TrimSuffix(strings.Repeat(`"a",`, 1001), ",")+`],`+debian), "Debian", nil, "more than 1000 aliases"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			got, problems, err := parseOSV([]byte(tc.raw), tc.bucket)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := tc.check(got, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNormalEcosystem(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ubuntu:24.04:LTS": "Ubuntu:24.04", "Ubuntu:25.10": "Ubuntu:25.10", "Ubuntu:Pro:16.04:LTS": "Ubuntu:Pro:16.04",
		"Debian:12": "Debian:12", "AlmaLinux:9": "AlmaLinux:9", "Alpine:v3.20": "Alpine:v3.20", "PyPI": "PyPI",
	} {
		if got := NormalEcosystem(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// Real records of many ecosystems: each parses, or is refused for a reason that we know.
func TestParseOSVSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(intaketest.Shared(t, "samples", "osv", "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	parsed := map[string]int{}
	refused := map[string]int{}
	for _, path := range files {
		for _, line := range gzipLines(t, path) {
			var sample struct {
				OSV json.RawMessage `json:"osv"`
			}
			if err := json.Unmarshal([]byte(line), &sample); err != nil {
				t.Fatal(err)
			}
			bucket := firstBucket(sample.OSV)
			if bucket == "" {
				continue
			}
			a, _, err := parseOSV(sample.OSV, bucket)
			if err != nil {
				refused[err.Error()]++
				continue
			}
			parsed[bucket]++
			checkAdvisory(t, a, bucket)
		}
	}
	want := map[string]int{
		"it has no modified time": 4, // parts of records, in tests of other programs
		"it has no id":            1,
		"it names no versions":    5, // one record under five names
		`invalid semver version "branch-v0.1.1": a number is missing`: 1,
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Error(diff)
	}
	for _, bucket := range []string{"AlmaLinux", "Alpine", "Chainguard", "Debian", "Go", "Maven", "NuGet", "Packagist", "PyPI", "RubyGems", "SwiftURL", "crates.io", "npm"} {
		if parsed[bucket] == 0 {
			t.Errorf("no sample of %s parses: %v", bucket, parsed)
		}
	}
}

func gzipLines(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	in := bufio.NewScanner(z)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

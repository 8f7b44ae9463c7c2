package scan

import (
	"archive/zip"
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// erratum is one record of AlmaLinux's archive, read without the code under test: the builds it names for each release and package.
type erratum struct {
	id      string
	cves    []string
	streams []string
	builds  map[string]map[string][]string // release, package
}

var (
	streamWord = regexp.MustCompile(`\b([a-z0-9][a-zA-Z0-9._-]*:[a-zA-Z0-9._-]*[a-zA-Z0-9])`)
	minorTag   = regexp.MustCompile(`[._+]el(\d+)(?:_(\d+)|\.(\d+)\.\d+\+)`)
)

func errata(t *testing.T, path string) []erratum {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	var out []erratum
	for _, file := range archive.File {
		var record struct {
			ID, Summary      string
			Withdrawn        string
			Related, Aliases []string
			Upstream         []string
			Affected         []struct {
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
		e := erratum{id: record.ID, builds: map[string]map[string][]string{}}
		for _, name := range slices.Concat(record.Aliases, record.Upstream, record.Related) {
			if strings.HasPrefix(name, "CVE-") && !slices.Contains(e.cves, name) {
				e.cves = append(e.cves, name)
			}
		}
		if len(e.cves) == 0 && !strings.HasPrefix(e.id, "ALSA") || record.Withdrawn != "" {
			continue
		}
		if len(e.cves) == 0 {
			e.cves = []string{e.id}
		}
		for _, m := range streamWord.FindAllString(record.Summary, -1) {
			if m[0] < '0' || m[0] > '9' { // ALSA-2022:5468 is no stream
				e.streams = append(e.streams, m)
			}
		}
		for _, a := range record.Affected {
			for _, one := range a.Ranges {
				for _, event := range one.Events {
					if fixed := event["fixed"]; fixed != "" {
						of := e.builds[a.Package.Ecosystem]
						if of == nil {
							of = map[string][]string{}
							e.builds[a.Package.Ecosystem] = of
						}
						if !slices.Contains(of[a.Package.Name], fixed) {
							of[a.Package.Name] = append(of[a.Package.Name], fixed)
						}
					}
				}
			}
		}
		out = append(out, e)
	}
	return out
}

func isModule(v string) bool { return strings.Contains(v, ".module") }

// source is a modular version without the module's own build: equal sources are equal code.
func source(v string) string { v, _, _ = strings.Cut(v, ".module"); return v }

func minor(v string) string {
	m := minorTag.FindStringSubmatch(v)
	if m == nil || m[2]+m[3] == "" || m[3] != "" && !isModule(v) {
		return ""
	}
	return m[1] + "." + m[2] + m[3]
}

func reached(t *testing.T, v, fix string) bool {
	t.Helper()
	order, err := vercmp.Compare(vercmp.RPM, v, fix)
	if err != nil {
		t.Fatal(err)
	}
	return order >= 0
}

// probe is a package that a host of the test has.
type probe struct{ name, version, stream string }

// says is what one erratum says of a probe: "", "fixed", "affected", "untold"; near: about its own minor release.
func (e erratum) says(t *testing.T, release string, p probe) (word string, near bool) {
	t.Helper()
	var fixes, same []string
	untold := false
	for _, fix := range e.builds[release][p.name] {
		switch {
		case isModule(fix) != isModule(p.version):
		case !isModule(fix), len(e.streams) == 1 && e.streams[0] == p.stream:
			fixes = append(fixes, fix)
		case len(e.streams) == 1:
		case len(e.streams) > 1 && e.oneSource(release, p.name):
			if slices.Contains(e.streams, p.stream) {
				fixes = append(fixes, fix)
			}
		case upstreamOf(fix) == upstreamOf(p.version):
			fixes = append(fixes, fix)
		default:
			untold = true
		}
	}
	fixes = lowestOfEachSource(t, fixes)
	for _, fix := range fixes {
		if minor(fix) == minor(p.version) {
			same = append(same, fix)
		}
	}
	has := func(fix string) bool { return reached(t, p.version, fix) }
	switch {
	case len(fixes) == 0 && untold:
		return "untold", false
	case len(fixes) == 0:
		return "", false
	case len(same) > 0 && slices.ContainsFunc(same, has), len(same) == 0 && !slices.ContainsFunc(fixes, func(f string) bool { return !has(f) }):
		return "fixed", len(same) > 0 && minor(p.version) != ""
	}
	return "affected", len(same) > 0 && minor(p.version) != ""
}

// lowestOfEachSource: builds of one source have the same fix, whatever module's build comes after it, so the lowest is where it begins.
func lowestOfEachSource(t *testing.T, fixes []string) []string {
	t.Helper()
	var out []string
	for _, fix := range fixes {
		if !isModule(fix) || !slices.ContainsFunc(fixes, func(other string) bool {
			return other != fix && source(other) == source(fix) && !reached(t, other, fix)
		}) {
			out = append(out, fix)
		}
	}
	return out
}

// oneSource: all builds that it names of a package are of one source.
func (e erratum) oneSource(release, name string) bool {
	sources := map[string]bool{}
	for _, fix := range e.builds[release][name] {
		sources[source(fix)] = true
	}
	return len(sources) == 1
}

func upstreamOf(v string) string {
	return strings.TrimPrefix(v[:strings.LastIndex(v[:len(source(v))], "-")], "0:")
}

// expectedOf lists what is to be found of a probe: CVEs, and those that cannot be told with a question mark.
func expectedOf(t *testing.T, about []erratum, release string, p probe) []string {
	t.Helper()
	type word struct {
		says string
		near bool
	}
	words := map[string][]word{}
	for _, e := range about {
		if says, near := e.says(t, release, p); says != "" {
			for _, cve := range e.cves {
				words[cve] = append(words[cve], word{says, near})
			}
		}
	}
	var out []string
	for cve, all := range words {
		near := slices.ContainsFunc(all, func(w word) bool { return w.near })
		affected, told := false, false
		for _, w := range all {
			if w.says != "untold" && (!near || w.near) {
				told = true
				affected = affected || w.says == "affected"
			}
		}
		switch {
		case affected:
			out = append(out, cve)
		case !told:
			out = append(out, cve+"?")
		}
	}
	slices.Sort(out)
	return out
}

// probes are every build that the archive names, one just below each and one just above.
func probes(all []erratum, release string) map[string][]probe {
	seen := map[probe]bool{}
	out := map[string][]probe{}
	for _, e := range all {
		stream := ""
		if len(e.streams) > 0 {
			stream = e.streams[0]
		}
		for name, builds := range e.builds[release] {
			for _, v := range builds {
				below, above := v+"~0", v+".0"
				of := ""
				if isModule(v) {
					of = stream
					below, above = source(v)+"~0"+v[len(source(v)):], source(v)+".0"+v[len(source(v)):]
					if stream == "" {
						continue // a host always knows the stream of what it has, and here nobody does
					}
				}
				for _, version := range []string{v, below, above} {
					if p := (probe{name, version, of}); !seen[p] {
						seen[p] = true
						out[name] = append(out[name], p)
					}
				}
			}
		}
	}
	return out
}

// oneIn: asking for all takes a minute of two cores, most of it the test's own; set it to 1 to do so.
const oneIn = 16

// Every build that AlmaLinux's errata name for a release, the one below it and the one above it, has exactly the vulnerabilities that
// going through the archive by hand finds: module streams, epochs, packages that are named twice, minor releases.
func TestEveryBuildOfAlmaLinuxHasExactlyTheExpectedFindings(t *testing.T) {
	t.Parallel()
	data := shared(t)
	all := errata(t, filepath.Join(data, "feeds/osv/AlmaLinux/all.zip"))
	for _, release := range []string{"AlmaLinux:8", "AlmaLinux:9", "AlmaLinux:10"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			known, err := feed.ReadDir(t.Context(), filepath.Join(data, "feeds"), []string{release})
			if err != nil {
				t.Fatal(err)
			}
			assessor := assess.NewAssessor(advisory.NewList(known.Advisories, nil, nil), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
			about := map[string][]erratum{}
			for _, e := range all {
				for name := range e.builds[release] {
					about[name] = append(about[name], e)
				}
			}
			asked, found, untold, wrong := 0, 0, 0, 0
			probed := probes(all, release)
			for i, name := range slices.Sorted(maps.Keys(probed)) {
				if i%oneIn != 0 && !slices.ContainsFunc(probed[name], func(p probe) bool { return p.stream != "" && i%4 == 0 }) {
					continue
				}
				asked++
				for _, p := range probed[name] {
					want := expectedOf(t, about[name], release, p)
					got := foundOn(t, assessor, release, p)
					found += len(want)
					for _, w := range want {
						untold += strings.Count(w, "?")
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("%s %s (%s): -want +got\n%s", p.name, p.version, p.stream, d)
						if wrong++; wrong > 5 {
							t.FailNow()
						}
					}
				}
			}
			t.Logf("%d of %d packages, %d findings, of which %d cannot be told", asked, len(probed), found, untold)
			if asked < 100 || found < 1000 {
				t.Error("that is too little to mean anything")
			}
		})
	}
}

func foundOn(t *testing.T, assessor *assess.Assessor, release string, p probe) []string {
	t.Helper()
	installed := inventory.Convert(apiv1.Packages{Ecosystem: release, Packages: []apiv1.Package{{Name: p.name, Arch: "x86_64", Version: p.version, Stream: p.stream}}})
	judged, err := assessor.JudgeAll(installed, assess.HostState{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range judged.Cases() {
		name := c.Vulnerability
		if c.Status == apiv1.StatusUntold {
			name += "?"
		}
		got[name] = true
	}
	return slices.Sorted(maps.Keys(got))
}

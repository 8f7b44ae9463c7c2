package alpine

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

const alpineHead = `"distroversion":"v3.20","reponame":"main","urlprefix":"https://dl-cdn.alpinelinux.org/alpine",`

func asJSON(secfixes string) string {
	return `{` + alpineHead + `"packages":[{"pkg":{"name":"p","secfixes":` + secfixes + `}}]}`
}

// JSON is YAML too; a comment before it makes it nothing else.
func asYAML(secfixes string) string { return "# a comment\n" + asJSON(secfixes) }

// Every status that secdb can give, one row each, from both shapes of file.
func TestSecDB(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		secfixes string
		want     map[string]advisory.Advisory
	}{
		"fixed": {`{"1.2-r3":["CVE-2026-0001"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.2-r3"}}}}},
		}},
		"not_affected": {`{"0":["CVE-2026-0001"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Status: advisory.StatusNotAffected}}},
		}},
		"several_names_in_one_string": {`{"1-r0":["CVE-2026-0001 XSA-206"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Aliases: []string{"XSA-206"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
		}},
		"two_CVEs_in_one_string": {`{"1-r0":["CVE-2026-0001 CVE-2026-0002"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
			"CVE-2026-0002/p": {CVEs: []string{"CVE-2026-0002"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
		}},
		"no_CVE": {`{"1-r0":["GHSA-jq35-85cj-fj4p"]}`, map[string]advisory.Advisory{
			"GHSA-jq35-85cj-fj4p/p": {Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
		}},
		"words_beside": {`{"1-r0":["CVE-2026-0001 (+ regression fix)"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
		}},
		"written_with_an_underscore": {`{"1-r0":["CVE_2026-0001","CVE-2026-0001.patch"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
		}},
		"not_affected_in_words": {`{"1-r0":["CVE-2026-0001 (Not affected, requires --with-systemd)"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Status: advisory.StatusNotAffected}}},
		}},
		"nothing_assigned_but_another_name": {`{"1-r0":["CVE N/A ZBX-11023"]}`, map[string]advisory.Advisory{
			"ZBX-11023/p": {Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1-r0"}}}}},
		}},
		"fixed_twice_counts_the_later": {`{"1.10-r0":["CVE-2026-0001"],"1.9-r1":["CVE-2026-0001"]}`, map[string]advisory.Advisory{
			"CVE-2026-0001/p": {CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.10-r0"}}}}},
		}},
	} {
		for shape, text := range map[string]string{"json": asJSON(tc.secfixes), "yaml": asYAML(tc.secfixes)} {
			t.Run(name+"/"+shape, func(t *testing.T) {
				t.Parallel()
				got, s, err := intaketest.ByID(t.Context(), Read, []byte(text), intake.Options{Feed: "alpine/v3.20"})
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]advisory.Advisory{}
				for id, a := range tc.want {
					a.ID, a.Feed = id, "alpine/v3.20"
					a.Affected = []advisory.Affected{a.Affected[0]}
					a.Affected[0].Ecosystem, a.Affected[0].Package = "Alpine:v3.20", "p"
					want[id] = a
				}
				survey := intake.Survey{Records: len(want), Ecosystems: []string{"Alpine:v3.20"}, Newest: intaketest.Modified(), FixesOnly: true}
				if diff := cmp.Diff(want, got) + cmp.Diff(survey, s); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestEcosystems(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		`"distroversion":"v3.20"`:                                                  "Alpine:v3.20",
		`"distroversion":"edge","reponame":"community"`:                            "Alpine:edge",
		`"reponame":"os","urlprefix":"https://packages.wolfi.dev"`:                 "Wolfi",
		`"reponame":"chainguard","urlprefix":"https://packages.cgr.dev"`:           "Chainguard",
		`"reponame":"extra-packages","urlprefix":"https://packages.cgr.dev/extra"`: "Chainguard",
		`"distroversion":"3.20"`:                                                   "",
		`"urlprefix":"https://packages.wolfi.dev.example.org"`:                     "",
		`"distroversion":"v3.20/..","urlprefix":"https://packages.wolfi.dev"`:      "",
		`"x":1`: "",
	} {
		// What says whose packages they are may stand after them.
		for _, text := range []string{`{` + head + `,"packages":[{"pkg":{"name":"p","secfixes":{"1-r0":["CVE-2026-0001"]}}}]}`,
			`{"packages":[{"pkg":{"name":"p","secfixes":{"1-r0":["CVE-2026-0001"]}}}],` + head + `}`} {
			got, s, err := intaketest.ByID(t.Context(), Read, []byte(text), intake.Options{})
			if want == "" {
				if !errors.Is(err, intake.ErrDamaged) || len(got) != 0 {
					t.Errorf("%s: %v", head, err)
				}
				continue
			}
			if err != nil || got["CVE-2026-0001/p"].Affected[0].Ecosystem != want || !cmp.Equal(s.Ecosystems, []string{want}) {
				t.Errorf("%s: %v: %+v", head, err, got)
			}
		}
	}
}

func TestNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	two := func(first string) string {
		return `{` + alpineHead + `"packages":[` + first + `,{"pkg":{"name":"q","secfixes":{"1-r0":["CVE-2026-0009"]}}}]}`
	}
	for name, tc := range map[string]struct {
		text             string
		records, skipped int
		problem          string
	}{
		"a version that is none":     {two(`{"pkg":{"name":"p","secfixes":{"x":["CVE-2026-0001"]}}}`), 1, 0, "invalid apk version"},
		"no vulnerability":           {two(`{"pkg":{"name":"p","secfixes":{"1-r0":["CVE-2026-1?"]}}}`), 1, 0, "names no vulnerability"},
		"a misspelled CVE":           {two(`{"pkg":{"name":"p","secfixes":{"1-r0":["CVE-2026-00O1"]}}}`), 1, 0, "names no vulnerability"},
		"both fixed and never there": {two(`{"pkg":{"name":"p","secfixes":{"0":["CVE-2026-0001"],"1-r0":["CVE-2026-0001"]}}}`), 2, 0, "the fix is taken"},
		"a package named twice":      {two(`{"pkg":{"name":"q","secfixes":{"1-r0":["CVE-2026-0009"]}}}`), 1, 1, "listed twice"},
		"no name":                    {two(`{"pkg":{"secfixes":{"1-r0":["CVE-2026-0001"]}}}`), 1, 0, "no name"},
		"a path for a name":          {two(`{"pkg":{"name":"a/b","secfixes":{"1-r0":["CVE-2026-0001"]}}}`), 1, 0, "no name"},
		"another type":               {two(`{"pkg":{"name":"p","secfixes":[]}}`), 1, 1, "cannot unmarshal"},
		"nothing fixed":              {two(`{"pkg":{"name":"p","secfixes":{"1-r0":null}}}`), 1, 0, ""},
	} {
		for shape, text := range map[string]string{"json": tc.text, "yaml": "# a comment\n" + tc.text} {
			t.Run(strings.ReplaceAll(name, " ", "-")+"/"+shape, func(t *testing.T) {
				t.Parallel()
				got, s, err := intaketest.ByID(t.Context(), Read, []byte(text), intake.Options{})
				if err != nil || s.Records != tc.records || s.Skipped != tc.skipped || len(got["CVE-2026-0009/q"].Affected) != 1 {
					t.Errorf("%v: %+v: %+v", err, s, got)
				}
				if tc.problem == "" && len(s.Problems) > 0 || tc.problem != "" && (len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, tc.problem)) {
					t.Errorf("%+v, want %q", s.Problems, tc.problem)
				}
			})
		}
	}
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	whole := asJSON(`{"1-r0":["CVE-2026-0001"]}`)
	for name, data := range map[string]string{
		"empty": "", "blank": " \n", "cut off": whole[:len(whole)-3], "two objects": whole + whole, "an array": "[1]", "YAML that is none": "a: [",
		"nothing listed": `{` + alpineHead + `"packages":[]}`, "packages is an object": `{` + alpineHead + `"packages":{}}`, "gzip that ends early": "\x1f\x8b\x08",
		"aliases":             "distroversion: v3.20\npackages: [&p {pkg: {name: p, secfixes: {1-r0: [CVE-2026-0001]}}}, *p]\n",
		"aliases without end": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\npackages: [*d,*d,*d,*d,*d,*d]\n",
	} {
		if _, _, err := intaketest.ByID(t.Context(), Read, []byte(data), intake.Options{}); !errors.Is(err, intake.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tc := range map[string]struct {
		data   string
		limits intake.Limits
	}{
		"a giant package":  {asJSON(`{"1-r0":["` + strings.Repeat("x", 9000) + `"]}`), intake.Limits{MaxRecord: 1000}},
		"a giant YAML":     {"# " + strings.Repeat("x", maxYAML), intake.Limits{}},
		"more than it may": {whole, intake.Limits{MaxTotal: 50}},
	} {
		if _, _, err := intaketest.ByID(t.Context(), Read, []byte(tc.data), intake.Options{Limits: tc.limits}); !errors.Is(err, intake.ErrTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := errors.New("disk full")
	if _, err := Read(t.Context(), intaketest.File([]byte(whole)), intake.Options{}, intake.Sink{Advisory: func(advisory.Advisory) error { return full }}); !errors.Is(err, full) || errors.Is(err, intake.ErrDamaged) {
		t.Errorf("a sink that fails: %v", err)
	}
	if _, s, err := intaketest.ByID(t.Context(), Read, []byte(whole), intake.Options{Wanted: func(string) bool { return false }}); err != nil || s.Records != 0 || s.Left != 1 {
		t.Errorf("not wanted: %v: %+v", err, s)
	}
}

// Databases as they are published.
func TestSecDBSamples(t *testing.T) {
	t.Parallel()
	fixed := func(ecosystem, name, version string) []advisory.Affected {
		return []advisory.Affected{{Ecosystem: ecosystem, Package: name, Ranges: []advisory.Range{{Introduced: "0", Fixed: version}}}}
	}
	for path, tc := range map[string]struct {
		records int
		want    map[string][]advisory.Affected
	}{
		"alpine/test-fixtures/input/secdb/v3.15/main.yaml": {13, map[string][]advisory.Affected{
			"CVE-2022-37434/zlib": fixed("Alpine:v3.15", "zlib", "1.2.12-r2"), "CVE-2018-1071/zsh": fixed("Alpine:v3.15", "zsh", "5.4.2-r1"),
		}},
		"alpine/test-fixtures/input/secdb/v3.15/community.yaml": {3, map[string][]advisory.Affected{"CVE-2021-38370/alpine": fixed("Alpine:v3.15", "alpine", "2.25-r0")}},
		"wolfi/test-fixtures/input/secdb/security.json": {59, map[string][]advisory.Affected{
			"CVE-2016-2781/coreutils":  {{Ecosystem: "Wolfi", Package: "coreutils", Status: advisory.StatusNotAffected}},
			"GHSA-jq35-85cj-fj4p/apko": {{Ecosystem: "Wolfi", Package: "apko", Status: advisory.StatusNotAffected}},
			"CVE-2022-42916/curl":      fixed("Wolfi", "curl", "7.86.0-r0"),
		}},
	} {
		got, s, err := intaketest.ByID(t.Context(), Read, intaketest.Sample(t, "samples", "vunnel", path), intake.Options{})
		if err != nil || s.Records != tc.records || s.Skipped != 0 || len(s.Problems) != 0 {
			t.Errorf("%s: %v: %+v", path, err, s)
		}
		for id, want := range tc.want {
			if diff := cmp.Diff(want, got[id].Affected); diff != "" {
				t.Errorf("%s: %s", id, diff)
			}
		}
	}
}

// OSV's records of the same distributions name packages, releases and versions as secdb does, so that both meet the same hosts.
func TestOSVSamplesSpeakAlike(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Alpine", "Wolfi", "Chainguard"} {
		f, err := os.Open(intaketest.Shared(t, "samples", "osv", name+".jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(z)
		in.Buffer(nil, 16<<20)
		met := 0
		for in.Scan() {
			var line struct {
				OSV struct {
					ID       string   `json:"id"`
					Upstream []string `json:"upstream"`
					Affected []struct {
						Package struct{ Ecosystem, Name string }
						Ranges  []struct {
							Events []struct{ Fixed string }
						}
					} `json:"affected"`
				} `json:"osv"`
			}
			if err := json.Unmarshal(in.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			for _, a := range line.OSV.Affected {
				release, isAlpine := strings.CutPrefix(a.Package.Ecosystem, "Alpine:")
				prefix := map[string]string{"Wolfi": "https://packages.wolfi.dev", "Chainguard": "https://packages.cgr.dev"}[a.Package.Ecosystem]
				if !isAlpine && prefix == "" || len(a.Ranges) == 0 {
					continue
				}
				if prefix != "" {
					release = ""
				}
				if e, err := (head{Release: release, Prefix: prefix}).ecosystem(); err != nil || e != a.Package.Ecosystem {
					t.Errorf("%s: %v, OSV has %s", e, err, a.Package.Ecosystem)
				}
				for _, e := range a.Ranges[0].Events {
					if e.Fixed == "" {
						continue
					}
					all, wrong := pkg{Name: a.Package.Name, Fixes: map[string][]string{e.Fixed: append(line.OSV.Upstream, line.OSV.ID)}}.advisories()
					if e.Fixed == "0" && len(all) > 0 && all[0].Affected[0].Status == advisory.StatusNotAffected {
						continue // OSV too writes what never affected as fixed in 0
					}
					if len(wrong) > 0 || len(all) == 0 || len(all[0].Affected[0].Ranges) != 1 || all[0].Affected[0].Ranges[0].Fixed != e.Fixed {
						t.Errorf("%s %s: %v, %v", a.Package.Name, e.Fixed, wrong, all)
					}
					met++
				}
			}
		}
		if err := in.Err(); err != nil || met == 0 {
			t.Errorf("%s: %d versions: %v", name, met, err)
		}
	}
}

func FuzzSecDB(f *testing.F) {
	for _, secfixes := range []string{`{"1.2-r3":["CVE-2026-0001 XSA-1"],"0":["CVE-2026-0002"]}`, `{"1-r0":null}`, `[]`} {
		f.Add([]byte(asJSON(secfixes)))
		f.Add([]byte(asYAML(secfixes)))
	}
	f.Add([]byte("distroversion: v3.15\npackages:\n- pkg:\n    name: xz\n    secfixes:\n      5.2.5-r1:\n      - CVE-2022-1271\n      0:\n      - CVE-2022-1272\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = intaketest.Fuzz(t, Read, data, intake.Limits{MaxRecord: 1 << 16, MaxTotal: 1 << 20}, func(t *testing.T, a advisory.Advisory) {
			f := a.Affected[0]
			if len(a.ID) > maxID+1+maxName || len(a.Affected) != 1 || f.Package == "" || (len(f.Ranges) == 0) != (f.Status == advisory.StatusNotAffected) {
				t.Errorf("%+v", a)
			}
			if len(f.Ranges) > 0 && vercmp.Valid(vercmp.APK, f.Ranges[0].Fixed) != nil {
				t.Errorf("%+v", a)
			}
		})
	})
}

package vex

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const sound1 = `# ours
overrides:
  - id: CVE-2026-34743
    ecosystem: Debian:12
    package: xz-utils
    status: fixed
    fixed: 5.4.1-1+deb12u2
    reason: the tracker names a version that was never uploaded
    author: alice@example.org
  - {id: CVE-2026-0002, ecosystem: "openSUSE:Leap 15.6", package: curl, status: affected, reason: r, until: 2026-11-21}
  - {id: CVE-2026-0001, ecosystem: Debian:13, package: b, status: not_affected, reason: r}
  - {id: CVE-2026-0001, ecosystem: Debian:12, package: b, status: fixed, fixed: 1.10, reason: "of two\n  lines"}
  - {id: GHSA-abcd-efgh-ijkl, ecosystem: PyPI, package: requests, status: not_affected, reason: r, until: 2026-11-20}
`

var soundWant = []advisory.Advisory{
	{Feed: "f", ID: "CVE-2026-0001", CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{
		{Ecosystem: "Debian:12", Package: "b", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.10"}}, Note: "of two lines"},
		{Ecosystem: "Debian:13", Package: "b", Status: advisory.StatusNotAffected, Note: "r"},
	}},
	{Feed: "f", ID: "CVE-2026-0002", CVEs: []string{"CVE-2026-0002"}, Affected: []advisory.Affected{
		{Ecosystem: "openSUSE:Leap 15.6", Package: "curl", Ranges: []advisory.Range{{Introduced: "0"}}, Note: "r", Until: "2026-11-21"},
	}},
	{Feed: "f", ID: "CVE-2026-34743", CVEs: []string{"CVE-2026-34743"}, Affected: []advisory.Affected{
		{Ecosystem: "Debian:12", Package: "xz-utils", Ranges: []advisory.Range{{Introduced: "0", Fixed: "5.4.1-1+deb12u2"}}, Note: "the tracker names a version that was never uploaded (alice@example.org)"},
	}},
}

func TestReadOverrides(t *testing.T) {
	t.Parallel()
	s, got, err := read(t, ReadOverrides(today), []byte(sound1), intake.Limits{})
	if diff := cmp.Diff(soundWant, got); err != nil || diff != "" || s.Records != 3 || s.Skipped != 1 {
		t.Errorf("%v: %+v %s", err, s, diff)
	}
	if diff := cmp.Diff([]advisory.Problem{{Record: "line 13: GHSA-abcd-efgh-ijkl in PyPI requests", Reason: "expired: it was to count until 2026-11-20"}}, s.Problems); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Debian:12", "Debian:13", "openSUSE:Leap 15.6"}, s.Ecosystems); diff != "" {
		t.Error(diff)
	}
	// JSON says the same
	text := `{"overrides":[{"id":"CVE-2026-0002","ecosystem":"openSUSE:Leap 15.6","package":"curl","status":"affected","reason":"r","until":"2026-11-21"}]}`
	if _, got, err := read(t, ReadOverrides(today), []byte(text), intake.Limits{}); err != nil || !cmp.Equal(got, soundWant[1:2]) {
		t.Errorf("%v: %s", err, cmp.Diff(soundWant[1:2], got))
	}
}

// A registry's several spellings of a name are one, so that a list is not passed over in silence.
func TestOverridesNameLanguagesPackagesAsHostsDo(t *testing.T) {
	t.Parallel()
	for written, want := range map[[2]string]string{{"NuGet", "Newtonsoft.Json"}: "newtonsoft.json", {"PyPI", "Zope._Interface"}: "zope-interface", {"npm", "JSONStream"}: "JSONStream"} {
		text := `{"overrides":[{"id":"CVE-2026-0002","ecosystem":"` + written[0] + `","package":"` + written[1] + `","status":"affected","reason":"r"}]}`
		_, got, err := read(t, ReadOverrides(today), []byte(text), intake.Limits{})
		if err != nil || len(got) != 1 || got[0].Affected[0].Package != want {
			t.Errorf("%v: %+v, %v, want %s", written, got, err, want)
		}
	}
}

// An entry counts to the end of its last day, and not a second longer.
func TestOverrideExpires(t *testing.T) {
	t.Parallel()
	for at, want := range map[time.Time]int{
		time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC):                             3,
		time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC):                                2,
		time.Date(2026, 11, 21, 23, 0, 0, 0, time.FixedZone("", -3600)):              2,
		time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC):                                4,
		time.Date(2026, 11, 21, 0, 30, 0, 0, time.FixedZone("", 3600)):               4,
		time.Date(2126, 11, 21, 0, 30, 0, 0, time.UTC):                               2,
		time.Date(2026, 11, 22, 0, 30, 0, 0, time.FixedZone("an hour ahead", +3600)): 3,
	} {
		if s, got, err := read(t, ReadOverrides(at), []byte(sound1), intake.Limits{}); err != nil || len(got) != want || s.Skipped != 4-want {
			t.Errorf("at %s: %v, %d entries, want %d", at, err, len(got), want)
		}
	}
}

// Whatever is wrong is an error with its line; nothing of the list is given then.
func TestOverrideMistakes(t *testing.T) {
	t.Parallel()
	const good = "overrides:\n- {id: CVE-2026-0001, ecosystem: Debian:12, package: b, status: not_affected, reason: r}\n"
	for name, tc := range map[string]struct{ text, want string }{
		"unknown field":             {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, pkgname: b, status: not_affected, reason: r}", `line 3: unknown field "pkgname"`},
		"unknown field at the top":  {"version: 1\n" + good, `line 1: unknown field "version"`},
		"a field missing":           {good + "- id: CVE-2026-0002\n  ecosystem: Debian:12\n  package: b\n  status: affected\n", "line 3: reason is missing"},
		"an empty field":            {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: affected, reason: }", "line 3: reason is not a text, or an empty one"},
		"a field twice":             {good + "- {id: CVE-2026-0002, id: CVE-2026-0003, ecosystem: Debian:12, package: b, status: affected, reason: r}", "line 3: id is given twice"},
		"a list for a text":         {good + "- {id: [CVE-2026-0002], ecosystem: Debian:12, package: b, status: affected, reason: r}", "line 3: id is not a text"},
		"an alias for a text":       {"overrides:\n- &a {id: CVE-2026-0001, ecosystem: Debian:12, package: b, status: affected, reason: r}\n- *a", "line 3: not an entry"},
		"not a CVE":                 {good + "- {id: CVE-26-1, ecosystem: Debian:12, package: b, status: affected, reason: r}", `line 3: "CVE-26-1" is not the id`},
		"an unknown status":         {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: wontfix, reason: r}", `line 3: the status "wontfix"`},
		"fixed where":               {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: fixed, reason: r}", "line 3: the status fixed needs"},
		"fixed and yet affected":    {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: affected, fixed: 1, reason: r}", "line 3: the field fixed goes"},
		"no version":                {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: fixed, fixed: x_1, reason: r}", `line 3: invalid deb version "x_1"`},
		"not a day":                 {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: affected, reason: r, until: 1.3.2027}", `line 3: until is "1.3.2027"`},
		"no release":                {good + "- {id: CVE-2026-0002, ecosystem: Debian, package: b, status: affected, reason: r}", "does not name a release, as in Debian:12"},
		"a codename":                {good + "- {id: CVE-2026-0002, ecosystem: Debian:bookworm, package: b, status: affected, reason: r}", "does not name a release, as in Debian:12"},
		"a release of none":         {good + "- {id: CVE-2026-0002, ecosystem: PyPI:3, package: b, status: affected, reason: r}", `has no releases: it is "PyPI"`},
		"an unknown ecosystem":      {good + "- {id: CVE-2026-0002, ecosystem: Debain:12, package: b, status: affected, reason: r}", `"Debain:12" is not known`},
		"no package":                {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b c, status: affected, reason: r}", "is not the name of a package"},
		"said twice":                {good + "- {id: CVE-2026-0001, ecosystem: Debian:12, package: b, status: affected, reason: r}", "line 3: CVE-2026-0001 of b in Debian:12 has an entry already, in line 2"},
		"several mistakes":          {"overrides:\n- 1\n- []\n", "line 2: not an entry, which has the fields id, ecosystem, package, status and reason; line 3: not an entry"},
		"a long reason":             {good + "- {id: CVE-2026-0002, ecosystem: Debian:12, package: b, status: affected, reason: " + strings.Repeat("r", 2000) + "}", "line 3: the reason is longer"},
		"not a list":                {"overrides: 1", "line 1: overrides is not a list"},
		"a list without a name":     {"- {id: CVE-2026-0001}", "line 1: the list is to begin with overrides:"},
		"nothing of ours":           {"{}", "line 1: the list is to begin with overrides:"},
		"an empty file":             {"", "the file is empty: to have no overrides"},
		"blanks":                    {" \n\n", "the file is empty"},
		"several fields missing":    {"overrides:\n- {id: CVE-2026-0002, ecosystem: Debian:12}", "line 2: package is missing; line 2: status is missing; line 2: reason is missing"},
		"overrides twice":           {good + good, "line 3: overrides is given twice"},
		"a second document":         {good + "---\n" + good, "second document"},
		"not YAML":                  {"overrides:\n\t- x", "line 2"},
		"a text that is not ours":   {"<html>", "line 1: the list is to begin with overrides:"},
		"a list that is cut off":    {`{"overrides":[{"id":"CVE-2026-0002"`, "neither YAML nor JSON"},
		"more mistakes than listed": {"overrides:\n" + strings.Repeat("- 1\n", 30), "and 10 more"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s, got, err := read(t, ReadOverrides(today), []byte(tc.text), intake.Limits{})
			if !errors.Is(err, intake.ErrDamaged) || !strings.Contains(err.Error(), tc.want) || len(got) != 0 || s.Records != 0 {
				t.Errorf("%v, want %q; %d advisories", err, tc.want, len(got))
			}
		})
	}
	if _, _, err := read(t, ReadOverrides(today), bytes.Repeat([]byte("#"), maxOverrides+1), intake.Limits{}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("%v, want too long", err)
	}
}

// A list whose last entry was taken out, or that is only begun, is sound.
func TestOverridesEmpty(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"# nothing yet\n", "overrides:\n", "overrides: []\n", "---\n"} {
		if s, got, err := read(t, ReadOverrides(today), []byte(text), intake.Limits{}); err != nil || len(got) != 0 || s.Records != 0 {
			t.Errorf("%q: %v, %v", text, err, got)
		}
	}
}

// The example of the user guide is one that is accepted.
func TestOverridesDocumented(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "overrides.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```")
	read1 := 0
	for _, block := range blocks {
		for _, kind := range []string{"yaml\n", "json\n"} {
			if text, ok := strings.CutPrefix(block, kind); ok {
				read1++
				if s, got, err := read(t, ReadOverrides(today), []byte(text), intake.Limits{}); err != nil || len(got) == 0 || len(s.Problems) != 0 {
					t.Errorf("%v, %v\n%s", err, s.Problems, text)
				}
			}
		}
	}
	if read1 != 2 {
		t.Errorf("%d examples, want one of YAML and one of JSON", read1)
	}
}

func FuzzOverrides(f *testing.F) {
	f.Add([]byte(sound1))
	f.Add([]byte(`{"overrides":[{"id":"CVE-2026-0002","ecosystem":"PyPI","package":"curl","status":"fixed","fixed":"1","reason":"r"}]}`))
	f.Add([]byte("overrides: &a\n- *a\n- <<: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, all, err := read(t, ReadOverrides(today), data, intake.Limits{})
		if err != nil && len(all) != 0 || s.Records != len(all) {
			t.Errorf("%v: %+v, %d advisories", err, s, len(all))
		}
		checkAll(t, all)
	})
}

// checkAll holds what was let through to what it promises.
func checkAll(t *testing.T, all []advisory.Advisory) {
	t.Helper()
	last := ""
	for _, a := range all {
		if !sound(a.ID, maxID) || a.ID <= last || len(a.Affected) == 0 {
			t.Errorf("%+v", a)
		}
		last = a.ID
		for _, cve := range a.CVEs {
			if !intake.IsCVE(cve) {
				t.Errorf("%q", cve)
			}
		}
		for _, e := range a.Affected {
			if checkEcosystem(e.Ecosystem) != nil || !sound(e.Package, maxName) || len(e.Note) > maxNote || len(e.Ranges)+len(e.Versions) == 0 && e.Status == advisory.StatusOpen {
				t.Errorf("%+v", e)
			}
			for _, v := range e.Versions {
				if checkVersion(e.Ecosystem, v) != nil {
					t.Errorf("%q of %s", v, e.Ecosystem)
				}
			}
			for _, r := range e.Ranges {
				if r.Introduced != "0" || r.Fixed != "" && checkVersion(e.Ecosystem, r.Fixed) != nil {
					t.Errorf("%+v", r)
				}
			}
		}
	}
}

package debian

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// Every status that an advisory list can give, one row each.
func TestList(t *testing.T) {
	t.Parallel()
	all := []advisory.Range{{Introduced: "0"}}
	for name, tc := range map[string]struct {
		said string
		want advisory.Affected
	}{
		"fixed":        {"1.2-3+deb12u1", advisory.Affected{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.2-3+deb12u1"}}}},
		"fixed_noted":  {"1.2-3+deb12u1 (bug #1234)", advisory.Affected{Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.2-3+deb12u1"}}, Note: "bug #1234"}},
		"open":         {"<unfixed>", advisory.Affected{Ranges: all}},
		"removed":      {"<removed>", advisory.Affected{Ranges: all}},
		"not_affected": {"<not-affected> (Vulnerable code not present)", advisory.Affected{Status: advisory.StatusNotAffected, Note: "Vulnerable code not present"}},
		"end_of_life":  {"<end-of-life> (Not supported in LTS)", advisory.Affected{Ranges: all, Status: advisory.StatusEndOfLife, Note: "Not supported in LTS"}},
		"no_dsa":       {"<no-dsa> (Minor issue)", advisory.Affected{Ranges: all, Status: advisory.StatusNoDSA, Note: "Minor issue"}},
		"postponed":    {"<postponed>", advisory.Affected{Ranges: all, Status: advisory.StatusPostponed}},
		"ignored":      {"<ignored> (Too intrusive)", advisory.Affected{Ranges: all, Status: advisory.StatusIgnored, Note: "Too intrusive"}},
		"undetermined": {"<undetermined>", advisory.Affected{Ranges: all, Status: advisory.StatusUndetermined}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.want.Ecosystem, tc.want.Package = "Debian:12", "pkg"
			text := "[21 Nov 2026] DSA-1234-1 pkg - security update\n\t{CVE-2026-0002 CVE-2026-0001}\n\t[bookworm] - pkg " + tc.said + "\n\tNOTE: for people\n"
			got, s, err := intaketest.ByID(t.Context(), ReadList, []byte(text), intake.Options{Feed: "debian-dsa"})
			if err != nil {
				t.Fatal(err)
			}
			day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
			want := advisory.Advisory{
				Feed: "debian-dsa", ID: "DSA-1234-1", CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"}, Summary: "pkg - security update",
				Published: day, Affected: []advisory.Affected{tc.want},
			}
			if diff := cmp.Diff(map[string]advisory.Advisory{want.ID: want}, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(intake.Survey{Records: 1, Ecosystems: []string{"Debian:12"}, Newest: day, FixesOnly: true}, s); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	head := "[21 Nov 2026] DLA-1-1 pkg - security update\n"
	for name, tc := range map[string]struct {
		text                   string
		records, skipped, left int
		problem                string
	}{
		"regression update without a CVE":  {strings.Replace(head, "DLA-1-1", "DLA-1-2", 1) + "\t[trixie] - pkg 1-2\n", 1, 0, 0, ""},
		"a notice":                         {"[07 Jun 2015] DSA-3281-1 Debian Security Team PGP/GPG key change notice\n", 0, 0, 1, ""},
		"braces over two lines":            {head + "\t{CVE-2026-0001\n\t CVE-2026-0002}\n\t[trixie] - pkg 1-2\n", 1, 0, 0, ""},
		"braces that never close":          {head + "\t{CVE-2026-0001\n\t[trixie] - pkg 1-2\n", 1, 0, 0, "has no end"},
		"a CVE id that is none":            {head + "\t{CVE-2026-XXXX CVE-2026-0001}\n\t[trixie] - pkg 1-2\n", 1, 0, 0, `"CVE-2026-XXXX" is no CVE id`},
		"a head line that is none":         {"DSA 1\n\t[trixie] - pkg 1-2\n" + head + "\t[trixie] - pkg 1-2\n", 1, 1, 0, "no head line"},
		"a day that is none":               {"[41 Nov 2026] DSA-1-1 pkg\n\t[trixie] - pkg 1-2\n", 1, 0, 0, "is no date"},
		"listed twice":                     {head + "\t[trixie] - pkg 1-2\n" + head + "\t[trixie] - pkg 1-2\n", 1, 1, 0, "listed twice"},
		"a version that is none":           {head + "\t[trixie] - pkg x_1\n\t[bookworm] - pkg 1\n", 1, 0, 0, "invalid deb version"},
		"a marker that is new":             {head + "\t[trixie] - pkg <perhaps>\n\t[bookworm] - pkg 1\n", 1, 0, 0, "invalid deb version"},
		"a release that is new":            {head + "\t[zurg] - pkg 1\n\t[bookworm] - pkg 1\n", 1, 0, 0, "zurg is no release"},
		"a line that says nothing":         {head + "\t[bookworm] pkg\n\t[bookworm] - pkg 1\n", 1, 0, 0, "cannot be read"},
		"to be packaged":                   {head + "\t[bookworm] - pkg <itp>\n", 0, 0, 1, ""},
		"more entries than any advisory":   {head + strings.Repeat("\t[bookworm] - pkg 1\n", 1001), 0, 1, 0, "more than 1000 entries"},
		"Windows line ends":                {strings.ReplaceAll(head+"\t{CVE-2026-0001}\n\t[trixie] - pkg 1-2\n", "\n", "\r\n"), 1, 0, 0, ""},
		"lines before the first head line": {"\t[trixie] - pkg 1-2\n" + head + "\t[trixie] - pkg 1-2\n", 1, 0, 0, ""},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			_, s, err := intaketest.ByID(t.Context(), ReadList, []byte(tc.text), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			intaketest.Counted(t, s, tc.records, tc.skipped, tc.left, tc.problem)
		})
	}
}

func TestListDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "blank lines": "\n\n", "a giant line": "[21 Nov 2026] DLA-1-1 " + strings.Repeat("x", maxLine), "gzip that ends early": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
	} {
		if _, _, err := intaketest.ByID(t.Context(), ReadList, []byte(text), intake.Options{}); !errors.Is(err, intake.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := errors.New("disk full")
	text := "[21 Nov 2026] DLA-1-1 pkg\n\t[trixie] - pkg 1-2\n"
	if _, err := ReadList(t.Context(), intaketest.File([]byte(text)), intake.Options{}, intake.Sink{Advisory: func(advisory.Advisory) error { return full }}); !errors.Is(err, full) {
		t.Errorf("a sink that fails: %v", err)
	}
}

// The list as it is published.
func TestListSample(t *testing.T) {
	t.Parallel()
	got, s, err := intaketest.ByID(t.Context(), ReadList, intaketest.Sample(t, "samples", "vunnel", "debian", "test-fixtures", "input", "DSA"), intake.Options{Feed: "debian-dsa"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Records != 7 || s.Skipped != 0 || s.Left != 3 || len(s.Problems) != 0 {
		t.Errorf("%+v", s)
	}
	want := advisory.Advisory{
		Feed: "debian-dsa", ID: "DSA-140", CVEs: []string{"CVE-2002-0660", "CVE-2002-0728"}, Summary: "libpng - buffer overflow",
		Published: time.Date(2002, 8, 5, 0, 0, 0, 0, time.UTC),
		Affected: []advisory.Affected{
			{Ecosystem: "Debian:3.0", Package: "libpng", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.0.12-3.woody.2"}}},
			{Ecosystem: "Debian:3.0", Package: "libpng3", Ranges: []advisory.Range{{Introduced: "0", Fixed: "1.2.1-1.1.woody.2"}}},
		},
	}
	if diff := cmp.Diff(want, got["DSA-140"]); diff != "" {
		t.Error(diff)
	}
	if a := got["DSA-2808-2"]; len(a.CVEs) != 0 || len(a.Affected) != 2 || a.Affected[0].Status != advisory.StatusNotice || a.Affected[1].Ranges[0].Fixed != "1.3+dfsg-4.8" {
		t.Errorf("the regression update: %+v", a)
	}
}

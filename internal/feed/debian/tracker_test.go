package debian

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

// Every status that the tracker can give, one row each.
func TestTracker(t *testing.T) {
	t.Parallel()
	all := []advisory.Range{{Introduced: "0"}}
	fixed := []advisory.Range{{Introduced: "0", Fixed: "1.2-3+deb12u1"}}
	for name, tc := range map[string]struct {
		release string
		want    advisory.Affected
	}{
		"open":             {`{"status":"open","urgency":"medium"}`, advisory.Affected{Ranges: all, Severity: "medium"}},
		"fixed":            {`{"status":"resolved","fixed_version":"1.2-3+deb12u1","urgency":"high**"}`, advisory.Affected{Ranges: fixed, Severity: "high"}},
		"not_affected":     {`{"status":"resolved","fixed_version":"0","urgency":"not yet assigned"}`, advisory.Affected{Status: advisory.StatusNotAffected}},
		"no_dsa":           {`{"status":"open","urgency":"low","nodsa":"Minor issue","nodsa_reason":""}`, advisory.Affected{Ranges: all, Severity: "low", Status: advisory.StatusNoDSA, Note: "Minor issue"}},
		"no_dsa_then_fix":  {`{"status":"resolved","fixed_version":"1.2-3+deb12u1","urgency":"low","nodsa":"Minor issue","nodsa_reason":""}`, advisory.Affected{Ranges: fixed, Severity: "low", Status: advisory.StatusNoDSA, Note: "Minor issue"}},
		"no_dsa_no_reason": {`{"status":"open","nodsa":"Minor issue"}`, advisory.Affected{Ranges: all, Status: advisory.StatusNoDSA, Note: "Minor issue"}},
		"postponed":        {`{"status":"open","nodsa":"Fix along with next DSA","nodsa_reason":"postponed"}`, advisory.Affected{Ranges: all, Status: advisory.StatusPostponed, Note: "Fix along with next DSA"}},
		"ignored":          {`{"status":"open","nodsa":"Too intrusive to backport","nodsa_reason":"ignored"}`, advisory.Affected{Ranges: all, Status: advisory.StatusIgnored, Note: "Too intrusive to backport"}},
		"unimportant":      {`{"status":"open","urgency":"unimportant"}`, advisory.Affected{Ranges: all, Severity: "unimportant", Status: advisory.StatusUnimportant}},
		"unimportant_fixed": {`{"status":"resolved","fixed_version":"1.2-3+deb12u1","urgency":"unimportant"}`,
			advisory.Affected{Ranges: fixed, Severity: "unimportant", Status: advisory.StatusUnimportant}},
		"unimportant_not_affected": {`{"status":"resolved","fixed_version":"0","urgency":"unimportant"}`, advisory.Affected{Severity: "unimportant", Status: advisory.StatusNotAffected}},
		"end_of_life":              {`{"status":"open","urgency":"end-of-life"}`, advisory.Affected{Ranges: all, Status: advisory.StatusEndOfLife}},
		"undetermined":             {`{"status":"undetermined","urgency":"not yet assigned"}`, advisory.Affected{Ranges: all, Status: advisory.StatusUndetermined}},
		"open_has_no_version_0":    {`{"status":"open","fixed_version":"0"}`, advisory.Affected{Ranges: all}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.want.Ecosystem, tc.want.Package = "Debian:12", "pkg"
			got, s, err := intaketest.ByID(t.Context(), ReadTracker, []byte(`{"pkg":{"CVE-2026-0001":{"releases":{"bookworm":`+tc.release+`}}}}`), intake.Options{Feed: "debian-tracker"})
			if err != nil {
				t.Fatal(err)
			}
			want := advisory.Advisory{Feed: "debian-tracker", ID: "CVE-2026-0001/pkg", CVEs: []string{"CVE-2026-0001"}, Affected: []advisory.Affected{tc.want}}
			if diff := cmp.Diff(map[string]advisory.Advisory{want.ID: want}, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(intake.Survey{Records: 1, Ecosystems: []string{"Debian:12"}, Newest: intaketest.Modified()}, s); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTrackerNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	entry := func(release string) string { return `{"p":{"CVE-2026-0001":{"releases":{` + release + `}}}}` }
	for name, tc := range map[string]struct {
		data                   string
		records, skipped, left int
		problem                string
	}{
		"a status that is new":          {entry(`"bookworm":{"status":"maybe"}`), 0, 1, 0, `bookworm: status "maybe" is not known`},
		"one release of two is wrong":   {entry(`"bookworm":{"status":"resolved","fixed_version":"x_1"},"trixie":{"status":"open"}`), 1, 0, 0, "invalid deb version"},
		"resolved in no version":        {entry(`"bookworm":{"status":"resolved"}`), 0, 1, 0, "resolved in no version"},
		"a reason that is new":          {entry(`"bookworm":{"status":"open","nodsa":"x","nodsa_reason":"later"}`), 1, 0, 0, `the no-dsa reason "later" is not known`},
		"a release that is new":         {entry(`"zurg":{"status":"open"},"trixie":{"status":"open"}`), 1, 0, 0, "zurg is no release that is known"},
		"sid alone":                     {entry(`"sid":{"status":"open"}`), 0, 0, 1, ""},
		"no releases as an array":       {`{"p":{"CVE-2026-0001":{"releases":[]}}}`, 0, 0, 1, ""},
		"no object":                     {`{"p":{"CVE-2026-0001":7,"CVE-2026-0002":{"releases":{"trixie":{"status":"open"}}}}}`, 1, 1, 0, "cannot be read"},
		"listed twice":                  {`{"p":{"CVE-1-2":{"releases":{"trixie":{"status":"open"}}}},"p":{"CVE-1-2":{"releases":{"trixie":{"status":"open"}}}}}`, 1, 1, 0, "listed twice"},
		"an id that cannot be shown":    {`{"p":{"CVE\u0000":{"releases":{"trixie":{"status":"open"}}}}}`, 0, 1, 0, "not printable"},
		"a source that is a path":       {`{"../p":{"CVE-2026-0001":{"releases":{"trixie":{"status":"open"}}}}}`, 0, 1, 0, "not printable"},
		"a fixed version of wrong type": {entry(`"trixie":{"status":"resolved","fixed_version":1}`), 0, 1, 0, "cannot be read"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			_, s, err := intaketest.ByID(t.Context(), ReadTracker, []byte(tc.data), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			intaketest.Counted(t, s, tc.records, tc.skipped, tc.left, tc.problem)
		})
	}
}

func TestTrackerDamaged(t *testing.T) {
	t.Parallel()
	whole := `{"p":{"CVE-2026-0001":{"releases":{"trixie":{"status":"open"}}}}}`
	for name, data := range map[string]string{
		"empty": "", "cut off": whole[:len(whole)-1], "an array": "[]", "nothing listed": "{}", "two objects": whole + whole, "a source is an array": `{"p":[]}`,
		"gzip of nothing": "\x1f\x8b\x00",
	} {
		if _, _, err := intaketest.ByID(t.Context(), ReadTracker, []byte(data), intake.Options{}); !errors.Is(err, intake.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := `{"p":{"CVE-2026-0001":{"description":"` + strings.Repeat("x", 10_000) + `"}}}`
	if _, _, err := intaketest.ByID(t.Context(), ReadTracker, []byte(long), intake.Options{Limits: intake.Limits{MaxRecord: 1000}}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("a giant record: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := intaketest.ByID(ctx, ReadTracker, []byte(whole), intake.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
	full := errors.New("disk full")
	_, err := ReadTracker(t.Context(), intaketest.File([]byte(whole)), intake.Options{}, intake.Sink{Advisory: func(advisory.Advisory) error { return full }})
	if !errors.Is(err, full) || errors.Is(err, intake.ErrDamaged) {
		t.Errorf("a sink that fails: %v", err)
	}
}

func TestTrackerWanted(t *testing.T) {
	t.Parallel()
	o := intake.Options{Wanted: func(ecosystem string) bool { return ecosystem == "Debian:12" }}
	got, s, err := intaketest.ByID(t.Context(), ReadTracker, []byte(`{"p":{
		"CVE-2026-0001":{"releases":{"bookworm":{"status":"open"},"trixie":{"status":"open"}}},
		"TEMP-0000000-2FC21E":{"releases":{"trixie":{"status":"open"}}}}}`), o)
	if err != nil || s.Records != 1 || s.Left != 1 || len(got["CVE-2026-0001/p"].Affected) != 1 {
		t.Errorf("%v: %+v, %+v", err, s, got)
	}
	if diff := cmp.Diff([]string{"Debian:12", "Debian:13"}, s.Ecosystems); diff != "" {
		t.Error(diff)
	}
}

// The tracker as it is published.
func TestTrackerSample(t *testing.T) {
	t.Parallel()
	got, s, err := intaketest.ByID(t.Context(), ReadTracker, intaketest.Sample(t, "samples", "vunnel", "debian", "test-fixtures", "input", "debian.json"), intake.Options{Feed: "debian-tracker"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Records != 6 || s.Skipped != 0 || s.Left != 1 || len(s.Problems) != 0 {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff([]string{"Debian:10", "Debian:11", "Debian:12", "Debian:13", "Debian:8", "Debian:9"}, s.Ecosystems); diff != "" {
		t.Error(diff)
	}
	of := func(id, ecosystem string) advisory.Affected {
		for _, a := range got[id].Affected {
			if a.Ecosystem == ecosystem {
				return a
			}
		}
		return advisory.Affected{}
	}
	chromium := "CVE-2022-0456/chromium"
	for _, row := range []struct {
		name, id string
		want     advisory.Affected
	}{
		{"fixed in a security update", chromium, advisory.Affected{Ecosystem: "Debian:11", Package: "chromium", Ranges: []advisory.Range{{Introduced: "0", Fixed: "98.0.4758.80-1~deb11u1"}}}},
		{"end of life", chromium, advisory.Affected{Ecosystem: "Debian:10", Package: "chromium", Ranges: []advisory.Range{{Introduced: "0"}}, Status: advisory.StatusEndOfLife}},
		{"not affected", "CVE-2007-2383/prototypejs", advisory.Affected{Ecosystem: "Debian:9", Package: "prototypejs", Status: advisory.StatusNotAffected, Severity: "unimportant"}},
		{"fixed", "CVE-2025-53603/sope", advisory.Affected{Ecosystem: "Debian:12", Package: "sope", Ranges: []advisory.Range{{Introduced: "0", Fixed: "5.8.0-1+deb12u1"}}}},
	} {
		if diff := cmp.Diff(row.want, of(row.id, row.want.Ecosystem)); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
}

package assess

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

var today = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// judgedCase makes a case of a package at version 1, with a fix at 2 unless none is known.
func judgedCase(severity string, fixed bool, status advisory.Status, days int, threat advisory.Threat, standing Standing) Case {
	r := advisory.Range{Introduced: "0"}
	if fixed {
		r.Fixed = "2"
	}
	p := interned("Debian:12", apiv1.Package{Name: "p", Arch: "amd64", Version: "1"})
	a := advisory.Advisory{Feed: "debian-tracker", ID: "A-1", CVEs: []string{"CVE-2026-1"}, Severity: severity,
		Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "p", Status: status, Ranges: []advisory.Range{r}}}}
	if days >= 0 {
		a.Published = today.AddDate(0, 0, -days)
	}
	return Case{Vulnerability: "CVE-2026-1", Subject: SubjectOf(p), Hit: Settle(Match(p, []advisory.Advisory{a}))["CVE-2026-1"], Threat: threat, Standing: standing}
}

func ssvc(exploitation, automatable, impact string) *advisory.SSVC {
	return &advisory.SSVC{Exploitation: exploitation, Automatable: automatable, Impact: impact, At: "2026-10-01"}
}

// Each row is a row of docs/priority.md.
func TestPriorities(t *testing.T) {
	t.Parallel()
	const bad, medium = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"
	at := func(exposure, criticality string) Standing { return Standing{Place: Place{exposure, criticality}} }
	none, kev := advisory.Threat{}, &advisory.KEV{Added: "2026-10-12"}
	for name, tc := range map[string]struct {
		c    Case
		want string
	}{
		"high severity":                        {judgedCase(bad, true, "", 100, none, at("", "")), "high"},
		"medium severity":                      {judgedCase(medium, true, "", 100, none, at("", "")), "normal"},
		"low severity":                         {judgedCase("low", true, "", 100, none, at("", "")), "low"},
		"no severity":                          {judgedCase("", true, "", 100, none, at("", "")), "normal"},
		"KEV":                                  {judgedCase("low", true, "", 100, advisory.Threat{KEV: kev}, at("", "")), "urgent"},
		"KEV on an isolated host":              {judgedCase("low", true, "", 100, advisory.Threat{KEV: kev}, at("isolated", "")), "high"},
		"ransomware comes in from inside":      {judgedCase("low", true, "", 100, advisory.Threat{KEV: &advisory.KEV{Added: "2026-10-12", Ransomware: true}}, at("isolated", "")), "urgent"},
		"SSVC sees exploitation":               {judgedCase("low", true, "", 100, advisory.Threat{SSVC: ssvc("active", "no", "partial")}, at("", "")), "urgent"},
		"EPSS 0.5 of a high one":               {judgedCase(bad, true, "", 100, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.5}}, at("", "")), "urgent"},
		"EPSS 0.5 of a medium one":             {judgedCase(medium, true, "", 100, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.9}}, at("", "")), "high"},
		"EPSS 0.1 of a low one":                {judgedCase("low", true, "", 100, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.1}}, at("", "")), "high"},
		"EPSS 0.099 of a low one":              {judgedCase("low", true, "", 100, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.099}}, at("", "")), "low"},
		"exposed, automatable, total":          {judgedCase(medium, true, "", 100, advisory.Threat{SSVC: ssvc("none", "yes", "total")}, at("internet", "")), "urgent"},
		"exposed, automatable, partial":        {judgedCase(medium, true, "", 100, advisory.Threat{SSVC: ssvc("none", "yes", "partial")}, at("internet", "")), "high"},
		"exposed, total":                       {judgedCase(medium, true, "", 100, advisory.Threat{SSVC: ssvc("none", "no", "total")}, at("internet", "")), "high"},
		"exposed, exploit published":           {judgedCase(medium, true, "", 100, advisory.Threat{SSVC: ssvc("poc", "no", "partial")}, at("internet", "")), "high"},
		"exposed, none of these":               {judgedCase(medium, true, "", 100, advisory.Threat{SSVC: ssvc("none", "no", "partial")}, at("internet", "")), "normal"},
		"automatable, not exposed":             {judgedCase(medium, true, "", 100, advisory.Threat{SSVC: ssvc("poc", "yes", "total")}, at("internal", "")), "normal"},
		"isolated":                             {judgedCase(bad, true, "", 100, none, at("isolated", "")), "normal"},
		"critical host":                        {judgedCase(medium, true, "", 100, none, at("", "high")), "high"},
		"critical host is not urgent for that": {judgedCase(bad, true, "", 100, none, at("", "high")), "high"},
		"unimportant host":                     {judgedCase(bad, true, "", 100, none, at("", "low")), "normal"},
		"no fix":                               {judgedCase(bad, false, "", 100, none, at("", "")), "normal"},
		"no fix, and exploited":                {judgedCase(bad, false, "", 100, advisory.Threat{KEV: kev}, at("", "")), "urgent"},
		"no DSA":                               {judgedCase(bad, true, advisory.StatusNoDSA, 100, none, at("", "")), "normal"},
		"not determined":                       {judgedCase(bad, false, advisory.StatusUndetermined, 100, none, at("", "")), "low"},
		"no security impact":                   {judgedCase(bad, true, advisory.StatusUnimportant, 100, none, at("internet", "high")), "lowest"},
		"no security impact, and exploited":    {judgedCase(bad, true, advisory.StatusUnimportant, 100, advisory.Threat{KEV: kev}, at("", "")), "low"},
		"quiet":                                {judgedCase(bad, true, "", 30, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.004}, SSVC: ssvc("none", "no", "total")}, at("", "")), "normal"},
		"quiet, but young":                     {judgedCase(bad, true, "", 29, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.004}, SSVC: ssvc("none", "no", "total")}, at("", "")), "high"},
		"quiet, of unknown age":                {judgedCase(bad, true, "", -1, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.004}, SSVC: ssvc("none", "no", "total")}, at("", "")), "high"},
		"quiet, half looked at":                {judgedCase(bad, true, "", 100, advisory.Threat{EPSS: &advisory.EPSS{Score: 0.004}}, at("", "")), "high"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Judge(tc.c, today).Priority; got != tc.want {
				t.Errorf("%s, want %s: %+v", got, tc.want, Reasons(tc.c, today))
			}
		})
	}
}

// The scores are those that FIRST's examples, its calculators and the National Vulnerability Database publish for these vectors.
func TestCVSS(t *testing.T) {
	t.Parallel()
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H":                    9.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H":                    10,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N":                    6.1,
		"CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N":                    6.4,
		"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H":                    7.8,
		"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N":                    3.1,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N":                    0,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N/E:P":                7.5,
		"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": 9.3,
		"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H": 10,
		"CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": 7.3,
		"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N": 0,
		"AV:N/AC:L/Au:N/C:C/I:C/A:C":                                      10,
		"AV:N/AC:L/Au:N/C:N/I:N/A:C":                                      7.8,
	} {
		if got, ok := cvssScore(vector); !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", vector, got, ok, want)
		}
	}
	for _, bad := range []string{"", "high", "CVSS:4.0/AV:N", "CVSS:3.1/AV:N", "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV:N", "CVSS:5.0/AV:N"} {
		if got, ok := cvssScore(bad); ok {
			t.Errorf("%q has the score %v", bad, got)
		}
		if r := rate(bad); bad != "high" && r.level != normal {
			t.Errorf("%q is %s, and nobody can read it", bad, r.level.priority())
		}
	}
}

func FuzzCVSS(f *testing.F) {
	f.Add("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
	f.Add("CVSS:3.1/S:C//::")
	f.Add("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")
	f.Add("AV:N/AC:L/Au:N/C:C/I:C/A:C")
	f.Fuzz(func(t *testing.T, vector string) {
		if score, ok := cvssScore(vector); ok && (score < 0 || score > 10) {
			t.Errorf("%q: %v", vector, score)
		}
	})
}

// ladders are the values of each input from the harmless to the worst.
type drawnInputs struct {
	severity, exposure, criticality, fixed, status, days, epss, exploitation, automatable, impact, kev int
}

var (
	severities    = []string{"low", "medium", "high"}
	exposures     = []string{"isolated", "internal", "internet"}
	criticalities = []string{"low", "medium", "high"}
	statuses      = []advisory.Status{advisory.StatusUnimportant, advisory.StatusNoDSA, advisory.StatusOpen}
	ages          = []int{400, 30, 29, 0}
	scores        = []float64{0.001, 0.05, 0.1, 0.3, 0.5, 0.9}
	exploitations = []string{"none", "poc", "active"}
	yesNo         = []string{"no", "yes"}
	impacts       = []string{"partial", "total"}
	kevs          = []*advisory.KEV{nil, {Added: "2026-01-01"}, {Added: "2026-01-01", Ransomware: true}}
)

// steps gives each input and how many values it has.
func (d *drawnInputs) steps() []struct {
	name string
	at   *int
	n    int
} {
	return []struct {
		name string
		at   *int
		n    int
	}{
		{"severity", &d.severity, len(severities)}, {"exposure", &d.exposure, len(exposures)}, {"criticality", &d.criticality, len(criticalities)},
		{"fix", &d.fixed, 2}, {"status", &d.status, len(statuses)}, {"age", &d.days, len(ages)}, {"epss", &d.epss, len(scores)},
		{"exploitation", &d.exploitation, len(exploitations)}, {"automatable", &d.automatable, 2}, {"impact", &d.impact, 2}, {"kev", &d.kev, len(kevs)},
	}
}

func (d drawnInputs) caseOf() Case {
	threat := advisory.Threat{KEV: kevs[d.kev], EPSS: &advisory.EPSS{Score: scores[d.epss]}, SSVC: ssvc(exploitations[d.exploitation], yesNo[d.automatable], impacts[d.impact])}
	return judgedCase(severities[d.severity], d.fixed == 1, statuses[d.status], ages[d.days], threat, Standing{Place: Place{exposures[d.exposure], criticalities[d.criticality]}})
}

func drawInputs(t *rapid.T) drawnInputs {
	var d drawnInputs
	for _, s := range d.steps() {
		*s.at = rapid.IntRange(0, s.n-1).Draw(t, s.name)
	}
	return d
}

// Whatever gets worse never makes a priority better, and what is taken out of KEV never makes it worse.
func TestNothingThatGetsWorseLowersAPriority(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawInputs(t)
		before := rank(Judge(d.caseOf(), today).Priority)
		for i, s := range d.steps() {
			if *s.at+1 >= s.n {
				continue
			}
			worse := d
			*worse.steps()[i].at++
			if after := rank(Judge(worse.caseOf(), today).Priority); after > before {
				t.Fatalf("%s got worse and the priority fell from %s to %s: %+v", s.name, priorities()[before], priorities()[after], worse)
			}
		}
		calm := d
		calm.kev = 0
		if after := rank(Judge(calm.caseOf(), today).Priority); after < before {
			t.Fatalf("taken out of KEV, it rose from %s to %s: %+v", priorities()[before], priorities()[after], d)
		}
	})
}

// The effects of the reasons lead from the severity to the priority, step by step.
func TestReasonsAddUpToThePriority(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawInputs(t)
		d.fixed = 1
		c := d.caseOf()
		c.Standing.Role.Newest = "2"
		c.Standing.Role.Part = rapid.SampledFrom([]Part{Plain, NotLoaded, NotRunning, OldCode}).Draw(t, "part")
		at := ""
		var named []string
		for _, r := range Reasons(c, today) {
			words := strings.Fields(r.Effect)
			switch words[0] {
			case "starts":
				at = words[2]
			case "raises", "lowers":
				if words[1] != at {
					t.Fatalf("%s %s, and it was at %s", r.Input, r.Effect, at)
				}
				at = words[3]
			}
			if r.Value == "" || r.Source == "" {
				t.Fatalf("no value or source: %+v", r)
			}
			named = append(named, r.Input)
		}
		if want := Judge(c, today).Priority; at != want {
			t.Fatalf("the reasons end at %s, the verdict is %s: %+v", at, want, Reasons(c, today))
		}
		slices.Sort(named)
		if d := cmp.Diff([]string{"age", "criticality", "epss", "exposure", "fix", "kev", "ransomware", "severity", "ssvc", "status"}, named); d != "" {
			t.Fatal(d)
		}
	})
}

// A tracker often has no dates: the age is then that of the advisory which names the fix, and so is the source.
func TestTheAgeNamesWhoseItIs(t *testing.T) {
	t.Parallel()
	p := interned("Debian:12", apiv1.Package{Name: "openssl", Arch: "amd64", Version: "1"})
	fixed := func(feed, id string, ranges []advisory.Range, published time.Time) advisory.Advisory {
		return advisory.Advisory{Feed: feed, ID: id, CVEs: []string{"CVE-2026-1"}, Published: published, Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: "openssl", Ranges: ranges}}}
	}
	hit := Settle(Match(p, []advisory.Advisory{
		fixed("debian-tracker", "CVE-2026-1", nil, time.Time{}),
		fixed("osv/Debian", "DSA-1", []advisory.Range{{Introduced: "0", Fixed: "2"}}, today.AddDate(0, 0, -40)),
	}))["CVE-2026-1"]
	for _, r := range Reasons(Case{Vulnerability: "CVE-2026-1", Subject: SubjectOf(p), Hit: hit}, today) {
		if want := (apiv1.Reason{Input: "age", Value: "40 days", Source: "osv/Debian", Date: day(today.AddDate(0, 0, -40)), Effect: "none"}); r.Input == "age" && r != want {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
}

// Not being listed is said with the date of the catalogue, and only where there is one.
func TestACatalogueThatIsNotHereListsNothing(t *testing.T) {
	t.Parallel()
	for date, want := range map[string]apiv1.Reason{
		"":           {Input: "kev", Value: "not known: the catalogue is not here", Source: "kev", Effect: "none"},
		"2026-11-20": {Input: "kev", Value: "not listed", Source: "kev", Date: "2026-11-20", Effect: "none"},
	} {
		c := judgedCase("low", true, "", 100, advisory.Threat{}, Standing{})
		c.KEVDate = date
		for _, r := range Reasons(c, today) {
			if r.Input == "kev" && r != want {
				t.Errorf("%+v, want %+v", r, want)
			}
		}
	}
}

// What is said of code that does not run is true of this host: an isolated one is not urgent for being in KEV.
func TestWhatKEVWouldMeanWhereTheCodeRuns(t *testing.T) {
	t.Parallel()
	for exposure, want := range map[string]string{"": "would make it urgent where it runs", ExposureIsolated: "would make it high where it runs"} {
		for _, part := range []Part{NotLoaded, NotRunning} {
			c := judgedCase("low", true, "", 100, advisory.Threat{KEV: &advisory.KEV{Added: "2026-10-12"}}, Standing{Role: Role{Part: part}, Place: Place{Exposure: exposure}})
			if text := Explain(c, Judge(c, today), Installed{}, time.Time{}, today); !strings.Contains(text, want) {
				t.Errorf("%s: no %q in: %s", part, want, text)
			}
		}
	}
}

func TestReasonsNameValueSourceAndDate(t *testing.T) {
	t.Parallel()
	c := judgedCase("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", true, advisory.StatusNoDSA, 412, advisory.Threat{
		KEV: &advisory.KEV{Added: "2026-10-12", Ransomware: true}, EPSS: &advisory.EPSS{Score: 0.943}, EPSSDate: "2026-11-20", SSVC: ssvc("poc", "yes", "total"),
	}, Standing{Place: Place{Exposure: ExposureInternet}})
	var got []string
	for _, r := range Reasons(c, today) {
		got = append(got, fmt.Sprintf("%s | %s | %s | %s | %s", r.Input, r.Value, r.Source, r.Date, r.Effect))
	}
	want := []string{
		"severity | 9.8 (CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H) | debian-tracker | 2025-10-05 | starts at high",
		"exposure | internet | label exposure |  | none",
		"criticality | not stated | label criticality |  | none",
		"fix | 2 | debian-tracker | 2025-10-05 | none",
		"age | 412 days | debian-tracker | 2025-10-05 | none",
		"ssvc | exploitation poc, automatable yes, impact total | ssvc | 2026-10-01 | raises high to urgent",
		"epss | 0.943 | epss | 2026-11-20 | none",
		"kev | known to be exploited | kev | 2026-10-12 | none",
		"ransomware | used | kev | 2026-10-12 | none",
		"status | no_dsa | debian-tracker |  | none",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	text := Explain(c, Judge(c, today), Installed{}, time.Time{}, today)
	for _, part := range []string{"Priority urgent: known to be exploited, in CISA's KEV catalogue since 2026-10-12, used by ransomware", "CVSS base score 9.8", "SSVC exploitation poc, automatable yes, impact total of 2026-10-01 raises it",
		"Its source says no dsa."} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in: %s", part, text)
		}
	}
}

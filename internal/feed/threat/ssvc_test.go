package threat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/feed/intake/intaketest"
)

const tableHead = "cve\texploitation\tautomatable\ttechnical_impact\tssvc_timestamp\tcisa_cvss31\tkev_date_added\n"

func decided(cve, exploitation, automatable, impact, at string) advisory.Overlay {
	return advisory.Overlay{Feed: "f", CVE: cve, SSVC: &advisory.SSVC{Exploitation: exploitation, Automatable: automatable, Impact: impact, At: at}}
}

// content is a decision as a CVE record carries it.
func content(cve, exploitation, automatable, impact, at string) string {
	return fmt.Sprintf(`{"other":{"type":"ssvc","content":{"id":%q,"role":"CISA Coordinator","options":[{"Exploitation":%q},{"Automatable":%q},{"Technical Impact":%q}],"version":"2.0.3","timestamp":%q}}}`, cve, exploitation, automatable, impact, at)
}

// cveOf is a CVE record with the given metrics of a publisher.
func cveOf(cve, publisher string, metrics ...string) string {
	return fmt.Sprintf(`{"dataType":"CVE_RECORD","cveMetadata":{"cveId":%q},"containers":{"cna":{"metrics":[{"cvssV3_1":{"baseScore":9.8}}]},"adp":[{"title":"CVE Program Container"},{"providerMetadata":{"shortName":%q},"metrics":[%s]}]}}`,
		cve, publisher, strings.Join(metrics, ","))
}

func TestReadSSVCRecord(t *testing.T) {
	t.Parallel()
	const at = "2025-03-04T05:06:07.123456Z"
	kev := `{"other":{"type":"kev","content":{"dateAdded":"2025-01-01"}}}`
	for name, tc := range map[string]struct {
		text string
		want []advisory.Overlay
		err  string // the problem's, of a file that gives nothing
	}{
		"one decision beside other metrics":   {text: cveOf("CVE-2025-0001", cisa, kev, content("CVE-2025-0001", "active", "yes", "total", at)), want: []advisory.Overlay{decided("CVE-2025-0001", "active", "yes", "total", "2025-03-04")}},
		"words of any case and revision":      {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "Public PoC", "No", "Partial", at)), want: []advisory.Overlay{decided("CVE-2025-0001", "poc", "no", "partial", "2025-03-04")}},
		"the newest of several":               {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "poc", "yes", "total", "2025-03-05T00:00:00+00:00"), content("CVE-2025-0001", "none", "yes", "total", at)), want: []advisory.Overlay{decided("CVE-2025-0001", "poc", "yes", "total", "2025-03-05")}},
		"the sound one of two":                {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "poc", "yes", "total", at), content("CVE-2025-0001", "perhaps", "yes", "total", "2026-01-01T00:00:00Z")), want: []advisory.Overlay{decided("CVE-2025-0001", "poc", "yes", "total", "2025-03-04")}},
		"without a time":                      {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "none", "no", "partial", "")), want: []advisory.Overlay{decided("CVE-2025-0001", "none", "no", "partial", "")}},
		"of another publisher":                {text: cveOf("CVE-2025-0001", "someone", content("CVE-2025-0001", "active", "yes", "total", at))},
		"of another CVE":                      {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0002", "active", "yes", "total", at)), err: "about CVE-2025-0002"},
		"an unknown word":                     {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "perhaps", "yes", "total", at)), err: `exploitation "perhaps" is not one of none, poc, active`},
		"a point missing":                     {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "none", "", "total", at)), err: `automatable ""`},
		"a point given twice, and unlike":     {text: cveOf("CVE-2025-0001", cisa, `{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"none"},{"Exploitation":"active"}]}}}`), err: "gives Exploitation twice"},
		"not a time":                          {text: cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "none", "no", "total", "yesterday")), err: `the time "yesterday"`},
		"content of another shape":            {text: cveOf("CVE-2025-0001", cisa, `{"other":{"type":"ssvc","content":"none"}}`), err: "not an SSVC decision"},
		"no CVE record":                       {text: `{"id":"x"}`, err: "not a CVE id"},
		"a CVE id that is none":               {text: cveOf("CVE-1", cisa), err: "not a CVE id"},
		"cut off":                             {text: `{"cveMetadata":{"cveId":"CVE-2025-0001"`, err: "not a CVE record"},
		"a record that has not been assessed": {text: cveOf("CVE-2025-0001", cisa, kev)},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			s, got, err := read(t, ReadSSVC, []byte(tc.text), intake.Limits{})
			if len(tc.want) == 0 {
				if !errors.Is(err, intake.ErrDamaged) || len(got) != 0 {
					t.Errorf("%v, %v", err, got)
				}
				if tc.err == "" && len(s.Problems) != 0 || tc.err != "" && (len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Reason, tc.err)) {
					t.Errorf("%v, want %q", s.Problems, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v: %s", err, diff)
			}
		})
	}
}

// The repository as GitHub packs it: records in folders, other files beside them, one of them broken.
func TestReadSSVCRepository(t *testing.T) {
	t.Parallel()
	const root = "vulnrichment-develop/"
	members := []intaketest.Member{
		{root + "README.md", "# CISA Vulnrichment"},
		{root + ".github/x.json", "{"},
		{root + "2025/0xxx/CVE-2025-0002.json", cveOf("CVE-2025-0002", cisa, content("CVE-2025-0002", "none", "no", "partial", "2025-02-02T00:00:00Z"))},
		{root + "2025/0xxx/CVE-2025-0001.json", cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "active", "yes", "total", "2025-01-01T00:00:00Z"))},
		{root + "2025/0xxx/CVE-2025-0003.json", "{"},
		{root + "2025/0xxx/CVE-2025-0004.json", cveOf("CVE-2025-0004", cisa)},
		{root + "old/CVE-2025-0001.json", cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "none", "yes", "total", "2024-12-31T00:00:00Z"))},
	}
	want := []advisory.Overlay{decided("CVE-2025-0001", "active", "yes", "total", "2025-01-01"), decided("CVE-2025-0002", "none", "no", "partial", "2025-02-02")}
	for name, data := range map[string][]byte{"zip": intaketest.Zip(t, members...), "tar.gz": intaketest.Gzip(t, intaketest.Tar(t, members...)), "tar": intaketest.Tar(t, members...)} {
		s, got, err := read(t, ReadSSVC, data, intake.Limits{})
		if diff := cmp.Diff(want, got); err != nil || diff != "" || s.Records != 2 || s.Skipped != 1 || s.Newest.Format(time.DateOnly) != "2025-02-02" {
			t.Errorf("%s: %v: %s\n%+v", name, err, diff, s)
		}
		if len(s.Problems) != 1 || s.Problems[0].Record != root+"2025/0xxx/CVE-2025-0003.json" {
			t.Errorf("%s: %v", name, s.Problems)
		}
		if name == "tar" {
			continue
		}
		if _, got, err := read(t, ReadSSVC, data[:len(data)*2/3], intake.Limits{}); !errors.Is(err, intake.ErrDamaged) || len(got) != 0 {
			t.Errorf("%s cut off: %v, %d decisions", name, err, len(got))
		}
		if _, _, err := read(t, ReadSSVC, data, intake.Limits{MaxEntries: 3}); err == nil {
			t.Errorf("%s with more files than allowed was read", name)
		}
	}
	giant := intaketest.Tar(t, append(members, intaketest.Member{root + "2025/CVE-2025-0009.json", strings.Repeat(" ", 5000)})...)
	s, got, err := read(t, ReadSSVC, giant, intake.Limits{MaxRecord: 2000})
	if err != nil || len(got) != 2 || len(s.Problems) != 2 || !strings.Contains(s.Problems[1].Reason, "longer than the limit") {
		t.Errorf("%v, %d decisions, %v", err, len(got), s.Problems)
	}
}

func TestReadSSVCTable(t *testing.T) {
	t.Parallel()
	text := tableHead +
		"CVE-2024-0002\tnone\tno\ttotal\t2024-05-16T00:00:00Z\t\t\n" +
		"CVE-2024-0001\tPoC\tYes\tTotal\t2024-05-16T00:00:00+00:00\tCVSS:3.1/AV:N\t2024-01-01\n" +
		"CVE-2024-0002\tactive\tno\ttotal\t2024-05-17T00:00:00Z\t\t\n" +
		"CVE-2024-0003\tsome\tno\ttotal\t2024-05-17T00:00:00Z\t\t\n" +
		"CVE-2024-0004\tnone\n" +
		"none\tnone\tno\ttotal\t2024-05-17T00:00:00Z\t\t\n"
	s, got, err := read(t, ReadSSVC, []byte(text), intake.Limits{})
	want := []advisory.Overlay{decided("CVE-2024-0001", "poc", "yes", "total", "2024-05-16"), decided("CVE-2024-0002", "active", "no", "total", "2024-05-17")}
	problems := []advisory.Problem{
		{Record: "CVE-2024-0003", Reason: `exploitation "some" is not one of none, poc, active`},
		{Record: "line 6", Reason: "2 columns instead of 7"},
		{Record: "line 7", Reason: `"none" is not a CVE id`},
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(problems, s.Problems); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	if _, _, err := read(t, ReadSSVC, []byte(text), intake.Limits{MaxEntries: 1}); !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("%v, want too long", err)
	}
	if _, _, err := read(t, ReadSSVC, []byte("cve\texploitation\n"), intake.Limits{}); !errors.Is(err, intake.ErrDamaged) {
		t.Errorf("%v, want damage", err)
	}
}

// Every decision of the real table is read, and the words that differ in case are counted with the others.
func TestReadSSVCReal(t *testing.T) {
	t.Parallel()
	s, got, err := read(t, ReadSSVC, intaketest.Sample(t, "feeds", "ssvc", "ssvc-2024-10-24.tsv.gz"), intake.Limits{})
	if err != nil || s.Records != 44_026 || s.Skipped != 0 || len(s.Problems) != 0 || s.Newest.Format(time.DateOnly) != "2024-10-24" {
		t.Errorf("%v: %+v", err, s)
	}
	counts := map[string]int{}
	for _, o := range got {
		counts[o.SSVC.Exploitation]++
		counts["automatable "+o.SSVC.Automatable]++
		counts[o.SSVC.Impact]++
		if o.SSVC.At == "" {
			t.Errorf("%s has no date", o.CVE)
		}
	}
	// counted apart, with cut | sort | uniq -ci
	want := map[string]int{"none": 36_169, "poc": 7_643, "active": 214, "automatable no": 36_156, "automatable yes": 7_870, "partial": 30_142, "total": 13_884}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}

func FuzzSSVC(f *testing.F) {
	one := cveOf("CVE-2025-0001", cisa, content("CVE-2025-0001", "active", "yes", "total", "2025-03-04T05:06:07Z"))
	f.Add([]byte(one))
	f.Add([]byte(tableHead + "CVE-2024-0002\tnone\tno\ttotal\t2024-05-16T00:00:00Z\t\t\n"))
	f.Add(intaketest.Zip(f, intaketest.Member{"a/CVE-2025-0001.json", one}, intaketest.Member{"a/CVE-2025-0002.json", "{"}))
	f.Add(intaketest.Gzip(f, intaketest.Tar(f, intaketest.Member{"a/CVE-2025-0001.json", one})))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, all, err := read(t, ReadSSVC, data, intake.Limits{MaxTotal: 1 << 20, MaxRecord: 1 << 16, MaxEntries: 1000})
		if err == nil && s.Records == 0 || s.Records != len(all) || len(s.Problems) > intake.MaxProblems {
			t.Errorf("%v: %+v, %d decisions", err, s, len(all))
		}
		last := ""
		for _, o := range all {
			if !intake.IsCVE(o.CVE) || o.CVE <= last || o.SSVC.Exploitation == "" || o.SSVC.Automatable == "" || o.SSVC.Impact == "" {
				t.Errorf("%+v %+v", o, o.SSVC)
			}
			last = o.CVE
		}
	})
}

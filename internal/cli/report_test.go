package cli

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// hostile is what a host or a feed could call something.
const hostile = "=cmd|'/C calc'!A0<script>alert(1)</script>\"><img src=x onerror=alert(1)>\x1b[2J\u202e&amp;"

func sampleReport() apiv1.ComplianceReport {
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	seen, since := at.Add(-3*time.Minute), at.AddDate(0, 0, -20)
	open := apiv1.OpenFinding{Vulnerability: "CVE-2026-1", Advisory: "DSA-1", Feed: "osv/Debian", Source: "openssl", Packages: []string{"libssl3", "openssl"},
		Installed: "3.0.15-1~deb12u1", FixedIn: "3.0.17-1~deb12u3", Status: apiv1.StatusFixed, Priority: "urgent", KEV: true, Since: since, SinceWhy: "advisory published"}
	fixed := apiv1.FixedFinding{Vulnerability: "CVE-2026-2", Advisory: "DSA-2", Feed: "osv/Debian", Source: "nginx", Packages: []string{"nginx"}, From: "1.22.1-9", To: "1.22.1-9+deb12u3",
		Priority: "high", Since: since, SinceWhy: "package seen", FixedAt: seen, By: apiv1.FixedByRollout, Rollout: "rollout_1", Run: "run_1", RunState: "succeeded", Plan: "plan_1",
		ApprovedBy: []string{"user:admin", "alice"}, ApprovedAt: &since}
	byHand := fixed
	byHand.By, byHand.Rollout, byHand.Run, byHand.RunState, byHand.Plan, byHand.ApprovedBy, byHand.ApprovedAt, byHand.To = apiv1.FixedOutside, "", "", "", "", []string{}, nil, ""
	return apiv1.ComplianceReport{
		AsOf: at, Server: "1.0", Selector: "env=prod", Since: at.AddDate(0, 0, -90), NotAssessed: 1, Open: 1, Fixed: 2, Outside: 1,
		Feeds: []apiv1.FeedStatus{{Name: "osv/Debian", Records: 51234, Skipped: 3, AsOf: &seen, Changed: &since}, {Name: "kev", Error: hostile}},
		Hosts: []apiv1.ComplianceHost{
			{HostID: "host_3", Host: hostile, OS: hostile, State: "pending", Reason: "no feed has Plan9", Labels: map[string]string{"env": hostile}, Open: []apiv1.OpenFinding{}, Fixed: []apiv1.FixedFinding{}},
			{HostID: "host_2", Host: "db1", OS: "Debian 12", State: "approved", Assessed: true, LastSeen: &seen, Open: []apiv1.OpenFinding{}, Fixed: []apiv1.FixedFinding{}},
			{HostID: "host_1", Host: "web1", OS: "Debian 12", State: "approved", Assessed: true, LastSeen: &seen, FirstSeen: &since, AsOf: &seen, Labels: map[string]string{"env": "prod"},
				Open: []apiv1.OpenFinding{open}, Fixed: []apiv1.FixedFinding{fixed, byHand}},
		},
	}
}

func TestComplianceReport(t *testing.T) {
	t.Parallel()
	for f, name := range map[format]string{formatTable: "compliance-80.txt", formatCSV: "compliance.csv", formatHTML: "compliance.html"} {
		p, out, errs := screen(f, 80, map[string]string{"NO_COLOR": "1"})
		if err := p.showCompliance(sampleReport()); err != nil {
			t.Fatal(err)
		}
		if f == formatTable {
			out.WriteString("--\n" + errs.String())
		}
		golden(t, name, out.String())
	}
}

// The page names hosts that are not assessed before any other, and every finding with who approved what fixed it.
func TestCompliancePageHasItAllInOrder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := complianceHTML(&out, sampleReport()); err != nil {
		t.Fatal(err)
	}
	page, from := out.String(), 0
	for _, want := range []string{"2026-11-02 12:00 UTC", "osv/Debian", "Hosts that are not assessed", "no feed has Plan9", "<h2>db1</h2>", "<h2>web1</h2>", "CVE-2026-1", "20 days",
		"CVE-2026-2", "rollout rollout_1, run run_1 succeeded", "user:admin, alice, 2026-10-13 12:00 UTC", "removed", "outside Staunch", "</html>"} {
		i := strings.Index(page[from:], want)
		if i < 0 {
			t.Fatalf("%q is missing, or not in its place", want)
		}
		from += i
	}
}

// filled is a page of a report in which everything that a host or a feed says is this text.
func filled(said string) (string, error) {
	r := sampleReport()
	r.Selector, r.Feeds[1].Error, r.Feeds[0].Name = said, said, said
	for i := range r.Hosts {
		h := &r.Hosts[i]
		h.Host, h.OS, h.Reason, h.HostID, h.State = said, said, said, said, said
		h.Labels = map[string]string{said: said}
		for j := range h.Open {
			f := &h.Open[j]
			f.Vulnerability, f.Source, f.Installed, f.FixedIn, f.Status, f.Priority, f.SinceWhy = said, said, said, "x"+said, said, said, said
		}
		for j := range h.Fixed {
			f := &h.Fixed[j]
			f.Vulnerability, f.Source, f.From, f.To, f.Priority, f.SinceWhy, f.ApprovedBy = said, said, said, "x"+said, said, said, []string{said}
		}
	}
	var out bytes.Buffer
	err := complianceHTML(&out, r)
	return out.String(), err
}

// Whatever hosts and feeds say, it adds no element, no attribute and no character that hides or turns text; and the page needs nothing else.
func TestCompliancePageIsSafe(t *testing.T) {
	t.Parallel()
	plain, err := filled("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, outside := range []string{"src=", "href=", "url(", "@import", "<script"} {
		if strings.Contains(plain, outside) {
			t.Errorf("the page needs something else: %s", outside)
		}
	}
	want := skeleton(plain)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.Just(hostile), rapid.StringN(1, 40, -1), rapid.StringMatching(`[<>"'&/= a-z]+`)).Draw(t, "text")
		page, err := filled(text)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(strings.ReplaceAll(page, "\n", ""), isUnsafe) {
			t.Fatalf("%q puts an unsafe character into the page", text)
		}
		if got := skeleton(page); got != want {
			t.Fatalf("%q changes the page:\n%s\n%s", text, got, want)
		}
	})
}

// skeleton is a page's tags with the names of their attributes. Every < begins one, or is where it should not be.
func skeleton(page string) string {
	tags := regexp.MustCompile(`<[^<>]*>?`).FindAllString(page, -1)
	return regexp.MustCompile(`="[^"]*"`).ReplaceAllString(strings.Join(tags, "\n"), `=""`)
}

func TestComplianceCSVLeavesNoHostOutAndIsHarmless(t *testing.T) {
	t.Parallel()
	p, out, _ := screen(formatCSV, 0, nil)
	if err := p.showCompliance(sampleReport()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(out).ReadAll()
	if err != nil || len(rows) != 6 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var states []string
	for _, row := range rows[1:] {
		states = append(states, row[2])
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) || strings.ContainsFunc(cell, isUnsafe) {
				t.Errorf("cell %q", cell)
			}
		}
	}
	if got := strings.Join(states, ","); got != "not assessed,none,open,fixed,fixed" {
		t.Error(got)
	}
}

func TestSinceIsADateOrHowLongAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"90d": "2026-08-04T12:00:00Z", "0d": "2026-11-02T12:00:00Z", "12h": "2026-11-02T00:00:00Z", "2026-07-01": "2026-07-01T00:00:00Z", "2026-07-01T10:00:00Z": "2026-07-01T10:00:00Z",
		"": "", "yesterday": "", "-3d": "", "-3h": "", "d": "", "2026-13-01": "", "9999999999d": "",
	} {
		got, err := pastInstant(text, now)
		if want == "" {
			if Exit(err) != exitUsage {
				t.Errorf("%q: %s, %v", text, got, err)
			}
			continue
		}
		if err != nil || stamp(&got) != want {
			t.Errorf("%q: %s, %v", text, stamp(&got), err)
		}
	}
}

// records is a log of n events whose chain holds.
func records(n int) []apiv1.EventRecord {
	var log []apiv1.EventRecord
	before := ""
	for i := range n {
		e := apiv1.EventRecord{Seq: int64(i + 1), At: int64(i), Kind: "k", Actor: "server", Text: fmt.Sprint(i), Data: map[string]string{"a": "<b>"}}
		e.Hash = e.Chain(before)
		before = e.Hash
		log = append(log, e)
	}
	return log
}

func TestVerificationNeedsNoTrustInTheServer(t *testing.T) {
	t.Parallel()
	whole := records(9)
	last := func(log []apiv1.EventRecord) apiv1.EventVerification {
		e := log[len(log)-1]
		return apiv1.EventVerification{Whole: true, Events: int64(len(log)), Seq: e.Seq, Hash: e.Hash}
	}
	rewritten := records(9)
	rewritten[4].Text = "nothing happened"
	for i := 4; i < 9; i++ { // with all hashes after it
		rewritten[i].Hash = rewritten[i].Chain(rewritten[i-1].Hash)
	}
	changed := records(9)
	changed[4].Text = "nothing happened"
	for name, tc := range map[string]struct {
		log    []apiv1.EventRecord
		server apiv1.EventVerification
		kept   expected
		broken int64
	}{
		"whole":                                 {whole, last(whole), expected{}, 0},
		"the log grew between the two":          {whole, last(whole[:7]), expected{}, 0},
		"kept, and still so":                    {whole, last(whole), expected{7, whole[6].Hash}, 0},
		"changed, and the server denies it":     {changed, last(whole), expected{}, 5},
		"the server says where":                 {whole, apiv1.EventVerification{Broken: 3, Reason: "x"}, expected{}, 3},
		"the end is kept back":                  {whole[:5], last(whole), expected{}, 6},
		"rewritten with its hashes":             {rewritten, last(rewritten), expected{}, 0}, // nobody can tell
		"rewritten, and an older head was kept": {rewritten, last(rewritten), expected{7, whole[6].Hash}, 7},
		"rewritten after what was kept":         {rewritten, last(rewritten), expected{4, whole[3].Hash}, 0},
		"cut off before what was kept":          {whole[:5], last(whole[:5]), expected{7, whole[6].Hash}, 6},
		"emptied":                               {nil, apiv1.EventVerification{Whole: true}, expected{7, whole[6].Hash}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &chain{kept: tc.kept}
			for _, e := range tc.log {
				c.add(e)
			}
			if v := c.verdict(tc.server); v.Broken != tc.broken || v.Whole != (tc.broken == 0) || (v.Reason == "") != v.Whole {
				t.Errorf("%+v, want broken at %d", v, tc.broken)
			}
		})
	}
}

var errWrite = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errWrite }

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	if err := complianceHTML(full{}, sampleReport()); !errors.Is(err, errWrite) {
		t.Errorf("%v", err)
	}
}

package assess

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

func sortedStrings(s []string) []string {
	slices.Sort(s)
	return s
}

// finding puts a case into its wire shape, without a host.
func finding(c Case, v Verdict, on Installed, feedAsOf time.Time) apiv1.Finding {
	f := apiv1.Finding{
		Vulnerability: c.Vulnerability, Advisory: c.Hit.Advisory.ID, Source: c.Subject.Source, Packages: names(on.Packages),
		Installed: c.Subject.Version, Fixed: c.Hit.Range.Fixed, Status: v.Status, Priority: v.Priority, Severity: c.Hit.Advisory.Severity,
		KEV: wireKEV(c.KEV), Reasons: []apiv1.Reason{}, Ecosystem: c.Subject.Ecosystem, Feed: c.Hit.Advisory.Feed, Explanation: Explain(c, v, on, feedAsOf),
	}
	if len(f.Packages) > 0 {
		f.Package = f.Packages[0]
	}
	if !feedAsOf.IsZero() {
		f.FeedAsOf = &feedAsOf
	}
	return f
}

func wireKEV(k *advisory.KEV) *apiv1.KEV {
	if k == nil {
		return nil
	}
	return &apiv1.KEV{Added: k.Added, Due: k.Due, Ransomware: k.Ransomware, Name: k.Name}
}

// bestHits picks, for each vulnerability, the one hit that a finding is told by: one that knows a fix before one that does not, the
// earliest feed and id otherwise. hits are in Match's order.
func bestHits(hits []Hit) map[string]Hit {
	best := map[string]Hit{}
	for _, h := range hits {
		for _, vulnerability := range vulnerabilities(h.Advisory) {
			b, there := best[vulnerability]
			if !there || (b.Range.Fixed == "" && h.Range.Fixed != "") {
				best[vulnerability] = h
			}
		}
	}
	return best
}

// Judged is what is wrong with one set of packages, without a fleet: for staunch scan.
type Judged struct {
	Findings  []apiv1.Finding // worst first
	Count     apiv1.FindingCounts
	Foreign   []string // names of packages that come from somewhere else, about which the distribution's feed says nothing
	Unordered []string // names of packages whose version the ecosystem cannot order
}

// JudgeAll matches and judges a set of packages. running is uname -r or empty; feedAsOf gives each feed's date.
func JudgeAll(packages []inventory.Package, running string, advisories []advisory.Advisory, kev []advisory.KEV, feedAsOf map[string]time.Time) Judged {
	rules, exploited := newRules(), map[string]*advisory.KEV{}
	for i := range advisories {
		rules.add(&advisories[i])
	}
	for i := range kev {
		exploited[kev[i].CVE] = &kev[i]
	}
	kernels := KernelsOf(packages, running)
	out := Judged{Findings: []apiv1.Finding{}, Count: apiv1.FindingCounts{Assessed: true}}
	worst := map[string]string{}
	for _, g := range groupBySubject(packages) {
		switch {
		case g.subject.Foreign:
			out.Foreign = append(out.Foreign, names(g.packages)...)
		case g.subject.Unordered():
			out.Unordered = append(out.Unordered, names(g.packages)...)
		}
		for vulnerability, hit := range bestHits(rules.match(g.subject)) {
			c := Case{Vulnerability: vulnerability, Subject: g.subject, Hit: hit, KEV: exploited[vulnerability], Role: kernels.Role(g.subject)}
			v := Judge(c)
			out.Findings = append(out.Findings, finding(c, v, Installed{Packages: g.packages}, feedAsOf[hit.Advisory.Feed]))
			if w, seen := worst[vulnerability]; !seen || rank(v.Priority) < rank(w) {
				worst[vulnerability] = v.Priority
			}
		}
	}
	for _, priority := range worst {
		tally(&out.Count, priority)
	}
	slices.SortFunc(out.Findings, compareFindings)
	out.Foreign, out.Unordered = sortedStrings(out.Foreign), sortedStrings(out.Unordered)
	return out
}

// compareFindings is the order of lists: worst first, then the newest vulnerability, then source and version.
func compareFindings(a, b apiv1.Finding) int {
	if d := rank(a.Priority) - rank(b.Priority); d != 0 {
		return d
	}
	if d := compareNames(b.Vulnerability, a.Vulnerability); d != 0 {
		return d
	}
	if d := strings.Compare(a.Source, b.Source); d != 0 {
		return d
	}
	if d := strings.Compare(a.Installed, b.Installed); d != 0 {
		return d
	}
	return strings.Compare(a.Package, b.Package)
}

// compareNames orders CVE ids by year and number, other names after none and by text: CVE-2024-9 is before CVE-2024-10.
func compareNames(a, b string) int {
	return cmp.Or(strings.Compare(nameKey(a), nameKey(b)), strings.Compare(a, b))
}

// nameKey pads the runs of digits in a name, so that text order is number order.
func nameKey(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		j := i
		for j < len(name) && name[j] >= '0' && name[j] <= '9' {
			j++
		}
		if j == i {
			b.WriteByte(name[i])
			i++
			continue
		}
		b.WriteString(strings.Repeat("0", max(0, 12-(j-i))))
		b.WriteString(name[i:j])
		i = j
	}
	return b.String()
}

type subjectGroup struct {
	subject  Subject
	packages []inventory.Package
}

// groupBySubject puts packages that are judged together together, in the order in which they first appear.
func groupBySubject(packages []inventory.Package) []subjectGroup {
	at := map[Subject]int{}
	var groups []subjectGroup
	for _, p := range packages {
		s := SubjectOf(p)
		i, ok := at[s]
		if !ok {
			i = len(groups)
			at[s] = i
			groups = append(groups, subjectGroup{subject: s})
		}
		groups[i].packages = append(groups[i].packages, p)
	}
	return groups
}

package assess

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Assessor judges hosts one after the other from a library, without a fleet: for staunch scan. What many hosts have it matches once. It is
// for one goroutine.
type Assessor struct {
	library  advisory.Library
	now      time.Time
	compiler *compiler
	known    map[Subject][]settled
}

// settled is one vulnerability of a subject, with what lists need ready.
type settled struct {
	vulnerability string
	order         string // nameKey of the vulnerability
	hit           Hit
	threat        advisory.Threat
}

// NewAssessor makes one. now is the instant at which things are as old as they are.
func NewAssessor(library advisory.Library, now time.Time) *Assessor {
	return &Assessor{library: library, now: now, compiler: newCompiler(), known: map[Subject][]settled{}}
}

// Judged is what is wrong with one set of packages.
type Judged struct {
	Cases      []Judgement // worst first
	Count      apiv1.FindingCounts
	Foreign    []string // names of packages that come from somewhere else, about which the distribution's feed says nothing
	Unordered  []string // names of packages whose version the ecosystem cannot order
	Streamless []string // names of modular packages whose stream is not known: only fixes of the very same upstream version were compared
	now        time.Time
}

// Judgement is one finding that is not told yet: telling takes longer than judging, and most lists are cut.
type Judgement struct {
	Case
	Verdict
	On    Installed
	order string
}

// Findings tells every finding, worst first. feedAsOf gives each feed's date.
func (j Judged) Findings(feedAsOf map[string]time.Time) []apiv1.Finding {
	out := make([]apiv1.Finding, 0, len(j.Cases))
	for i := range j.Cases {
		one := &j.Cases[i]
		out = append(out, finding(one.Case, one.Verdict, one.On, feedAsOf[one.Hit.Advisory.Feed], j.now))
	}
	return out
}

// Brief is Findings without reasons and explanations, for lists that do not show them.
func (j Judged) Brief(feedAsOf map[string]time.Time) []apiv1.Finding {
	out := make([]apiv1.Finding, 0, len(j.Cases))
	for i := range j.Cases {
		one := &j.Cases[i]
		out = append(out, brief(one.Case, one.Verdict, one.On, feedAsOf[one.Hit.Advisory.Feed]))
	}
	return out
}

// JudgeAll judges a host's packages.
func JudgeAll(packages []inventory.Package, state HostState, library advisory.Library, now time.Time) (Judged, error) {
	return NewAssessor(library, now).JudgeAll(packages, state)
}

// JudgeAll judges a host's packages, and what of them still runs though it is not on disk any more.
func (a *Assessor) JudgeAll(packages []inventory.Package, state HostState) (Judged, error) {
	setting := SettingOf(packages, state)
	out := Judged{Count: apiv1.FindingCounts{Assessed: true}, now: a.now}
	groups := groupBySubject(packages)
	for _, g := range groups {
		switch {
		case g.subject.Foreign:
			out.Foreign = append(out.Foreign, names(g.packages)...)
		case g.subject.Unordered():
			out.Unordered = append(out.Unordered, names(g.packages)...)
		case g.subject.Streamless():
			out.Streamless = append(out.Streamless, names(g.packages)...)
		}
		all, err := a.of(g.subject)
		if err != nil {
			return Judged{}, err
		}
		out.judge(all, g.subject, setting.Standing(g.subject), Installed{Packages: g.packages}, nil)
	}
	for _, old := range OldOf(packages, state) {
		all, err := a.of(old.Subject)
		if err != nil {
			return Judged{}, err
		}
		instead, err := a.of(old.Now)
		if err != nil {
			return Judged{}, err
		}
		out.judge(all, old.Subject, setting.Loaded(old.Subject), Installed{Packages: old.Packages, Units: old.Units}, instead)
	}
	out.sort()
	out.Foreign, out.Unordered, out.Streamless = sortedStrings(out.Foreign), sortedStrings(out.Unordered), sortedStrings(out.Streamless)
	return out, nil
}

// judge adds the findings of one subject, but for what the version that is installed in its place has as well.
func (j *Judged) judge(all []settled, s Subject, standing Standing, on Installed, instead []settled) {
	for i := range all {
		one := &all[i]
		if slices.ContainsFunc(instead, func(n settled) bool { return n.vulnerability == one.vulnerability }) {
			continue
		}
		c := Case{Vulnerability: one.vulnerability, Subject: s, Hit: one.hit, Threat: one.threat, Standing: standing}
		if v := Judge(c, j.now); v.IsFinding() {
			j.Cases = append(j.Cases, Judgement{c, v, on, one.order})
		}
	}
}

// sort puts the findings into the order of lists and counts each vulnerability once, by its worst.
func (j *Judged) sort() {
	slices.SortFunc(j.Cases, func(a, b Judgement) int {
		if d := rank(a.Priority) - rank(b.Priority); d != 0 {
			return d
		}
		if d := strings.Compare(b.order, a.order); d != 0 {
			return d
		}
		if d := strings.Compare(b.Vulnerability, a.Vulnerability); d != 0 {
			return d
		}
		if d := strings.Compare(a.Subject.Source, b.Subject.Source); d != 0 {
			return d
		}
		if d := strings.Compare(a.Subject.Version, b.Subject.Version); d != 0 {
			return d
		}
		return strings.Compare(a.Subject.Name, b.Subject.Name)
	})
	seen := make(map[string]bool, len(j.Cases))
	for i := range j.Cases {
		if one := &j.Cases[i]; !seen[one.Vulnerability] {
			seen[one.Vulnerability] = true
			tally(&j.Count, one.Priority)
		}
	}
}

// of gives what is wrong with a subject.
func (a *Assessor) of(s Subject) ([]settled, error) {
	if known, ok := a.known[s]; ok {
		return known, nil
	}
	var out []settled
	if !s.Foreign && s.Ecosystem != "" {
		advisories, err := a.about(s)
		if err != nil {
			return nil, fmt.Errorf("asking for advisories about %s: %w", s.Name, err)
		}
		rules := make([]*rule, 0, len(advisories))
		for i := range advisories {
			for _, r := range a.compiler.compile(&advisories[i]) {
				if r.ecosystem == s.Ecosystem && r.name == s.Name {
					rules = append(rules, r)
				}
			}
		}
		slices.SortFunc(rules, compareRules)
		for vulnerability, hit := range Settle(matchRules(s, rules)) {
			threat, err := a.library.Threat(vulnerability)
			if err != nil {
				return nil, fmt.Errorf("asking what is known of %s: %w", vulnerability, err)
			}
			out = append(out, settled{vulnerability, nameKey(vulnerability), hit, threat})
		}
	}
	a.known[s] = out
	return out, nil
}

// about asks for what matters of a subject's version, where the library can tell.
func (a *Assessor) about(s Subject) ([]advisory.Advisory, error) {
	if n, ok := a.library.(advisory.Narrower); ok {
		scheme, _ := vercmp.ForEcosystem(s.Ecosystem)
		if key := newVersion(scheme, s.Version).key; key != "" {
			return n.AboutVersion(s.Ecosystem, s.Name, key)
		}
	}
	return a.library.About(s.Ecosystem, s.Name)
}

type subjectGroup struct {
	subject  Subject
	packages []inventory.Package
}

// groupBySubject puts packages that are judged together together, in the order in which they first appear.
func groupBySubject(packages []inventory.Package) []subjectGroup {
	at := make(map[Subject]int, len(packages))
	groups := make([]subjectGroup, 0, len(packages))
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

package assess

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Assessor judges hosts one after the other from a library, without a fleet: for staunch scan. What many hosts have it matches and judges
// once. It is for one goroutine.
type Assessor struct {
	library  advisory.Library
	now      time.Time
	compiler *compiler
	known    map[Subject]*subjectKnown
	ended    map[string]string // by ecosystem
	numbers  map[string]int32  // of vulnerabilities
	seen     []sighting        // by number
	turn     int32             // counts hosts
}

// subjectKnown is what an Assessor has found out about a subject.
type subjectKnown struct {
	subject               Subject
	unordered, streamless bool
	ended                 string // of Case
	all                   []settled
	judged                []*judgedIn

	turn, group int32 // its group on the host of that turn
}

// settled is one vulnerability of a subject.
type settled struct {
	vulnerability string
	number        int32
	hit           Hit
	threat        advisory.Threat
}

// judgedIn are the findings of a subject in one standing.
type judgedIn struct {
	standing Standing
	cases    []judged
}

// judged is a finding on whatever host. There may be thousands: what they have in common they point to.
type judged struct {
	of  *subjectKnown
	in  *judgedIn
	one *settled
	Verdict
	number int32 // of one, at hand for counting
	rank   int8
}

// whole puts a case together.
func (j *judged) whole() Case {
	return Case{Vulnerability: j.one.vulnerability, Subject: j.of.subject, Hit: j.one.hit, Threat: j.one.threat, Standing: j.in.standing, Ended: j.of.ended}
}

// sighting is the worst that the host of a turn has of one vulnerability.
type sighting struct {
	turn int32
	rank int8
}

// NewAssessor makes one. now is the instant at which things are as old as they are.
func NewAssessor(library advisory.Library, now time.Time) *Assessor {
	return &Assessor{library: library, now: now, compiler: newCompiler(), known: map[Subject]*subjectKnown{}, ended: map[string]string{}, numbers: make(map[string]int32, 1<<10)}
}

// Judged is what is wrong with one set of packages. Its findings are in no order yet and not told: telling takes longer than judging.
type Judged struct {
	Count      apiv1.FindingCounts
	Foreign    []string // names of packages that come from somewhere else, about which the distribution's feed says nothing
	Unordered  []string // names of packages whose version the ecosystem cannot order
	Streamless []string // names of modular packages whose stream is not known: only fixes of the very same upstream version were compared
	parts      []judgedPart
	now        time.Time
}

// judgedPart are the findings of one subject on the host.
type judgedPart struct {
	on    Installed
	cases []judged
}

// Judgement is one finding that is not told yet.
type Judgement struct {
	Case
	Verdict
	On Installed
}

// Len is the number of findings.
func (j Judged) Len() int {
	n := 0
	for i := range j.parts {
		n += len(j.parts[i].cases)
	}
	return n
}

// each gives the findings, worst first, then the newest vulnerability, then source and version.
func (j Judged) each(fn func(one *judged, on *Installed)) {
	type place struct {
		one   *judged
		on    *Installed
		order string // nameKey of the vulnerability
	}
	all := make([]place, 0, j.Len())
	for i := range j.parts {
		for k := range j.parts[i].cases {
			all = append(all, place{&j.parts[i].cases[k], &j.parts[i].on, nameKey(j.parts[i].cases[k].one.vulnerability)})
		}
	}
	slices.SortFunc(all, func(x, y place) int {
		a, b := x.one, y.one
		if d := int(a.rank) - int(b.rank); d != 0 {
			return d
		}
		if d := strings.Compare(y.order, x.order); d != 0 {
			return d
		}
		s, t := &a.of.subject, &b.of.subject
		return cmp.Or(strings.Compare(b.one.vulnerability, a.one.vulnerability), strings.Compare(s.Source, t.Source),
			strings.Compare(s.Version, t.Version), strings.Compare(s.Name, t.Name))
	})
	for _, p := range all {
		fn(p.one, p.on)
	}
}

// Cases are the findings, worst first.
func (j Judged) Cases() []Judgement {
	out := make([]Judgement, 0, j.Len())
	j.each(func(one *judged, on *Installed) { out = append(out, Judgement{one.whole(), one.Verdict, *on}) })
	return out
}

// Findings tells every finding, worst first. feedAsOf gives each feed's date.
func (j Judged) Findings(feedAsOf map[string]time.Time) []apiv1.Finding {
	out := make([]apiv1.Finding, 0, j.Len())
	j.each(func(one *judged, on *Installed) {
		c := one.whole()
		c.KEVDate = day(feedAsOf["kev"])
		out = append(out, finding(c, one.Verdict, *on, feedAsOf[one.one.hit.Advisory.Feed], j.now))
	})
	return out
}

// Brief is Findings without reasons and explanations, for lists that do not show them.
func (j Judged) Brief(feedAsOf map[string]time.Time) []apiv1.Finding {
	out := make([]apiv1.Finding, 0, j.Len())
	j.each(func(one *judged, on *Installed) {
		out = append(out, brief(one.whole(), one.Verdict, *on, feedAsOf[one.one.hit.Advisory.Feed]))
	})
	return out
}

// JudgeAll judges a host's packages.
func JudgeAll(packages []inventory.Package, state HostState, library advisory.Library, now time.Time) (Judged, error) {
	return NewAssessor(library, now).JudgeAll(packages, state)
}

// JudgeAll judges a host's packages, and what of them still runs though it is not on disk any more.
func (a *Assessor) JudgeAll(packages []inventory.Package, state HostState) (Judged, error) {
	a.turn++
	out := Judged{Count: apiv1.FindingCounts{Assessed: true}, now: a.now}
	setting := SettingOf(packages, state)
	for i := range packages {
		k, err := a.of(SubjectOf(packages[i]))
		if err != nil {
			return Judged{}, err
		}
		if name := packages[i].Name; k.subject.Foreign {
			out.Foreign = append(out.Foreign, name)
		} else if k.unordered {
			out.Unordered = append(out.Unordered, name)
		} else if k.streamless {
			out.Streamless = append(out.Streamless, name)
		}
		if len(k.all) == 0 {
			continue
		}
		if k.turn != a.turn { // the first package of its subject here
			k.turn, k.group = a.turn, int32(len(out.parts)) //nolint:gosec // fewer than packages
			out.parts = append(out.parts, judgedPart{cases: a.judge(k, setting.Standing(k.subject), nil)})
		}
		on := &out.parts[k.group].on
		on.Packages = append(on.Packages, packages[i])
	}
	for _, old := range OldOf(packages, state) {
		k, err := a.of(old.Subject)
		if err != nil {
			return Judged{}, err
		}
		disk, err := a.of(old.Now)
		if err != nil {
			return Judged{}, err
		}
		cases := a.judge(k, setting.Loaded(old), disk)
		out.parts = append(out.parts, judgedPart{on: Installed{Packages: old.Packages, Units: old.Units}, cases: cases})
	}
	a.count(&out)
	out.Foreign, out.Unordered, out.Streamless = distinctStrings(out.Foreign), distinctStrings(out.Unordered), distinctStrings(out.Streamless)
	return out, nil
}

// count counts each vulnerability once, by its worst finding.
func (a *Assessor) count(j *Judged) {
	words := priorities()
	counts := make([]int, len(words)+1)
	for i := range j.parts {
		for k := range j.parts[i].cases {
			one := &j.parts[i].cases[k]
			switch s := &a.seen[one.number]; {
			case s.turn != a.turn:
				*s = sighting{a.turn, one.rank}
				counts[one.rank]++
			case one.rank < s.rank:
				counts[s.rank]--
				counts[one.rank]++
				s.rank = one.rank
			}
		}
	}
	for i, word := range words {
		for range counts[i] {
			tally(&j.Count, word)
		}
	}
}

// judge gives the findings of a subject in a standing. disk is what has taken its place on disk; nil: it is there itself.
func (a *Assessor) judge(k *subjectKnown, standing Standing, disk *subjectKnown) []judged {
	for i := range k.judged {
		if k.judged[i].standing == standing {
			return k.judged[i].cases
		}
	}
	in := &judgedIn{standing: standing, cases: make([]judged, 0, len(k.all))}
	for i := range k.all {
		one := judged{of: k, in: in, one: &k.all[i], number: k.all[i].number}
		c := one.whole()
		c.OnDisk = disk.has(one.number) // what is a finding is not
		if one.Verdict = Judge(c, a.now); one.IsFinding() {
			one.rank = int8(rank(one.Priority)) //nolint:gosec // five priorities
			in.cases = append(in.cases, one)
		}
	}
	k.judged = append(k.judged, in)
	return in.cases
}

// has says whether a subject has a vulnerability, by its number.
func (k *subjectKnown) has(number int32) bool {
	return k != nil && slices.ContainsFunc(k.all, func(one settled) bool { return one.number == number })
}

// of gives what is wrong with a subject.
func (a *Assessor) of(s Subject) (*subjectKnown, error) {
	if k := a.known[s]; k != nil {
		return k, nil
	}
	k := &subjectKnown{subject: s, unordered: s.Unordered(), streamless: s.Streamless()}
	if !s.Foreign && s.Ecosystem != "" {
		var err error
		if k.ended, err = a.endOf(s.Ecosystem); err != nil {
			return nil, err
		}
		names := s.spokenOf()
		var rules []*rule
		for _, name := range names {
			advisories, err := a.about(s, name, len(names) == 1)
			if err != nil {
				return nil, fmt.Errorf("asking for advisories about %s: %w", name.name, err)
			}
			rules = slices.Grow(rules, len(advisories))
			for i := range advisories {
				for _, r := range a.compiler.compile(&advisories[i]) {
					if r.named == name {
						rules = append(rules, r)
					}
				}
			}
		}
		slices.SortFunc(rules, compareRules)
		hits := matchRules(s, rules)
		k.all = make([]settled, 0, len(hits))
		for vulnerability, hit := range settling(hits) {
			threat, err := a.library.Threat(vulnerability)
			if err != nil {
				return nil, fmt.Errorf("asking what is known of %s: %w", vulnerability, err)
			}
			k.all = append(k.all, settled{vulnerability, a.number(vulnerability), hit, threat})
		}
	}
	a.known[s] = k
	return k, nil
}

// endOf is the day on which the last support of an ecosystem's release ended.
func (a *Assessor) endOf(ecosystem string) (string, error) {
	if known, ok := a.ended[ecosystem]; ok {
		return known, nil
	}
	product, _ := advisory.ProductOf(ecosystem)
	all, err := a.library.Lifecycles(product)
	if err != nil {
		return "", fmt.Errorf("asking how long %s is looked after: %w", ecosystem, err)
	}
	a.ended[ecosystem] = Ended(all, ecosystem, a.now)
	return a.ended[ecosystem], nil
}

func (a *Assessor) number(vulnerability string) int32 {
	n, ok := a.numbers[vulnerability]
	if !ok {
		n = int32(len(a.seen)) //nolint:gosec // some hundred thousand
		a.numbers[vulnerability] = n
		a.seen = append(a.seen, sighting{})
	}
	return n
}

// about asks for what matters of a subject's version, where the library can tell.
// Where several names speak of it, what one leaves out may count beside what another says.
func (a *Assessor) about(s Subject, name named, alone bool) ([]advisory.Advisory, error) {
	if n, ok := a.library.(advisory.Narrower); ok && alone {
		scheme, _ := vercmp.ForEcosystem(s.Ecosystem)
		if key := newVersion(scheme, s.Version).key; key != "" {
			return n.AboutVersion(name.ecosystem, name.name, key)
		}
	}
	return a.library.About(name.ecosystem, name.name)
}

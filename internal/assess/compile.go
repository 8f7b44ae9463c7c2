package assess

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// rule is what one advisory says of one package in one release, ready to compare. It is shared by every subject that it speaks of and
// never changed.
type rule struct {
	*about
	advisory *advisory.Advisory
	entries  []entry
}

// about is what rules are found by, and how its versions compare.
type about struct {
	named
	scheme vercmp.Scheme
}

// entry is one Affected of an advisory.
type entry struct {
	*said
	spans    []span
	versions []*version
	rating   *rating // nil: nobody rated it
}

// said is what an entry says beside its versions. Many say the same and share it.
type said struct {
	status      advisory.Status
	note        string
	stream      string
	entitlement string
}

// span is introduced <= v < fix, or introduced <= v <= last; nil: no such end.
type span struct {
	introduced, last *version
	fix              *fix
}

// fix is a version that has it, who says so, and what it needs.
type fix struct {
	advisory *advisory.Advisory
	*said
	*version
	track string // the minor release it was built for, as 9_2; empty: none
}

// opener is what a fix needs, for people: "aus or tus" where one of them is enough.
func (f *fix) opener() string { return strings.ReplaceAll(f.entitlement, ",", " or ") }

// compiler makes rules out of advisories. What rules have in common (names, versions, words) they share within one compiler, so whoever
// compiles a feed uses one for all of it.
type compiler struct {
	abouts   map[named]*about
	saids    map[said]*said
	versions map[spelled]*version
	ratings  map[rating]*rating
	scores   map[string]rating
}

type spelled struct {
	scheme vercmp.Scheme
	text   string
}

func newCompiler() *compiler {
	return &compiler{abouts: map[named]*about{}, saids: map[said]*said{}, versions: map[spelled]*version{}, ratings: map[rating]*rating{}, scores: map[string]rating{}}
}

// compile makes the rules of an advisory, one for each package it names; none when it is withdrawn, or fixes no vulnerability.
func (c *compiler) compile(a *advisory.Advisory) []*rule {
	if !a.Withdrawn.IsZero() || noVulnerability(a) {
		return nil
	}
	rules := make([]*rule, 0, 1)
	for i := range a.Affected {
		affected := &a.Affected[i]
		if affected.Status == advisory.StatusNotice {
			continue
		}
		of := c.about(affected.Ecosystem, affected.Package)
		if of == nil {
			continue
		}
		at := slices.IndexFunc(rules, func(r *rule) bool { return r.about == of })
		if at < 0 { // an advisory may name a package several times
			at = len(rules)
			rules = append(rules, &rule{about: of, advisory: a})
		}
		rules[at].entries = append(rules[at].entries, c.entry(of.scheme, a, affected))
	}
	for _, r := range rules {
		c.join(r)
	}
	return rules
}

// join makes one fix of those at the same version that several entitlements open, so that each of them does: Red Hat names what AUS, TUS and
// E4S have in common once for each, SUSE what LTSS and ESPOS have.
func (c *compiler) join(r *rule) {
	selling := 0
	for i := range r.entries {
		selling += count(r.entries[i].entitlement != "")
	}
	if selling < 2 {
		return
	}
	paid := map[*version][]*fix{}
	for i := range r.entries {
		for _, s := range r.entries[i].spans {
			if s.fix != nil && s.fix.entitlement != "" {
				paid[s.fix.version] = append(paid[s.fix.version], s.fix)
			}
		}
	}
	for _, same := range paid {
		var all []string
		for _, f := range same {
			all = append(all, f.entitlement)
		}
		slices.Sort(all)
		if all = slices.Compact(all); len(all) < 2 {
			continue
		}
		for _, f := range same {
			with := *f.said
			with.entitlement = strings.Join(all, ",")
			f.said = c.said(with)
		}
	}
}

// about is nil for a release whose versions we cannot order.
func (c *compiler) about(ecosystem, name string) *about {
	n := named{ecosystem, name}
	if known, ok := c.abouts[n]; ok {
		return known
	}
	scheme, ok := vercmp.ForEcosystem(ecosystem)
	if !ok {
		c.abouts[n] = nil
		return nil
	}
	c.abouts[n] = &about{n, scheme}
	return c.abouts[n]
}

func (c *compiler) entry(scheme vercmp.Scheme, a *advisory.Advisory, affected *advisory.Affected) entry {
	e := entry{said: c.said(said{affected.Status, affected.Note, moduleStream(affected.Stream), affected.Entitlement}), rating: c.rating(a, affected)}
	for _, r := range affected.Ranges {
		var s span
		if r.Introduced != "" && r.Introduced != "0" {
			s.introduced = c.version(scheme, r.Introduced)
		}
		if r.Fixed != "" {
			s.fix = &fix{a, e.said, c.version(scheme, r.Fixed), track(scheme, r.Fixed)}
		} else if r.Last != "" {
			s.last = c.version(scheme, r.Last)
		}
		e.spans = append(e.spans, s)
	}
	for _, text := range affected.Versions {
		e.versions = append(e.versions, c.version(scheme, text))
	}
	return e
}

func (c *compiler) said(s said) *said {
	if known := c.saids[s]; known != nil {
		return known
	}
	c.saids[s] = &s
	return &s
}

func (c *compiler) version(scheme vercmp.Scheme, text string) *version {
	k := spelled{scheme, text}
	if known := c.versions[k]; known != nil {
		return known
	}
	v := newVersion(scheme, text)
	c.versions[k] = &v
	return &v
}

// noVulnerability: the RPM family publishes bug fixes and enhancements in the same feed (ALBA, RHEA, …). Without a CVE they are no
// vulnerability.
func noVulnerability(a *advisory.Advisory) bool {
	if len(a.CVEs) > 0 || len(a.ID) < 5 || a.ID[4] != '-' {
		return false
	}
	return slices.Contains([]string{"ALBA", "ALEA", "RHBA", "RHEA", "RLBA", "RLEA", "ELBA", "ELEA"}, a.ID[:4])
}

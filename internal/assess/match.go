package assess

import (
	"cmp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Hit is one advisory that a subject falls under, and the range it falls into. Exact: the advisory lists the version by itself.
type Hit struct {
	Advisory *advisory.Advisory
	Range    advisory.Range
	Exact    bool
	fixed    version // Range.Fixed, ready to compare
	priority string  // what the advisory's severity alone gives
}

// Match gives the advisories that a package falls under, by feed and id. An advisory that is withdrawn, of another release, or about
// something that is no vulnerability does not match; nor does any match a package that is known not to come from the distribution,
// or whose version its ecosystem cannot order.
func Match(p inventory.Package, advisories []advisory.Advisory) []Hit {
	var hits []Hit
	subject := SubjectOf(p)
	installed := subject.version()
	for i := range advisories {
		for _, r := range compile(&advisories[i]) {
			if r.ecosystem != subject.Ecosystem || r.name != subject.Name {
				continue
			}
			if hit, ok := r.match(subject, installed); ok {
				hits = append(hits, hit)
			}
		}
	}
	slices.SortStableFunc(hits, compareHits)
	return hits
}

func compareHits(a, b Hit) int {
	return cmp.Or(strings.Compare(a.Advisory.Feed, b.Advisory.Feed), strings.Compare(a.Advisory.ID, b.Advisory.ID))
}

// rule is what one advisory says of one package in one release, ready to compare.
type rule struct {
	ecosystem, name string
	scheme          vercmp.Scheme
	advisory        *advisory.Advisory
	priority        string // what its severity alone gives
	ranges          []ruleRange
	versions        []version
}

type ruleRange struct {
	source                  advisory.Range
	introduced, fixed, last *version // nil: no such end
}

// compile makes the rules of an advisory; none when it is withdrawn, or an erratum that fixes no vulnerability.
func compile(a *advisory.Advisory) []rule {
	if !a.Withdrawn.IsZero() || noVulnerability(a) {
		return nil
	}
	priority, _ := severityPriority(a.Severity)
	rules, at := make([]rule, 0, len(a.Affected)), map[named]int{}
	for _, affected := range a.Affected {
		scheme, ok := vercmp.ForEcosystem(affected.Ecosystem)
		if !ok {
			continue
		}
		k := named{affected.Ecosystem, affected.Package}
		i, again := at[k]
		if !again { // an advisory may name a package twice
			i = len(rules)
			at[k] = i
			rules = append(rules, rule{ecosystem: k.ecosystem, name: k.name, scheme: scheme, advisory: a, priority: priority})
		}
		r := &rules[i]
		end := func(text string) *version {
			if text == "" {
				return nil
			}
			v := newVersion(scheme, text)
			return &v
		}
		for _, s := range affected.Ranges {
			one := ruleRange{source: s, fixed: end(s.Fixed), last: end(s.Last)}
			if s.Introduced != "0" {
				one.introduced = end(s.Introduced)
			}
			r.ranges = append(r.ranges, one)
		}
		for _, text := range affected.Versions {
			r.versions = append(r.versions, newVersion(scheme, text))
		}
	}
	return rules
}

// noVulnerability: the RPM family publishes bug fixes and enhancements in the same feed (ALBA, RHEA, …). Without a CVE they are no
// vulnerability.
func noVulnerability(a *advisory.Advisory) bool {
	kind, _, _ := strings.Cut(a.ID, "-")
	return len(a.CVEs) == 0 && slices.Contains([]string{"ALBA", "ALEA", "RHBA", "RHEA", "RLBA", "RLEA", "ELBA", "ELEA"}, kind)
}

// match says whether a subject falls under the rule; installed is its version, made ready once for all rules of its name.
func (r rule) match(s Subject, installed version) (Hit, bool) {
	if s.Foreign {
		return Hit{}, false
	}
	for _, v := range r.versions {
		if order, ok := compare(r.scheme, installed, v); ok && order == 0 {
			return Hit{Advisory: r.advisory, Exact: true, priority: r.priority}, true
		}
	}
	if r.scheme == vercmp.RPM {
		return r.matchErratum(s, installed)
	}
	for _, one := range r.ranges {
		if one.contains(r.scheme, installed) {
			return r.hit(one), true
		}
	}
	return Hit{}, false
}

// matchErratum reads an erratum of the RPM family. Where it names a package more than once, it names the builds that fix the same
// thing (of minor releases, or of a module's platforms), so a version that has reached any of them is fixed. A modular build says
// nothing of a package that is not modular, nor the other way round, since their versions do not follow each other.
func (r rule) matchErratum(s Subject, installed version) (Hit, bool) {
	var found *ruleRange
	for i := range r.ranges {
		one := &r.ranges[i]
		if one.fixed != nil && modular(one.fixed.text) != (modular(s.Version) || s.Stream != "") {
			continue
		}
		if one.fixed != nil {
			if order, ok := compare(r.scheme, installed, *one.fixed); ok && order >= 0 {
				return Hit{}, false
			}
		}
		if one.contains(r.scheme, installed) && (found == nil || lower(r.scheme, one.fixed, found.fixed)) {
			found = one
		}
	}
	if found == nil {
		return Hit{}, false
	}
	return r.hit(*found), true
}

// lower: a known end before none, then the lower one.
func lower(scheme vercmp.Scheme, a, b *version) bool {
	if a == nil || b == nil {
		return a != nil
	}
	order, ok := compare(scheme, *a, *b)
	return ok && order < 0
}

func modular(v string) bool { return strings.Contains(v, ".module") }

func (r rule) hit(one ruleRange) Hit {
	h := Hit{Advisory: r.advisory, Range: one.source, priority: r.priority}
	if one.fixed != nil {
		h.fixed = *one.fixed
	}
	return h
}

// contains is introduced <= v < fixed, or introduced <= v <= last. A bound that cannot be compared contains nothing.
func (one ruleRange) contains(scheme vercmp.Scheme, v version) bool {
	within := func(bound *version, holds func(order int) bool) bool {
		if bound == nil {
			return true
		}
		order, ok := compare(scheme, v, *bound)
		return ok && holds(order)
	}
	if v.key == nil && vercmp.Valid(scheme, v.text) != nil {
		return false
	}
	return within(one.introduced, func(o int) bool { return o >= 0 }) &&
		within(one.fixed, func(o int) bool { return o < 0 }) &&
		within(one.last, func(o int) bool { return o <= 0 })
}

// vulnerabilities are the names under which an advisory's findings are listed: its CVE ids, or its own.
func vulnerabilities(a *advisory.Advisory) []string {
	if len(a.CVEs) > 0 {
		return a.CVEs
	}
	return []string{a.ID}
}

// rangeText is a range in words: "< 3.0.17-1~deb12u3".
func rangeText(r advisory.Range) string {
	var parts []string
	if r.Introduced != "" && r.Introduced != "0" {
		parts = append(parts, ">= "+r.Introduced)
	}
	switch {
	case r.Fixed != "":
		parts = append(parts, "< "+r.Fixed)
	case r.Last != "":
		parts = append(parts, "<= "+r.Last)
	}
	if len(parts) == 0 {
		return "all versions"
	}
	return strings.Join(parts, " and ")
}

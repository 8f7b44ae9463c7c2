package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Known is an advisory as it stands today, and when this server first had it, in whatever revision.
type Known struct {
	Advisory   advisory.Advisory
	FirstKnown time.Time
}

// Knowledge is what is known today, ready to judge any host at any time. A subject is matched once, however many hosts and instants have it.
type Knowledge struct {
	byName  map[name][]advisory.Advisory
	first   map[advisory.Ref]time.Time
	threats map[string]advisory.Threat
	now     time.Time
	matched map[assess.Subject]*known

	lifecycles []advisory.Lifecycle
	ended      map[string]string // assess.Ended by ecosystem
}

type name struct{ ecosystem, name string }

// known is what is known of a subject.
type known struct {
	subject assess.Subject
	kernel  bool
	found   []match // by vulnerability
}

// has says whether a subject has a vulnerability; nil has none.
func (of *known) has(vulnerability string) bool {
	if of == nil {
		return false
	}
	_, has := slices.BinarySearchFunc(of.found, vulnerability, func(m match, v string) int { return strings.Compare(m.vulnerability, v) })
	return has
}

// match is one vulnerability of a subject.
type match struct {
	vulnerability string
	hit           assess.Hit
	disclosed     time.Time // from when on it counts as known: the earliest of all advisories that say it
	why           string    // of SinceWhy
}

// Of SinceWhy.
const (
	packageSeen        = "package seen"
	advisoryPublished  = "advisory published"
	advisoryFirstKnown = "advisory first known"
)

// NewKnowledge makes knowledge out of the overlays; Add gives it advisories. now is the day on which things are as old as they are.
func NewKnowledge(overlays []advisory.Overlay, now time.Time) *Knowledge {
	k := &Knowledge{
		byName: map[name][]advisory.Advisory{}, first: map[advisory.Ref]time.Time{},
		threats: map[string]advisory.Threat{}, now: now, matched: map[assess.Subject]*known{}, ended: map[string]string{},
	}
	k.AddOverlays(overlays)
	return k
}

// AddOverlays takes in what is known of CVEs beside advisories.
func (k *Knowledge) AddOverlays(all []advisory.Overlay) {
	for _, o := range all {
		t := k.threats[o.CVE]
		t.Add(o)
		k.threats[o.CVE] = t
	}
}

// Vulnerabilities are those that some advisory is about, each once: of no other will anything be judged.
func (k *Knowledge) Vulnerabilities() []string {
	of := map[string]bool{}
	for _, all := range k.byName {
		for i := range all {
			for _, v := range assess.Vulnerabilities(&all[i]) {
				of[v] = true
			}
		}
	}
	return slices.Collect(maps.Keys(of))
}

// Add takes in an advisory, under the packages that wanted names (nil: all). Everything is added before anything is judged.
func (k *Knowledge) Add(a Known, wanted func(ecosystem, name string) bool) {
	used := map[name]bool{}
	for _, affected := range a.Advisory.Affected {
		n := name{affected.Ecosystem, affected.Package}
		if used[n] || (wanted != nil && !wanted(n.ecosystem, n.name)) {
			continue
		}
		used[n] = true
		k.byName[n] = append(k.byName[n], a.Advisory)
		k.first[refOf(&a.Advisory)] = a.FirstKnown
	}
}

// AddLifecycles takes in how long releases are looked after, like Add.
func (k *Knowledge) AddLifecycles(all []advisory.Lifecycle) {
	k.lifecycles = append(k.lifecycles, all...)
}

func (k *Knowledge) endOf(ecosystem string) string {
	at, known := k.ended[ecosystem]
	if !known {
		at = assess.Ended(k.lifecycles, ecosystem, k.now)
		k.ended[ecosystem] = at
	}
	return at
}

func refOf(a *advisory.Advisory) advisory.Ref { return advisory.Ref{Feed: a.Feed, ID: a.ID} }

// of gives what is known of a package's subject.
func (k *Knowledge) of(s assess.Subject, p inventory.Package) *known {
	if known, ok := k.matched[s]; ok {
		return known
	}
	var about []advisory.Advisory
	for _, n := range s.Names() {
		about = append(about, k.byName[name{s.Ecosystem, n}]...)
	}
	hits := assess.Match(p, about)
	found := make(map[string]match, len(hits))
	for vulnerability, hit := range assess.Settle(hits) {
		found[vulnerability] = match{vulnerability: vulnerability, hit: hit}
	}
	for _, hit := range hits {
		if hit.Denies() {
			continue // whoever believed it knew of nothing
		}
		at, why := k.disclosed(hit.Advisory)
		for _, vulnerability := range assess.Vulnerabilities(hit.Advisory) {
			if m, there := found[vulnerability]; there && (m.why == "" || at.Before(m.disclosed)) {
				m.disclosed, m.why = at, why
				found[vulnerability] = m
			}
		}
	}
	of := &known{subject: s, kernel: s.IsKernel(), found: make([]match, 0, len(found))}
	for _, vulnerability := range slices.Sorted(maps.Keys(found)) {
		of.found = append(of.found, found[vulnerability])
	}
	k.matched[s] = of
	return of
}

// disclosed is when an advisory's knowledge was in the world: published, or at the latest when this server first had it.
func (k *Knowledge) disclosed(a *advisory.Advisory) (time.Time, string) {
	first := k.first[refOf(a)]
	if !a.Published.IsZero() && !a.Published.After(first) {
		return a.Published, advisoryPublished
	}
	return first, advisoryFirstKnown
}

package advisory

import (
	"cmp"
	"slices"
)

// List is a Library of what is in memory anyway: a few feeds, or a test's own. It is never changed, so it is safe for concurrent use.
type List struct {
	about      map[about][]Advisory
	threats    map[string]Threat
	lifecycles map[string][]Lifecycle
}

type about struct{ ecosystem, pkg string }

// NewList makes a library. It keeps what it is given.
func NewList(advisories []Advisory, overlays []Overlay, lifecycles []Lifecycle) *List {
	l := &List{about: map[about][]Advisory{}, threats: map[string]Threat{}, lifecycles: map[string][]Lifecycle{}}
	for _, a := range advisories {
		entries := map[about][]Affected{}
		for _, affected := range a.Affected {
			k := about{affected.Ecosystem, affected.Package}
			entries[k] = append(entries[k], affected)
		}
		for k, of := range entries {
			reduced := a
			reduced.Affected = of
			l.about[k] = append(l.about[k], reduced)
		}
	}
	for _, all := range l.about {
		slices.SortStableFunc(all, func(a, b Advisory) int { return cmp.Or(cmp.Compare(a.Feed, b.Feed), cmp.Compare(a.ID, b.ID)) })
	}
	for _, o := range overlays {
		t := l.threats[o.CVE]
		t.Add(o)
		l.threats[o.CVE] = t
	}
	for _, one := range lifecycles {
		l.lifecycles[one.Product] = append(l.lifecycles[one.Product], one)
	}
	return l
}

// About is Library's.
func (l *List) About(ecosystem, pkg string) ([]Advisory, error) {
	return l.about[about{ecosystem, pkg}], nil
}

// Threat is Library's.
func (l *List) Threat(cve string) (Threat, error) { return l.threats[cve], nil }

// Lifecycles is Library's.
func (l *List) Lifecycles(product string) ([]Lifecycle, error) { return l.lifecycles[product], nil }

// Add takes in what an overlay says of the CVE.
func (t *Threat) Add(o Overlay) {
	switch {
	case o.KEV != nil:
		t.KEV = o.KEV
	case o.EPSS != nil:
		t.EPSS = o.EPSS
	case o.SSVC != nil:
		t.SSVC = o.SSVC
	}
}

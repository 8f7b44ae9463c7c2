package assess

import (
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// named is what rules are found by.
type named struct{ ecosystem, name string }

// rules are compiled advisories by the package they speak of.
type rules struct {
	byName map[named]map[advisory.Ref]rule
}

func newRules() *rules { return &rules{byName: map[named]map[advisory.Ref]rule{}} }

func ref(a *advisory.Advisory) advisory.Ref { return advisory.Ref{Feed: a.Feed, ID: a.ID} }

func (r *rules) add(a *advisory.Advisory) { r.addCompiled(compile(a)) }

func (r *rules) addCompiled(compiled []rule) {
	for _, one := range compiled {
		k := named{one.ecosystem, one.name}
		if r.byName[k] == nil {
			r.byName[k] = map[advisory.Ref]rule{}
		}
		r.byName[k][ref(one.advisory)] = one
	}
}

// remove forgets what an advisory says.
func (r *rules) remove(a *advisory.Advisory) {
	for _, affected := range a.Affected {
		k := named{affected.Ecosystem, affected.Package}
		delete(r.byName[k], ref(a))
		if len(r.byName[k]) == 0 {
			delete(r.byName, k)
		}
	}
}

// match is Match with the advisories found by name.
func (r *rules) match(s Subject) []Hit {
	return matchRules(s, r.byName[named{s.Ecosystem, s.Name}])
}

func matchRules(s Subject, rules map[advisory.Ref]rule) []Hit {
	var hits []Hit
	installed := s.version()
	for _, one := range rules {
		if hit, ok := one.match(s, installed); ok {
			hits = append(hits, hit)
		}
	}
	slices.SortFunc(hits, compareHits)
	return hits
}

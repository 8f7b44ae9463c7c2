package assess

import (
	"cmp"
	"slices"
	"strings"
)

// named is what rules are found by.
type named struct{ ecosystem, name string }

// rules are compiled advisories by the package they speak of, in the order in which they are asked.
type rules struct {
	byName map[named][]*rule
}

func newRules() *rules { return &rules{byName: map[named][]*rule{}} }

func compareRules(a, b *rule) int {
	return cmp.Or(cmp.Compare(trustOf(a.advisory.Feed), trustOf(b.advisory.Feed)), strings.Compare(a.advisory.Feed, b.advisory.Feed),
		strings.Compare(a.advisory.ID, b.advisory.ID))
}

// add takes in the rules of one advisory (compile).
func (r *rules) add(compiled []*rule) {
	for _, one := range compiled {
		list := r.byName[one.named]
		at, _ := slices.BinarySearchFunc(list, one, compareRules)
		r.byName[one.named] = slices.Insert(list, at, one)
	}
}

// set replaces all that is said of one package.
func (r *rules) set(k named, list []*rule) {
	if len(list) == 0 {
		delete(r.byName, k)
		return
	}
	r.byName[k] = list
}

// match is Match with the advisories found by name.
func (r *rules) match(s Subject) []Hit {
	var list []*rule
	for _, k := range s.spokenOf() {
		list = append(list, r.byName[k]...)
	}
	return matchRules(s, list)
}

// matchRules are the hits among the rules of all names of a subject (spokenOf), in the order in which they are asked.
func matchRules(s Subject, rules []*rule) []Hit {
	if s.Foreign || len(rules) == 0 {
		return nil
	}
	in := s.installed()
	if in.key == "" && s.Unordered() {
		return nil
	}
	hits := make([]Hit, 0, len(rules))
	component := false
	for _, one := range rules {
		in.component = one.name != s.Name
		component = component || in.component
		if hit, ok := one.match(in); ok {
			hits = append(hits, hit)
		}
	}
	if component {
		slices.SortStableFunc(hits, compareHits)
	}
	return hits
}

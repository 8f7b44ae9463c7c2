package assess

import (
	"cmp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/vercmp"
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

// add takes in the rules of one advisory (compile), in place of those that its revision before had of the same packages.
func (r *rules) add(compiled []*rule) {
	for _, one := range compiled {
		list := r.byName[one.named]
		at, there := slices.BinarySearchFunc(list, one, compareRules)
		if there {
			list[at] = one
			continue
		}
		r.byName[one.named] = slices.Insert(list, at, one)
	}
}

// remove forgets rules that were added.
func (r *rules) remove(compiled []*rule) {
	for _, one := range compiled {
		list := r.byName[one.named]
		at, there := slices.BinarySearchFunc(list, one, compareRules)
		if !there {
			continue
		}
		if len(list) == 1 {
			delete(r.byName, one.named)
			continue
		}
		r.byName[one.named] = slices.Delete(list, at, at+1)
	}
}

// match is Match with the advisories found by name.
func (r *rules) match(s Subject) []Hit { return matchRules(s, r.byName[named{s.Ecosystem, s.Name}]) }

func matchRules(s Subject, rules []*rule) []Hit {
	if s.Foreign || len(rules) == 0 {
		return nil
	}
	in := s.installed()
	if in.key == "" && vercmp.Valid(rules[0].scheme, in.text) != nil {
		return nil
	}
	var hits []Hit
	for _, one := range rules {
		if hit, ok := one.match(in); ok {
			hits = append(hits, hit)
		}
	}
	return hits
}

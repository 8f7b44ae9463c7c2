package microsoft

import (
	"maps"
	"slices"
)

// Superseded closes installed updates over what they supersede: everything whose fixes the host has, the installed ones included, sorted. graph
// gives for an update those that it supersedes (Advisory.Supersedes). Each update is visited once, so a cycle ends.
func Superseded(installed []string, graph map[string][]string) []string {
	has := map[string]bool{}
	next := slices.Clone(installed)
	for len(next) > 0 {
		kb := next[len(next)-1]
		next = next[:len(next)-1]
		if !has[kb] {
			has[kb] = true
			next = append(next, graph[kb]...)
		}
	}
	return slices.Sorted(maps.Keys(has))
}

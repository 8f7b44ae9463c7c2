package assess

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Candidate is an approved host with what decides its part in a plan: all of it as the host itself last said.
type Candidate struct {
	HostID   string
	HostName string
	Digests  map[string]string // of sections packages, updates and repositories
	Updates  apiv1.Updates     // shared: not to be changed
	// Fixes maps a binary package to the vulnerabilities that its pending update fixes on this host, worst first. Shared too.
	Fixes map[string][]string
}

// Candidates lists the approved hosts that a selector names, by name, from a state that includes everything committed before the call.
func (s *Service) Candidates(ctx context.Context, selector fleet.Selector) ([]Candidate, error) {
	seq, err := s.store.Seq(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the newest change: %w", err)
	}
	if err := s.WaitSeq(ctx, seq); err != nil {
		return nil, err
	}
	out := []Candidate{}
	err = s.reading(ctx, func(ix *index) error {
		fixes, bodies := map[offeredTo]map[string][]string{}, map[*updates]apiv1.Updates{}
		s.selected(ix, Query{Selector: selector, State: string(fleet.Approved)}).Iterate(func(ordinal uint32) bool {
			h := ix.host(ordinal)
			c := Candidate{HostID: h.id, HostName: h.name, Digests: map[string]string{apiv1.SectionPackages: "", apiv1.SectionUpdates: "", apiv1.SectionRepositories: h.repositories.String()}}
			if h.updates != nil {
				c.Digests[apiv1.SectionUpdates] = h.updates.digest
				if _, known := bodies[h.updates]; !known {
					bodies[h.updates] = h.updates.body()
				}
				c.Updates = bodies[h.updates]
			}
			if h.cohort != nil {
				c.Digests[apiv1.SectionPackages] = h.cohort.set.digest
			}
			if h.cohort != nil && h.updates != nil {
				k := offeredTo{h.cohort, h.updates}
				if _, known := fixes[k]; !known {
					fixes[k] = ix.fixes(h)
				}
				c.Fixes = fixes[k]
			}
			out = append(out, c)
			return true
		})
		return nil
	})
	slices.SortFunc(out, func(a, b Candidate) int {
		return cmp.Or(strings.Compare(a.HostName, b.HostName), strings.Compare(a.HostID, b.HostID))
	})
	return out, err
}

// offeredTo is what hosts must have in common for their updates to fix the same.
type offeredTo struct {
	cohort  *cohort
	updates *updates
}

// fixes says what each pending update of a host is good for: the findings whose first fixed version is not above the version it brings.
func (ix *index) fixes(h *host) map[string][]string {
	ranks := map[string]map[string]int{} // binary package, vulnerability
	for _, u := range ix.units(h.cohort.set, hasFindings) {
		on := h.cohort.kind(u.subject).at(ix.places[h.place].Place)
		var hits map[string]Hit
		for _, p := range u.packages {
			to, ok := u.sourceOffered(h.updates, p)
			if !ok {
				continue
			}
			if hits == nil {
				hits = ix.hits(u.subject)
			}
			if ranks[p.Name] == nil {
				ranks[p.Name] = map[string]int{}
			}
			for vulnerability, hit := range hits {
				if !hit.Reaches(to, on) {
					continue
				}
				if r := rankOf(ix.caseOf(vulnerability, u.subject, hit, on, nil), ix.now()); r < fine {
					ranks[p.Name][vulnerability] = int(r)
				}
			}
		}
	}
	out := map[string][]string{}
	for name, fixed := range ranks {
		if len(fixed) > 0 {
			out[name] = slices.SortedFunc(maps.Keys(fixed), func(a, b string) int { return cmp.Or(fixed[a]-fixed[b], compareNames(b, a)) })
		}
	}
	return out
}

// sourceOffered is the source version that a package's update brings. Hosts report the binary's version alone, so it is derived from how
// the installed versions relate: equal but for a rebuild (+b1), or with something in front, as bsdutils 1:2.38.1-5 of util-linux
// 2.38.1-5. Where they do not relate, another binary of the same source speaks for it, and else nothing is claimed.
func (u unit) sourceOffered(pending *updates, p *heldPackage) (string, bool) {
	to, ok := pending.offers(&p.Package)
	if !ok {
		return "", false
	}
	if source, ok := relate(&p.Package, u.subject.Subject, to); ok {
		return source, true
	}
	for _, other := range u.packages {
		if to, ok := pending.offers(&other.Package); ok {
			if source, ok := relate(&other.Package, u.subject.Subject, to); ok {
				return source, true
			}
		}
	}
	return "", false
}

func relate(p *inventory.Package, s Subject, to string) (string, bool) {
	front, ok := strings.CutSuffix(withoutRebuild(p.Version), s.Version)
	if !ok {
		return "", false
	}
	return strings.CutPrefix(withoutRebuild(to), front)
}

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
		shared := map[offeredTo]map[string][]string{}
		for it := s.selected(ix, Query{Selector: selector, State: string(fleet.Approved)}).Iterator(); it.HasNext(); {
			h := ix.byOrdinal[it.Next()]
			c := Candidate{HostID: h.ID, HostName: h.Name, Digests: map[string]string{}}
			for _, section := range []string{apiv1.SectionPackages, apiv1.SectionUpdates, apiv1.SectionRepositories} {
				c.Digests[section] = h.digests[section]
			}
			if h.updates != nil {
				c.Updates = h.updates.body
			}
			if h.set != nil && h.updates != nil {
				k := offeredTo{h.set, h.updates, h.setting.SettingKey}
				if _, known := shared[k]; !known {
					shared[k] = ix.fixes(h)
				}
				c.Fixes = shared[k]
			}
			out = append(out, c)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Candidate) int {
		return cmp.Or(strings.Compare(a.HostName, b.HostName), strings.Compare(a.HostID, b.HostID))
	})
	return out, err
}

// offeredTo is what hosts must have in common for their updates to fix the same.
type offeredTo struct {
	set     *packageSet
	updates *updates
	setting SettingKey
}

// fixes says what each pending update of a host is good for: the findings whose first fixed version is not above the version it brings.
func (ix *index) fixes(h *host) map[string][]string {
	now := ix.now()
	ranks := map[string]map[string]int{} // binary package, vulnerability
	for _, u := range h.set.units {
		if len(u.subject.hits) == 0 {
			continue
		}
		standing := h.setting.Standing(u.subject.Subject)
		for _, p := range u.packages {
			to, ok := u.sourceOffered(h.updates, p)
			if !ok {
				continue
			}
			if ranks[p.Name] == nil {
				ranks[p.Name] = map[string]int{}
			}
			for vulnerability, hit := range u.subject.fixedBy(to, standing) {
				if v := Judge(ix.caseOf(vulnerability, u.subject, hit, standing), now); v.IsFinding() {
					ranks[p.Name][vulnerability] = rank(v.Priority)
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

// fixedBy are the hits of a subject that a version of its source is past.
func (s *subject) fixedBy(version string, on Standing) map[string]Hit {
	out := map[string]Hit{}
	for vulnerability, hit := range s.hits {
		if hit.Reaches(version, on) {
			out[vulnerability] = hit
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

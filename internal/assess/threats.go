package assess

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// feedKEV is read whole: what it lists is known even where no advisory names it, and there are some two thousand.
const feedKEV = "kev"

// threatsIn reads what is known beside advisories of the CVEs that some host has, and of those that KEV lists: of the past nobody comes who
// has another, and of the 360,000 CVEs of EPSS a fleet has few.
func (ix *index) threatsIn(ctx context.Context, from Knower) (map[string]advisory.Threat, error) {
	listed, err := from.OverlaysFrom(ctx, feedKEV)
	if err != nil {
		return nil, fmt.Errorf("reading overlays: %w", err)
	}
	had, err := from.OverlaysOf(ctx, slices.Collect(maps.Keys(ix.vulns)))
	if err != nil {
		return nil, fmt.Errorf("reading overlays: %w", err)
	}
	out := make(map[string]advisory.Threat, len(listed))
	for _, o := range slices.Concat(listed, had) {
		t := out[o.CVE]
		t.Add(o)
		out[o.CVE] = t
	}
	return out, nil
}

// reviseThreats replaces all that is known beside advisories, and judges again what it is about.
func (ix *index) reviseThreats(threats map[string]advisory.Threat, commit committer) {
	touched := map[*subject]bool{}
	for id, v := range ix.vulns {
		if !reflect.DeepEqual(ix.threats[id], threats[id]) {
			for _, s := range v.subjects {
				touched[s] = true
			}
		}
	}
	commit(func() { ix.threats = threats })
	r := newRevision(ix, commit)
	for s := range touched {
		if r.subject(s); r.room >= reviseStep {
			r.flush()
		}
	}
	r.end()
}

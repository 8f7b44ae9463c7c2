package report

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/run"
)

// fixStates says of what has an end how far its fix has come, as the host says of itself now.
func (f *follower) fixStates() {
	if len(f.intervals) == 0 {
		return
	}
	now := &f.intervals[len(f.intervals)-1]
	state := now.last()
	var gone []*known // from the disk, and runs
	for _, old := range assess.OldOf(now.Packages, state) {
		gone = append(gone, f.k.of(old.Subject, old.Packages[0]))
	}
	for _, p := range f.removed(state.Running) {
		gone = append(gone, f.k.of(assess.SubjectOf(p), p))
	}
	for i := range f.out {
		if e := &f.out[i]; !e.Until.IsZero() {
			e.FixState = e.fixState(state, gone)
		}
	}
}

func (e *Exposure) fixState(state assess.HostState, gone []*known) string {
	switch {
	case e.Patched:
		return apiv1.FixLoaded
	case !state.Said, slices.ContainsFunc(state.OldCode, func(old apiv1.OldCode) bool { return old.From == "" && slices.Contains(e.Packages, old.Name) }),
		slices.ContainsFunc(gone, func(of *known) bool { return of.subject.Source == e.Source && of.has(e.Vulnerability) }):
		return apiv1.FixInstalled
	case e.By != nil && e.By.State == string(run.Succeeded):
		return apiv1.FixVerified
	case state.OldCode == nil:
		return apiv1.FixInstalled // its agent may not look at all processes, so nobody knows what they run
	}
	return apiv1.FixLoaded
}

// openFinding is the wire shape of an exposure that has no end.
func openFinding(e Exposure) apiv1.OpenFinding {
	return apiv1.OpenFinding{
		Vulnerability: e.Vulnerability, Advisory: e.Advisory, Feed: e.Feed, Source: e.Source, Packages: e.Packages,
		Installed: strings.Join(e.Versions, ", "), FixedIn: e.FixedIn, Status: e.Status, Priority: e.Priority, KEV: e.KEV,
		Since: e.Since.UTC(), SinceWhy: e.SinceWhy,
	}
}

// fixedFinding is the wire shape of one that has.
func fixedFinding(e Exposure) apiv1.FixedFinding {
	f := apiv1.FixedFinding{
		Vulnerability: e.Vulnerability, Advisory: e.Advisory, Feed: e.Feed, Source: e.Source, Packages: e.Packages,
		From: strings.Join(e.Versions, ", "), To: strings.Join(e.To, ", "), Priority: e.Priority, KEV: e.KEV,
		Since: e.Since.UTC(), SinceWhy: e.SinceWhy, FixedAt: e.Until.UTC(), FixState: e.FixState, By: apiv1.FixedOutside, ApprovedBy: []string{},
	}
	if e.Patched {
		f.To += ", patched in memory"
	}
	if d := e.By; d != nil {
		f.By, f.Rollout, f.Run, f.RunState, f.Plan = apiv1.FixedByRollout, d.Rollout, d.Run, d.State, d.Plan
		f.ApprovedBy = append(f.ApprovedBy, d.ApprovedBy...)
		if !d.ApprovedAt.IsZero() {
			at := d.ApprovedAt.UTC()
			f.ApprovedAt = &at
		}
	}
	return f
}

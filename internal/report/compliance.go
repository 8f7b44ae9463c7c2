package report

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/run"
)

// fixState is how far a fix has come, as the host says of itself now.
func (k *Knowledge) fixState(e *Exposure, now Interval) string {
	state := now.last()
	if !state.Said || slices.ContainsFunc(state.OldCode, func(old apiv1.OldCode) bool { return old.From == "" && slices.Contains(e.Packages, old.Name) }) {
		return apiv1.FixInstalled
	}
	for _, old := range assess.OldOf(now.Packages, state) {
		if old.Subject.Source == e.Source && k.of(old.Subject, old.Packages[0]).has(e.Vulnerability) {
			return apiv1.FixInstalled
		}
	}
	if e.By != nil && e.By.State == string(run.Succeeded) {
		return apiv1.FixVerified
	}
	if state.OldCode == nil {
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

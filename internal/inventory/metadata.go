package inventory

import (
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// StaleAfter is four missed refreshes: agents refresh package lists every 6 h by default, and one or two failures are a mirror's
// bad afternoon.
const StaleAfter = 24 * time.Hour

// MetadataState says how far a host's package lists can be trusted at now. Stale always has a reason: lists that were never
// refreshed, not for 24 h, or past their repository's own Valid-Until say nothing about what could be installed.
func MetadataState(vitals *apiv1.Vitals, facts *apiv1.Facts, now time.Time) apiv1.MetadataState {
	switch {
	case vitals == nil:
		return apiv1.MetadataState{Stale: true, Reason: "the host has not said yet how old its package lists are"}
	case facts != nil && facts.PackageManager.Name == "":
		return apiv1.MetadataState{AsOf: vitals.RefreshedAt, Stale: true, Reason: "the host has no package manager that the agent supports"}
	case vitals.RefreshedAt == nil:
		return apiv1.MetadataState{Stale: true, Reason: "package lists were never refreshed" + because(vitals.RefreshError)}
	}
	state := apiv1.MetadataState{AsOf: vitals.RefreshedAt}
	if age := now.Sub(*vitals.RefreshedAt); age > StaleAfter {
		state.Stale = true
		state.Reason = fmt.Sprintf("package lists were last refreshed %s ago (at %s), and four refreshes in 24 h are expected%s",
			Ago(age), Instant(*vitals.RefreshedAt), because(vitals.RefreshError))
		return state
	}
	for _, m := range vitals.Metadata {
		if m.ValidUntil != nil && now.After(*m.ValidUntil) {
			state.Stale = true
			state.Reason = fmt.Sprintf("the lists of %s were valid until %s", m.Repository, Instant(*m.ValidUntil))
			return state
		}
	}
	return state
}

func because(problem string) string {
	if problem == "" {
		return ""
	}
	return ": " + strings.Join(strings.Fields(problem), " ")
}

// Instant writes a time as people read it: minutes, UTC.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Ago writes an age in its largest unit: "14 minutes", "3 hours", "2 days".
func Ago(age time.Duration) string {
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case age < time.Minute:
		return "less than a minute"
	case age < time.Hour:
		return count(int64(age/time.Minute), "minute")
	case age < 48*time.Hour:
		return count(int64(age/time.Hour), "hour")
	}
	return count(int64(age/(24*time.Hour)), "day")
}

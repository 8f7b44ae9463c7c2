package assess

import (
	"cmp"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Case is one vulnerability of one subject in one standing: everything that status and priority depend on, whatever the host.
type Case struct {
	Vulnerability string
	Subject       Subject
	Hit           Hit // settled
	Threat        advisory.Threat
	Standing      Standing
	OnDisk        bool   // for old code: the version on disk in its place has it as well
	KEVDate       string // of CISA's catalogue, also where it does not list the vulnerability; empty: none is here. Only told, not judged by
	Ended         string // the day on which the last support of its release ended; empty: somebody looks after it, or nobody knows
}

// Verdict is what a Case comes to.
type Verdict struct {
	Status   string // apiv1.Status…; empty: it is no finding: patched in memory, or old code that the version on disk is listed for
	Priority string // apiv1.Priority…
}

// IsFinding says whether there is anything to list or count.
func (v Verdict) IsFinding() bool { return v.Status != "" }

// Judge decides status and priority. They change with the day alone, not within one (UTC).
func Judge(c Case, now time.Time) Verdict {
	role := c.Standing.Role
	if role.Livepatched.Has(c.Vulnerability) {
		return Verdict{}
	}
	if role.Part == OldCode && c.OnDisk {
		return Verdict{} // what is on disk is listed for it
	}
	return Verdict{c.status(), inputsOf(c, now).level().priority()}
}

func (c Case) status() string {
	role, fix := c.Standing.Role, c.Hit.fixOn(c.Standing)
	switch role.Part {
	case NotLoaded:
		return apiv1.StatusNotLoaded
	case NotRunning:
		return apiv1.StatusNotRunning
	case OldCode:
		return apiv1.StatusOldCode
	}
	switch {
	case role.Newest != "" && fix.reached(c.Hit.scheme, newVersion(c.Hit.scheme, role.Newest)):
		return apiv1.StatusRebootPending
	case c.Hit.says == saysUntold:
		return apiv1.StatusUntold
	case fix == nil && c.Ended != "" && waits(c.Hit.status):
		return apiv1.StatusEndOfLife
	case fix == nil:
		return statusWord(c.Hit.status)
	case !c.Standing.entitled(fix.entitlement):
		return apiv1.StatusEntitlement
	}
	return apiv1.StatusFixed
}

// waits: a fix may still come, as long as somebody looks after the release.
func waits(s advisory.Status) bool {
	switch s {
	case advisory.StatusOpen, advisory.StatusUndetermined, advisory.StatusNoDSA, advisory.StatusPostponed, advisory.StatusDeferred:
		return true
	}
	return false
}

// Ended is Case.Ended of an ecosystem's release, by what sources say of products.
func Ended(all []advisory.Lifecycle, ecosystem string, now time.Time) string {
	product, name := advisory.ProductOf(ecosystem)
	for _, l := range advisory.MergeLifecycles(all) {
		if l.Product == product && l.Release == name {
			return endedOn(l, now)
		}
	}
	return ""
}

// endedOn is the day on which the last support of a release ended; empty: somebody looks after it, or nobody knows.
func endedOn(l advisory.Lifecycle, now time.Time) string {
	if state, until := l.StateAt(now); state == advisory.LifecycleEnded {
		return cmp.Or(until, "a day that its source does not name")
	}
	return ""
}

// statusWord is what a source's word comes to where no fix is known.
func statusWord(s advisory.Status) string {
	switch s {
	case advisory.StatusUndetermined:
		return apiv1.StatusUndetermined
	case advisory.StatusNoDSA, advisory.StatusPostponed, advisory.StatusDeferred:
		return apiv1.StatusPostponed
	case advisory.StatusIgnored, advisory.StatusWontFix, advisory.StatusFixedUpstream:
		return apiv1.StatusWontFix
	case advisory.StatusUnimportant:
		return apiv1.StatusUnimportant
	case advisory.StatusEndOfLife:
		return apiv1.StatusEndOfLife
	}
	return apiv1.StatusNoFix
}

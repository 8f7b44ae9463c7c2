package assess

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// found says whether a search text is part of the host's name, release, kernel, or of a label, as key or value.
func (h *host) found(text string) bool {
	if strings.Contains(strings.ToLower(h.name), text) || slices.ContainsFunc(h.labels, func(w word) bool { return strings.Contains(strings.ToLower(w.String()), text) }) {
		return true
	}
	f := h.facts.Value()
	return strings.Contains(strings.ToLower(f.os), text) || strings.Contains(f.running, text)
}

// notAssessed says why nothing can be said of a host; empty when something can.
func (ix *index) notAssessed(h *host) string {
	if h.cohort == nil {
		return "no inventory yet"
	}
	ecosystem := h.ecosystem()
	switch {
	case ecosystem == "":
		return "no advisory data: the release of this host is not known to Staunch"
	case h.cohort.set.ecosystem == "": // a list that could not be read is not a host without packages
		return "none of the distribution's packages are known: its package manager could not be asked"
	case !ix.releases[ecosystem] && !ix.past.At.IsZero():
		return fmt.Sprintf("unknown then: no feed with advisories for %s had been imported", ecosystem)
	case !ix.releases[ecosystem]:
		return fmt.Sprintf("no advisory data for %s: staunch feed update", ecosystem)
	}
	return ""
}

// counts are a host's distinct vulnerabilities by their worst priority.
func (ix *index) counts(h *host, t *tallies) apiv1.FindingCounts {
	if reason := ix.notAssessed(h); reason != "" {
		return apiv1.FindingCounts{Reason: reason}
	}
	return ix.count(h.cohort, h.place, t)
}

// unsaid names the packages of an assessed set about which the feeds say nothing.
func (s *packageSet) unsaid() string {
	var parts []string
	if s.foreign > 0 {
		parts = append(parts, fmt.Sprintf("%d packages from other origins are not assessed", s.foreign))
	}
	if s.unordered > 0 {
		parts = append(parts, fmt.Sprintf("%d packages whose version is none of the distribution's are not assessed", s.unordered))
	}
	return strings.Join(parts, "; ")
}

// pendingCounts are a host's updates by state.
func (h *host) pendingCounts() apiv1.UpdateCounts {
	if h.updates == nil {
		return inventory.CountUpdates(nil)
	}
	return h.updates.counts
}

// online says whether a host is; who was has no history, so in the past nobody is said to have been.
func (s *Service) online(ix *index, h *host, now time.Time) bool {
	return ix.past == Past{} && s.presence.Online(h.id, now)
}

// row is a host's row in lists.
func (s *Service) row(ix *index, h *host, now time.Time, t *tallies) apiv1.Host {
	f := h.facts.Value()
	r := apiv1.Host{
		ID: h.id, Name: h.name, State: h.state.String(), Online: s.online(ix, h, now), Labels: map[string]string{},
		AgentVersion: cmp.Or(h.seen.agent.String(), h.agent.String()), EnrolledAt: instant(h.enrolledAt), Findings: ix.counts(h, t),
		Ecosystem: h.ecosystem(), Updates: h.pendingCounts(), Metadata: h.metadata(now),
		OS: f.os, Arch: f.arch, Kernel: f.running, RebootRequired: f.reboot, FailedUnits: f.failed,
		Lifecycle: ix.lifecycle(h),
	}
	h.eachLabel(func(key, value string) { r.Labels[key] = value })
	if h.seen.at != 0 {
		at := instant(h.seen.at)
		r.LastSeen = &at
	}
	if h.cohort != nil {
		r.Packages = h.cohort.set.packages
	}
	return r
}

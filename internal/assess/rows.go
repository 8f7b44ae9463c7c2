package assess

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// selected are the live hosts that a query's selector and state name.
func (s *Service) selected(ix *index, q Query) *roaring.Bitmap {
	if q.Selector.IsZero() && q.State == "" {
		return ix.live.Clone()
	}
	now := s.now()
	out := roaring.New()
	for _, h := range ix.hosts {
		if (q.State == "" || string(h.State) == q.State) && q.Selector.Matches(func(key string) (string, bool) { return s.attr(ix, h, key, now) }) {
			out.Add(h.ordinal)
		}
	}
	out.And(ix.live)
	return out
}

// attr answers a selector: labels, and the reserved keys. host.os is the distribution and its release, as debian:12.
func (h *host) attr(key string) (string, bool) {
	switch key {
	case fleet.KeyHostName:
		return h.Name, true
	case fleet.KeyHostState:
		return string(h.State), true
	case fleet.KeyHostOS:
		if h.facts == nil || h.facts.OS.ID == "" {
			return "", false
		}
		return strings.TrimSuffix(h.facts.OS.ID+":"+h.facts.OS.VersionID, ":"), true
	case fleet.KeyHostArch:
		if h.facts == nil || h.facts.Arch == "" {
			return "", false
		}
		return h.facts.Arch, true
	}
	v, ok := h.Labels[key]
	return v, ok
}

// attr answers a selector: what a host is now, by the same counts as its row, and else what the host itself says.
func (s *Service) attr(ix *index, h *host, key string, now time.Time) (string, bool) {
	switch key {
	case fleet.KeyHostOnline:
		return either(s.presence.Online(h.ID, now), "yes", "no"), true
	case fleet.KeyHostAssessed:
		return either(ix.notAssessed(h) == "", "yes", "no"), true
	case fleet.KeyHostMetadata:
		return either(inventory.MetadataState(h.seen.vitals, h.facts, now).Stale, "stale", "fresh"), true
	case fleet.KeyHostReboot, fleet.KeyHostFailedUnits:
		if h.facts == nil {
			return "", false
		}
		if key == fleet.KeyHostReboot {
			return either(h.facts.Reboot.Required, "yes", "no"), true
		}
		return either(len(h.facts.Units) > 0, "yes", "no"), true
	case fleet.KeyHostUpdates:
		return either(h.updates != nil && h.updates.counts.Known, "known", "unknown"), true
	case fleet.KeyHostSecurityUpdates:
		if h.updates == nil || !h.updates.counts.Known {
			return "", false
		}
		return either(h.updates.counts.Security > 0, "yes", "no"), true
	}
	return h.attr(key)
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// found says whether a search text is part of the host's name or of a label, as key or value.
func (h *host) found(text string) bool {
	if strings.Contains(strings.ToLower(h.Name), text) {
		return true
	}
	if h.facts != nil && (strings.Contains(strings.ToLower(h.facts.OS.Name), text) || strings.Contains(h.facts.Kernel.Running, text)) {
		return true
	}
	for k, v := range h.Labels {
		if strings.Contains(strings.ToLower(k+"="+v), text) {
			return true
		}
	}
	return false
}

// ecosystem is the release whose advisories speak of the host.
func (h *host) ecosystem() string {
	if h.set != nil && h.set.ecosystem != "" {
		return h.set.ecosystem
	}
	if h.facts != nil {
		return h.facts.OS.Ecosystem
	}
	return ""
}

// notAssessed says why nothing can be said of a host; empty when something can.
func (ix *index) notAssessed(h *host) string {
	if h.set == nil {
		return "no inventory yet"
	}
	ecosystem := h.ecosystem()
	switch {
	case ecosystem == "":
		return "no advisory data: the release of this host is not known to Staunch"
	case !ix.releases[ecosystem] && !ix.past.At.IsZero():
		return fmt.Sprintf("unknown then: no feed with advisories for %s had been imported", ecosystem)
	case !ix.releases[ecosystem]:
		return fmt.Sprintf("no advisory data for %s: staunch feed update", ecosystem)
	}
	return ""
}

// counts are a host's distinct vulnerabilities by their worst priority. They depend on its package set and its setting alone,
// so hosts that share both share the counting.
func (ix *index) counts(h *host) apiv1.FindingCounts {
	if reason := ix.notAssessed(h); reason != "" {
		return apiv1.FindingCounts{Reason: reason}
	}
	now := ix.now()
	if known, ok := h.set.counts.Load(h.setting.SettingKey); ok {
		if c, ok := known.(*counted); ok && c.generation == ix.generation && c.day == day(now) {
			return c.counts
		}
	}
	worst := map[string]int{}
	for _, u := range h.set.units {
		standing := h.setting.Standing(u.subject.Subject)
		for vulnerability, hit := range u.subject.hits {
			v := Judge(ix.caseOf(vulnerability, u.subject, hit, standing), now)
			if !v.IsFinding() {
				continue
			}
			r := rank(v.Priority)
			if w, seen := worst[vulnerability]; !seen || r < w {
				worst[vulnerability] = r
			}
		}
	}
	c := &counted{generation: ix.generation, day: day(now), counts: apiv1.FindingCounts{Assessed: true, Reason: h.set.unsaid()}}
	for _, r := range worst {
		tally(&c.counts, priorities()[r])
	}
	h.set.counts.Store(h.setting.SettingKey, c)
	return c.counts
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

func (ix *index) caseOf(vulnerability string, s *subject, hit Hit, standing Standing) Case {
	return Case{Vulnerability: vulnerability, Subject: s.Subject, Hit: hit, Threat: ix.threats[vulnerability], Standing: standing}
}

// row is a host's row in lists.
func (s *Service) row(ix *index, h *host, now time.Time) apiv1.Host {
	r := apiv1.Host{
		ID: h.ID, Name: h.Name, State: string(h.State), Online: s.presence.Online(h.ID, now), Labels: map[string]string{},
		AgentVersion: cmp.Or(h.seen.AgentVersion, h.AgentVersion), EnrolledAt: h.EnrolledAt, Findings: ix.counts(h),
		Ecosystem: h.ecosystem(), Updates: inventory.CountUpdates(nil), Metadata: inventory.MetadataState(h.seen.vitals, h.facts, now),
	}
	maps.Copy(r.Labels, h.Labels)
	if !h.seen.At.IsZero() {
		at := h.seen.At
		r.LastSeen = &at
	}
	if f := h.facts; f != nil {
		r.OS, r.Arch, r.Kernel = f.OS.Name, f.Arch, f.Kernel.Running
		r.RebootRequired, r.FailedUnits = f.Reboot.Required, len(f.Units)
	}
	if h.set != nil {
		r.Packages = len(h.set.ids)
	}
	if h.updates != nil {
		r.Updates = h.updates.counts
	}
	return r
}

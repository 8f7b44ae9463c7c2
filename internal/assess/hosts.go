package assess

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// hostColumns are what hosts can be sorted by; numbers from few to many, findings from harmless to urgent.
func hostColumns() []string {
	return []string{"name", "state", "os", "arch", "kernel", "agent_version", "online", "last_seen", "enrolled_at", "packages", "findings", "urgent", "high",
		"updates", "security", "reboot_required", "metadata", "failed_units"}
}

// Hosts lists hosts. fault.Invalid: a column or a cursor that is none.
func (s *Service) Hosts(ctx context.Context, q Query) (apiv1.HostPage, error) {
	var page apiv1.HostPage
	sort, err := q.order(hostColumns()...)
	if err != nil {
		return page, err
	}
	now := s.now()
	err = s.answering(ctx, q.Past, func(ix *index) error {
		search := strings.ToLower(q.Search)
		var hosts []*host
		for it := s.selected(ix, q).Iterator(); it.HasNext(); {
			if h := ix.byOrdinal[it.Next()]; h != nil && (search == "" || h.found(search)) {
				hosts = append(hosts, h)
			}
		}
		chosen, next, err := paged(hosts, q, sort, func(h *host) place { return place{s.hostKey(ix, h, sort, now), h.ID} })
		if err != nil {
			return err
		}
		page = apiv1.HostPage{Items: make([]apiv1.Host, 0, len(chosen)), Total: len(hosts), Next: next, Seq: ix.seq, Past: ix.past.wire()}
		for _, h := range chosen {
			page.Items = append(page.Items, s.row(ix, h, now))
		}
		return nil
	})
	return page, err
}

// hostKey is the text by which a column sorts.
func (s *Service) hostKey(ix *index, h *host, column string, now time.Time) string {
	facts := h.facts
	if facts == nil {
		facts = &apiv1.Facts{}
	}
	switch column {
	case "state":
		return string(h.State)
	case "os":
		return nameKey(facts.OS.Name)
	case "arch":
		return facts.Arch
	case "kernel":
		return nameKey(facts.Kernel.Running)
	case "agent_version":
		return nameKey(h.seen.AgentVersion)
	case "online":
		return flag(s.presence.Online(h.ID, now))
	case "last_seen":
		return instantKey(h.seen.At)
	case "enrolled_at":
		return instantKey(h.EnrolledAt)
	case "packages":
		if h.set == nil {
			return number(0)
		}
		return number(len(h.set.ids))
	case "reboot_required":
		return flag(facts.Reboot.Required)
	case "failed_units":
		return number(len(facts.Units))
	case "metadata":
		state := inventory.MetadataState(h.seen.vitals, h.facts, now)
		if state.AsOf == nil {
			return flag(!state.Stale)
		}
		return flag(!state.Stale) + instantKey(*state.AsOf)
	case "findings", "urgent", "high", "updates", "security":
		return ix.countKey(h, column)
	}
	return nameKey(strings.ToLower(h.Name))
}

// countKey sorts by counts. Hosts of which nothing is known come before those with none, since nobody knows that they are fine.
func (ix *index) countKey(h *host, column string) string {
	c := ix.counts(h)
	u := inventory.CountUpdates(nil)
	if h.updates != nil {
		u = h.updates.counts
	}
	switch column {
	case "findings":
		return flag(c.Assessed) + number(c.Urgent) + number(c.High) + number(c.Normal) + number(c.Low) + number(c.Lowest)
	case "urgent":
		return flag(c.Assessed) + number(c.Urgent)
	case "high":
		return flag(c.Assessed) + number(c.High)
	case "updates":
		return flag(u.Known) + number(u.Installable)
	}
	return flag(u.Known) + number(u.Security)
}

func number(n int) string { return fmt.Sprintf("%010d", n) }

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func instantKey(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%020d", t.UnixMicro())
}

// Host is one host's row. fault.NotFound when there is none.
func (s *Service) Host(ctx context.Context, id string) (apiv1.Host, error) {
	var row apiv1.Host
	err := s.reading(ctx, func(ix *index) error {
		h := ix.hosts[id]
		if h == nil {
			return fault.New(fault.NotFound, "there is no host %q", id)
		}
		row = s.row(ix, h, s.now())
		return nil
	})
	return row, err
}

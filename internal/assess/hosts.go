package assess

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
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
		selection := s.selected(ix, q)
		hosts := make([]*host, 0, selection.GetCardinality())
		selection.Iterate(func(ordinal uint32) bool {
			if h := ix.host(ordinal); search == "" || h.found(search) {
				hosts = append(hosts, h)
			}
			return true
		})
		t := ix.newTallies()
		chosen, next, err := paged(hosts, q, sort, func(h *host) place { return place{s.hostKey(ix, h, sort, now, t), h.id} })
		if err != nil {
			return err
		}
		page = apiv1.HostPage{Items: make([]apiv1.Host, 0, len(chosen)), Total: len(hosts), Next: next, Seq: ix.seq, Past: ix.past.wire()}
		for _, h := range chosen {
			page.Items = append(page.Items, s.row(ix, h, now, t))
		}
		return nil
	})
	return page, err
}

// hostKey is the text by which a column sorts.
func (s *Service) hostKey(ix *index, h *host, column string, now time.Time, t *tallies) string {
	f := h.facts.Value()
	switch column {
	case "state":
		return h.state.String()
	case "os":
		return nameKey(f.os)
	case "arch":
		return f.arch
	case "kernel":
		return nameKey(f.running)
	case "agent_version":
		return nameKey(h.seen.agent.String())
	case "online":
		return flag(s.online(ix, h, now))
	case "last_seen":
		return instantKey(instant(h.seen.at))
	case "enrolled_at":
		return instantKey(instant(h.enrolledAt))
	case "packages":
		if h.cohort == nil {
			return number(0)
		}
		return number(h.cohort.set.packages)
	case "reboot_required":
		return flag(f.reboot)
	case "failed_units":
		return number(f.failed)
	case "metadata":
		if h.seen.refreshed == 0 {
			return flag(!h.stale(now.UnixMicro()))
		}
		return flag(!h.stale(now.UnixMicro())) + instantKey(instant(h.seen.refreshed))
	case "findings", "urgent", "high", "updates", "security":
		return ix.countKey(h, column, t)
	}
	return nameKey(strings.ToLower(h.name))
}

// countKey sorts by counts. Hosts of which nothing is known come before those with none, since nobody knows that they are fine.
func (ix *index) countKey(h *host, column string, t *tallies) string {
	switch column {
	case "updates", "security":
		u := h.pendingCounts()
		if column == "updates" {
			return flag(u.Known) + number(u.Installable)
		}
		return flag(u.Known) + number(u.Security)
	}
	c := ix.counts(h, t)
	switch column {
	case "urgent":
		return flag(c.Assessed) + number(c.Urgent)
	case "high":
		return flag(c.Assessed) + number(c.High)
	}
	return flag(c.Assessed) + number(c.Urgent) + number(c.High) + number(c.Normal) + number(c.Low) + number(c.Lowest)
}

// number is n in ten digits.
func number(n int) string {
	text := strconv.Itoa(n)
	if len(text) >= 10 {
		return text
	}
	return "0000000000"[len(text):] + text
}

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
	text := strconv.FormatInt(t.UnixMicro(), 10)
	return "00000000000000000000"[min(len(text), 20):] + text
}

// Host is one host's row. fault.NotFound when there is none.
func (s *Service) Host(ctx context.Context, id string) (apiv1.Host, error) {
	var row apiv1.Host
	err := s.reading(ctx, func(ix *index) error {
		h := ix.hosts[id]
		if h == nil {
			return fault.New(fault.NotFound, "there is no host %q", id)
		}
		row = s.row(ix, h, s.now(), ix.newTallies())
		return nil
	})
	return row, err
}

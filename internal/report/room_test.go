package report_test

import (
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/report"
)

// A report that does not fit beside what is held is refused before it is begun, or where it has become too large, and the next is made all
// the same when there is room.
func TestAReportThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.at
	web := w.enroll("web1")
	w.has(web, deb("openssl", "1"))
	w.knows(hole("CVE-1", "openssl", "2", began))
	now := began.Add(48 * time.Hour)
	memory, looks := assess.Memory{}, 0
	var atLook func(int)
	many := make(rows, 1200)
	for i := range many {
		many[i] = row(web, "web1", true)
	}
	s := report.NewService(w.store, many, func() time.Time { return now })
	s.Within(assess.NewRoom(func() assess.Memory { return memory }, func() assess.Heap {
		if looks++; atLook != nil {
			atLook(looks)
		}
		return assess.Heap{Objects: 40 << 20, Mapped: 60 << 20}
	}))
	compliance := func() (apiv1.ComplianceReport, error) { return s.Compliance(t.Context(), report.Query{}) }
	metrics := func() (apiv1.Metrics, error) {
		return s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: began, To: now}})
	}
	for name, free := range map[string]int64{"before it is begun": 1 << 20, "where it has become too large": 1 << 30} {
		for what, made := range map[string]func() error{
			"compliance": func() error { _, err := compliance(); return err },
			"metrics":    func() error { _, err := metrics(); return err },
		} {
			memory, looks, atLook = assess.Memory{Free: free}, 0, nil
			if free > 1<<20 {
				atLook = func(n int) {
					if n > 2 { // at its beginning, at its first host and at its five hundredth
						memory.Free = 1
					}
				}
			}
			if err := made(); fault.KindOf(err) != fault.NoRoom {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
	}
	memory, atLook = assess.Memory{Free: 1 << 30}, nil
	if r, err := compliance(); err != nil || r.Open != 1200 {
		t.Errorf("%d open: %v", r.Open, err)
	}
	if m, err := metrics(); err != nil || m.Hosts != 1200 {
		t.Errorf("%d hosts: %v", m.Hosts, err)
	}
}

package report

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

const (
	maxFindings = 200_000 // of one report: about 80 MB of JSON, and more than anybody reads
	hostPage    = 1000
	rowPage     = 1000
)

// Query says what a report is about.
type Query struct {
	Selector fleet.Selector
	Since    time.Time // findings fixed before are left out
	Worst    string    // only findings of this priority or a worse one; empty: all
}

// Service makes reports, one at a time: each has all that is known in memory, and any viewer may ask. It keeps nothing.
type Service struct {
	store Store
	fleet Fleet
	now   func() time.Time
	turn  chan struct{} // holds one token: whose turn it is
	room  *assess.Room  // for what a report has in memory
}

// NewService makes the service.
func NewService(store Store, fleet Fleet, now func() time.Time) *Service {
	s := &Service{store: store, fleet: fleet, now: now, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// Within bounds what reports have in memory. It is called before the first.
func (s *Service) Within(room *assess.Room) { s.room = room }

// take waits for the turn; the caller gives it back with what it gets. fault.Unavailable when it does not come in time.
func (s *Service) take(ctx context.Context) (giveBack func(), err error) {
	select {
	case <-s.turn:
		return func() { s.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "other reports are still being made; try again in a moment")
	}
}

// begin waits for the turn, and reads the hosts that a selector names and what is known of them. The caller gives the turn back.
func (s *Service) begin(ctx context.Context, sel fleet.Selector) (_ *past, rows []apiv1.Host, giveBack func(), err error) {
	turn, err := s.take(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	lent, err := s.borrow(ctx)
	if err != nil {
		turn()
		return nil, nil, nil, err
	}
	both := func() { lent(); turn() }
	var p *past
	if rows, err = s.hosts(ctx, sel); err == nil {
		p, err = s.past(ctx, rows)
	}
	if err != nil {
		both()
		return nil, nil, nil, err
	}
	return p, rows, both, nil
}

// Compliance reads each selected host's past and judges it. Feeds are left empty. fault.TooLarge when there are more findings than one
// document can hold.
func (s *Service) Compliance(ctx context.Context, q Query) (apiv1.ComplianceReport, error) {
	out := apiv1.ComplianceReport{
		AsOf: s.now().UTC(), Selector: q.Selector.String(), Since: q.Since.UTC(), Feeds: []apiv1.FeedStatus{}, Hosts: []apiv1.ComplianceHost{},
	}
	p, rows, giveBack, err := s.begin(ctx, q.Selector)
	if err != nil {
		return out, err
	}
	defer giveBack()
	for i, row := range rows {
		if err := s.goesOn(i, (out.Open+out.Fixed)*perFinding); err != nil {
			return out, err
		}
		h, err := p.host(ctx, row, q)
		if err != nil {
			return out, fmt.Errorf("reporting host %q: %w", row.ID, err)
		}
		out.Open += len(h.Open)
		out.Fixed += len(h.Fixed)
		if out.Open+out.Fixed > maxFindings {
			return out, fault.New(fault.TooLarge, "the report would have more than %d findings: narrow it with a selector or a priority", maxFindings)
		}
		if !h.Assessed {
			out.NotAssessed++
		}
		for _, f := range h.Fixed {
			if f.By == apiv1.FixedOutside {
				out.Outside++
			}
		}
		out.Hosts = append(out.Hosts, h)
	}
	slices.SortStableFunc(out.Hosts, func(a, b apiv1.ComplianceHost) int {
		if a.Assessed != b.Assessed {
			if b.Assessed {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Host, b.Host)
	})
	return out, nil
}

// MetricsQuery says of which hosts and which period metrics are.
type MetricsQuery struct {
	Selector fleet.Selector
	Period   Period
	Clock    Clock
}

// Metrics measures a period with today's knowledge, host by host. fault.Invalid when the period is none, or is not over.
func (s *Service) Metrics(ctx context.Context, q MetricsQuery) (apiv1.Metrics, error) {
	out := apiv1.Metrics{From: q.Period.From.UTC(), To: q.Period.To.UTC(), Selector: q.Selector.String(), Clock: q.Clock.rules(), Rows: []apiv1.MetricsRow{}}
	switch {
	case !q.Period.From.Before(q.Period.To):
		return out, fault.New(fault.Invalid, "the period ends at %s, which is not after its beginning at %s", inventory.Instant(out.To), inventory.Instant(out.From))
	case q.Period.To.After(s.now()):
		return out, fault.New(fault.Invalid, "the period ends at %s, which is not over yet", inventory.Instant(out.To))
	}
	p, rows, giveBack, err := s.begin(ctx, q.Selector)
	if err != nil {
		return out, err
	}
	defer giveBack()
	measure := NewMeasure(q.Period, q.Clock)
	exposures := 0
	for i, row := range rows {
		if !row.EnrolledAt.Before(q.Period.To) {
			continue // it came after the period
		}
		if err := s.goesOn(i, exposures*perExposure); err != nil {
			return out, err
		}
		out.Hosts++
		intervals, err := p.intervals(ctx, row.ID, assess.PlaceOf(row.Labels))
		if err != nil {
			return out, fmt.Errorf("measuring host %q: %w", row.ID, err)
		}
		cover(&out.Coverage, q.Period, row, intervals, p.now)
		for _, e := range Exposures(intervals, p.knowledge) {
			measure.Add(e)
			exposures++
		}
	}
	out.Rows = measure.Rows()
	out.Coverage.Percent = percent(out.Coverage.Covered, out.Coverage.HostDays)
	out.Coverage.HostDays, out.Coverage.Covered = rounded(out.Coverage.HostDays), rounded(out.Coverage.Covered)
	return out, nil
}

// hosts are all that a selector names.
func (s *Service) hosts(ctx context.Context, sel fleet.Selector) ([]apiv1.Host, error) {
	var all []apiv1.Host
	for cursor := ""; ; {
		page, err := s.fleet.Hosts(ctx, assess.Query{Selector: sel, Sort: "name", Limit: hostPage, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

func (s *Service) past(ctx context.Context, rows []apiv1.Host) (*past, error) {
	p := &past{store: s.store, now: s.now(), packages: map[inventory.PackageID]inventory.Package{}, plans: map[string]approval{}, locks: map[string]map[Package]string{}}
	var err error
	p.knowledge, err = p.know(ctx, rows)
	return p, err
}

// past reads what a report is made of, each thing that hosts share once.
type past struct {
	store     Store
	knowledge *Knowledge
	packages  map[inventory.PackageID]inventory.Package // every interned one
	now       time.Time
	plans     map[string]approval
	locks     map[string]map[Package]string
}

type approval struct {
	by []string
	at time.Time
}

// know reads every package that any host ever had, and of every feed what names one of them: those that make no release assessed, as the
// site's own list, count all the same.
func (p *past) know(ctx context.Context, rows []apiv1.Host) (*Knowledge, error) {
	wanted := map[name]bool{}
	for after := inventory.PackageID(0); ; {
		page, err := p.store.AllPackages(ctx, after, rowPage)
		if err != nil {
			return nil, fmt.Errorf("reading packages: %w", err)
		}
		for _, one := range page {
			p.packages[one.ID] = one
			s := assess.SubjectOf(one)
			for _, n := range s.Names() {
				wanted[name{s.Ecosystem, n}] = true
			}
			after = one.ID
		}
		if len(page) < rowPage {
			break
		}
	}
	k := NewKnowledge(nil, p.now)
	lifecycles, err := p.store.CurrentLifecycles(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading lifecycles: %w", err)
	}
	k.AddLifecycles(lifecycles)
	feeds, err := p.store.FeedStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading feeds: %w", err)
	}
	for _, f := range feeds {
		if len(rows) == 0 {
			break
		}
		err := p.store.KnownAdvisories(ctx, f.Name, func(a advisory.Advisory, first time.Time) error {
			k.Add(Known{a, first}, func(ecosystem, of string) bool { return wanted[name{ecosystem, of}] })
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading advisories of %q: %w", f.Name, err)
		}
	}
	overlays, err := p.store.OverlaysOf(ctx, k.Vulnerabilities())
	if err != nil {
		return nil, fmt.Errorf("reading overlays: %w", err)
	}
	k.AddOverlays(overlays)
	return k, nil
}

// host is one host's part of the report.
func (p *past) host(ctx context.Context, row apiv1.Host, q Query) (apiv1.ComplianceHost, error) {
	h := apiv1.ComplianceHost{
		HostID: row.ID, Host: row.Name, Labels: row.Labels, OS: row.OS, State: row.State, Assessed: row.Findings.Assessed, Reason: row.Findings.Reason,
		LastSeen: row.LastSeen, Metadata: row.Metadata, Open: []apiv1.OpenFinding{}, Fixed: []apiv1.FixedFinding{},
	}
	intervals, err := p.intervals(ctx, row.ID, assess.PlaceOf(row.Labels))
	if err != nil || len(intervals) == 0 {
		return h, err
	}
	first, last := intervals[0].From.UTC(), intervals[len(intervals)-1].From.UTC()
	h.FirstSeen, h.AsOf = &first, &last
	deeds, err := p.deeds(ctx, row.ID)
	if err != nil {
		return h, err
	}
	for _, e := range Listed(intervals, p.knowledge, deeds) {
		switch {
		case q.Worst != "" && assess.Rank(e.Priority) > assess.Rank(q.Worst):
		case e.Until.IsZero():
			h.Open = append(h.Open, openFinding(e))
		case !e.Until.Before(q.Since):
			h.Fixed = append(h.Fixed, fixedFinding(e))
		}
	}
	slices.SortStableFunc(h.Fixed, func(a, b apiv1.FixedFinding) int { return b.FixedAt.Compare(a.FixedAt) })
	return h, nil
}

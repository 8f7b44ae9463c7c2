package report_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/report"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

// world is a real store with a clock that the test moves.
type world struct {
	tb        testing.TB
	store     *store.Store
	inventory *inventory.Service
	at        time.Time
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, store: storetest.Open(tb), at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	w.inventory = inventory.NewService(w.store, slog.New(slog.DiscardHandler), func() time.Time { return w.at })
	return w
}

func (w *world) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) enroll(name string) string {
	w.tb.Helper()
	ctx := context.Background()
	token := fleet.EnrollToken{ID: id.New("et", w.at), SecretHash: "00", Approve: true, Uses: 1, UsesLeft: 1, CreatedAt: w.at, CreatedBy: "user:test", ExpiresAt: w.at.Add(time.Hour)}
	w.must(w.store.CreateEnrollToken(ctx, token, event.Event{At: w.at, Kind: event.EnrollCreated, Actor: "user:test"}))
	h := fleet.Host{ID: id.New("host", w.at), Name: name, State: fleet.Approved, TokenID: token.ID, EnrolledAt: w.at, ApprovedAt: w.at, ApprovedBy: "token"}
	_, err := w.store.Enroll(ctx, fleet.Enrollment{TokenID: token.ID, Host: h,
		Certificate: fleet.Certificate{Serial: id.New("c", w.at), HostID: h.ID, IssuedAt: w.at, NotAfter: w.at.Add(time.Hour)},
		Event:       event.Event{At: w.at, Kind: event.HostEnrolled, Actor: "host:" + h.ID, Host: h.ID}})
	w.must(err)
	return h.ID
}

func (w *world) has(hostID string, packages ...apiv1.Package) {
	w.tb.Helper()
	text, err := json.Marshal(apiv1.Packages{Ecosystem: "Debian:12", Packages: packages})
	w.must(err)
	digest := sha256.Sum256(text)
	_, err = w.inventory.PutSection(context.Background(), hostID, apiv1.SectionPackages, hex.EncodeToString(digest[:]), text)
	w.must(err)
}

func (w *world) knows(advisories ...advisory.Advisory) {
	w.tb.Helper()
	w.feed("osv/Debian", []string{"Debian:12"}, advisories...)
}

func (w *world) feed(name string, ecosystems []string, advisories ...advisory.Advisory) {
	w.tb.Helper()
	_, err := w.store.ImportFeed(context.Background(), advisory.Import{
		State: advisory.FeedState{Name: name, SHA256: w.at.String(), Records: len(advisories), Ecosystems: ecosystems, AsOf: w.at, ChangedAt: w.at, AttemptedAt: w.at, NextDue: w.at.Add(time.Hour)},
		At:    w.at,
		Advisories: func(yield func(advisory.Advisory) error) error {
			for _, a := range advisories {
				if err := yield(a); err != nil {
					return err
				}
			}
			return nil
		},
	})
	w.must(err)
}

// rows is a fleet as assess would list it, in pages of two.
type rows []apiv1.Host

func (r rows) Hosts(_ context.Context, q assess.Query) (apiv1.HostPage, error) {
	from := 0
	if q.Cursor != "" {
		if _, err := fmt.Sscan(q.Cursor, &from); err != nil {
			return apiv1.HostPage{}, err
		}
	}
	to := min(from+2, len(r))
	page := apiv1.HostPage{Items: r[from:to], Total: len(r)}
	if to < len(r) {
		page.Next = fmt.Sprint(to)
	}
	return page, nil
}

func row(hostID, name string, assessed bool) apiv1.Host {
	h := apiv1.Host{ID: hostID, Name: name, Findings: apiv1.FindingCounts{Assessed: assessed}}
	if !assessed {
		h.Findings.Reason = "nothing known"
	}
	return h
}

func hole(cve, source, fixed string, published time.Time) advisory.Advisory {
	return advisory.Advisory{Feed: "osv/Debian", ID: "DEBIAN-" + cve, CVEs: []string{cve}, Published: published,
		Affected: []advisory.Affected{{Ecosystem: "Debian:12", Package: source, Ranges: []advisory.Range{{Introduced: "0", Fixed: fixed}}}}}
}

func deb(name, version string) apiv1.Package {
	return apiv1.Package{Name: name, Arch: "amd64", Version: version, Origin: "Debian"}
}

func TestComplianceReadsThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.at
	web, old, quiet := w.enroll("web1"), w.enroll("old1"), w.enroll("quiet1")
	w.has(web, deb("openssl", "1"), deb("zlib", "1"))
	w.has(old, deb("openssl", "1"))
	w.at = began.Add(24 * time.Hour)
	w.knows(hole("CVE-1", "openssl", "2", began.Add(-time.Hour)), hole("CVE-2", "zlib", "2", time.Time{}))
	w.at = began.Add(48 * time.Hour)
	w.has(web, deb("openssl", "2"), deb("zlib", "1"))
	w.has(old, deb("openssl", "2"))
	w.at = began.Add(72 * time.Hour)
	// CVE-2's record changes: it is known since its first revision all the same.
	w.knows(hole("CVE-1", "openssl", "2", began.Add(-time.Hour)), hole("CVE-2", "zlib", "3", time.Time{}))

	now := began.Add(96 * time.Hour)
	s := report.NewService(w.store, rows{row(web, "web1", true), row(old, "old1", true), row(quiet, "quiet1", false)}, func() time.Time { return now })
	r, err := s.Compliance(t.Context(), report.Query{Since: began})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range r.Hosts {
		names = append(names, h.Host)
	}
	if !slices.Equal(names, []string{"quiet1", "old1", "web1"}) || r.NotAssessed != 1 || r.Open != 1 || r.Fixed != 2 || r.Outside != 2 || !r.AsOf.Equal(now) {
		t.Fatalf("%v %+v", names, r)
	}
	if h := r.Hosts[0]; h.FirstSeen != nil || h.Reason != "nothing known" || h.Open == nil || h.Fixed == nil {
		t.Errorf("%+v", h)
	}
	h := r.Hosts[2]
	if len(h.Open) != 1 || len(h.Fixed) != 1 || !h.FirstSeen.Equal(began) || !h.AsOf.Equal(began.Add(48*time.Hour)) {
		t.Fatalf("%+v", h)
	}
	if f := h.Open[0]; f.Vulnerability != "CVE-2" || !f.Since.Equal(began.Add(24*time.Hour)) || f.SinceWhy != "advisory first known" || f.FixedIn != "3" {
		t.Errorf("%+v", f)
	}
	if f := h.Fixed[0]; f.Vulnerability != "CVE-1" || !f.Since.Equal(began) || f.SinceWhy != "package seen" || !f.FixedAt.Equal(began.Add(48*time.Hour)) || f.By != apiv1.FixedOutside {
		t.Errorf("%+v", f)
	}

	r, err = s.Compliance(t.Context(), report.Query{Since: began.Add(49 * time.Hour), Worst: apiv1.PriorityUrgent})
	if err != nil || r.Fixed != 0 || r.Open != 0 || len(r.Hosts) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

// What the site itself says counts in reports as it does in lists, though it makes no release assessed.
func TestReportsHeedTheOverrideList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.enroll("web1")
	w.has(web, deb("openssl", "1"), deb("zlib", "1"))
	w.knows(hole("CVE-1", "openssl", "2", w.at), hole("CVE-2", "zlib", "2", w.at))
	fine := hole("CVE-1", "openssl", "", w.at)
	fine.Feed, fine.Affected[0].Ranges, fine.Affected[0].Status = "override", nil, advisory.StatusNotAffected
	w.feed("override", nil, fine)
	now := w.at.Add(24 * time.Hour)
	s := report.NewService(w.store, rows{row(web, "web1", true)}, func() time.Time { return now })
	r, err := s.Compliance(t.Context(), report.Query{})
	if err != nil || r.Open != 1 || r.Hosts[0].Open[0].Vulnerability != "CVE-2" {
		t.Errorf("%+v, %v: want CVE-2 alone", r, err)
	}
	m, err := s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: w.at.Add(-time.Hour), To: now}, Clock: report.DefaultClock()})
	if err != nil || m.Rows[len(m.Rows)-1].Open != 1 {
		t.Errorf("%+v, %v: want one open", m, err)
	}
}

// A host is patched a day after the world knew; another never is. Counted on a real store.
func TestMetricsReadThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.at
	day := 24 * time.Hour
	web, old := w.enroll("web1"), w.enroll("old1")
	w.has(web, deb("openssl", "1"))
	w.has(old, deb("openssl", "1"))
	w.at = began.Add(2 * day)
	w.knows(hole("CVE-1", "openssl", "2", began.Add(2*day)))
	w.at = began.Add(3 * day)
	w.has(web, deb("openssl", "2"))
	now := began.Add(10 * day)
	s := report.NewService(w.store, rows{row(web, "web1", true), row(old, "old1", true)}, func() time.Time { return now })

	m, err := s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: began, To: now}, Clock: report.Clock{apiv1.PriorityNormal: 5 * day}})
	if err != nil {
		t.Fatal(err)
	}
	all := m.Rows[len(m.Rows)-1]
	if m.Hosts != 2 || all.Opened != 2 || all.Fixed != 1 || all.Open != 1 || all.TimeToPatch == nil || all.TimeToPatch.Median != 1 || all.ExposureDays != 1+8 ||
		all.Due != 2 || all.InTime != 1 || *all.PercentInTime != 50 || m.Coverage.Assessed != 2 || *m.Coverage.Percent != 100 {
		t.Errorf("%+v %+v", m, all)
	}
	late := row(old, "old1", true)
	late.EnrolledAt = began.Add(5 * day) // a host that comes later counts in no period before
	for to, hosts := range map[time.Time]int{began.Add(5 * day): 1, began.Add(6 * day): 2} {
		s := report.NewService(w.store, rows{row(web, "web1", true), late}, func() time.Time { return now })
		m, err := s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: began, To: to}})
		if err != nil || m.Hosts != hosts || m.Coverage.Assessed+m.Coverage.NotAssessed != hosts {
			t.Errorf("until %s: %d hosts, %+v, %v; want %d", to, m.Hosts, m.Coverage, err, hosts)
		}
	}
	for _, p := range []report.Period{{From: now, To: began}, {From: began, To: began}, {From: began, To: now.Add(time.Hour)}} {
		if _, err := s.Metrics(t.Context(), report.MetricsQuery{Period: p}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// A host that was deleted and enrolled again is another one: nothing of its past is its own.
func TestMetricsOfAHostThatEnrollsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := w.at
	day := 24 * time.Hour
	w.knows(hole("CVE-1", "openssl", "2", began))
	old := w.enroll("web1")
	w.has(old, deb("openssl", "1"))
	w.at = began.Add(4 * day)
	_, err := w.store.DeleteHost(t.Context(), old, w.at, event.Event{At: w.at, Kind: event.HostDeleted, Actor: "user:test", Host: old})
	w.must(err)
	w.at = began.Add(6 * day)
	again := w.enroll("web1")
	w.has(again, deb("openssl", "1"))
	now := began.Add(10 * day)
	one := row(again, "web1", true)
	one.EnrolledAt = w.at
	s := report.NewService(w.store, rows{one}, func() time.Time { return now })
	m, err := s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: began, To: now}, Clock: report.Clock{}})
	if err != nil {
		t.Fatal(err)
	}
	all := m.Rows[len(m.Rows)-1]
	if m.Hosts != 1 || all.Opened != 1 || all.Open != 1 || all.ExposureDays != 4 || all.OpenAge.Longest != 4 || m.Coverage.HostDays != 4 || *m.Coverage.Percent != 100 {
		t.Errorf("%+v %+v", m, all)
	}
}

func TestComplianceSaysWhenItIsTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := w.enroll("web1")
	w.has(host, deb("linux", "1"))
	var holes []advisory.Advisory
	for i := range 1001 {
		holes = append(holes, hole(fmt.Sprintf("CVE-%04d", i), "linux", "2", time.Time{}))
	}
	w.knows(holes...)
	many := make(rows, 200)
	for i := range many {
		many[i] = row(host, "web1", true)
	}
	s := report.NewService(w.store, many, time.Now)
	if _, err := s.Compliance(t.Context(), report.Query{}); !errors.Is(err, fault.TooLarge) {
		t.Errorf("%v", err)
	}
	s = report.NewService(w.store, many[:199], time.Now)
	if r, err := s.Compliance(t.Context(), report.Query{}); err != nil || r.Open != 199*1001 {
		t.Errorf("%d, %v", r.Open, err)
	}
}

// BenchmarkCompliance: 60 hosts of 800 packages with ten inventories each, 1,200 advisories.
func BenchmarkCompliance(b *testing.B) {
	w := newWorld(b)
	var holes []advisory.Advisory
	for i := range 1200 {
		holes = append(holes, hole(fmt.Sprintf("CVE-%04d", i), fmt.Sprintf("pkg%d", i%800), fmt.Sprint(i%12), time.Time{}))
	}
	w.knows(holes...)
	var fleet rows
	for n := range 60 {
		host := w.enroll(fmt.Sprint("host", n))
		fleet = append(fleet, row(host, fmt.Sprint("host", n), true))
		for version := range 10 {
			w.at = w.at.Add(time.Minute)
			var packages []apiv1.Package
			for p := range 800 {
				v := 1
				if p%10 == version {
					v = 2 + version
				}
				packages = append(packages, deb(fmt.Sprintf("pkg%03d", p), fmt.Sprint(v)))
			}
			w.has(host, packages...)
		}
	}
	s := report.NewService(w.store, fleet, time.Now)
	b.ResetTimer()
	for b.Loop() {
		r, err := s.Compliance(b.Context(), report.Query{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Open+r.Fixed), "findings")
	}
}

// crowd is a fleet that tells how many read it at a time.
type crowd struct{ now, most atomic.Int32 }

func (c *crowd) Hosts(context.Context, assess.Query) (apiv1.HostPage, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for seen := c.most.Load(); n > seen && !c.most.CompareAndSwap(seen, n); seen = c.most.Load() {
	}
	time.Sleep(5 * time.Millisecond)
	return apiv1.HostPage{}, nil
}

// Each report has all that is known in memory: many who ask wait for each other, and who cannot wait is told so.
func TestOneReportIsMadeAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var c crowd
	s := report.NewService(w.store, &c, func() time.Time { return w.at })
	var asking sync.WaitGroup
	for i := range 10 {
		asking.Go(func() {
			var err error
			if i%2 == 0 {
				_, err = s.Compliance(t.Context(), report.Query{})
			} else {
				_, err = s.Metrics(t.Context(), report.MetricsQuery{Period: report.Period{From: w.at.Add(-time.Hour), To: w.at}})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if most := c.most.Load(); most != 1 {
		t.Errorf("%d reports were made at a time", most)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if _, err := s.Compliance(gone, report.Query{}); err == nil {
			t.Fatal("who has gone gets a report")
		}
	}
}

package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/report"
)

// The export is the whole log over several pages, each line enough to recompute its hash, and the server's own account agrees.
func TestExportCarriesTheWholeChain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(t, access.Viewer)
	for i := range exportPage + 5 {
		e := event.Event{At: time.UnixMicro(int64(1_000_001 * i)), Kind: "test", Actor: "server", Text: "<ü>"}
		if i%2 == 0 {
			e.Data = map[string]string{"a": "&"}
		}
		if _, err := b.store.AppendEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	w := b.do(t, http.MethodGet, "/api/v1/events/export", "", "Authorization", "Bearer "+token)
	if w.Code != 200 || w.Header().Get("Content-Type") != apiv1.ContentNDJSON {
		t.Fatal(w.Code, w.Header())
	}
	before, seq := "", int64(0)
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		var e apiv1.EventRecord
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Seq == 0 {
			break
		}
		if e.Seq != seq+1 || e.Chain(before) != e.Hash {
			t.Fatalf("event %d after %d does not hold: %+v", e.Seq, seq, e)
		}
		before, seq = e.Hash, e.Seq
	}
	if seq < exportPage+5 || lines.Text() != `{"seq":0}` || lines.Scan() {
		t.Errorf("ends at %d with %q", seq, lines.Text())
	}
	var v apiv1.EventVerification
	w = b.do(t, http.MethodGet, "/api/v1/events/verify", "", "Authorization", "Bearer "+token)
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || !v.Whole || v.Seq != seq || v.Hash != before || v.Events != seq {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = b.do(t, http.MethodGet, "/api/v1/events/export?after=3", "", "Authorization", "Bearer "+token)
	if !strings.HasPrefix(w.Body.String(), `{"seq":4,`) {
		t.Errorf("after 3: %.80s", w.Body)
	}
}

// cutLog is a log whose database goes away after a page.
type cutLog struct {
	allEvents
	calls int
}

// allEvents is Events under another name: the interface has a method of that name.
type allEvents = interface {
	Seq(ctx context.Context) (int64, error)
	ChangesAfter(ctx context.Context, after int64, limit int) ([]event.Change, error)
	Events(ctx context.Context, host string, before int64, limit int) ([]event.Event, error)
}

func (c *cutLog) EventsAfter(ctx context.Context, after int64, limit int) ([]event.Event, error) {
	if c.calls++; c.calls > 1 {
		return nil, errors.New("the database has gone")
	}
	return make([]event.Event, limit), nil
}

func TestAnExportThatFailsHasNoEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(t, access.Viewer)
	b.api.Events = &cutLog{allEvents: b.store}
	w := b.do(t, http.MethodGet, "/api/v1/events/export", "", "Authorization", "Bearer "+token)
	if strings.Contains(w.Body.String(), `{"seq":0}`) {
		t.Error("it looks whole")
	}
	if b.log.count("the database has gone") != 1 || b.log.count(`"level":"ERROR"`) != 1 {
		t.Errorf("log: %s", b.log)
	}
}

func TestOnlyAFewReadTheWholeLogAtOnce(t *testing.T) {
	t.Parallel()
	slots := make(chan struct{}, 2)
	first, err := slot(slots)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slot(slots); err != nil {
		t.Fatal(err)
	}
	if _, err := slot(slots); !errors.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	first()
	if _, err := slot(slots); err != nil {
		t.Error(err)
	}
}

// asked keeps what a report was asked for.
type asked struct {
	q report.Query
	m report.MetricsQuery
}

func (a *asked) Metrics(_ context.Context, q report.MetricsQuery) (apiv1.Metrics, error) {
	a.m = q
	return apiv1.Metrics{Clock: []apiv1.ClockRule{}, Rows: []apiv1.MetricsRow{}}, nil
}

func (a *asked) Compliance(_ context.Context, q report.Query) (apiv1.ComplianceReport, error) {
	a.q = q
	return apiv1.ComplianceReport{Hosts: []apiv1.ComplianceHost{}}, nil
}

type noFeeds struct{ Feed }

func (noFeeds) Status(context.Context) ([]apiv1.FeedStatus, error) { return nil, nil }

func TestComplianceIsAskedForWhatWasMeant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(t, access.Viewer)
	reports := &asked{}
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	b.api.Reports, b.api.Feed, b.api.Now = reports, noFeeds{}, func() time.Time { return now }
	for path, want := range map[string]struct {
		code     int
		selector string
		since    time.Time
		worst    string
	}{
		"": {200, "", now.Add(-90 * 24 * time.Hour), ""},
		"?selector=env%3Dprod&since=2026-07-01T00:00:00Z&priority=high": {200, "env=prod", time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), "high"},
		"?priority=worst":   {422, "", time.Time{}, ""},
		"?since=yesterday":  {422, "", time.Time{}, ""},
		"?selector=env%3D(": {422, "", time.Time{}, ""},
	} {
		reports.q = report.Query{}
		w := b.do(t, http.MethodGet, "/api/v1/reports/compliance"+path, "", "Authorization", "Bearer "+token)
		if w.Code != want.code {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
			continue
		}
		if q := reports.q; want.code == 200 && (q.Selector.String() != want.selector || !q.Since.Equal(want.since) || q.Worst != want.worst || !strings.Contains(w.Body.String(), `"feeds":[]`)) {
			t.Errorf("%s: %+v %s", path, q, w.Body)
		}
	}
}

func TestMetricsAreAskedForWhatWasMeant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(t, access.Viewer)
	reports := &asked{}
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	b.api.Reports, b.api.Now = reports, func() time.Time { return now }
	july := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for path, want := range map[string]struct {
		code   int
		period report.Period
		high   time.Duration
	}{
		"":                         {200, report.Period{From: now.Add(-30 * 24 * time.Hour), To: now}, 30 * 24 * time.Hour},
		"?to=2026-07-01T00:00:00Z": {200, report.Period{From: july.Add(-30 * 24 * time.Hour), To: july}, 30 * 24 * time.Hour},
		"?from=2026-07-01T00:00:00Z&clock=high%3D7d&selector=env%3Dprod": {200, report.Period{From: july, To: now}, 7 * 24 * time.Hour},
		"?clock=high":       {422, report.Period{}, 0},
		"?from=yesterday":   {422, report.Period{}, 0},
		"?selector=env%3D(": {422, report.Period{}, 0},
	} {
		reports.m = report.MetricsQuery{}
		w := b.do(t, http.MethodGet, "/api/v1/reports/metrics"+path, "", "Authorization", "Bearer "+token)
		if q := reports.m; w.Code != want.code || !q.Period.From.Equal(want.period.From) || !q.Period.To.Equal(want.period.To) || q.Clock["high"] != want.high {
			t.Errorf("%s: %d %s: %+v", path, w.Code, w.Body, q)
		}
	}
}

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/report"
)

const (
	reportTimeout = 5 * time.Minute
	exportTimeout = 15 * time.Minute
	exportPage    = 1000
	metricsPast   = 30 * 24 * time.Hour // what figures are of, when nobody says from when
	reportPast    = 90 * 24 * time.Hour // what was fixed before is left out, when nobody says since when
	maxExports    = 4                   // each reads the whole log
)

// Reports makes documents about the past.
type Reports interface {
	Compliance(ctx context.Context, q report.Query) (apiv1.ComplianceReport, error)
	Metrics(ctx context.Context, q report.MetricsQuery) (apiv1.Metrics, error)
}

// Totals are the fleet day by day.
type Totals interface {
	Trend(ctx context.Context, from, to time.Time) (apiv1.Trend, error)
}

type trendInput struct {
	From time.Time `query:"from" doc:"The day that this time is in, UTC; default 90 days ago"`
	To   time.Time `query:"to" doc:"Likewise; default yesterday, the last day that is over"`
}

type metricsInput struct {
	Selector string    `query:"selector" maxLength:"2000" doc:"Empty means every host"`
	From     time.Time `query:"from" doc:"Default 30 days before to"`
	To       time.Time `query:"to" doc:"Default now"`
	Clock    string    `query:"clock" maxLength:"200" doc:"As urgent=15d,high=30d: how long a finding may stay open; default urgent=15d,high=30d,normal=90d,low=180d"`
	MinSeq   int64     `query:"min_seq" minimum:"0" doc:"Answer from a state that includes this change"`
}

type complianceInput struct {
	Selector string    `query:"selector" maxLength:"2000" doc:"Empty means every host"`
	Since    time.Time `query:"since" doc:"Findings fixed before are left out; default 90 days ago"`
	Priority string    `query:"priority" enum:"urgent,high,normal,low,lowest" doc:"Only findings of this priority or a worse one"`
	MinSeq   int64     `query:"min_seq" minimum:"0" doc:"Answer from a state that includes this change"`
}

type exportInput struct {
	After int64 `query:"after" minimum:"0" doc:"Events after this seq"`
}

func (a *API) reportOperations(api huma.API) {
	register(api, operation("report-compliance", http.MethodGet, "/api/v1/reports/compliance", tagAssess, needViewer,
		"What was wrong on which host, since when, and what fixed it: by which rollout, approved by whom", tooLarge,
		about("Derived from the hosts' inventories over time, judged with today's knowledge. Hosts that are not assessed come first."), lasting(reportTimeout)), a.compliance)
	register(api, operation("report-metrics", http.MethodGet, "/api/v1/reports/metrics", tagAssess, needViewer,
		"How long patching took, how much was exposed, how much of the fleet was seen, and how much was in time", tooLarge,
		about("Derived from the hosts' inventories over time, judged with today's knowledge."), lasting(reportTimeout)), a.figures)
	register(api, operation("report-trend", http.MethodGet, "/api/v1/reports/trend", tagAssess, needViewer, "The whole fleet at the end of each day, as it was known then"),
		func(ctx context.Context, in *trendInput) (*answer[apiv1.Trend], error) {
			from, to := in.From, in.To
			if to.IsZero() {
				to = a.Now()
			}
			if from.IsZero() {
				from = to.Add(-reportPast)
			}
			return reply(a.Totals.Trend(ctx, from, to))
		})
	slots := make(chan struct{}, maxExports)
	register(api, operation("verify-events", http.MethodGet, "/api/v1/events/verify", tagEvents, needViewer,
		"Go through the log's hash chain, from the first event on", lasting(exportTimeout), errorsToo(http.StatusServiceUnavailable)),
		func(ctx context.Context, _ *struct{}) (*answer[apiv1.EventVerification], error) {
			done, err := slot(slots)
			if err != nil {
				return nil, err
			}
			defer done()
			v, err := event.Verify(ctx, a.Events)
			return reply(apiv1.EventVerification{Whole: v.Broken == 0, Events: v.Events, Seq: v.Seq, Hash: v.Hash, Broken: v.Broken, Reason: v.Reason}, err)
		})
	op := operation("export-events", http.MethodGet, "/api/v1/events/export", tagEvents, needViewer, "The whole log, oldest first, with its hashes",
		about(`One EventRecord a line; the last line is {"seq":0}: an answer without it was cut off.`), lasting(exportTimeout), errorsToo(http.StatusServiceUnavailable))
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A line for each EventRecord",
		Content:     map[string]*huma.MediaType{apiv1.ContentNDJSON: {Schema: a.doc.Components.Schemas.Schema(reflect.TypeFor[apiv1.EventRecord](), true, "")}},
	}}
	register(api, op, func(_ context.Context, in *exportInput) (*streamOutput, error) {
		done, err := slot(slots)
		if err != nil {
			return nil, err
		}
		return &streamOutput{Body: func(hctx huma.Context) {
			defer done()
			a.export(hctx, in.After)
		}}, nil
	})
}

// slot takes one of a few places, or says that all are taken.
func slot(slots chan struct{}) (done func(), err error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	default:
		return nil, fault.New(fault.Unavailable, "the log is being read from end to end by others: try again in a moment")
	}
}

func (a *API) compliance(ctx context.Context, in *complianceInput) (*answer[apiv1.ComplianceReport], error) {
	q, err := a.query(ctx, ListInput{Selector: in.Selector, MinSeq: in.MinSeq, Limit: 1})
	if err != nil {
		return nil, err
	}
	since := in.Since
	if since.IsZero() {
		since = a.Now().Add(-reportPast)
	}
	r, err := a.Reports.Compliance(ctx, report.Query{Selector: q.Selector, Since: since, Worst: in.Priority})
	if err != nil {
		return nil, err
	}
	r.Server = a.Version
	if r.Feeds, err = a.Feed.Status(ctx); r.Feeds == nil {
		r.Feeds = []apiv1.FeedStatus{}
	}
	return reply(r, err)
}

func (a *API) figures(ctx context.Context, in *metricsInput) (*answer[apiv1.Metrics], error) {
	q, err := a.query(ctx, ListInput{Selector: in.Selector, MinSeq: in.MinSeq, Limit: 1})
	if err != nil {
		return nil, err
	}
	clock, err := report.ParseClock(in.Clock)
	if err != nil {
		return nil, err
	}
	period := report.Period{From: in.From, To: in.To}
	if period.To.IsZero() {
		period.To = a.Now()
	}
	if period.From.IsZero() {
		period.From = period.To.Add(-metricsPast)
	}
	return reply(a.Reports.Metrics(ctx, report.MetricsQuery{Selector: q.Selector, Period: period, Clock: clock}))
}

// export writes the log a page at a time. What goes wrong on the way can only cut the answer off: its last line is then missing.
func (a *API) export(hctx huma.Context, after int64) {
	_, w := humago.Unwrap(hctx)
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", apiv1.ContentNDJSON)
	lines := json.NewEncoder(w)
	for {
		page, err := a.Events.EventsAfter(hctx.Context(), after, exportPage)
		if err != nil {
			if hctx.Context().Err() == nil { // else the reader has gone
				recordOf(hctx.Context()).fail(err)
			}
			return
		}
		for _, e := range page {
			if err := lines.Encode(e.Record()); err != nil {
				return // the reader has gone
			}
			after = e.Seq
		}
		if len(page) < exportPage {
			_ = lines.Encode(struct {
				Seq int64 `json:"seq"`
			}{})
			return
		}
		if control.Flush() != nil {
			return
		}
	}
}

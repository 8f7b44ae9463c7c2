package client_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/fault"
)

// An export that was cut off never looks like a short log.
func TestExportIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	const one, two, end = `{"seq":1,"at_us":5,"kind":"k","actor":"a","host":"","text":"t","data":{"x":"y"},"hash":"h"}` + "\n", `{"seq":2}` + "\n", `{"seq":0}` + "\n"
	for name, tc := range map[string]struct {
		contentType, body string
		events            int
		want              error
	}{
		"whole":                    {apiv1.ContentNDJSON, one + two + end, 2, nil},
		"empty":                    {apiv1.ContentNDJSON, end, 0, nil},
		"no end":                   {apiv1.ContentNDJSON, one + two, 2, fault.Unavailable},
		"nothing":                  {apiv1.ContentNDJSON, "", 0, fault.Unavailable},
		"cut off in a line":        {apiv1.ContentNDJSON, one + `{"seq":2,"te`, 1, fault.Unavailable},
		"a line without end":       {apiv1.ContentNDJSON, one + `{"seq":2,"text":"` + strings.Repeat("x", 2<<20), 1, fault.Unavailable},
		"another kind of server":   {"text/html", "<html>", 0, fault.Unavailable},
		"what follows is not read": {apiv1.ContentNDJSON, one + end + "garbage", 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RequestURI() != "/api/v1/events/export?after=7" {
					t.Errorf("asked for %s", r.URL.RequestURI())
				}
				answer(w, 200, tc.contentType, tc.body)
			})
			n := 0
			err := f.operator(t, "stk_x").ExportEvents(t.Context(), 7, func(e apiv1.EventRecord) error {
				if n++; n == 1 && (e.Seq != 1 || e.At != 5 || e.Data["x"] != "y") {
					t.Errorf("%+v", e)
				}
				return nil
			})
			if n != tc.events || !errors.Is(err, tc.want) {
				t.Errorf("%d events, %v", n, err)
			}
		})
	}
}

func TestExportStopsWhenItsReaderDoes(t *testing.T) {
	t.Parallel()
	f := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, apiv1.ContentNDJSON, strings.Repeat(`{"seq":1}`+"\n", 10))
	})
	enough, n := errors.New("enough"), 0
	err := f.operator(t, "stk_x").ExportEvents(t.Context(), 0, func(apiv1.EventRecord) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

// What is asked for is what was meant, and nothing that the server would take for something else.
func TestPatchCallsGoWhereTheyShould(t *testing.T) {
	t.Parallel()
	type seen struct{ method, uri, body string }
	var last seen
	f := serve(t, []string{"127.0.0.1"}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = seen{r.Method, r.URL.RequestURI(), string(body)}
		answer(w, 200, "application/json", `{}`)
	})
	o := f.operator(t, "stk_x")
	at := time.Date(2026, 7, 1, 2, 0, 0, 0, time.FixedZone("", 7200))
	for name, tc := range map[string]struct {
		call func() error
		want seen
	}{
		"create": {func() error {
			return second(o.CreatePlan(t.Context(), apiv1.CreatePlan{Security: true, Fixes: []string{"CVE-1"}}))
		}, seen{"POST", "/api/v1/plans", `{"security":true,"fixes":["CVE-1"]}`}},
		"plans":   {func() error { return second(o.Plans(t.Context(), client.List{Limit: 5, Cursor: "c"})) }, seen{"GET", "/api/v1/plans?cursor=c&limit=5", ""}},
		"odd id":  {func() error { return second(o.Plan(t.Context(), "../a?b")) }, seen{"GET", "/api/v1/plans/..%2Fa%3Fb", ""}},
		"bytes":   {func() error { return second(o.PlanBytes(t.Context(), "p")) }, seen{"GET", "/api/v1/plans/p/bytes", ""}},
		"approve": {func() error { return second(o.ApprovePlan(t.Context(), "p", apiv1.ApprovePlan{Hash: "h"})) }, seen{"POST", "/api/v1/plans/p/approve", `{"hash":"h"}`}},
		"cancel":  {func() error { return o.CancelPlan(t.Context(), "p") }, seen{"POST", "/api/v1/plans/p/cancel", ""}},
		"start": {func() error {
			return second(o.StartRollout(t.Context(), apiv1.StartRollout{Plan: "p", MaxConcurrent: 3}))
		}, seen{"POST", "/api/v1/rollouts", `{"plan":"p","max_concurrent":3}`}},
		"abort":      {func() error { return second(o.AbortRollout(t.Context(), "r")) }, seen{"POST", "/api/v1/rollouts/r/abort", ""}},
		"run":        {func() error { return second(o.Run(t.Context(), "x")) }, seen{"GET", "/api/v1/runs/x", ""}},
		"log":        {func() error { return second(o.RunLog(t.Context(), "x", 12)) }, seen{"GET", "/api/v1/runs/x/log?after=12", ""}},
		"compliance": {func() error { return second(o.Compliance(t.Context(), "env=prod", at, "high")) }, seen{"GET", "/api/v1/reports/compliance?priority=high&selector=env%3Dprod&since=2026-07-01T00%3A00%3A00Z", ""}},
		"trend":      {func() error { return second(o.Trend(t.Context(), at, time.Time{})) }, seen{"GET", "/api/v1/reports/trend?from=2026-07-01T00%3A00%3A00Z", ""}},
		"metrics":    {func() error { return second(o.Metrics(t.Context(), "env=prod", at, time.Time{}, "high=7d")) }, seen{"GET", "/api/v1/reports/metrics?clock=high%3D7d&from=2026-07-01T00%3A00%3A00Z&selector=env%3Dprod", ""}},
		"all of it":  {func() error { return second(o.Compliance(t.Context(), "", time.Time{}, "")) }, seen{"GET", "/api/v1/reports/compliance", ""}},
		"verify":     {func() error { return second(o.VerifyEvents(t.Context())) }, seen{"GET", "/api/v1/events/verify", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.call(); err != nil {
				t.Fatal(err)
			}
			if last != tc.want {
				t.Errorf("%+v, want %+v", last, tc.want)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// Whatever a server sends: no panic, and an event is given out only where a whole line said one.
func FuzzReadExport(f *testing.F) {
	for _, seed := range []string{"", "{\"seq\":0}\n", "{\"seq\":1,\"data\":null}\n{\"seq\":0}", "null\n", "{\"seq\":1", "[]\n", "{\"seq\":-1}\n{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		err := client.ReadExport(strings.NewReader(text), func(e apiv1.EventRecord) error {
			n++
			_ = e.Chain("before")
			return nil
		})
		if n > strings.Count(text, "\n")+1 || err != nil && !errors.Is(err, fault.Unavailable) {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// API is the HTTP face of the server.
type API struct {
	Deps
	doc       *huma.OpenAPI
	operators *http.ServeMux // /api/v1
	agents    *http.ServeMux // /agent/v1
	crossSite *http.CrossOriginProtection
	quota     *quota
	polls     *polls
	told      *reminders
	stopping  context.Context // ends long polls and live views
	stop      context.CancelFunc
}

// New registers every operation. With empty Deps it is good for the document only.
func New(d Deps) *API {
	a := &API{
		Deps: d, doc: newDocument(), operators: http.NewServeMux(), agents: http.NewServeMux(),
		crossSite: http.NewCrossOriginProtection(), quota: newQuota(), polls: newPolls(), told: newReminders(),
	}
	a.stopping, a.stop = context.WithCancel(context.Background())
	// Middleware first: huma binds the chain to an operation when the operation is registered.
	operators := newHuma(a.operators, a.doc, tidy)
	operators.UseMiddleware(a.authenticate)
	a.sessionOperations(operators)
	a.hostOperations(operators)
	a.enrollTokenOperations(operators)
	a.assessOperations(operators)
	a.planOperations(operators)
	a.rolloutOperations(operators)
	a.feedOperations(operators)
	a.eventOperations(operators)
	a.reportOperations(operators)
	a.liveOperation(operators)

	agents := newHuma(a.agents, a.doc, tidy)
	agents.UseMiddleware(a.authenticateHost)
	a.agentOperations(agents)
	a.agentRunOperations(agents)
	return a
}

// Stop ends long polls and live views, so that a graceful stop of the listener does not wait for them. It may be called twice.
func (a *API) Stop() { a.stop() }

// Handler serves the console and operators.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", a.operators)
	mux.HandleFunc("GET /healthz", a.healthz)
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.HandleFunc("GET /metrics", a.metrics)
	mux.HandleFunc("GET /api/openapi.yaml", a.openapi)
	mux.Handle("/api/", http.NotFoundHandler()) // else the console would take it for a page of its own
	mux.Handle("/agent/", http.HandlerFunc(wrongDoor))
	mux.Handle("/", newConsole(a.Console))
	return a.guard(secure(a.refuseCrossSite(notFoundAsProblem(mux, "/api/"))))
}

// AgentHandler serves agents; the caller's TLS configuration asks for, and does not verify, a client certificate.
func (a *API) AgentHandler() http.Handler {
	return a.guard(notFoundAsProblem(a.agents, "/"))
}

// register adapts a handler that returns faults to huma, which wants problems.
func register[I, O any](api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, problem(ctx, err)
		}
		return out, nil
	})
}

// answer is a response with a body.
type answer[T any] struct{ Body T }

func reply[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}

// optional is nil for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (a *API) server() apiv1.ServerInfo {
	return apiv1.ServerInfo{Version: a.Version, CAFingerprint: a.CA.Fingerprint(), AgentURL: a.AgentURL()}
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// errPending is what a host that nobody approved yet gets for everything but renewal.
var errPending = fault.New(fault.Forbidden, "this host awaits approval")

// statusOf is the one table of fault kinds to HTTP statuses.
func statusOf(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unauthorized, fault.Expired:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.NoRoom:
		return http.StatusInsufficientStorage
	case fault.Internal:
	}
	return http.StatusInternalServerError
}

// problem is err as RFC 9457; the cause goes into the request's log record and nowhere else.
func problem(ctx context.Context, err error) *huma.ErrorModel {
	var already *huma.ErrorModel
	if errors.As(err, &already) {
		return already
	}
	kind := fault.KindOf(err)
	switch {
	case kind != fault.Internal:
	case errors.Is(err, context.DeadlineExceeded):
		err, kind = fault.Wrap(err, fault.Unavailable, "the server took too long to answer"), fault.Unavailable
	case errors.Is(err, context.Canceled):
		err, kind = fault.Wrap(err, fault.Unavailable, "the request was given up"), fault.Unavailable
	}
	recordOf(ctx).fail(err)
	m := &huma.ErrorModel{
		Type:   apiv1.ProblemPrefix + string(kind),
		Status: statusOf(kind),
		Title:  http.StatusText(statusOf(kind)),
		Detail: fault.Message(err),
	}
	switch {
	case errors.Is(err, errPending):
		m.Type = apiv1.ProblemPending
	case errors.Is(err, access.ErrMustChange):
		m.Type = apiv1.ProblemMustChange
	}
	return m
}

// tidy is the huma transformer for everything that leaves. Problems that huma made itself (validation, body too large) get a type,
// lose the values they repeat, which may be secrets, and reach the log.
func tidy(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok || m.Type != "" {
		return v, nil
	}
	m.Type = apiv1.ProblemPrefix + string(kindOf(m.Status))
	for _, d := range m.Errors {
		d.Value = nil
		if len(d.Message) > 500 {
			d.Message = d.Message[:500]
		}
	}
	recordOf(ctx.Context()).fail(fault.New(kindOf(m.Status), "%s", textOf(m)))
	return m, nil
}

// textOf is what the log says of a problem. Names that we do not know are left out: they are the caller's words, and could be a
// secret in the wrong place.
func textOf(m *huma.ErrorModel) string {
	if len(m.Errors) == 0 {
		return m.Detail
	}
	first := m.Errors[0]
	if strings.HasPrefix(first.Message, "un") { // unknown query parameter, unexpected property
		return m.Detail + ": " + first.Message
	}
	return m.Detail + ": " + first.Location + ": " + first.Message
}

func kindOf(status int) fault.Kind {
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case status == http.StatusNotFound:
		return fault.NotFound
	case status == http.StatusRequestTimeout:
		return fault.Unavailable
	case status < 500:
		return fault.Invalid
	}
	return fault.Internal
}

// writeProblem answers outside huma: before an operation is chosen, or where none is.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	writeModel(w, problem(r.Context(), err))
}

func writeModel(w http.ResponseWriter, m *huma.ErrorModel) {
	body, err := json.Marshal(m)
	if err != nil {
		panic("api: a problem always encodes: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(m.Status)
	_, _ = w.Write(body) // the client may have gone
}

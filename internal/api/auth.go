package api

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/fault"
)

// caller is who makes a request of an operator's operation.
type caller struct {
	user    access.User
	secret  string    // of the session; empty with an API token
	expires time.Time // of the session or token
}

func (c caller) actor() string { return userActor(c.user) }

func userActor(u access.User) string { return "user:" + u.Name }

type callerKey struct{}

// callerOf is the authenticated caller; zero where the operation needs none.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// authenticate is the middleware of every operator's operation: who is it, and may they.
func (a *API) authenticate(ctx huma.Context, next func(huma.Context)) {
	n := needOf(ctx.Operation())
	ctx, cancel := a.begin(ctx)
	defer cancel()
	if n == needNothing {
		next(ctx)
		return
	}
	r, w := humago.Unwrap(ctx)
	c, err := a.identify(ctx.Context(), r)
	if err == nil {
		recordOf(ctx.Context()).actor = c.actor()
		err = permit(n, c.user)
	}
	if err != nil {
		writeModel(w, problem(ctx.Context(), err))
		return
	}
	next(huma.WithValue(ctx, callerKey{}, c))
}

// begin names the operation in the request's record and sets its limits of time and size.
func (a *API) begin(ctx huma.Context) (huma.Context, context.CancelFunc) {
	op := ctx.Operation()
	recordOf(ctx.Context()).operation = op.OperationID
	r, w := humago.Unwrap(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, op.MaxBodyBytes)
	limit, _ := op.Metadata[metaTimeout].(time.Duration)
	deadlines(w, limit)
	if limit == 0 { // ends by itself, and sets its own deadlines as it writes
		return ctx, func() {}
	}
	timed, cancel := context.WithTimeout(ctx.Context(), limit)
	return huma.WithContext(ctx, timed), cancel
}

// identify finds the caller by bearer token, else by session cookie. A bearer token that is no good is not forgiven by a good cookie.
func (a *API) identify(ctx context.Context, r *http.Request) (caller, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		token, err := parseBearer(header)
		if err != nil {
			return caller{}, err
		}
		t, u, err := a.Access.AuthenticateToken(ctx, token)
		if err != nil {
			return caller{}, err
		}
		return caller{user: u, expires: t.ExpiresAt}, nil
	}
	secret := parseCookie(r)
	if secret == "" {
		return caller{}, fault.New(fault.Unauthorized, "sign in first")
	}
	s, u, err := a.Access.Authenticate(ctx, secret)
	if err != nil {
		return caller{}, err
	}
	return caller{user: u, secret: secret, expires: s.ExpiresAt}, nil
}

// maxSecret bounds what is looked at as a secret; ours are shorter.
const maxSecret = 256

// parseBearer takes the token out of an Authorization header (RFC 6750).
func parseBearer(header string) (string, error) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxSecret || strings.ContainsFunc(token, notVisible) {
		return "", fault.New(fault.Unauthorized, "the Authorization header is not: Bearer TOKEN")
	}
	return token, nil
}

// parseCookie is the session's secret, empty when there is none. Two cookies of the name are none: one of them was planted.
func parseCookie(r *http.Request) string {
	found := r.CookiesNamed(CookieName)
	if len(found) != 1 || len(found[0].Value) > maxSecret || strings.ContainsFunc(found[0].Value, notVisible) {
		return ""
	}
	return found[0].Value
}

func notVisible(r rune) bool { return r <= ' ' || r > '~' }

// permit is the one place where roles meet needs.
func permit(n need, u access.User) error {
	if n == needAccount {
		return nil
	}
	if u.MustChange {
		return access.ErrMustChange
	}
	allowed := map[need][]access.Role{
		needViewer:   {access.Viewer, access.Operator, access.Admin},
		needOperator: {access.Operator, access.Admin},
		needAdmin:    {access.Admin},
	}
	if !slices.Contains(allowed[n], u.Role) {
		return fault.New(fault.Forbidden, "this needs the role %s; you have %s", n, u.Role)
	}
	return nil
}

func needOf(op *huma.Operation) need {
	n, _ := op.Metadata[metaNeed].(need)
	return n // one that was left out matches no role
}

// remoteOf is the caller's address without its port, for rate limits and the log.
func remoteOf(ctx context.Context) string { return recordOf(ctx).remote }

func hostOnly(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// CookieName is the console's session cookie.
const CookieName = "staunch_session"

// defaultTokenTTL and maxTokenTTL bound the life of API tokens: none lives for ever.
const (
	defaultTokenTTL = 90 * 24 * time.Hour
	maxTokenTTL     = 366 * 24 * time.Hour
)

type loginInput struct {
	Body apiv1.LoginRequest
}

type sessionOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      apiv1.Session
}

type cookieOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

type idInput struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) sessionOperations(api huma.API) {
	register(api, operation("get-session", http.MethodGet, "/api/v1/session", tagSession, needAccount, "Who is calling"), a.getSession)
	register(api, operation("login", http.MethodPost, "/api/v1/session", tagSession, needNothing, "Sign in with a name and a password; sets the session cookie",
		errorsToo(http.StatusUnauthorized)), a.login)
	register(api, operation("logout", http.MethodDelete, "/api/v1/session", tagSession, needAccount, "Sign out", status(http.StatusNoContent)), a.logout)
	register(api, operation("change-password", http.MethodPost, "/api/v1/session/password", tagSession, needAccount, "Change the caller's own password",
		about("Ends the caller's other sessions; API tokens stay."), status(http.StatusNoContent)), a.changePassword)
	register(api, operation("list-tokens", http.MethodGet, "/api/v1/tokens", tagSession, needViewer, "API tokens: one's own, and for an admin everybody's"), a.listTokens)
	register(api, operation("create-token", http.MethodPost, "/api/v1/tokens", tagSession, needViewer, "Make an API token with the caller's own role",
		about("Its secret is in this answer only."), status(http.StatusCreated)), a.createToken)
	register(api, operation("revoke-token", http.MethodDelete, "/api/v1/tokens/{id}", tagSession, needViewer, "Revoke an API token", status(http.StatusNoContent), errorsToo(http.StatusNotFound)), a.revokeToken)
	register(api, operation("login-token", http.MethodPost, "/api/v1/login-token", tagSession, needNothing, "Make an API token with a name and a password",
		about("An account whose password must be changed is refused, unless new_password changes it in the same call."),
		status(http.StatusCreated), errorsToo(http.StatusUnauthorized, http.StatusForbidden)), a.loginToken)
}

func (a *API) getSession(ctx context.Context, _ *struct{}) (*answer[apiv1.Session], error) {
	c := callerOf(ctx)
	return &answer[apiv1.Session]{a.session(c.user, c.expires)}, nil
}

func (a *API) session(u access.User, expires time.Time) apiv1.Session {
	return apiv1.Session{User: u.Name, Role: string(u.Role), MustChangePassword: u.MustChange, Expires: optional(expires), Server: a.server()}
}

func (a *API) login(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	secret, s, u, err := a.Access.Login(ctx, in.Body.Username, in.Body.Password, remoteOf(ctx))
	if err != nil {
		return nil, err
	}
	recordOf(ctx).actor = userActor(u)
	return &sessionOutput{SetCookie: sessionCookie(secret, s.ExpiresAt), Body: a.session(u, s.ExpiresAt)}, nil
}

// sessionCookie lives as long as the session. SameSite=Strict keeps it off every request that another site causes; the console is
// a single page that fetches after it has loaded, so arriving by a link works all the same.
func sessionCookie(secret string, expires time.Time) http.Cookie {
	return http.Cookie{Name: CookieName, Value: secret, Path: "/", Expires: expires, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func (a *API) logout(ctx context.Context, _ *struct{}) (*cookieOutput, error) {
	if c := callerOf(ctx); c.secret != "" {
		if err := a.Access.Logout(ctx, c.secret); err != nil {
			return nil, err
		}
	}
	gone := sessionCookie("", time.Unix(0, 0))
	gone.MaxAge = -1
	return &cookieOutput{SetCookie: gone}, nil
}

func (a *API) changePassword(ctx context.Context, in *struct{ Body apiv1.ChangePassword }) (*struct{}, error) {
	c := callerOf(ctx)
	return nil, a.Access.ChangePassword(ctx, c.user, c.secret, in.Body.Current, in.Body.New, remoteOf(ctx))
}

func (a *API) listTokens(ctx context.Context, _ *struct{}) (*answer[apiv1.TokenList], error) {
	tokens, err := a.Access.Tokens(ctx, callerOf(ctx).user)
	if err != nil {
		return nil, err
	}
	list := apiv1.TokenList{Items: make([]apiv1.Token, 0, len(tokens))}
	for _, t := range tokens {
		list.Items = append(list.Items, tokenToWire(t, ""))
	}
	return reply(list, nil)
}

func tokenToWire(t access.Token, secret string) apiv1.Token {
	return apiv1.Token{ID: t.ID, Name: t.Name, User: t.UserName, Secret: secret, Created: t.CreatedAt.UTC(), Expires: t.ExpiresAt.UTC(), LastUsed: optional(t.LastUsed), Revoked: !t.RevokedAt.IsZero()}
}

func (a *API) createToken(ctx context.Context, in *struct{ Body apiv1.CreateToken }) (*answer[apiv1.Token], error) {
	ttl, err := lifetime(in.Body.TTL, defaultTokenTTL, maxTokenTTL)
	if err != nil {
		return nil, err
	}
	t, secret, err := a.Access.CreateToken(ctx, callerOf(ctx).user, in.Body.Name, ttl)
	return reply(tokenToWire(t, secret), err)
}

func (a *API) revokeToken(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, a.Access.RevokeToken(ctx, callerOf(ctx).user, in.ID)
}

func (a *API) loginToken(ctx context.Context, in *struct{ Body apiv1.LoginToken }) (*answer[apiv1.Token], error) {
	ttl, err := lifetime(in.Body.TTL, defaultTokenTTL, maxTokenTTL)
	if err != nil {
		return nil, err
	}
	t, secret, err := a.Access.LoginToken(ctx, access.LoginToken{
		Name: in.Body.Username, Password: in.Body.Password, NewPassword: in.Body.NewPassword,
		TokenName: in.Body.Name, TTL: ttl, Remote: remoteOf(ctx),
	})
	if err == nil {
		recordOf(ctx).actor = "user:" + t.UserName
	}
	return reply(tokenToWire(t, secret), err)
}

// lifetime reads a Go duration; empty means the default.
func lifetime(text string, fallback, most time.Duration) (time.Duration, error) {
	if text == "" {
		return fallback, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fault.New(fault.Invalid, "ttl %q is not a duration like 1h or 90m", text)
	}
	if d < time.Minute || d > most {
		return 0, fault.New(fault.Invalid, "ttl %s is not between 1m and %s", d, most)
	}
	return d, nil
}

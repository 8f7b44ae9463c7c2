package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	requestTimeout = time.Minute
	importTimeout  = 15 * time.Minute // as the server allows
	feedsTimeout   = 30 * time.Minute // likewise, of what reads or writes every record
	maxAnswer      = 128 << 20        // a server that was taken over must not fill the caller's memory
	maxProblem     = 64 << 10
)

// ErrMustChange is in the chain of the error that says that the account's password must be changed first.
var ErrMustChange = errors.New("the password must be changed first")

// OperatorConfig says which server, and how both sides prove who they are. One of CAPEM and CAFingerprint is required.
type OperatorConfig struct {
	URL           string
	CAPEM         []byte
	CAFingerprint string
	Token         string // bearer; empty for LoginToken only
	UserAgent     string
}

// Operator calls the server's operations for people and their programs. Every method may give fault.Unavailable (no answer),
// fault.Unauthorized (we are not who we say, or the server is not) and what the server answers, with its message.
type Operator struct {
	base  *url.URL
	http  *http.Client
	token string
	agent string
}

// NewOperator makes a client; it connects when it is first used. fault.Invalid.
func NewOperator(cfg OperatorConfig) (*Operator, error) {
	u, err := ParseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := operatorTLS(cfg, u.Hostname())
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(cfg.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.New(fault.Invalid, "the API token has characters that no token has")
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 20 * time.Second, IdleConnTimeout: 30 * time.Second,
	}
	return &Operator{base: u, token: cfg.Token, agent: cfg.UserAgent, http: &http.Client{
		Transport: transport,
		// No operation redirects, and following one could carry the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func operatorTLS(cfg OperatorConfig, host string) (*tls.Config, error) {
	if len(cfg.CAPEM) > 0 {
		return rootsTLS(cfg.CAPEM)
	}
	fingerprint, err := NormalFingerprint(cfg.CAFingerprint)
	if err != nil {
		return nil, err
	}
	return PinnedTLS(fingerprint, host), nil
}

// Close lets go of idle connections.
func (o *Operator) Close() { o.http.CloseIdleConnections() }

// nothing is the answer of operations that have none.
type nothing struct{}

// do sends one request with an optional JSON body, and reads a T from the answer.
func do[T any](ctx context.Context, o *Operator, method, path string, query url.Values, body any) (T, error) {
	var reader io.Reader
	var zero T
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return zero, fmt.Errorf("encode the request: %w", err)
		}
		reader = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return send[T](ctx, o, method, path, query, "application/json", reader)
}

// send is do for a body of any type, under the caller's own time limit.
func send[T any](ctx context.Context, o *Operator, method, path string, query url.Values, contentType string, body io.Reader) (T, error) {
	var answer T
	resp, err := o.open(ctx, method, path, query, contentType, body)
	if err != nil {
		return answer, err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, none := any(answer).(nothing); none || resp.StatusCode == http.StatusNoContent {
		return answer, nil
	}
	if !isJSON(resp) {
		return answer, fault.New(fault.Unavailable, "%s does not answer like a staunch server", o.base)
	}
	limited := &io.LimitedReader{R: resp.Body, N: maxAnswer + 1}
	if err := json.NewDecoder(limited).Decode(&answer); err != nil {
		if limited.N <= 0 {
			return answer, fault.New(fault.TooLarge, "the answer is larger than %d MB: ask for less with a selector", maxAnswer>>20)
		}
		if ctx.Err() != nil {
			return answer, unreachable(o.base, ctx.Err())
		}
		return answer, fault.Wrap(err, fault.Unavailable, "the answer of %s was cut off or is not JSON", o.base)
	}
	return answer, nil
}

// open sends a request and gives the answer when it is a success; the caller closes its body.
func (o *Operator) open(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (*http.Response, error) {
	u := *o.base
	u.RawPath = u.EscapedPath() + path
	u.Path, _ = url.PathUnescape(u.RawPath) // escaped above, by us
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "bad request")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", o.agent)
	if o.token != "" {
		req.Header.Set("Authorization", "Bearer "+o.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := o.http.Do(req)
	if err != nil {
		return nil, unreachable(o.base, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, problemOf(resp, o.base)
}

func isJSON(resp *http.Response) bool {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && (media == "application/json" || media == "application/problem+json")
}

// problemOf is the fault that an error answer means. Its message is the server's.
func problemOf(resp *http.Response, server *url.URL) error {
	var p apiv1.Problem
	if !isJSON(resp) || json.NewDecoder(io.LimitReader(resp.Body, maxProblem)).Decode(&p) != nil {
		return fault.New(kindOfStatus(resp.StatusCode), "%s answers %d, and not like a staunch server", server, resp.StatusCode)
	}
	message := p.Detail
	if message == "" {
		message = p.Title
	}
	for _, e := range p.Errors {
		message += fmt.Sprintf("; %s: %s", e.Location, e.Message)
	}
	kind := fault.Kind(strings.TrimPrefix(p.Type, apiv1.ProblemPrefix))
	switch kind {
	case fault.Invalid, fault.Unauthorized, fault.Forbidden, fault.NotFound, fault.Conflict, fault.Expired, fault.TooLarge, fault.TooMany, fault.Unavailable, fault.NoRoom:
	case fault.Internal:
		// fault.Message hides the text of Internal, but this one the server has already made safe.
		return fault.New(fault.Unavailable, "%s: %s", server, message)
	default:
		kind = kindOfStatus(resp.StatusCode)
	}
	if p.Type == apiv1.ProblemPending {
		return fault.Wrap(ErrPending, kind, "%s", message)
	}
	if p.Type == apiv1.ProblemMustChange {
		return fault.Wrap(ErrMustChange, kind, "%s", message)
	}
	return fault.New(kind, "%s", message)
}

// kindOfStatus is for answers that no staunch server, or a newer one, made.
func kindOfStatus(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized:
		return fault.Unauthorized
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Conflict
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	case http.StatusTooManyRequests:
		return fault.TooMany
	case http.StatusInsufficientStorage:
		return fault.NoRoom
	}
	if status/100 == 4 {
		return fault.Invalid
	}
	return fault.Unavailable
}

// URL is the server's address.
func (o *Operator) URL() string { return o.base.String() }

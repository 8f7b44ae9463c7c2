package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	maxAgentAnswer = 1 << 20 // no answer to an agent is longer than a certificate chain
	pollGrace      = 20 * time.Second
	uploadTimeout  = 2 * time.Minute
)

// ErrPending is in the chain of the error that says that this host awaits approval.
var ErrPending = errors.New("this host awaits approval")

// Agent is a host's channel to its server: mutual TLS with the one CA it was enrolled under, HTTP/1.1, one connection at a time.
// Methods give fault.Unavailable (no answer), fault.Unauthorized (we are refused, or the server is a stranger), fault.Expired (renew),
// ErrPending in the chain, and what else the server answers.
type Agent struct {
	base *url.URL
	http *http.Client
	cert *atomic.Pointer[tls.Certificate]
	name string
}

// AgentConfig says which server, the CA it must be of, and who we are.
type AgentConfig struct {
	URL         string
	CAPEM       []byte
	Certificate tls.Certificate
	UserAgent   string
}

// NewAgent makes a channel; it connects when it is first used. fault.Invalid.
func NewAgent(cfg AgentConfig) (*Agent, error) {
	u, err := ParseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	conf, err := rootsTLS(cfg.CAPEM)
	if err != nil {
		return nil, err
	}
	a := newAgent(u, conf, cfg.UserAgent)
	a.SetCertificate(cfg.Certificate)
	return a, nil
}

func newAgent(u *url.URL, conf *tls.Config, userAgent string) *Agent {
	a := &Agent{base: u, cert: &atomic.Pointer[tls.Certificate]{}, name: userAgent}
	conf.NextProtos = []string{apiv1.AgentALPN}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if c := a.cert.Load(); c != nil {
			return c, nil // an expired one too: it still reaches the renewal
		}
		return &tls.Certificate{}, nil
	}
	a.http = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, TLSHandshakeTimeout: 20 * time.Second,
			MaxConnsPerHost: 2, MaxIdleConnsPerHost: 1, IdleConnTimeout: 2 * time.Minute,
			ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10, MaxResponseHeaderBytes: 64 << 10,
			ExpectContinueTimeout: time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a
}

// SetCertificate uses another certificate from the next connection on, and lets go of the idle one.
func (a *Agent) SetCertificate(c tls.Certificate) {
	a.cert.Store(&c)
	a.Close()
}

// Close lets go of idle connections.
func (a *Agent) Close() { a.http.CloseIdleConnections() }

// SplitToken takes an enroll-token apart as far as an agent must: the fingerprint of the CA that it may be shown to. fault.Invalid;
// the token itself is in no message.
func SplitToken(token string) (fingerprint string, err error) {
	parts := strings.Split(token, ".")
	if len(parts) == 3 && parts[0] != "" && parts[1] != "" {
		if fingerprint, err = NormalFingerprint(parts[2]); err == nil {
			return fingerprint, nil
		}
	}
	return "", fault.New(fault.Invalid, "that is not an enroll-token: it has three parts, as printed by staunch enroll-token create")
}

// EnrollAgent makes this machine a host. The token names the CA by its fingerprint, so the token is shown to no other server. The answer's
// CA is checked to be that one.
func EnrollAgent(ctx context.Context, serverURL, token, userAgent string, req apiv1.EnrollRequest) (apiv1.EnrollResponse, error) {
	var answer apiv1.EnrollResponse
	fingerprint, err := SplitToken(token)
	if err != nil {
		return answer, err
	}
	u, err := ParseURL(serverURL)
	if err != nil {
		return answer, err
	}
	a := newAgent(u, PinnedTLS(fingerprint, u.Hostname()), userAgent)
	defer a.Close()
	req.Token, req.Protocol = token, apiv1.ProtocolVersion
	if err := a.call(ctx, apiv1.PathEnroll, req, &answer); err != nil {
		return apiv1.EnrollResponse{}, err
	}
	block, _ := pem.Decode([]byte(answer.CA))
	if block == nil {
		return answer, fault.New(fault.Unavailable, "the server's answer holds no CA")
	}
	if ca, err := x509.ParseCertificate(block.Bytes); err != nil || Fingerprint(ca) != fingerprint {
		return answer, fault.New(fault.Unauthorized, "the CA in the server's answer is not the one that the token names")
	}
	return answer, nil
}

// Renew asks for the next certificate.
func (a *Agent) Renew(ctx context.Context, csrPEM string) (apiv1.RenewResponse, error) {
	var answer apiv1.RenewResponse
	err := a.call(ctx, apiv1.PathRenew, apiv1.RenewRequest{CSR: csrPEM}, &answer)
	return answer, err
}

// Checkin says what the host has.
func (a *Agent) Checkin(ctx context.Context, in apiv1.Checkin) (apiv1.CheckinAnswer, error) {
	var answer apiv1.CheckinAnswer
	err := a.call(ctx, apiv1.PathCheckin, in, &answer)
	return answer, err
}

// Digest names a section body.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// PutSection uploads a section body, compressed.
func (a *Agent) PutSection(ctx context.Context, section string, body []byte) (apiv1.SectionAnswer, error) {
	var answer apiv1.SectionAnswer
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err == nil {
		_, err = w.Write(body)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return answer, fmt.Errorf("compress a section: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	path := apiv1.PathSections + url.PathEscape(section) + "?digest=" + Digest(body)
	req, err := a.request(ctx, http.MethodPut, path, &packed)
	if err != nil {
		return answer, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "zstd")
	_, err = a.send(ctx, req, &answer)
	return answer, err
}

// Wait asks for work and waits up to d for it; false when none came up.
func (a *Agent) Wait(ctx context.Context, d time.Duration) (apiv1.Work, bool, error) {
	var work apiv1.Work
	seconds := max(int(d/time.Second), 0)
	ctx, cancel := context.WithTimeout(ctx, d+pollGrace)
	defer cancel()
	req, err := a.request(ctx, http.MethodGet, fmt.Sprintf("%s?wait=%d", apiv1.PathWork, seconds), nil)
	if err != nil {
		return work, false, err
	}
	status, err := a.send(ctx, req, &work)
	return work, err == nil && status != http.StatusNoContent, err
}

// call posts JSON and reads JSON.
func (a *Agent) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := a.request(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	_, err = a.send(ctx, req, out)
	return err
}

func (a *Agent) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base.String()+path, body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "bad request")
	}
	req.Header.Set("User-Agent", a.name)
	return req, nil
}

// send reads at most maxAgentAnswer bytes of the answer into out, whose fields that we do not know are ignored.
func (a *Agent) send(ctx context.Context, req *http.Request, out any) (status int, err error) {
	status, body, err := a.fetch(ctx, req, maxAgentAnswer)
	if err != nil || body == nil || out == nil {
		return status, err
	}
	return status, a.decode(body, out)
}

// fetch gives the body of a good answer, nil when it has none.
func (a *Agent) fetch(ctx context.Context, req *http.Request, limit int64) (status int, body []byte, err error) {
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, nil, unreachable(a.base, err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode/100 != 2:
		return resp.StatusCode, nil, problemOf(resp, a.base)
	case resp.StatusCode == http.StatusNoContent:
		return resp.StatusCode, nil, nil
	case !isJSON(resp):
		return resp.StatusCode, nil, fault.New(fault.Unavailable, "%s does not answer like a staunch server", a.base)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1)) // to the end, so that the connection is used again
	switch {
	case err != nil && ctx.Err() != nil:
		return resp.StatusCode, nil, unreachable(a.base, ctx.Err())
	case err != nil:
		return resp.StatusCode, nil, fault.Wrap(err, fault.Unavailable, "the answer of %s was cut off", a.base)
	case int64(len(body)) > limit:
		return resp.StatusCode, nil, fault.New(fault.TooLarge, "the answer of %s is absurdly long", a.base)
	}
	return resp.StatusCode, body, nil
}

func (a *Agent) decode(body []byte, out any) error {
	if err := json.Unmarshal(body, out); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the answer of %s is not what was asked for", a.base)
	}
	return nil
}

package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

const goodPassword = "correct horse battery"

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// requests counts the records of requests at or above a warning that name operation.
func (l *logBook) refusals(operation string) int {
	n := 0
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, `"msg":"request"`) && strings.Contains(line, `"operation":"`+operation+`"`) && !strings.Contains(line, `"level":"DEBUG"`) && !strings.Contains(line, `"level":"INFO"`) {
			n++
		}
	}
	return n
}

// server is a whole server in this process, with an administrator's token.
type server struct {
	*App
	t     *testing.T
	log   *logBook
	token string
	http  *http.Client // of an operator
	roots *x509.CertPool
}

func config(t *testing.T) Config {
	t.Helper()
	return Config{Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", Names: []string{"127.0.0.1"}, Feeds: t.TempDir(), LogLevel: slog.LevelDebug}
}

// start runs a server and makes the administrator's first password a known one.
func start(t *testing.T, cfg Config) *server {
	t.Helper()
	s := launch(t, cfg)
	var token apiv1.Token
	if code := s.call("POST", "/api/v1/login-token", apiv1.LoginToken{Username: "admin", Password: s.firstPassword(), NewPassword: goodPassword, Name: "test"}, &token); code != 201 {
		t.Fatalf("login: %d", code)
	}
	s.token = token.Secret
	return s
}

// launch runs a server as it is.
func launch(t *testing.T, cfg Config) *server {
	t.Helper()
	s := &server{t: t, log: &logBook{}, roots: x509.NewCertPool()}
	var err error
	if s.App, err = New(cfg, slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.shut)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.roots.AppendCertsFromPEM(s.wire.ca.CAPEM())
	s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true}}
	return s
}

func (s *server) shut() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		s.t.Errorf("stop: %v", err)
	}
	if log := s.log.String(); strings.Contains(log, "panic") {
		s.t.Errorf("a panic: %s", log)
	}
}

func (s *server) firstPassword() string {
	s.t.Helper()
	text := readFile(s.t, firstLoginPath(s.cfg.Data))
	_, password, ok := strings.Cut(text, "password: ")
	if !ok {
		s.t.Fatalf("first-login: %q", text)
	}
	return strings.TrimSpace(password)
}

// call makes one operator's request; out is filled when it succeeds, and when it is a Problem.
func (s *server) call(method, path string, in, out any) int {
	s.t.Helper()
	var body io.Reader
	switch in := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(in)
	default:
		text, err := json.Marshal(in)
		if err != nil {
			s.t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	return s.send(s.http, r, out)
}

func (s *server) send(client *http.Client, r *http.Request, out any) int {
	s.t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	_, wantsProblem := out.(*apiv1.Problem)
	if out != nil && len(text) > 0 && (resp.StatusCode < 300) != wantsProblem {
		if err := json.Unmarshal(text, out); err != nil {
			s.t.Fatalf("%s %s: %v: %s", r.Method, r.URL.Path, err, text)
		}
	}
	if resp.StatusCode < 300 && strings.Contains(resp.Header.Get("Content-Type"), "json") && bytes.Contains(text, []byte(":null")) {
		s.t.Errorf("%s %s: an array or object is null: %s", r.Method, r.URL.Path, text)
	}
	return resp.StatusCode
}

// enrollToken makes an enroll-token.
func (s *server) enrollToken(uses int) string {
	s.t.Helper()
	var token apiv1.EnrollToken
	if code := s.call("POST", "/api/v1/enroll-tokens", apiv1.CreateEnrollToken{Uses: uses}, &token); code != 201 {
		s.t.Fatalf("enroll-token: %d", code)
	}
	return token.Token
}

// agent is an agent's side of the channel, byte for byte.
type agent struct {
	s        *server
	key      *ecdsa.PrivateKey
	cert     *tls.Certificate
	hostID   string
	client   *http.Client
	sent     atomic.Int64 // bytes inside TLS
	received atomic.Int64
}

func (s *server) agent() *agent {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	a := &agent{s: s, key: key}
	a.client = &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialer := tls.Dialer{Config: &tls.Config{
				RootCAs: s.roots, MinVersion: tls.VersionTLS13, NextProtos: []string{apiv1.AgentALPN},
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if a.cert == nil {
						return &tls.Certificate{}, nil
					}
					return a.cert, nil
				},
			}}
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &counted{conn, a}, nil
		},
	}}
	s.t.Cleanup(a.client.CloseIdleConnections)
	return a
}

type counted struct {
	net.Conn
	a *agent
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.a.received.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.a.sent.Add(int64(n))
	return n, err
}

func (a *agent) csr() string {
	a.s.t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.key)
	if err != nil {
		a.s.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// use takes a certificate for the connections to come.
func (a *agent) use(text string) {
	a.s.t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		a.s.t.Fatalf("not a certificate: %q", text)
	}
	a.cert = &tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: a.key}
	a.client.CloseIdleConnections()
}

func (a *agent) enroll(token string, out any) int {
	a.s.t.Helper()
	return a.call("POST", apiv1.PathEnroll, apiv1.EnrollRequest{Token: token, CSR: a.csr(), Hostname: "web1.example.org", AgentVersion: "1", Protocol: 1}, out)
}

// enrolled is an agent of an approved host.
func (s *server) enrolled() *agent {
	s.t.Helper()
	a := s.agent()
	var got apiv1.EnrollResponse
	if code := a.enroll(s.enrollToken(1), &got); code != 200 || got.State != apiv1.HostApproved {
		s.t.Fatalf("enroll: %d %+v", code, got)
	}
	a.hostID = got.HostID
	a.use(got.Certificate)
	return a
}

func (a *agent) call(method, path string, in, out any) int {
	a.s.t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			a.s.t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	return a.raw(method, path, body, "", out)
}

func (a *agent) raw(method, path string, body io.Reader, encoding string, out any) int {
	a.s.t.Helper()
	r, err := http.NewRequestWithContext(a.s.t.Context(), method, "https://"+a.s.entrances[len(a.s.entrances)-1].socket.Addr().String()+path, body)
	if err != nil {
		a.s.t.Fatal(err)
	}
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	return a.s.send(a.client, r, out)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

package cli_test

import (
	"archive/zip"
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
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/app"
	"github.com/staunch-dev/staunch/internal/client"
)

// server is the real one, in this process, on a folder and a port of its own.
type server struct {
	app              *app.App
	config           app.Config
	url, fingerprint string
	data             string
	log              *logBook

	mu     sync.Mutex
	agents map[string]*agent // by host name
}

// logBook keeps what the server logs.
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

func newServer(dir string) (*server, error) { return newServerWith(dir, func(*app.Config) {}) }

// newServerWith is newServer with another configuration.
func newServerWith(dir string, change func(*app.Config)) (*server, error) {
	s := &server{data: filepath.Join(dir, "data"), log: &logBook{}, agents: map[string]*agent{}}
	feeds := filepath.Join(dir, "no-feeds")
	if err := os.MkdirAll(feeds, 0o700); err != nil {
		return nil, err
	}
	config := app.Config{Data: s.data, Listen: "127.0.0.1:0", Names: []string{"127.0.0.1"}, Feeds: feeds, Version: "test"}
	change(&config)
	var err error
	s.config = config
	s.app, err = app.New(config, slog.New(slog.NewJSONHandler(s.log, nil)))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.app.Start(ctx); err != nil {
		return nil, err
	}
	s.url = s.app.URL()
	_, s.fingerprint, err = client.FetchCA(ctx, s.url)
	return s, err
}

// restart ends the server, calls meanwhile, and starts another at the same address on the same folder.
func (s *server) restart(ctx context.Context, meanwhile func()) error {
	if err := s.app.Stop(ctx); err != nil {
		return err
	}
	meanwhile()
	address, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	s.config.Listen = address.Host
	if s.app, err = app.New(s.config, slog.New(slog.NewJSONHandler(s.log, nil))); err != nil {
		return err
	}
	return s.app.Start(ctx)
}

func (s *server) stop() {
	s.mu.Lock()
	for _, a := range s.agents {
		if err := a.halt(); err != nil {
			fmt.Fprintln(os.Stderr, err) // the script has failed for it, and does not say so
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = s.app.Stop(ctx)
	_ = os.RemoveAll(filepath.Dir(s.data))
}

type section struct{ name, body string }

// join is an agent as far as the wire goes: it enrolls, and reports sections as they are.
func (s *server) join(token, name string, sections ...section) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return err
	}
	ctx := context.Background()
	var enrolled apiv1.EnrollResponse
	err = s.agentCall(ctx, http.MethodPost, apiv1.PathEnroll, nil, apiv1.EnrollRequest{
		Token: token, CSR: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})),
		Hostname: name, AgentVersion: "test", Protocol: apiv1.ProtocolVersion,
	}, &enrolled)
	if err != nil || enrolled.State != apiv1.HostApproved {
		return err
	}
	block, _ := pem.Decode([]byte(enrolled.Certificate))
	a := &agent{server: s, name: name, hostID: enrolled.HostID, sections: sections}
	a.cert = &tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key}
	if a.planKey, _, _, _, err = ssh.ParseAuthorizedKey([]byte(enrolled.PlanKey)); err != nil {
		return err
	}
	s.mu.Lock()
	s.agents[name] = a
	s.mu.Unlock()
	return a.report(ctx)
}

func (s *server) agent(name string) (*agent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents[name]; a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("no host %q has joined", name)
}

func digestOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// agentCall makes one request of the agent channel; into is nil where no answer is wanted.
func (s *server) agentCall(ctx context.Context, method, path string, cert *tls.Certificate, body, into any) error {
	config := client.PinnedTLS(s.fingerprint, "127.0.0.1")
	config.NextProtos = []string{apiv1.AgentALPN}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	text, err := json.Marshal(body)
	if body == nil {
		text = nil
	}
	if raw, ok := body.(json.RawMessage); ok {
		text = raw // its digest is of these exact bytes
	}
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := h.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	if into == nil || len(answer) == 0 {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// settle waits until the server's answers include everything that was committed before, with the token that staunch login kept.
// The live view begins with the newest change.
func (s *server) settle(credentials string) error {
	text, err := os.ReadFile(credentials)
	if err != nil {
		return err
	}
	var kept struct{ Token string }
	if err := json.Unmarshal(text, &kept); err != nil {
		return err
	}
	o, err := client.NewOperator(client.OperatorConfig{URL: s.url, CAFingerprint: s.fingerprint, Token: kept.Token})
	if err != nil {
		return err
	}
	defer o.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var seq int64
	err = o.Live(ctx, func(m apiv1.LiveMessage) error {
		seq = m.Seq
		cancel()
		return nil
	})
	if err != nil {
		return err
	}
	_, err = o.Hosts(context.Background(), client.List{MinSeq: seq, Limit: 1})
	return err
}

// archive zips the files of a directory.
func archive(dir, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o600)
}

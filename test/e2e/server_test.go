//go:build linux && e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/test/lab"
)

// server is a real staunch server in the controller's namespace, with the CLI's home and an API token beside it.
type server struct {
	dir    string // holds data/, home/, log
	addr   string
	args   []string // beyond --data and --listen
	cmd    *exec.Cmd
	done   chan error
	client *http.Client
	token  string
}

const newPassword = "correct horse battery staple"

// startServer starts a server with an empty data folder, changes the first password and takes an API token.
func startServer(t *testing.T, port string, args ...string) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), addr: lab.ControllerIP + ":" + port, args: args}
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	s.login(t)
	return s
}

// login signs in with the CLI and the first password, which must be changed, and keeps the CLI's token for direct calls.
func (s *server) login(t *testing.T) {
	t.Helper()
	home := filepath.Join(s.dir, "home")
	if err := lab.WriteFiles(home, map[string]string{"new": newPassword + "\n"}); err != nil {
		t.Fatal(err)
	}
	s.cli(t, "login", s.url(), "--ca-fingerprint", s.fingerprint(t), "--username", "admin", "--password-file", filepath.Join(s.dir, "data", "first-login"), "--new-password-file", filepath.Join(home, "new"))
	kept, err := os.ReadFile(filepath.Join(home, "config", "staunch", "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	var credentials struct{ Token string }
	if err := json.Unmarshal(kept, &credentials); err != nil {
		t.Fatal(err)
	}
	s.token = credentials.Token
}

// fingerprint is that of the server's CA, worked out here from the file.
func (s *server) fingerprint(t *testing.T) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(s.dir, "data", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(body)
	if block == nil {
		t.Fatal("ca.pem holds no certificate")
	}
	return fmt.Sprintf("%x", sha256.Sum256(block.Bytes))
}

func (s *server) url() string { return "https://" + s.addr }

func (s *server) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(binary("staunch"), append([]string{"server", "--data", filepath.Join(s.dir, "data"), "--listen", s.addr}, s.args...)...)
	s.cmd.Env = append(os.Environ(), "STAUNCH_FEEDS_WITHOUT=debian-*,epss,ssvc,eol,distro-info") // the mirrors of these tests hold an OSV bucket and KEV
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.cmd.Wait() }()
	eventually(t, 20*time.Second, "the server is ready", func() error {
		select {
		case err := <-s.done:
			s.done <- err
			t.Fatalf("the server ended: %v\n%s", err, s.log(t))
		default:
		}
		if s.client == nil {
			if err := s.trust(); err != nil {
				return err
			}
		}
		resp, err := s.client.Get(s.url() + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %s", resp.Status)
		}
		return nil
	})
}

// trust makes the client of a CA that the server has just written.
func (s *server) trust() error {
	pem, err := os.ReadFile(filepath.Join(s.dir, "data", "ca.pem"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca.pem holds no certificate")
	}
	s.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}}}
	return nil
}

// stop ends the server as systemd would, and checks that it ends well.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		if err != nil {
			t.Errorf("the server's end: %v\n%s", err, s.log(t))
		}
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		t.Errorf("the server did not stop within 30 s of SIGTERM\n%s", s.log(t))
	}
	s.cmd = nil
	s.client.CloseIdleConnections()
	if l := s.log(t); strings.Contains(l, "panic:") || strings.Contains(l, "goroutine ") {
		t.Errorf("the server's log holds a panic:\n%s", l)
	}
}

// kill is kill -9.
func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = <-s.done // killed
	s.client.CloseIdleConnections()
}

func (s *server) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// do sends one API request and decodes the answer into out when it is a success.
func (s *server) do(t *testing.T, method, path string, in, out any) int {
	t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.url()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode < 300 && out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			t.Fatalf("%s %s: %v in %.500s", method, path, err, answer)
		}
	}
	if resp.StatusCode >= 300 {
		t.Logf("%s %s: %d %.500s", method, path, resp.StatusCode, answer)
	}
	return resp.StatusCode
}

// get is do for what must succeed.
func get[T any](t *testing.T, s *server, path string) T {
	t.Helper()
	var out T
	if code := s.do(t, http.MethodGet, path, nil, &out); code != http.StatusOK {
		t.Fatalf("GET %s: %d", path, code)
	}
	return out
}

// post is do for what must succeed without an answer.
func (s *server) post(t *testing.T, path string) {
	t.Helper()
	if code := s.do(t, http.MethodPost, path, nil, nil); code >= 300 {
		t.Fatalf("POST %s: %d", path, code)
	}
}

// cli runs an operator's command with a home of its own and returns its standard output.
func (s *server) cli(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.tryCLI(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *server) tryCLI(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	home := filepath.Join(s.dir, "home")
	cmd := exec.CommandContext(ctx, binary("staunch"), args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "STAUNCH_CA_FINGERPRINT=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("staunch %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), err
}

// metrics are the samples of /metrics whose names start with prefix.
func (s *server) metrics(t *testing.T, prefix string) map[string]float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		var v float64
		if _, err := fmt.Sscan(value, &v); ok && err == nil && strings.HasPrefix(name, prefix) {
			out[name] = v
		}
	}
	return out
}

// eventually asks until check has no complaint, and fails with its last complaint.
func eventually(t *testing.T, within time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	start := time.Now()
	for {
		err := check()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > within {
			t.Fatalf("not within %s: %s: %v", within, what, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func serve(t *testing.T, dir, port string) string {
	t.Helper()
	srv := &http.Server{Addr: lab.ControllerIP + ":" + port, Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.ListenAndServe() }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + srv.Addr
}

//go:build linux && e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// rawAgent speaks the agent channel by hand, so that it can say what no agent would.
type rawAgent struct {
	s      *server
	client *http.Client
}

// newRawAgent enrolls with a token; an empty token makes an agent with a certificate of a CA that the server does not know.
func newRawAgent(t *testing.T, s *server, token string) *rawAgent {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &rawAgent{s: s}
	if token == "" {
		template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "host_01"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		a.use(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
		return a
	}
	a.use(nil)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	req := apiv1.EnrollRequest{Token: token, CSR: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})), Hostname: "raw", AgentVersion: "e2e", Protocol: apiv1.ProtocolVersion}
	body, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	code, answer := a.send(t, http.MethodPost, apiv1.PathEnroll, strings.NewReader(string(body)), int64(len(body)))
	if code != http.StatusOK {
		t.Fatalf("enroll: %d %s", code, answer)
	}
	var enrolled apiv1.EnrollResponse
	if err := json.Unmarshal([]byte(answer), &enrolled); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(enrolled.Certificate))
	a.use(&tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key})
	return a
}

func (a *rawAgent) use(cert *tls.Certificate) {
	conf := a.s.client.Transport.(*http.Transport).TLSClientConfig.Clone()
	conf.NextProtos = []string{apiv1.AgentALPN}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	a.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: conf}}
}

// send posts exactly length bytes of body as the request says, whatever the body has; -1 sends chunks without a length.
func (a *rawAgent) send(t *testing.T, method, path string, body io.Reader, length int64) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.s.url()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = length
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Logf("reading the answer: %v", err)
	}
	return resp.StatusCode, string(answer)
}

// endless is JSON that does not end.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	e.left -= n
	return int(n), nil
}

func TestBadInputChangesNothing(t *testing.T) {
	feeds := t.TempDir()
	writeFeeds(t, feeds, []vulnerability{{"CVE-2026-90001", "Debian:12", "lab-fix", "1.1", true}})
	s := startServer(t, "8444", "--feeds", feeds)
	ca := s.fingerprint(t)
	eventually(t, time.Minute, "the feed is in", func() error { // so that nothing but the refusals could change anything
		for _, feed := range get[apiv1.FeedList](t, s, "/api/v1/feeds").Items {
			if feed.Name == "kev" && feed.Records == 1 {
				return nil
			}
		}
		return errors.New("no KEV entry yet")
	})
	token := strings.TrimSpace(s.cli(t, "enroll-token", "create"))
	host := newRawAgent(t, s, token)
	// no host: an agent that never enrolls needs only its program
	run := func(token string) (string, error) {
		f := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(f, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		return lab.Output(binary("staunch-agent"), "enroll", "--state", t.TempDir(), "--server", s.url(), "--token-file", f)
	}
	id, rest, _ := strings.Cut(token, ".")
	secret, _, _ := strings.Cut(rest, ".")
	big := sha256.Sum256(nil)

	refusals := []struct {
		name   string
		try    func(t *testing.T) (got string)
		wants  []string
		unseen bool // refused by the agent before it speaks to the server
	}{
		{"reused_token", func(*testing.T) string { _, err := run(token); return fmt.Sprint(err) }, []string{"exit status", "token"}, false},
		{"wrong_secret", func(*testing.T) string {
			_, err := run(id + "." + strings.Repeat("a", len(secret)) + "." + ca)
			return fmt.Sprint(err)
		}, []string{"exit status", "token"}, false},
		{"revoked_token", func(t *testing.T) string {
			text := strings.TrimSpace(s.cli(t, "enroll-token", "create"))
			tokenID, _, _ := strings.Cut(text, ".")
			s.cli(t, "enroll-token", "revoke", tokenID)
			_, err := run(text)
			return fmt.Sprint(err)
		}, []string{"exit status", "token"}, false},
		{"not_a_token", func(*testing.T) string { _, err := run("hello"); return fmt.Sprint(err) }, []string{"exit status", "token"}, true},
		{"wrong_ca", func(*testing.T) string {
			_, err := run(id + "." + secret + "." + strings.Repeat("0", 64))
			return fmt.Sprint(err)
		}, []string{"exit status", "fingerprint"}, false}, // the server hears the agent hang up
		{"foreign_certificate", func(t *testing.T) string {
			code, answer := newRawAgent(t, s, "").send(t, http.MethodPost, apiv1.PathCheckin, strings.NewReader(`{"agent_version":"x","sections":{}}`), -1)
			return fmt.Sprint(code, " ", answer)
		}, []string{"401"}, false},
		{"no_certificate", func(t *testing.T) string {
			a := &rawAgent{s: s}
			a.use(nil)
			code, answer := a.send(t, http.MethodPost, apiv1.PathCheckin, strings.NewReader(`{"agent_version":"x","sections":{}}`), -1)
			return fmt.Sprint(code, " ", answer)
		}, []string{"401"}, false},
		{"agent_asks_operators_api", func(t *testing.T) string {
			code, answer := host.send(t, http.MethodGet, "/api/v1/hosts", nil, 0)
			return fmt.Sprint(code, " ", answer)
		}, []string{"404"}, false},
		{"truncated_checkin", func(t *testing.T) string {
			code, answer := host.send(t, http.MethodPost, apiv1.PathCheckin, strings.NewReader(`{"agent_version":"x","sections":{"facts":"`), -1)
			return fmt.Sprint(code, " ", answer)
		}, []string{"400"}, false},
		{"checkin_of_1_GB", func(t *testing.T) string {
			code, answer := host.send(t, http.MethodPost, apiv1.PathCheckin, &endless{1 << 30}, 1<<30)
			return fmt.Sprint(code, " ", answer)
		}, []string{"413"}, false},
		{"section_of_1_GB", func(t *testing.T) string {
			code, answer := host.send(t, http.MethodPut, apiv1.PathSections+fmt.Sprintf("packages?digest=%x", big), &endless{1 << 30}, -1)
			return fmt.Sprint(code, " ", answer)
		}, []string{"413"}, false},
		{"section_with_another_digest", func(t *testing.T) string {
			code, answer := host.send(t, http.MethodPut, apiv1.PathSections+fmt.Sprintf("packages?digest=%x", big), strings.NewReader(`{"ecosystem":"Debian:12","packages":[]}`), -1)
			return fmt.Sprint(code, " ", answer)
		}, []string{"422", "digest"}, false},
		{"malformed_feed", func(t *testing.T) string {
			dir := t.TempDir()
			if err := lab.WriteFiles(dir, map[string]string{"osv/Debian/all.zip": "not a zip"}); err != nil {
				t.Fatal(err)
			}
			_, err := s.tryCLI(t, "feed", "import", dir)
			return fmt.Sprint(err)
		}, []string{"exit status", "zip"}, false},
		{"zip_bomb", func(t *testing.T) string {
			dir := t.TempDir()
			writeBomb(t, filepath.Join(dir, "osv/Debian/all.zip"))
			_, err := s.tryCLI(t, "feed", "import", dir)
			return fmt.Sprint(err)
		}, []string{"exit status"}, false},
	}
	state := func() map[string]any {
		o := get[apiv1.Overview](t, s, "/api/v1/overview")
		for i := range o.Feeds { // a failed attempt is remembered as such; the data it did not replace is what counts
			f := &o.Feeds[i]
			f.LastAttempt, f.Next, f.Error, f.AsOf = nil, nil, "", nil
		}
		return map[string]any{"hosts": o.Hosts, "feeds": o.Feeds, "host": get[apiv1.HostPage](t, s, "/api/v1/hosts").Items[0].Packages}
	}
	eventually(t, 10*time.Second, "the host that was enrolled is counted", func() error {
		if n := get[apiv1.Overview](t, s, "/api/v1/overview").Hosts; n != 1 {
			return fmt.Errorf("%d hosts", n)
		}
		return nil
	})
	before := state()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			rss := residentBytes(t, s.cmd.Process.Pid)
			complaints := warnings(s.log(t))
			got := r.try(t)
			for _, want := range r.wants {
				if !strings.Contains(strings.ToLower(got), want) {
					t.Errorf("answered %q, want %q in it", got, want)
				}
			}
			want := 1
			if r.unseen {
				want = 0
			}
			eventually(t, 10*time.Second, "the server logs it once", func() error { // it answers before it logs, and must not be counted in the next
				if n := warnings(s.log(t)) - complaints; n != want {
					return fmt.Errorf("logged %d times, want %d:\n%s", n, want, tail(s.log(t), 5))
				}
				return nil
			})
			if strings.Contains(s.log(t), secret) {
				t.Error("the log holds the token's secret")
			}
			if grown := residentBytes(t, s.cmd.Process.Pid) - rss; grown > 200<<20 {
				t.Errorf("the server grew by %d MB", grown>>20)
			}
		})
	}
	if d := cmp.Diff(before, state()); d != "" {
		t.Errorf("refusals changed something (-before +after):\n%s", d)
	}
}

// warnings counts the lines of a log that complain.
func warnings(log string) int {
	return strings.Count(log, " level=WARN ") + strings.Count(log, " level=ERROR ")
}

// writeBomb makes an archive of a record that is 1 GB of spaces.
func writeBomb(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := bomb(path, 1<<30); err != nil {
		t.Fatal(err)
	}
}

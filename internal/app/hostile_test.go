package app

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

func TestBadEnrollTokensAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	good := s.enrollToken(1)
	id, rest, _ := strings.Cut(good, ".")
	secret, fingerprint, _ := strings.Cut(rest, ".")
	used := s.enrollToken(1)
	if code := s.agent().enroll(used, nil); code != 200 {
		t.Fatal(code)
	}
	revoked := s.enrollToken(1)
	revokedID, _, _ := strings.Cut(revoked, ".")
	if code := s.call("DELETE", "/api/v1/enroll-tokens/"+revokedID, nil, nil); code != 204 {
		t.Fatal(code)
	}
	// Made two hours ago for one: expired.
	_, expired, err := s.wire.fleet.CreateToken(t.Context(), "user:test", fleet.CreateToken{TTL: time.Hour}, time.Now().Add(-2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	hosts := len(listHosts(t, s))
	for name, token := range map[string]string{
		"garbage": "hello", "empty": "", "wrong secret": id + "." + strings.Repeat("0", len(secret)) + "." + fingerprint,
		"of another CA": id + "." + secret + "." + strings.Repeat("0", 64), "used": used, "revoked": revoked, "expired": expired,
		"unknown": "enr_00000000000000000000000000." + secret + "." + fingerprint, "control bytes": "\x00\n" + good,
	} {
		before := s.log.refusals("agent-enroll")
		var p apiv1.Problem
		if code := s.agent().enroll(token, &p); code != 401 || p.Type != apiv1.ProblemPrefix+"unauthorized" {
			t.Errorf("%s: %d %+v", name, code, p)
		}
		if n := s.log.refusals("agent-enroll") - before; n != 1 {
			t.Errorf("%s: %d log records", name, n)
		}
	}
	if now := len(listHosts(t, s)); now != hosts {
		t.Errorf("%d hosts came of bad tokens", now-hosts)
	}
	if strings.Contains(s.log.String(), secret) {
		t.Error("a token's secret is in the log")
	}
	if code := s.agent().enroll(good, nil); code != 200 {
		t.Errorf("the good token no longer works: %d", code)
	}
}

func listHosts(t *testing.T, s *server) []fleet.Host {
	t.Helper()
	hosts, err := s.wire.fleet.Hosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return hosts
}

func TestCertificatesThatAreNotAHostsOwnPresentOne(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	// A CA that is older than the certificates it gave long ago.
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := access.OpenCA(cfg.Data, time.Now().Add(-60*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	s := start(t, cfg)
	a := s.enrolled()
	foreign, err := access.OpenCA(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(ca *access.CA, hostID string, at time.Time, store bool) string {
		text, serial, notAfter, err := ca.IssueHost([]byte(a.csr()), hostID, at)
		if err != nil {
			t.Fatal(err)
		}
		if store {
			if err := s.wire.store.AddCertificate(t.Context(), fleet.Certificate{Serial: serial, HostID: hostID, IssuedAt: at, NotAfter: notAfter}); err != nil {
				t.Fatal(err)
			}
		}
		return string(text)
	}
	now := time.Now()
	for _, tc := range []struct {
		name          string
		cert          string
		checkin, late int // statuses of a check-in and of a renewal
		kind          string
	}{
		{"none", "", 401, 401, "unauthorized"},
		{"of another CA", issue(foreign, a.hostID, now, false), 401, 401, "unauthorized"},
		{"ours, but never stored", issue(s.wire.ca, a.hostID, now, false), 401, 401, "unauthorized"},
		{"expired long ago, and forgotten", issue(s.wire.ca, a.hostID, now.Add(-40*24*time.Hour), true), 401, 401, "unauthorized"},
		{"expired 31 days ago", issue(s.wire.ca, a.hostID, now.Add(-32*24*time.Hour), true), 401, 401, "expired"},
		{"expired a day ago", issue(s.wire.ca, a.hostID, now.Add(-48*time.Hour), true), 401, 200, "expired"},
	} {
		b := s.agent()
		b.key = a.key
		if tc.cert != "" {
			b.use(tc.cert)
		}
		before := s.log.refusals("agent-checkin")
		var p apiv1.Problem
		if code := b.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), &p); code != tc.checkin || p.Type != apiv1.ProblemPrefix+tc.kind {
			t.Errorf("%s: %d %+v", tc.name, code, p)
		}
		if n := s.log.refusals("agent-checkin") - before; n != 1 {
			t.Errorf("%s: %d log records", tc.name, n)
		}
		for _, path := range []string{apiv1.PathWork + "?wait=0"} {
			if code := b.call("GET", path, nil, nil); code != 401 {
				t.Errorf("%s: %s: %d", tc.name, path, code)
			}
		}
		if code := b.call("POST", apiv1.PathRenew, apiv1.RenewRequest{CSR: b.csr()}, nil); code != tc.late {
			t.Errorf("%s: renewal: %d, want %d", tc.name, code, tc.late)
		}
	}
	// A certificate is of the serial's host, whatever else is sent: revoking the host ends it on the open connection too.
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), nil); code != 200 {
		t.Errorf("the present certificate: %d", code)
	}
	if code := s.call("POST", "/api/v1/hosts/"+a.hostID+"/revoke", nil, nil); code != 204 {
		t.Fatal(code)
	}
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), nil); code != 401 {
		t.Errorf("revoked: %d", code)
	}
}

func TestAgentsRefuseAServerOfAnotherCA(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	conn, err := tls.Dial("tcp", s.entrances[0].socket.Addr().String(), &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1", NextProtos: []string{apiv1.AgentALPN}, MinVersion: tls.VersionTLS13})
	if err == nil {
		_ = conn.Close()
		t.Fatal("a server that nobody vouches for was accepted")
	}
	await(t, func() error {
		if n := strings.Count(s.log.String(), `"msg":"TLS handshake"`); n != 1 {
			return fmt.Errorf("%d log records", n)
		}
		return nil
	})
}

type endless struct{ left int64 }

func (e *endless) Read(b []byte) (int, error) {
	n := min(int64(len(b)), e.left)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range b[:n] {
		b[i] = ' '
	}
	e.left -= n
	return int(n), nil
}

func TestHostileSectionsAreRefusedEarlyAndChangeNothing(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	a.report(bodies(t))
	good := bodies(t)[apiv1.SectionFacts]
	changed := bytes.Replace(good, []byte("web1"), []byte("web2"), 1)
	var bomb bytes.Buffer
	w, err := zstd.NewWriter(&bomb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, &endless{left: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	seq := func() int64 {
		n, err := s.wire.store.Seq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := seq()
	for _, tc := range []struct {
		name, section, digest, encoding string
		body                            io.Reader
		want                            int
	}{
		{"zstd bomb", "facts", digest(good), "zstd", bytes.NewReader(bomb.Bytes()), 413},
		{"truncated zstd", "facts", digest(changed), "zstd", bytes.NewReader(compress(t, changed)[:20]), 422},
		{"truncated JSON", "facts", digest(changed[:40]), "", bytes.NewReader(changed[:40]), 422},
		{"digest of something else", "facts", digest(changed), "", bytes.NewReader(good), 422},
		{"unknown section", "secrets", digest(good), "", bytes.NewReader(good), 422},
		{"digest that is none", "facts", "abc", "", bytes.NewReader(good), 422},
		{"unknown encoding", "facts", digest(changed), "gzip", bytes.NewReader(changed), 422},
		{"empty", "facts", digest(nil), "", bytes.NewReader(nil), 422},
		{"JSON of another shape", "packages", digest([]byte(`{"packages":7}`)), "", strings.NewReader(`{"packages":7}`), 422},
	} {
		logged := s.log.refusals("agent-put-section")
		var p apiv1.Problem
		if code := a.raw("PUT", apiv1.PathSections+tc.section+"?digest="+tc.digest, tc.body, tc.encoding, &p); code != tc.want || p.Detail == "" {
			t.Errorf("%s: %d %+v", tc.name, code, p)
		}
		if n := s.log.refusals("agent-put-section") - logged; n != 1 {
			t.Errorf("%s: %d log records", tc.name, n)
		}
	}
	for name, path := range map[string]string{"agent-put-section": apiv1.PathSections + "facts?digest=" + digest(good), "agent-checkin": apiv1.PathCheckin, "agent-renew": apiv1.PathRenew} {
		b := s.agent()
		b.key, b.cert = a.key, a.cert
		logged := s.log.refusals(name)
		method := http.MethodPost
		if name == "agent-put-section" {
			method = http.MethodPut
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+s.entrances[0].socket.Addr().String()+path, &endless{left: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := b.client.Do(r)
		if err == nil { // the server may also have cut the connection while we were still sending
			if resp.StatusCode != 413 {
				t.Errorf("%s: 1 GB: %d", name, resp.StatusCode)
			}
			_ = resp.Body.Close()
		}
		if sent := b.sent.Load(); sent > 64<<20 {
			t.Errorf("%s: the server took %d bytes before it refused", name, sent)
		}
		await(t, func() error {
			if n := s.log.refusals(name) - logged; n != 1 {
				return fmt.Errorf("%s: %d log records", name, n)
			}
			return nil
		})
	}
	if after := seq(); after != before {
		t.Errorf("%d changes", after-before)
	}
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), nil); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

func TestAHostThatAsksTooMuchIsSlowedDownAlone(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	greedy, modest := s.enrolled(), s.enrolled()
	limited := 0
	for range 200 {
		if code := greedy.call("GET", apiv1.PathWork+"?wait=0", nil, nil); code == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Error("200 requests in a row were all served")
	}
	if code := modest.call("GET", apiv1.PathWork+"?wait=0", nil, nil); code != 204 {
		t.Errorf("the other host: %d", code)
	}
}

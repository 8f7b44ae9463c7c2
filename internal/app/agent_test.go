package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bodies are the sections of a small Debian host.
func bodies(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		apiv1.SectionFacts: encode(t, apiv1.Facts{
			Hostname: "web1", Arch: "amd64", OS: apiv1.OSRelease{ID: "debian", VersionID: "12", Name: "Debian GNU/Linux 12 (bookworm)", Ecosystem: "Debian:12"},
			Kernel: apiv1.Kernel{Running: "6.1.0-37-amd64", Installed: []string{}}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
			PackageManager: apiv1.PackageManager{Name: "apt", Broken: []apiv1.PackageState{}, Held: []string{}}, Units: []apiv1.Unit{},
		}),
		apiv1.SectionPackages: encode(t, apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{
			{Name: "libssl3", Arch: "amd64", Version: "3.0.15-1~deb12u1", Source: "openssl", Origin: "Debian"},
			{Name: "openssl", Arch: "amd64", Version: "3.0.15-1~deb12u1", Origin: "Debian"},
		}}),
		apiv1.SectionRepositories: encode(t, apiv1.Repositories{Repositories: []apiv1.Repository{}}),
		apiv1.SectionUpdates:      encode(t, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{}}),
		apiv1.SectionHardware:     encode(t, apiv1.Hardware{CPU: apiv1.CPU{Threads: 2}, MemoryBytes: 1 << 30, Disks: []apiv1.Disk{}, Filesystems: []apiv1.Filesystem{}, NICs: []apiv1.NIC{}}),
	}
}

func checkinOf(sections map[string][]byte) apiv1.Checkin {
	in := apiv1.Checkin{AgentVersion: "1", Sections: map[string]string{}}
	for name, body := range sections {
		in.Sections[name] = digest(body)
	}
	return in
}

// report checks in and gives the sections that the server lacks, compressed.
func (a *agent) report(sections map[string][]byte) apiv1.CheckinAnswer {
	a.s.t.Helper()
	var answer apiv1.CheckinAnswer
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(sections), &answer); code != 200 {
		a.s.t.Fatalf("check-in: %d", code)
	}
	for _, name := range answer.Lacks {
		var got apiv1.SectionAnswer
		if code := a.raw("PUT", apiv1.PathSections+name+"?digest="+digest(sections[name]), bytes.NewReader(compress(a.s.t, sections[name])), "zstd", &got); code != 200 || !got.Changed {
			a.s.t.Fatalf("section %s: %d %+v", name, code, got)
		}
	}
	return answer
}

func compress(t *testing.T, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(body, nil)
}

func TestCheckinsAskForWhatIsLackingAndAnUnchangedOneIsCheap(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	sections := bodies(t)
	if answer := a.report(sections); !slices.Equal(slices.Sorted(slices.Values(answer.Lacks)), slices.Sorted(maps.Keys(sections))) {
		t.Errorf("lacks %v", answer.Lacks)
	}
	var packages apiv1.HostPackages
	if code := s.call("GET", "/api/v1/hosts/web1.example.org/packages", nil, &packages); code != 200 || len(packages.Packages) != 2 || packages.Ecosystem != "Debian:12" {
		t.Errorf("packages: %d %+v", code, packages)
	}
	// A second host with the same image is asked for nothing.
	twin := s.enrolled()
	if answer := twin.report(sections); len(answer.Lacks) != 0 {
		t.Errorf("known bodies are asked for: %v", answer.Lacks)
	}

	before := s.wire.store.Stats()
	a.sent.Store(0)
	a.received.Store(0)
	if answer := a.report(sections); len(answer.Lacks) != 0 {
		t.Errorf("lacks %v", answer.Lacks)
	}
	if sent, received := a.sent.Load(), a.received.Load(); sent > 1024 || received > 1024 || sent == 0 || received == 0 {
		t.Errorf("an unchanged check-in costs %d bytes there and %d back", sent, received)
	} else {
		t.Logf("an unchanged check-in: %d bytes there, %d back", sent, received)
	}
	if after := s.wire.store.Stats(); after.Writes != before.Writes {
		t.Errorf("an unchanged check-in made %d writes", after.Writes-before.Writes)
	}
}

func TestPendingHostReadsNothingAndStoresNothing(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.agent()
	var got apiv1.EnrollResponse
	if code := a.enroll(s.enrollToken(2), &got); code != 200 || got.State != apiv1.HostPending {
		t.Fatalf("enroll: %d %+v", code, got)
	}
	a.use(got.Certificate)
	before := s.wire.store.Stats().Writes
	sections := bodies(t)
	body := sections[apiv1.SectionFacts]
	for name, refused := range map[string]func(p *apiv1.Problem) int{
		"check-in": func(p *apiv1.Problem) int { return a.call("POST", apiv1.PathCheckin, checkinOf(sections), p) },
		"section": func(p *apiv1.Problem) int {
			return a.raw("PUT", apiv1.PathSections+"facts?digest="+digest(body), bytes.NewReader(body), "", p)
		},
		"work": func(p *apiv1.Problem) int { return a.call("GET", apiv1.PathWork+"?wait=0", nil, p) },
	} {
		var p apiv1.Problem
		if code := refused(&p); code != 403 || p.Type != apiv1.ProblemPending {
			t.Errorf("%s: %d %+v", name, code, p)
		}
	}
	// The first sight of a certificate is noted; nothing that the host sent is.
	if writes := s.wire.store.Stats().Writes - before; writes > 1 {
		t.Errorf("%d writes", writes)
	}
	var renewed apiv1.RenewResponse
	if code := a.call("POST", apiv1.PathRenew, apiv1.RenewRequest{CSR: a.csr()}, &renewed); code != 200 {
		t.Errorf("renew: %d", code)
	}
	if code := s.call("POST", "/api/v1/hosts/"+got.HostID+"/approve", nil, nil); code != 204 {
		t.Fatalf("approve: %d", code)
	}
	if code := a.call("POST", apiv1.PathCheckin, checkinOf(sections), nil); code != 200 {
		t.Errorf("approved: %d", code)
	}
	var work apiv1.Work
	if code := a.call("GET", apiv1.PathWork+"?wait=5", nil, &work); code != 200 || work.Kind != apiv1.WorkCollect {
		t.Errorf("approval wakes the agent: %d %+v", code, work)
	}
}

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
}

// slowZeros yields n bytes; what the server takes of them is counted by the agent.
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

// await asks again until it is nil, at most 10 s: for what another goroutine is about to do.
func await(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestWorkReachesAnIdleAgentAndANewerPollReplacesAnOlder(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	type result struct {
		code int
		work apiv1.Work
	}
	poll := func() <-chan result {
		done := make(chan result, 1)
		go func() {
			var r result
			r.code = a.call("GET", apiv1.PathWork+"?wait=60", nil, &r.work)
			done <- r
		}()
		return done
	}
	online := func() error {
		if !s.wire.presence.Online(a.hostID, time.Now()) {
			return fmt.Errorf("not online")
		}
		return nil
	}
	old := poll()
	await(t, online)
	young := poll()
	if r := <-old; r.code != 204 {
		t.Errorf("the older poll: %+v", r)
	}
	if code := s.call("POST", "/api/v1/hosts/"+a.hostID+"/refresh", nil, nil); code != 202 {
		t.Fatal(code)
	}
	if r := <-young; r.code != 200 || r.work.Kind != apiv1.WorkRefresh || r.work.ID == "" {
		t.Errorf("the younger poll: %+v", r)
	}
	// What came up while nobody waited is there at once.
	if code := s.call("POST", "/api/v1/hosts/"+a.hostID+"/refresh", nil, nil); code != 202 {
		t.Fatal(code)
	}
	if r := <-poll(); r.code != 200 {
		t.Errorf("%+v", r)
	}
	// Stopping the server ends a poll at once; shut would wait for it otherwise.
	last := poll()
	await(t, online)
	time.AfterFunc(50*time.Millisecond, s.wire.api.Stop)
	if r := <-last; r.code != 204 {
		t.Errorf("at the end: %+v", r)
	}
}

func TestAgentsAndPeopleHaveTheirOwnDoors(t *testing.T) {
	t.Parallel()
	for name, separate := range map[string]bool{"one address": false, "two addresses": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			if separate {
				cfg.AgentListen = "127.0.0.1:0"
			}
			s := start(t, cfg)
			a := s.enrolled()
			if code := a.call("GET", "/api/v1/hosts", nil, nil); code != 404 {
				t.Errorf("an agent reaches operators' operations: %d", code)
			}
			if code := a.call("GET", "/", nil, nil); code != 404 {
				t.Errorf("an agent reaches the console: %d", code)
			}
			if code := s.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), nil); code != 404 {
				t.Errorf("an operator reaches agents' operations: %d", code)
			}
			if code := a.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), nil); code != 200 {
				t.Errorf("check-in: %d", code)
			}
		})
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

func TestStopIsIdempotentAndServerRestartsOnTheSameFolder(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	s := start(t, cfg)
	a := s.enrolled()
	fingerprint := s.Fingerprint()
	if _, err := os.Stat(firstLoginPath(s.cfg.Data)); !os.IsNotExist(err) {
		t.Errorf("first-login is still there after the password was changed: %v", err)
	}
	if _, err := New(cfg, s.App.log); err == nil || !strings.Contains(err.Error(), "another server is running") {
		t.Errorf("second server on the folder: %v", err)
	}
	s.shut()
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("second stop: %v", err)
	}
	again := launch(t, cfg)
	again.token = s.token
	if again.Fingerprint() != fingerprint {
		t.Error("another CA")
	}
	var list apiv1.TokenList
	if code := again.call("GET", "/api/v1/tokens", nil, &list); code != 200 {
		t.Errorf("the token no longer works: %d", code)
	}
	b := again.agent()
	b.key, b.cert = a.key, a.cert
	if code := b.call("POST", apiv1.PathCheckin, checkinOf(bodies(t)), nil); code != 200 {
		t.Errorf("the host no longer gets in: %d", code)
	}
}

func TestFirstLoginIsShownOnATerminalAndThenNotKept(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	var password string
	cfg.Welcome = func(_, p, _ string) bool { password = p; return true }
	s := launch(t, cfg)
	if _, err := os.Stat(firstLoginPath(cfg.Data)); !os.IsNotExist(err) {
		t.Errorf("it is on disk too: %v", err)
	}
	if code := s.call("POST", "/api/v1/session", apiv1.LoginRequest{Username: "admin", Password: password}, nil); code != 200 {
		t.Errorf("login: %d", code)
	}
}

func TestHealthReadinessAndMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	a := s.enrolled()
	a.report(bodies(t))
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/": "console not built: make web",
	} {
		if path == "/" && console() != nil {
			continue
		}
		if got := s.text(path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	metrics := s.text("/metrics") // from loopback: no token needed
	for _, want := range []string{`staunch_checkins_total 1`, `staunch_http_request_seconds_count{operation="agent-checkin",status="2xx"} 1`, "staunch_hosts ", "staunch_store_writes_total ", "go_goroutines "} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %q in %s", want, metrics)
		}
	}
}

func (s *server) text(path string) string {
	s.t.Helper()
	resp, err := s.http.Get(s.URL() + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

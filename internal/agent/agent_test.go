package agent

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

func TestEnrollCheckInWorkAndChange(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	state, answer := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	m := newMachine(t)
	a := startAgent(t, state, m, nil)
	packages := func(n int) func() bool {
		return func() bool {
			p, err := s.HostPackages(t.Context(), answer.HostID)
			return err == nil && len(p.Packages) == n
		}
	}
	eventually(t, "the first check-in brings one package", packages(1))
	eventually(t, "the host is online", func() bool { h, err := s.Host(t.Context(), answer.HostID); return err == nil && h.Host.Online })
	m.install(t, "curl", "8.1-1")
	eventually(t, "a change on the host is seen without being asked", packages(2))
	if err := s.RefreshHost(t.Context(), answer.HostID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "work reaches the agent", func() bool { return m.refreshed() == 1 })
	if got, err := ReadStatus(state); err != nil || got.State != StateConnected || got.HostID != answer.HostID || got.LastCheckin.IsZero() {
		t.Errorf("status %+v, %v", got, err)
	}
	if err := a.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if n := a.log.count("level=WARN") + a.log.count("level=ERROR"); n != 0 {
		t.Errorf("%d warnings:\n%s", n, a.log.text.String())
	}
}

func TestPendingHostWaitsAndSaysSoOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	no := false
	state, answer := enroll(t, s, s.token(apiv1.CreateEnrollToken{Approve: &no}))
	if answer.State != apiv1.HostPending {
		t.Fatalf("state %q", answer.State)
	}
	a := startAgent(t, state, newMachine(t), nil)
	eventually(t, "it says that it waits", func() bool { return a.log.count("waiting for approval") == 1 })
	eventually(t, "its status says so too", func() bool { got, err := ReadStatus(state); return err == nil && got.State == StatePending })
	if err := s.ApproveHost(t.Context(), answer.HostID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it takes part after approval", func() bool { return a.log.count("msg=connected") == 1 })
	if a.log.count("waiting for approval") != 1 {
		t.Error("it said so more than once")
	}
}

// A server that goes away costs a line in the log, and one when it is back; nothing is lost.
func TestServerAwayAndBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	state, _ := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	a := startAgent(t, state, newMachine(t), nil)
	eventually(t, "connected", func() bool { return a.log.count("msg=connected") == 1 })
	s.stop()
	eventually(t, "it notices", func() bool { return a.log.count("state=unreachable") == 1 })
	s.start()
	eventually(t, "it comes back by itself", func() bool { return a.log.count("msg=connected") == 2 })
	if n := a.log.count("state=unreachable"); n != 1 {
		t.Errorf("logged %d times that the server is away", n)
	}
}

// At half life the agent renews; the old pair stays until the server has seen the new one and goes then.
func TestRenewsAtHalfLifeAndForgetsTheOldKeyThen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	state, _ := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	before, err := Load(state)
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(12*time.Hour + time.Minute) }
	loop, err := NewLoop(Config{StateDir: state, Version: "test", Host: newMachine(t), Now: later, Log: slog.New(slog.DiscardHandler), Share: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	if do, _ := next(loop.p, later()); do != stepRenew {
		t.Fatalf("at half life it wants to %s", do)
	}
	if err := loop.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	between, err := Load(state)
	if err != nil || between.Previous == nil || *between.Previous != before.Current || between.Current == before.Current {
		t.Fatalf("after renewal the old pair is not kept beside the new: %v", err)
	}
	loop.outcome(t.Context(), stepCheckin, loop.checkin(t.Context()))
	after, err := Load(state)
	if err != nil || after.Previous != nil || after.Current != between.Current {
		t.Fatalf("after the server has seen the new pair the old one is still there: %v", err)
	}
	loop.identity.Current, loop.identity.Previous = before.Current, &after.Current
	old, err := before.Current.parse()
	if err != nil {
		t.Fatal(err)
	}
	loop.use(old)
	if err := loop.checkin(t.Context()); !errors.Is(err, fault.Unauthorized) {
		t.Fatalf("a superseded certificate: %v, want a refusal", err)
	}
	loop.outcome(t.Context(), stepCheckin, fault.New(fault.Unauthorized, "refused"))
	if err := loop.checkin(t.Context()); err != nil {
		t.Fatalf("after a refusal the other pair is taken up: %v", err)
	}
}

func TestRevokedAgentKeepsWhatItHasAndSaysSo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	state, answer := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	a := startAgent(t, state, newMachine(t), nil)
	eventually(t, "connected", func() bool { return a.log.count("msg=connected") == 1 })
	if err := s.RevokeHost(t.Context(), answer.HostID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told", func() bool { st, err := ReadStatus(state); return err == nil && st.State == StateRefused })
	if _, err := Load(state); err != nil {
		t.Errorf("its identity is gone: %v", err)
	}
}

func TestEnrollRefusals(t *testing.T) {
	t.Parallel()
	s, other := newServer(t), newServer(t)
	good := s.token(apiv1.CreateEnrollToken{})
	parts := strings.Split(good, ".")
	secret := parts[1]
	state, _ := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	for name, c := range map[string]struct {
		o    EnrollOptions
		kind fault.Kind
		text string
	}{
		"foreign_server":   {EnrollOptions{Server: other.url, Token: good, StateDir: t.TempDir()}, fault.Unauthorized, "not trusted"},
		"wrong_secret":     {EnrollOptions{Server: s.url, Token: parts[0] + ".0000000000000000000000000x." + parts[2], StateDir: t.TempDir()}, fault.Unauthorized, ""},
		"no_token":         {EnrollOptions{Server: s.url, Token: "hello", StateDir: t.TempDir()}, fault.Invalid, "not an enroll-token"},
		"no_https":         {EnrollOptions{Server: "http://x.example", Token: good, StateDir: t.TempDir()}, fault.Invalid, "https://"},
		"enrolled_already": {EnrollOptions{Server: s.url, Token: good, StateDir: state}, fault.Conflict, "--force"},
		"no_state_folder":  {EnrollOptions{Server: s.url, Token: good, StateDir: "/dev/null/x"}, fault.Forbidden, "state folder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Enroll(t.Context(), c.o)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %s with %q", err, c.kind, c.text)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error("the token's secret is in the error")
			}
			if _, err := Load(c.o.StateDir); name != "enrolled_already" && err == nil {
				t.Error("an identity was stored")
			}
		})
	}
	// None of these used the token up.
	if _, err := Enroll(t.Context(), EnrollOptions{Server: s.url, Token: good, StateDir: state, Force: true}); err != nil {
		t.Errorf("the token no longer works: %v", err)
	}
	if _, err := Enroll(t.Context(), EnrollOptions{Server: s.url, Token: good, StateDir: t.TempDir()}); !errors.Is(err, fault.Unauthorized) && !errors.Is(err, fault.Expired) {
		t.Errorf("a used token: %v, want a refusal", err)
	}
	if s.log.count(secret)+other.log.count(secret) != 0 {
		t.Error("the token's secret is in a server's log")
	}
}

func TestIdentityIsPrivateAndWhole(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	state, _ := enroll(t, s, s.token(apiv1.CreateEnrollToken{}))
	info, err := os.Stat(filepath.Join(state, identityFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(state)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind in the state folder: %v, %v", entries, err)
	}
	// A crash before the rename leaves a temporary file beside the identity, which stays good.
	if err := os.WriteFile(filepath.Join(state, ".identity.json.123"), []byte(`{"server":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(state); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(state, identityFile), []byte(`{"server":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(state); !errors.Is(err, fault.Invalid) {
		t.Errorf("a damaged identity: %v, want to be told", err)
	}
}

// An unchanged check-in is at most 1 KB.
func TestUnchangedCheckinIsSmall(t *testing.T) {
	t.Parallel()
	snapshot, err := newMachine(t).Collect(t.Context(), t0)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := encode(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	in := apiv1.Checkin{AgentVersion: "v1.22.333-rc4+deadbeefdeadbeef", Sections: map[string]string{}}
	for _, name := range apiv1.SectionNames() {
		if bodies[name] == nil {
			t.Errorf("section %s is not sent", name)
		}
		in.Sections[name] = strings.Repeat("f", 64)
	}
	b, err := json.Marshal(in)
	if err != nil || len(b) > 700 { // leaves 300 for the request's headers
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestVitalsAreSentWhenTheySaySomethingNew(t *testing.T) {
	t.Parallel()
	at := t0
	last := apiv1.Vitals{Load1: 1, MemAvailable: 100, Free: []apiv1.FreeSpace{{Mount: "/", Bytes: 1000}}, RefreshedAt: &at}
	later := t0.Add(time.Hour)
	for name, c := range map[string]struct {
		edit func(*apiv1.Vitals)
		want bool
	}{
		"nothing":         {func(*apiv1.Vitals) {}, false},
		"load_and_memory": {func(v *apiv1.Vitals) { v.Load1, v.MemAvailable = 9, 5 }, false},
		"a_little_space":  {func(v *apiv1.Vitals) { v.Free[0].Bytes = 960 }, false},
		"much_space":      {func(v *apiv1.Vitals) { v.Free[0].Bytes = 900 }, true},
		"another_mount":   {func(v *apiv1.Vitals) { v.Free[0].Mount = "/x" }, true},
		"a_refresh":       {func(v *apiv1.Vitals) { v.RefreshedAt = &later }, true},
		"an_error":        {func(v *apiv1.Vitals) { v.RefreshError = "x" }, true},
	} {
		v := last
		v.Free = []apiv1.FreeSpace{last.Free[0]}
		c.edit(&v)
		if got := worthSending(&last, v); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if !worthSending(nil, last) {
		t.Error("the first are not sent")
	}
}

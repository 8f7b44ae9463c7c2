package agent

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/app"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/collect"
)

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

func (l *logBook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// server is the real server in this process, and an operator of it.
type server struct {
	*client.Operator
	t   *testing.T
	app *app.App
	url string
	log *logBook
	cfg app.Config
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, log: &logBook{}}
	password := ""
	s.cfg = app.Config{
		Data: filepath.Join(t.TempDir(), "data"), Listen: "127.0.0.1:0", Names: []string{"127.0.0.1"}, Feeds: t.TempDir(),
		Welcome: func(_, text, _ string) bool { password = text; return true },
	}
	s.start()
	s.cfg.Listen = strings.TrimPrefix(s.url, "https://")
	t.Cleanup(s.stop)
	ca, _, err := client.FetchCA(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	login, err := client.NewOperator(client.OperatorConfig{URL: s.url, CAPEM: ca})
	if err != nil {
		t.Fatal(err)
	}
	token, err := login.LoginToken(t.Context(), apiv1.LoginToken{Username: "admin", Password: password, NewPassword: "correct horse battery", Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	login.Close()
	if s.Operator, err = client.NewOperator(client.OperatorConfig{URL: s.url, CAPEM: ca, Token: token.Secret}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) start() {
	s.t.Helper()
	var err error
	if s.app, err = app.New(s.cfg, slog.New(slog.NewTextHandler(s.log, nil))); err != nil {
		s.t.Fatal(err)
	}
	if err := s.app.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.url = s.app.URL()
}

func (s *server) stop() {
	if s.app == nil {
		return
	}
	if s.Operator != nil {
		s.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.app.Stop(ctx); err != nil {
		s.t.Errorf("stop: %v", err)
	}
	s.app = nil
}

// token makes an enroll-token.
func (s *server) token(req apiv1.CreateEnrollToken) string {
	s.t.Helper()
	t, err := s.CreateEnrollToken(s.t.Context(), req)
	if err != nil {
		s.t.Fatal(err)
	}
	return t.Token
}

// machine is a host that the test can change, in the place of the one that the test runs on.
type machine struct {
	mu        sync.Mutex
	packages  []apiv1.Package
	refreshes int
	watched   string
}

func newMachine(t *testing.T) *machine {
	m := &machine{watched: filepath.Join(t.TempDir(), "status")}
	m.install(t, "bash", "5.2-1")
	return m
}

func (m *machine) install(t *testing.T, name, version string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packages = append(m.packages, apiv1.Package{Name: name, Arch: "amd64", Version: version})
	if err := os.WriteFile(m.watched, fmt.Append(nil, m.packages), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) Collect(context.Context, time.Time) (collect.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return collect.Snapshot{
		Facts: apiv1.Facts{
			Hostname: "h", Arch: "amd64", OS: apiv1.OSRelease{ID: "debian", VersionID: "12", Name: "Debian", Ecosystem: "Debian:12"},
			Kernel: apiv1.Kernel{Installed: []string{}}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
			PackageManager: apiv1.PackageManager{Broken: []apiv1.PackageState{}, Held: []string{}}, Units: []apiv1.Unit{},
		},
		Packages:     apiv1.Packages{Ecosystem: "Debian:12", Packages: append([]apiv1.Package{}, m.packages...)},
		Updates:      apiv1.Updates{Known: true, Manager: "apt", Updates: []apiv1.Update{}},
		Repositories: apiv1.Repositories{Repositories: []apiv1.Repository{}},
		Hardware:     apiv1.Hardware{Disks: []apiv1.Disk{}, Filesystems: []apiv1.Filesystem{}, NICs: []apiv1.NIC{}},
	}, nil
}

func (m *machine) Refresh(context.Context, time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refreshes++
	return nil
}

func (m *machine) NextRefresh() time.Time { return time.Now().Add(time.Hour) }
func (m *machine) Watched() []string      { return []string{m.watched} }

func (m *machine) refreshed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refreshes
}

// agent is a running Loop.
type agent struct {
	state string
	log   *logBook
	stop  func() error // waits for the end and gives Run's error
}

func enroll(t *testing.T, s *server, token string) (state string, answer apiv1.EnrollResponse) {
	t.Helper()
	state = t.TempDir()
	answer, err := Enroll(t.Context(), EnrollOptions{Server: s.url, Token: token, StateDir: state, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return state, answer
}

func startAgent(t *testing.T, state string, host Host, now func() time.Time) *agent {
	t.Helper()
	a := &agent{state: state, log: &logBook{}}
	loop, err := NewLoop(Config{
		StateDir: state, Version: "test", Host: host, Now: now, WatchEvery: 50 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Share: func() float64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	a.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(5 * time.Second):
			return fmt.Errorf("the agent did not stop within 5 s")
		}
	})
	t.Cleanup(func() {
		if err := a.stop(); err != nil {
			t.Errorf("agent: %v\n%s", err, a.log.text.String())
		}
	})
	return a
}

// eventually waits for a condition that only another process's progress makes true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

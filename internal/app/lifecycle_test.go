package app

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

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

package api

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
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

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count is how many records contain text.
func (l *logBook) count(text string) int {
	n := 0
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// quiet is the operators' handler over d, with a log that the test can read.
func quiet(t *testing.T, d Deps) (http.Handler, *logBook) {
	t.Helper()
	log := &logBook{}
	d.Log = log.logger()
	return New(d).Handler(), log
}

// bundle is an API on a real store, without assessment and feeds.
type bundle struct {
	api     *API
	handler http.Handler
	store   *store.Store
	access  *access.Service
	fleet   *fleet.Service
	ca      *access.CA
	follow  *event.Follower
	log     *logBook
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{store: storetest.Open(t), log: &logBook{}}
	log := b.log.logger()
	var err error
	if b.ca, err = access.OpenCA(t.TempDir(), time.Now()); err != nil {
		t.Fatal(err)
	}
	b.access = access.NewService(b.store, log, time.Now, nil)
	b.fleet = fleet.NewService(b.store, b.ca, log)
	b.follow = event.NewFollower(b.store, log)
	if err := b.follow.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.follow.Stop)
	b.api = New(Deps{
		Access: b.access, CA: b.ca, Fleet: b.fleet, Certs: b.store, Presence: fleet.NewPresence(time.Minute),
		Inventory: inventory.NewService(b.store, log, time.Now), Follower: b.follow, Events: b.store, Log: log, Now: time.Now,
		Version: "test", AgentURL: func() string { return "https://staunch.example:8443" }, Ready: func() error { return nil },
	})
	t.Cleanup(b.api.Stop)
	b.handler = b.api.Handler()
	return b
}

// token makes a user with a role and an API token of theirs.
func (b *bundle) token(t *testing.T, role access.Role) string {
	t.Helper()
	u := access.User{ID: id.New("user", time.Now()), Name: string(role), Role: role, CreatedAt: time.Now(), ChangedAt: time.Now()}
	if err := b.store.CreateUser(t.Context(), u, event.Event{At: time.Now(), Kind: event.UserCreated, Actor: "server", Text: "x"}); err != nil {
		t.Fatal(err)
	}
	_, secret, err := b.access.CreateToken(t.Context(), u, "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// do makes one request; headers are pairs.
func (b *bundle) do(t *testing.T, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

package storetest

import (
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/store"
)

func users(t *testing.T, s *store.Store) {
	ctx := t.Context()
	u := user("ann")
	must(t, s.CreateUser(ctx, u, ev("user.created", "")))
	again := user("ann")
	again.ID = "u-other"
	mustBe(t, fault.Conflict, s.CreateUser(ctx, again, ev("user.created", "")))
	if n := get(s.UserCount(ctx))(t); n != 1 {
		t.Errorf("%d users", n)
	}
	same(t, "by name", get(s.UserByName(ctx, "ann"))(t), u)
	same(t, "by id", get(s.User(ctx, "u-ann"))(t), u)
	mustBe(t, fault.NotFound, second(s.UserByName(ctx, "Ann")))
	mustBe(t, fault.NotFound, second(s.User(ctx, "none")))
}

func session(hash, name string) access.Session {
	return access.Session{SecretHash: hash, UserID: "u-" + name, CreatedAt: start(), ExpiresAt: start().Add(time.Hour)}
}

func passwords(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, name := range []string{"ann", "bob"} {
		must(t, s.CreateUser(ctx, user(name), ev("user.created", "")))
	}
	for hash, name := range map[string]string{"a1": "ann", "a2": "ann", "b1": "bob"} {
		must(t, s.CreateSession(ctx, session(hash, name), ev(event.UserLogin, "")))
	}
	at := start().Add(time.Minute)
	must(t, s.SetPassword(ctx, "u-ann", "$new", at, "a2", ev(event.UserPassword, "")))
	got := get(s.User(ctx, "u-ann"))(t)
	if got.PasswordHash != "$new" || got.MustChange || !got.ChangedAt.Equal(at) {
		t.Errorf("after the change: %+v", got)
	}
	for hash, there := range map[string]bool{"a1": false, "a2": true, "b1": true} {
		if _, _, err := s.SessionUser(ctx, hash, start()); (err == nil) != there {
			t.Errorf("session %s: %v", hash, err)
		}
	}
	mustBe(t, fault.NotFound, s.SetPassword(ctx, "none", "$new", at, "", ev(event.UserPassword, "")))
}

func sessions(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(t, s.CreateUser(ctx, user("ann"), ev("user.created", "")))
	for _, hash := range []string{"s1", "s2"} {
		must(t, s.CreateSession(ctx, session(hash, "ann"), ev(event.UserLogin, "")))
	}
	found, u, err := s.SessionUser(ctx, "s1", start())
	must(t, err)
	same(t, "session", found, session("s1", "ann"))
	same(t, "user", u, user("ann"))
	_, _, err = s.SessionUser(ctx, "s1", start().Add(time.Hour)) // at its very end
	mustBe(t, fault.NotFound, err)
	must(t, s.DeleteSession(ctx, "s1"))
	must(t, s.DeleteSession(ctx, "s1"))
	_, _, err = s.SessionUser(ctx, "s1", start())
	mustBe(t, fault.NotFound, err)
	if n := get(s.DeleteExpiredSessions(ctx, start()))(t); n != 0 {
		t.Errorf("dropped %d that had not expired", n)
	}
	if n := get(s.DeleteExpiredSessions(ctx, start().Add(time.Hour)))(t); n != 1 {
		t.Errorf("dropped %d, want 1", n)
	}
}

func apiToken(id, name string) access.Token {
	return access.Token{ID: id, SecretHash: digestOf(id), UserID: "u-" + name, UserName: name, Name: "laptop", CreatedAt: start(), ExpiresAt: start().Add(time.Hour)}
}

func apiTokens(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, name := range []string{"ann", "bob"} {
		must(t, s.CreateUser(ctx, user(name), ev("user.created", "")))
		must(t, s.CreateToken(ctx, apiToken("k-"+name, name), ev(event.TokenCreated, "")))
	}
	must(t, s.TouchToken(ctx, "k-ann", start().Add(time.Minute)))
	want := apiToken("k-ann", "ann")
	want.LastUsed = start().Add(time.Minute)
	got, u, err := s.TokenUser(ctx, digestOf("k-ann"), start())
	must(t, err)
	same(t, "token", got, want)
	same(t, "user", u, user("ann"))
	same(t, "of ann", get(s.Tokens(ctx, "u-ann"))(t), []access.Token{want})
	same(t, "of all", get(s.Tokens(ctx, ""))(t), []access.Token{apiToken("k-bob", "bob"), want})
	_, _, err = s.TokenUser(ctx, digestOf("k-ann"), start().Add(time.Hour))
	mustBe(t, fault.NotFound, err)

	must(t, s.RevokeToken(ctx, "k-ann", start(), ev(event.TokenRevoked, "")))
	_, _, err = s.TokenUser(ctx, digestOf("k-ann"), start())
	mustBe(t, fault.NotFound, err)
	mustBe(t, fault.Conflict, s.RevokeToken(ctx, "k-ann", start(), ev(event.TokenRevoked, "")))
	mustBe(t, fault.NotFound, s.RevokeToken(ctx, "none", start(), ev(event.TokenRevoked, "")))
}

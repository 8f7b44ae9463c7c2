package access_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

const newPassword = "a long enough password"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type bundle struct {
	*access.Service
	store    *store.Store
	clock    *clock
	name     string
	password string // the first one
	changes  *int
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{store: storetest.Open(t), clock: &clock{t: day}, changes: new(int)}
	b.Service = access.NewService(b.store, slog.New(slog.DiscardHandler), b.clock.now, func() { *b.changes++ })
	keep := func(name, password string) error {
		b.name, b.password = name, password
		return nil
	}
	if created, err := b.EnsureAdmin(t.Context(), keep); err != nil || !created {
		t.Fatal(created, err)
	}
	return b
}

func (b bundle) admin(t *testing.T) access.User {
	t.Helper()
	u, err := b.store.UserByName(t.Context(), b.name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestFirstAdminIsMadeOnceAndMustChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if created, err := b.EnsureAdmin(t.Context(), nil); created || err != nil {
		t.Errorf("second: %v, %v", created, err)
	}
	u := b.admin(t)
	if !u.MustChange || u.Role != access.Admin || strings.Contains(u.PasswordHash, b.password) || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("admin %+v", u)
	}
}

func TestSessionLivesTwelveHoursWhateverIsDoneWithIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret, s, u, err := b.Login(t.Context(), b.name, b.password, "192.0.2.1")
	if err != nil || u.Name != b.name || s.SecretHash == secret {
		t.Fatal(u, err)
	}
	b.clock.pass(12*time.Hour - time.Second)
	if _, _, err := b.Authenticate(t.Context(), secret); err != nil {
		t.Errorf("just before the end: %v", err)
	}
	b.clock.pass(time.Second)
	if _, _, err := b.Authenticate(t.Context(), secret); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("at the end: %v", err)
	}
	if n, err := b.DeleteExpiredSessions(t.Context()); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}

func TestLoginDoesNotTellANameFromAPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, _, wrongPassword := b.Login(t.Context(), b.name, "no", "192.0.2.1")
	_, _, _, wrongName := b.Login(t.Context(), "nobody", b.password, "192.0.2.1")
	if fault.KindOf(wrongPassword) != fault.Unauthorized || fault.Message(wrongPassword) != fault.Message(wrongName) {
		t.Errorf("%v and %v", wrongPassword, wrongName)
	}
	events, err := b.store.Events(t.Context(), "", 0, 10)
	if err != nil || len(events) != 2 || events[0].Kind != event.UserLoginFail || events[0].Actor != "user:admin" {
		t.Errorf("events %+v, %v", events, err)
	}
}

func TestLoginsAreLimitedByNameAndByAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		user, remote func(i int) string
		most         int
	}{
		"one name from everywhere":     {func(int) string { return "admin" }, func(i int) string { return "198.51.100." + string(rune('0'+i%10)) + string(rune('0'+i/10%10)) }, 10},
		"many names from one address":  {func(i int) string { return "user" + string(rune('a'+i)) }, func(int) string { return "192.0.2.9" }, 30},
		"many names from one /64 of 6": {func(i int) string { return "user" + string(rune('a'+i)) }, func(i int) string { return "2001:db8::" + string(rune('a'+i%6)) }, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tried := 0
			for ; tried < 40; tried++ {
				if _, _, _, err := b.Login(t.Context(), tc.user(tried), "wrong", tc.remote(tried)); fault.KindOf(err) == fault.TooMany {
					break
				}
			}
			if tried != tc.most {
				t.Errorf("%d attempts before the limit, want %d", tried, tc.most)
			}
			b.clock.pass(15 * time.Second)
			if _, _, _, err := b.Login(t.Context(), tc.user(0), "wrong", tc.remote(0)); fault.KindOf(err) == fault.TooMany {
				t.Error("still limited after a while")
			}
		})
	}
}

func TestChangingThePasswordEndsOtherSessionsAndKeepsTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	mine, _, u, err := b.Login(ctx, b.name, b.password, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	other, _, _, err := b.Login(ctx, b.name, b.password, "192.0.2.2")
	if err != nil {
		t.Fatal(err)
	}
	_, bearer, err := b.CreateToken(ctx, u, "cli", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ChangePassword(ctx, u, mine, b.password, newPassword, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, now, err := b.Authenticate(ctx, mine); err != nil || now.MustChange {
		t.Errorf("my session: %+v, %v", now, err)
	}
	if _, _, err := b.Authenticate(ctx, other); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("other session: %v", err)
	}
	if _, _, err := b.AuthenticateToken(ctx, bearer); err != nil {
		t.Errorf("token: %v", err)
	}
	if *b.changes != 1 {
		t.Errorf("told of %d changes", *b.changes)
	}
}

func TestBadNewPasswordsChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.admin(t)
	for name, tc := range map[string]struct {
		current, next string
		want          fault.Kind
	}{
		"wrong current": {"no", newPassword, fault.Forbidden},
		"too short":     {b.password, "eleven char", fault.Invalid},
		"the same":      {b.password, b.password, fault.Invalid},
		"too long":      {b.password, strings.Repeat("x", 1025), fault.Invalid},
	} {
		if err := b.ChangePassword(t.Context(), u, "", tc.current, tc.next, "192.0.2.1"); fault.KindOf(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b.admin(t).PasswordHash != u.PasswordHash || *b.changes != 0 {
		t.Error("the password changed")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	if _, _, err := b.LoginToken(ctx, access.LoginToken{Name: b.name, Password: b.password, TokenName: "cli", TTL: time.Hour}); err == nil || fault.Message(err) != fault.Message(access.ErrMustChange) {
		t.Fatalf("with a first password: %v", err)
	}
	tok, secret, err := b.LoginToken(ctx, access.LoginToken{Name: b.name, Password: b.password, NewPassword: newPassword, TokenName: "cli", TTL: time.Hour})
	if err != nil || !strings.HasPrefix(secret, "stk_") || strings.Contains(secret, tok.SecretHash) {
		t.Fatal(tok, err)
	}
	got, u, err := b.AuthenticateToken(ctx, secret)
	if err != nil || got.ID != tok.ID || u.MustChange {
		t.Fatal(got, u, err)
	}
	writes := b.store.Stats().Writes
	for range 5 {
		if _, _, err := b.AuthenticateToken(ctx, secret); err != nil {
			t.Fatal(err)
		}
	}
	if b.store.Stats().Writes != writes {
		t.Error("last_used was written more than once in a minute")
	}
	for _, bad := range []string{"", "stk_", secret + "x", secret[4:], "Bearer " + secret} {
		if _, _, err := b.AuthenticateToken(ctx, bad); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := b.RevokeToken(ctx, access.User{ID: "user_other", Name: "other", Role: access.Operator}, tok.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another's token: %v", err)
	}
	if err := b.RevokeToken(ctx, u, tok.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.AuthenticateToken(ctx, secret); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("revoked: %v", err)
	}
	_, short, err := b.CreateToken(ctx, u, "short", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Minute)
	if _, _, err := b.AuthenticateToken(ctx, short); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("expired: %v", err)
	}
}

func TestAStormOfLoginsWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // whichever finds no slot gives up with its context instead of taking memory
			_, _, _, err := b.Login(ctx, "nobody", "x", "192.0.2.1")
			if err == nil {
				t.Error("signed in")
			}
		})
	}
	wg.Wait()
}

func TestLimiterNeverAllowsMoreThanBurstPlusWhatTimeGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(1, 10).Draw(t, "burst")
		every := time.Duration(rapid.IntRange(1, 60).Draw(t, "every")) * time.Second
		l := access.NewLimiter(burst, every, 3)
		now, allowed := day, map[string]int{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "gap")) * time.Second)
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			if l.Allow(key, now) {
				allowed[key]++
			}
			most := burst + int(now.Sub(day)/every)
			if allowed[key] > most {
				t.Fatalf("%d allowed for %q within %s, at most %d", allowed[key], key, now.Sub(day), most)
			}
		}
	})
}

func TestLimiterSharesOneBucketBeyondItsKeys(t *testing.T) {
	t.Parallel()
	l := access.NewLimiter(2, time.Minute, 100)
	allowed := 0
	for i := range 10_000 {
		if l.Allow("key"+string(rune('0'+i%10))+string(rune('0'+i/10%10))+string(rune('0'+i/100%10))+string(rune('0'+i/1000)), day) {
			allowed++
		}
	}
	if allowed != 102 {
		t.Errorf("%d allowed, want one for each of 100 keys and 2 for all the others", allowed)
	}
	if !l.Allow("fresh", day.Add(2*time.Minute)) {
		t.Error("keys that are empty again were not forgotten")
	}
}

package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
)

// Lives and limits.
const (
	sessionTTL     = 12 * time.Hour // absolute: a working day, then sign in again
	minPassword    = 12             // characters
	maxPassword    = 1024           // bytes
	firstAdmin     = "admin"
	TokenPrefix    = "stk_"      // of API token secrets, so that scanners for leaked secrets can know them
	touchEvery     = time.Minute // last_used of a token is that coarse
	mostTokens     = 1000        // API tokens of one user that still work
	nameBurst      = 10          // logins with one name, good or bad
	nameEvery      = 15 * time.Second
	addressBurst   = 30 // logins from one address
	addressEvery   = 5 * time.Second
	mostLoginKeys  = 20_000
	maxTouchedKeys = 10_000
)

// ErrMustChange is why everything but changing the password is refused to an account with a first password.
var ErrMustChange = fault.New(fault.Forbidden, "change your password first")

// errLogin does not tell a wrong name from a wrong password.
var errLogin = fault.New(fault.Unauthorized, "the name or the password is wrong")

// LoginToken asks for an API token with a name and a password. NewPassword, when set, changes the password in the same call.
type LoginToken struct {
	Name, Password, NewPassword string
	TokenName                   string
	TTL                         time.Duration
	Remote                      string
}

// Service knows users by their passwords, session cookies and API tokens.
type Service struct {
	store     Store
	log       *slog.Logger
	now       func() time.Time
	hasher    *hasher
	byName    *Limiter
	byAddress *Limiter

	changed func() // called after a password was changed

	mu      sync.Mutex
	touched map[string]time.Time // token id to last_used as written
}

// NewService makes the service; it has nothing to start or stop. passwordChanged, which may be nil, is called after a user has
// changed a password: the first one needs to lie about no longer.
func NewService(store Store, log *slog.Logger, now func() time.Time, passwordChanged func()) *Service {
	if passwordChanged == nil {
		passwordChanged = func() {}
	}
	return &Service{
		store: store, log: log, now: now, hasher: newHasher(), changed: passwordChanged,
		byName:    NewLimiter(nameBurst, nameEvery, mostLoginKeys),
		byAddress: NewLimiter(addressBurst, addressEvery, mostLoginKeys),
		touched:   map[string]time.Time{},
	}
}

// EnsureAdmin makes the first administrator when there is no user at all; created says whether it did. keep is called with the name and
// the password before they are stored, so that a crash in between loses neither; its error stops everything. The password must be
// changed before anything else.
func (s *Service) EnsureAdmin(ctx context.Context, keep func(name, password string) error) (created bool, err error) {
	n, err := s.store.UserCount(ctx)
	if err != nil || n > 0 {
		return false, err
	}
	password := id.Secret()
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return false, err
	}
	if err := keep(firstAdmin, password); err != nil {
		return false, err
	}
	now := s.now()
	err = s.store.CreateUser(ctx, User{
		ID: id.New("user", now), Name: firstAdmin, Role: Admin, PasswordHash: hash, MustChange: true, CreatedAt: now, ChangedAt: now,
	}, event.Event{At: now, Kind: event.UserCreated, Actor: "server", Text: "first administrator " + firstAdmin + " created"})
	if fault.KindOf(err) == fault.Conflict && err != nil {
		return false, nil // another process on the same database was first
	}
	return err == nil, err
}

// Login checks a name and a password and opens a session. fault.Unauthorized does not say which of the two was wrong; fault.TooMany.
func (s *Service) Login(ctx context.Context, name, password, remote string) (secret string, session Session, u User, err error) {
	u, err = s.verify(ctx, name, password, remote)
	if err != nil {
		return "", Session{}, User{}, err
	}
	now := s.now()
	secret = id.Secret()
	session = Session{SecretHash: hashSecret(secret), UserID: u.ID, CreatedAt: now, ExpiresAt: now.Add(sessionTTL)}
	err = s.store.CreateSession(ctx, session, event.Event{
		At: now, Kind: event.UserLogin, Actor: "user:" + u.Name, Text: u.Name + " signed in", Data: map[string]string{"remote": remote},
	})
	if err != nil {
		return "", Session{}, User{}, err
	}
	return secret, session, u, nil
}

// verify takes about as long for a name that nobody has as for a wrong password: it hashes either way.
func (s *Service) verify(ctx context.Context, name, password, remote string) (User, error) {
	now := s.now()
	if !s.byAddress.Allow(AddressKey(remote), now) || !s.byName.Allow("name:"+name, now) {
		return User{}, fault.New(fault.TooMany, "too many sign-ins with this name or from this address: wait a minute")
	}
	u, err := s.store.UserByName(ctx, name)
	unknown := err != nil && fault.KindOf(err) == fault.NotFound
	if err != nil && !unknown {
		return User{}, err
	}
	hash := u.PasswordHash
	if unknown {
		hash = s.hasher.decoy
	}
	ok, err := s.hasher.verify(ctx, hash, password)
	if err != nil {
		return User{}, err
	}
	if !unknown && !ok {
		s.failedLogin(ctx, u, remote, now)
	}
	if unknown || !ok {
		return User{}, errLogin
	}
	return u, nil
}

// failedLogin leaves an event for an account that exists: the limit by name bounds how many. Names that nobody has are in the log only,
// which strangers may fill more safely.
func (s *Service) failedLogin(ctx context.Context, u User, remote string, now time.Time) {
	_, err := s.store.AppendEvent(ctx, event.Event{
		At: now, Kind: event.UserLoginFail, Actor: "user:" + u.Name, Text: "wrong password for " + u.Name, Data: map[string]string{"remote": remote},
	})
	if err != nil {
		s.log.ErrorContext(ctx, "record a failed sign-in", slog.Any("error", err))
	}
}

// Logout ends a session. One that has ended already is no error.
func (s *Service) Logout(ctx context.Context, secret string) error {
	err := s.store.DeleteSession(ctx, hashSecret(secret))
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// Authenticate is the session and user of a cookie's secret. fault.Unauthorized when there is none, or when it has expired.
func (s *Service) Authenticate(ctx context.Context, secret string) (Session, User, error) {
	session, u, err := s.store.SessionUser(ctx, hashSecret(secret), s.now())
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return Session{}, User{}, fault.New(fault.Unauthorized, "the session has ended: sign in again")
	}
	return session, u, err
}

// AuthenticateToken is the token and user of an API token's secret. fault.Unauthorized when there is none, or when it was revoked or expired.
func (s *Service) AuthenticateToken(ctx context.Context, bearer string) (Token, User, error) {
	now := s.now()
	if !strings.HasPrefix(bearer, TokenPrefix) {
		return Token{}, User{}, errToken
	}
	t, u, err := s.store.TokenUser(ctx, hashSecret(bearer), now)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return Token{}, User{}, errToken
	}
	if err != nil {
		return Token{}, User{}, err
	}
	if s.due(t, now) {
		if err := s.store.TouchToken(ctx, t.ID, now); err != nil {
			s.log.WarnContext(ctx, "note the use of a token", slog.String("token", t.ID), slog.Any("error", err))
		}
	}
	return t, u, nil
}

var errToken = fault.New(fault.Unauthorized, "the API token is unknown, expired or revoked: run staunch login")

// due reports whether last_used should be written again.
func (s *Service) due(t Token, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := t.LastUsed
	if written, ok := s.touched[t.ID]; ok && written.After(last) {
		last = written
	}
	if now.Sub(last) < touchEvery {
		return false
	}
	if len(s.touched) >= maxTouchedKeys {
		clear(s.touched)
	}
	s.touched[t.ID] = now
	return true
}

// ChangePassword replaces the caller's own password and ends the caller's other sessions. fault.Forbidden when current is wrong,
// fault.Invalid when next is no good.
func (s *Service) ChangePassword(ctx context.Context, u User, keepSecret, current, next, remote string) error {
	checked, err := s.verify(ctx, u.Name, current, remote)
	if err != nil {
		if fault.KindOf(err) == fault.Unauthorized {
			return fault.New(fault.Forbidden, "the current password is wrong")
		}
		return err
	}
	return s.setPassword(ctx, checked, keepSecret, current, next)
}

func (s *Service) setPassword(ctx context.Context, u User, keepSecret, current, next string) error {
	if err := judgePassword(u.Name, current, next); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	now := s.now()
	keep := ""
	if keepSecret != "" {
		keep = hashSecret(keepSecret)
	}
	err = s.store.SetPassword(ctx, u.ID, hash, now, keep, event.Event{
		At: now, Kind: event.UserPassword, Actor: "user:" + u.Name, Text: u.Name + " changed the password",
	})
	if err != nil {
		return err
	}
	s.changed()
	return nil
}

// judgePassword follows NIST SP 800-63B: length decides, not a mixture of characters.
func judgePassword(name, current, next string) error {
	switch {
	case utf8.RuneCountInString(next) < minPassword:
		return fault.New(fault.Invalid, "the new password is shorter than %d characters", minPassword)
	case len(next) > maxPassword:
		return fault.New(fault.Invalid, "the new password is longer than %d bytes", maxPassword)
	case next == current:
		return fault.New(fault.Invalid, "the new password is the old one")
	case strings.EqualFold(next, name):
		return fault.New(fault.Invalid, "the new password is the name")
	}
	return nil
}

// CreateToken makes an API token with the user's own role. secret is shown once: only its hash is kept.
func (s *Service) CreateToken(ctx context.Context, u User, name string, ttl time.Duration) (t Token, secret string, err error) {
	existing, err := s.store.Tokens(ctx, u.ID)
	if err != nil {
		return Token{}, "", err
	}
	now, live := s.now(), 0
	for _, t := range existing {
		if t.RevokedAt.IsZero() && t.ExpiresAt.After(now) {
			live++
		}
	}
	if live >= mostTokens {
		return Token{}, "", fault.New(fault.TooLarge, "%s has %d API tokens: revoke some first", u.Name, live)
	}
	secret = TokenPrefix + id.Secret()
	t = Token{ID: id.New("tok", now), SecretHash: hashSecret(secret), UserID: u.ID, UserName: u.Name, Name: name, CreatedAt: now, ExpiresAt: now.Add(ttl)}
	err = s.store.CreateToken(ctx, t, event.Event{
		At: now, Kind: event.TokenCreated, Actor: "user:" + u.Name, Text: fmt.Sprintf("API token %s (%q) created", t.ID, name), Data: map[string]string{"token": t.ID},
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

// LoginToken makes an API token for whoever has the password. ErrMustChange unless req.NewPassword does that too.
func (s *Service) LoginToken(ctx context.Context, req LoginToken) (Token, string, error) {
	u, err := s.verify(ctx, req.Name, req.Password, req.Remote)
	if err != nil {
		return Token{}, "", err
	}
	if req.NewPassword != "" {
		if err := s.setPassword(ctx, u, "", req.Password, req.NewPassword); err != nil {
			return Token{}, "", err
		}
	} else if u.MustChange {
		return Token{}, "", ErrMustChange
	}
	return s.CreateToken(ctx, u, req.TokenName, req.TTL)
}

// Tokens lists the user's API tokens, and everybody's for an administrator.
func (s *Service) Tokens(ctx context.Context, u User) ([]Token, error) {
	if u.Role == Admin {
		return s.store.Tokens(ctx, "")
	}
	return s.store.Tokens(ctx, u.ID)
}

// RevokeToken ends an API token of the user's own, or anybody's for an administrator. fault.NotFound.
func (s *Service) RevokeToken(ctx context.Context, u User, tokenID string) error {
	tokens, err := s.Tokens(ctx, u)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.ID == tokenID {
			now := s.now()
			return s.store.RevokeToken(ctx, t.ID, now, event.Event{
				At: now, Kind: event.TokenRevoked, Actor: "user:" + u.Name, Text: fmt.Sprintf("API token %s (%q) revoked", t.ID, t.Name), Data: map[string]string{"token": t.ID},
			})
		}
	}
	return fault.New(fault.NotFound, "there is no API token %q of yours", tokenID)
}

// DeleteExpiredSessions removes sessions that have ended; it says how many.
func (s *Service) DeleteExpiredSessions(ctx context.Context) (int, error) {
	return s.store.DeleteExpiredSessions(ctx, s.now())
}

// hashSecret needs no slow hash: a secret has 128 random bits.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

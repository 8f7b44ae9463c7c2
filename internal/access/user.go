package access

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
)

// Role of a user. Viewer reads; operator also enrolls, approves and refreshes; admin also manages users and feeds.
type Role string

// Roles, each including the ones before it.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
)

// User is a person or a program with an account.
type User struct {
	ID           string
	Name         string
	Role         Role
	PasswordHash string // argon2id in PHC format
	MustChange   bool   // nothing but changing the password is allowed
	CreatedAt    time.Time
	ChangedAt    time.Time
}

// Session is a console session; the cookie's secret is stored as its sha256.
type Session struct {
	SecretHash string
	UserID     string
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// Token is an API token.
type Token struct {
	ID         string
	SecretHash string
	UserID     string
	UserName   string // joined
	Name       string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsed   time.Time
	RevokedAt  time.Time
}

// Store is what access asks for.
type Store interface {
	UserCount(ctx context.Context) (int, error)
	CreateUser(ctx context.Context, u User, e event.Event) error // fault.Conflict when the name is taken
	UserByName(ctx context.Context, name string) (User, error)
	User(ctx context.Context, id string) (User, error)
	// SetPassword also ends every session of the user but keepSession (a hash, may be empty), and revokes no token.
	SetPassword(ctx context.Context, userID, passwordHash string, at time.Time, keepSession string, e event.Event) error

	CreateSession(ctx context.Context, s Session, e event.Event) error
	SessionUser(ctx context.Context, secretHash string, now time.Time) (Session, User, error) // fault.NotFound when expired
	DeleteSession(ctx context.Context, secretHash string) error
	DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error)

	CreateToken(ctx context.Context, t Token, e event.Event) error
	TokenUser(ctx context.Context, secretHash string, now time.Time) (Token, User, error) // fault.NotFound when expired or revoked
	Tokens(ctx context.Context, userID string) ([]Token, error)                           // "" means of all users
	RevokeToken(ctx context.Context, id string, at time.Time, e event.Event) error
	AppendEvent(ctx context.Context, e event.Event) (seq int64, err error) // for sign-ins that failed
	TouchToken(ctx context.Context, id string, at time.Time) error         // callers keep it to once a minute for a token
}

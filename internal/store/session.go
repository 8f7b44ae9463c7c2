package store

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
)

// CreateSession adds a console session.
func (s *Store) CreateSession(ctx context.Context, in access.Session, e event.Event) error {
	_, err := s.record(ctx, "create session", func(t *tx) error {
		if _, err := exec(ctx, t, `INSERT INTO sessions (secret_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
			in.SecretHash, in.UserID, in.CreatedAt.UnixMicro(), in.ExpiresAt.UnixMicro()); err != nil {
			return err
		}
		return t.event(ctx, e)
	})
	return err
}

// SessionUser answers: whose session is this? fault.NotFound when there is none, or it has expired.
func (s *Store) SessionUser(ctx context.Context, secretHash string, now time.Time) (access.Session, access.User, error) {
	var u access.User
	found, err := one(ctx, s.reader, func(r scanner) (f access.Session, err error) {
		err = r.Scan(append([]any{&f.SecretHash, &f.UserID, instant{&f.CreatedAt}, instant{&f.ExpiresAt}}, userFields(&u)...)...)
		return f, err
	}, `
		SELECT s.secret_hash, s.user_id, s.created_at, s.expires_at, `+userColumns+`
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.secret_hash = $1 AND s.expires_at > $2`, secretHash, now.UnixMicro())
	return found, u, wrap("session", orNotFound(err, "session", "…")) // the key is a secret's hash and stays out of messages
}

// DeleteSession ends a session; one that is not there is ended already.
func (s *Store) DeleteSession(ctx context.Context, secretHash string) error {
	return s.write(ctx, "delete session", func(t *tx) error {
		_, err := exec(ctx, t, `DELETE FROM sessions WHERE secret_hash = $1`, secretHash)
		return err
	})
}

// DeleteExpiredSessions drops sessions that have expired and says how many.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) (dropped int, err error) {
	err = s.write(ctx, "delete expired sessions", func(t *tx) error {
		n, err := exec(ctx, t, `DELETE FROM sessions WHERE expires_at <= $1`, now.UnixMicro())
		dropped = int(n)
		return err
	})
	return dropped, err
}

package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

// userColumns are what userFields reads, of the table users under the name u.
const userColumns = `u.id, u.name, u.role, u.password_hash, u.must_change, u.created_at, u.changed_at`

func userFields(u *access.User) []any {
	return []any{&u.ID, &u.Name, &u.Role, &u.PasswordHash, &u.MustChange, instant{&u.CreatedAt}, instant{&u.ChangedAt}}
}

func scanUser(r scanner) (u access.User, err error) {
	err = r.Scan(userFields(&u)...)
	return u, err
}

// UserCount answers: how many users are there?
func (s *Store) UserCount(ctx context.Context) (int, error) {
	n, err := one(ctx, s.reader, scalar[int], `SELECT COUNT(*) FROM users`)
	return n, wrap("user count", err)
}

// CreateUser adds a user; fault.Conflict when the name is taken.
func (s *Store) CreateUser(ctx context.Context, u access.User, e event.Event) error {
	_, err := s.record(ctx, "create user", func(t *tx) error {
		n, err := exec(ctx, t, `
			INSERT INTO users (id, name, role, password_hash, must_change, created_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING`,
			u.ID, u.Name, string(u.Role), u.PasswordHash, u.MustChange, u.CreatedAt.UnixMicro(), u.ChangedAt.UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "there is a user %q already", u.Name)
		}
		return t.event(ctx, e)
	})
	return err
}

// UserByName answers: who has this name?
func (s *Store) UserByName(ctx context.Context, name string) (access.User, error) {
	u, err := one(ctx, s.reader, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.name = $1`, name)
	return u, wrap("user", orNotFound(err, "user", name))
}

// User answers: who has this id?
func (s *Store) User(ctx context.Context, id string) (access.User, error) {
	u, err := one(ctx, s.reader, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id)
	return u, wrap("user", orNotFound(err, "user", id))
}

// SetPassword replaces a password, which the user then need not change, and ends every session of the user but keepSession.
func (s *Store) SetPassword(ctx context.Context, userID, passwordHash string, at time.Time, keepSession string, e event.Event) error {
	_, err := s.record(ctx, "set password", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE users SET password_hash = $1, must_change = $2, changed_at = $3 WHERE id = $4`,
			passwordHash, false, at.UnixMicro(), userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return orNotFound(sql.ErrNoRows, "user", userID)
		}
		if _, err := exec(ctx, t, `DELETE FROM sessions WHERE user_id = $1 AND secret_hash <> $2`, userID, keepSession); err != nil {
			return err
		}
		return t.event(ctx, e)
	})
	return err
}

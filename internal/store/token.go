package store

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

// tokenColumns are what tokenFields reads, of the tables api_tokens (k) and users (u).
const tokenColumns = `k.id, k.secret_hash, k.user_id, u.name, k.name, k.created_at, k.expires_at, k.last_used, k.revoked_at`

func tokenFields(t *access.Token) []any {
	return []any{&t.ID, &t.SecretHash, &t.UserID, &t.UserName, &t.Name, instant{&t.CreatedAt}, instant{&t.ExpiresAt},
		instant{&t.LastUsed}, instant{&t.RevokedAt}}
}

// CreateToken adds an API token.
func (s *Store) CreateToken(ctx context.Context, in access.Token, e event.Event) error {
	_, err := s.record(ctx, "create token", func(t *tx) error {
		if _, err := exec(ctx, t, `
			INSERT INTO api_tokens (id, secret_hash, user_id, name, created_at, expires_at, last_used, revoked_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			in.ID, in.SecretHash, in.UserID, in.Name, in.CreatedAt.UnixMicro(), in.ExpiresAt.UnixMicro(), micros(in.LastUsed), micros(in.RevokedAt)); err != nil {
			return err
		}
		return t.tokenChanged(ctx, in.CreatedAt, in.ID, e)
	})
	return err
}

// TokenUser answers: whose token is this? fault.NotFound when there is none, or it has expired or was revoked.
func (s *Store) TokenUser(ctx context.Context, secretHash string, now time.Time) (access.Token, access.User, error) {
	var u access.User
	found, err := one(ctx, s.reader, func(r scanner) (f access.Token, err error) {
		err = r.Scan(append(tokenFields(&f), userFields(&u)...)...)
		return f, err
	}, `
		SELECT `+tokenColumns+`, `+userColumns+` FROM api_tokens k JOIN users u ON u.id = k.user_id
		WHERE k.secret_hash = $1 AND k.expires_at > $2 AND k.revoked_at IS NULL`, secretHash, now.UnixMicro())
	return found, u, wrap("token", orNotFound(err, "token", "…")) // the key is a secret's hash and stays out of messages
}

// Tokens lists the API tokens of a user, or of all (""). Newest first, expired and revoked ones too.
func (s *Store) Tokens(ctx context.Context, userID string) ([]access.Token, error) {
	all, err := list(ctx, s.reader, func(r scanner) (t access.Token, err error) {
		err = r.Scan(tokenFields(&t)...)
		return t, err
	}, `
		SELECT `+tokenColumns+` FROM api_tokens k JOIN users u ON u.id = k.user_id
		WHERE $1 = '' OR k.user_id = $1 ORDER BY k.created_at DESC, k.id DESC`, userID)
	return all, wrap("tokens", err)
}

// RevokeToken ends a token; fault.Conflict when it was revoked before.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time, e event.Event) error {
	_, err := s.record(ctx, "revoke token", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE api_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL`, at.UnixMicro(), id)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := one(ctx, t, scalar[string], `SELECT id FROM api_tokens WHERE id = $1`, id); err != nil {
				return orNotFound(err, "token", id)
			}
			return fault.New(fault.Conflict, "token %q is revoked already", id)
		}
		return t.tokenChanged(ctx, at, id, e)
	})
	return err
}

// TouchToken notes when a token was last used.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, "touch token", func(t *tx) error {
		_, err := exec(ctx, t, `UPDATE api_tokens SET last_used = $1 WHERE id = $2`, at.UnixMicro(), id)
		return err
	})
}

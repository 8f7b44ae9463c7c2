package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// CreateEnrollToken adds a token.
func (s *Store) CreateEnrollToken(ctx context.Context, tok fleet.EnrollToken, e event.Event) error {
	labels, err := encodeMap(tok.Labels)
	if err != nil {
		return wrap("create enroll-token", err)
	}
	_, err = s.record(ctx, "create enroll-token", func(t *tx) error {
		if _, err := exec(ctx, t, `
			INSERT INTO enroll_tokens (id, secret_hash, labels, approve, uses, uses_left, created_at, created_by, expires_at, revoked_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			tok.ID, tok.SecretHash, labels, tok.Approve, tok.Uses, tok.UsesLeft, tok.CreatedAt.UnixMicro(), tok.CreatedBy,
			tok.ExpiresAt.UnixMicro(), micros(tok.RevokedAt)); err != nil {
			return err
		}
		return t.tokenChanged(ctx, tok.CreatedAt, tok.ID, e)
	})
	return err
}

// EnrollToken answers: which token has this id, valid or not?
func (s *Store) EnrollToken(ctx context.Context, id string) (fleet.EnrollToken, error) {
	tok, err := one(ctx, s.reader, scanEnrollToken, `
		SELECT id, secret_hash, labels, approve, uses, uses_left, created_at, created_by, expires_at, revoked_at
		FROM enroll_tokens WHERE id = $1`, id)
	return tok, wrap("enroll-token", orNotFound(err, "enroll-token", id))
}

// EnrollTokens lists every token, newest first.
func (s *Store) EnrollTokens(ctx context.Context) ([]fleet.EnrollToken, error) {
	all, err := list(ctx, s.reader, scanEnrollToken, `
		SELECT id, secret_hash, labels, approve, uses, uses_left, created_at, created_by, expires_at, revoked_at
		FROM enroll_tokens ORDER BY created_at DESC, id DESC`)
	return all, wrap("enroll-tokens", err)
}

func scanEnrollToken(r scanner) (t fleet.EnrollToken, err error) {
	err = r.Scan(&t.ID, &t.SecretHash, document{&t.Labels}, &t.Approve, &t.Uses, &t.UsesLeft, instant{&t.CreatedAt}, &t.CreatedBy,
		instant{&t.ExpiresAt}, instant{&t.RevokedAt})
	return t, err
}

// RevokeEnrollToken ends a token; fault.Conflict when it was revoked before.
func (s *Store) RevokeEnrollToken(ctx context.Context, id string, at time.Time, e event.Event) error {
	_, err := s.record(ctx, "revoke enroll-token", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE enroll_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL`, at.UnixMicro(), id)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := one(ctx, t, scalar[string], `SELECT id FROM enroll_tokens WHERE id = $1`, id); err != nil {
				return orNotFound(err, "enroll-token", id)
			}
			return fault.New(fault.Conflict, "enroll-token %q is revoked already", id)
		}
		return t.tokenChanged(ctx, at, id, e)
	})
	return err
}

// Enroll takes one use of the token and adds the host with its first certificate. The use is taken by one conditional update, under
// the seq's lock: of two hosts that race for the last one, exactly one gets it.
func (s *Store) Enroll(ctx context.Context, in fleet.Enrollment) (fleet.Host, error) {
	labels, err := encodeMap(in.Host.Labels)
	if err != nil {
		return fleet.Host{}, wrap("enroll", err)
	}
	h := in.Host
	_, err = s.record(ctx, "enroll", func(t *tx) error {
		if err := t.useToken(ctx, in.TokenID, h.EnrolledAt); err != nil {
			return err
		}
		if h.Ordinal, err = take(ctx, t, "host", 1); err != nil {
			return err
		}
		if _, err := exec(ctx, t, `
			INSERT INTO hosts (id, ordinal, name, machine_id, state, labels, token_id, agent_version, enrolled_at, approved_at, approved_by, deleted_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL)`,
			h.ID, h.Ordinal, h.Name, h.MachineID, string(h.State), labels, in.TokenID, h.AgentVersion, h.EnrolledAt.UnixMicro(),
			micros(h.ApprovedAt), h.ApprovedBy); err != nil {
			return err
		}
		in.Certificate.HostID = h.ID
		if err := t.addCertificate(ctx, in.Certificate); err != nil {
			return err
		}
		if err := t.change(ctx, h.EnrolledAt, event.ChangeToken, in.TokenID); err != nil {
			return err
		}
		return t.hostChanged(ctx, h.EnrolledAt, h.ID, in.Event)
	})
	if err != nil {
		return fleet.Host{}, err
	}
	return s.Host(ctx, h.ID) // as stored: times in microseconds
}

// useToken takes one use of a token that is valid at the given time.
func (t *tx) useToken(ctx context.Context, id string, at time.Time) error {
	n, err := exec(ctx, t, `
		UPDATE enroll_tokens SET uses_left = uses_left - 1
		WHERE id = $1 AND uses_left > 0 AND revoked_at IS NULL AND expires_at > $2`, id, at.UnixMicro())
	if err != nil || n == 1 {
		return err
	}
	var left int
	var revoked sql.NullInt64
	err = t.QueryRowContext(ctx, `SELECT uses_left, revoked_at FROM enroll_tokens WHERE id = $1`, id).Scan(&left, &revoked)
	switch {
	case err != nil:
		return orNotFound(err, "enroll-token", id)
	case revoked.Valid:
		return fault.New(fault.Expired, "the enroll-token was revoked")
	case left == 0:
		return fault.New(fault.Expired, "the enroll-token has no use left")
	default:
		return fault.New(fault.Expired, "the enroll-token has expired")
	}
}

// tokenChanged appends the change of a token and the event that says why.
func (t *tx) tokenChanged(ctx context.Context, at time.Time, id string, e event.Event) error {
	if err := t.change(ctx, at, event.ChangeToken, id); err != nil {
		return err
	}
	return t.event(ctx, e)
}

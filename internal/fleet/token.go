package fleet

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
)

// Bounds of enroll-tokens: a token that leaks is worth little, soon.
const (
	maxTokenTTL     = 24 * time.Hour
	defaultTokenTTL = time.Hour
	maxTokenUses    = 10000
	maxTokenText    = 512
)

// CreateToken asks for an enroll-token. Zero TTL is one hour, zero Uses is one. Approve nil means: hosts of a single-use token
// are approved at once, those of any other wait for an operator.
type CreateToken struct {
	Labels  Labels
	TTL     time.Duration
	Uses    int
	Approve *bool
}

// CreateToken makes an enroll-token. text, which is id.secret.fingerprint of the CA, is shown once: only the secret's hash is kept.
// fault.Invalid.
func (s *Service) CreateToken(ctx context.Context, actor string, req CreateToken, now time.Time) (t EnrollToken, text string, err error) {
	if req.TTL == 0 {
		req.TTL = defaultTokenTTL
	}
	if req.Uses == 0 {
		req.Uses = 1
	}
	switch {
	case req.TTL < 0 || req.TTL > maxTokenTTL:
		return EnrollToken{}, "", fault.New(fault.Invalid, "an enroll-token lives up to %s, not %s", maxTokenTTL, req.TTL)
	case req.Uses < 0 || req.Uses > maxTokenUses:
		return EnrollToken{}, "", fault.New(fault.Invalid, "an enroll-token has 1 to %d uses, not %d", maxTokenUses, req.Uses)
	}
	if err := req.Labels.Validate(); err != nil {
		return EnrollToken{}, "", err
	}
	secret := id.Secret()
	t = EnrollToken{
		ID:         id.New(TokenPrefix, now),
		SecretHash: hashSecret(secret),
		Labels:     maps.Clone(req.Labels),
		Approve:    req.Uses == 1,
		Uses:       req.Uses,
		UsesLeft:   req.Uses,
		CreatedAt:  now,
		CreatedBy:  actor,
		ExpiresAt:  now.Add(req.TTL),
	}
	if req.Approve != nil {
		t.Approve = *req.Approve
	}
	err = s.store.CreateEnrollToken(ctx, t, event.Event{
		At: now, Kind: event.EnrollCreated, Actor: actor,
		Text: fmt.Sprintf("enroll-token %s created for %d hosts, until %s", t.ID, t.Uses, t.ExpiresAt.UTC().Format(time.RFC3339)),
		Data: map[string]string{"token": t.ID, "labels": t.Labels.String(), "approve": fmt.Sprint(t.Approve)},
	})
	if err != nil {
		return EnrollToken{}, "", err
	}
	return t, t.ID + "." + secret + "." + s.issuer.Fingerprint(), nil
}

// Tokens lists enroll-tokens, newest first.
func (s *Service) Tokens(ctx context.Context) ([]EnrollToken, error) {
	return s.store.EnrollTokens(ctx)
}

// RevokeToken ends an enroll-token; hosts that came with it stay. fault.NotFound.
func (s *Service) RevokeToken(ctx context.Context, actor, tokenID string, now time.Time) error {
	if !id.Valid(TokenPrefix, tokenID) {
		return fault.New(fault.NotFound, "there is no enroll-token %q", clip(tokenID))
	}
	return s.store.RevokeEnrollToken(ctx, tokenID, now, event.Event{
		At: now, Kind: event.EnrollRevoked, Actor: actor, Text: fmt.Sprintf("enroll-token %s revoked", tokenID),
		Data: map[string]string{"token": tokenID},
	})
}

// token is the enroll-token that text proves to hold. problem says why it lets nobody in, for operators only; err is a failure of
// the store. A wrong secret is told apart from a right one before anything else about the token is.
func (s *Service) token(ctx context.Context, text string, now time.Time) (t EnrollToken, problem string, err error) {
	tokenID, secret, fingerprint, ok := splitToken(text)
	if !ok {
		return EnrollToken{}, "not a token", nil
	}
	t, err = s.store.EnrollToken(ctx, tokenID)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return EnrollToken{}, "unknown", nil
	}
	if err != nil {
		return EnrollToken{}, "", err
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(t.SecretHash)) != 1:
		return t, "wrong secret", nil
	case fingerprint != s.issuer.Fingerprint():
		return t, "of a server with another CA", nil
	case !t.RevokedAt.IsZero():
		return t, "revoked", nil
	case !now.Before(t.ExpiresAt):
		return t, "expired", nil
	case t.UsesLeft < 1:
		return t, "used up", nil
	}
	return t, "", nil
}

// splitToken takes id.secret.fingerprint apart; ok is false for anything that no server can have made.
func splitToken(text string) (tokenID, secret, fingerprint string, ok bool) {
	if len(text) > maxTokenText {
		return "", "", "", false
	}
	parts := strings.Split(strings.TrimSpace(text), ".")
	if len(parts) != 3 || !id.Valid(TokenPrefix, parts[0]) || parts[1] == "" || len(parts[2]) != 2*sha256.Size {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}

// hashSecret needs no slow hash: a secret has 128 random bits.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

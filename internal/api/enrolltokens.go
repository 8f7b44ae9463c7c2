package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
)

const (
	defaultEnrollTTL = time.Hour
	maxEnrollTTL     = 24 * time.Hour
)

func (a *API) enrollTokenOperations(api huma.API) {
	register(api, operation("list-enroll-tokens", http.MethodGet, "/api/v1/enroll-tokens", tagFleet, needOperator, "Enroll-tokens, newest first"), a.listEnrollTokens)
	register(api, operation("create-enroll-token", http.MethodPost, "/api/v1/enroll-tokens", tagFleet, needOperator, "Make an enroll-token",
		about("The token is in this answer only."), status(http.StatusCreated)), a.createEnrollToken)
	register(api, operation("revoke-enroll-token", http.MethodDelete, "/api/v1/enroll-tokens/{id}", tagFleet, needOperator, "Revoke an enroll-token; hosts that used it stay",
		status(http.StatusNoContent), errorsToo(http.StatusNotFound)), func(ctx context.Context, in *idInput) (*struct{}, error) {
		return nil, a.Fleet.RevokeToken(ctx, callerOf(ctx).actor(), in.ID, a.Now())
	})
}

func (a *API) listEnrollTokens(ctx context.Context, _ *struct{}) (*answer[apiv1.EnrollTokenList], error) {
	tokens, err := a.Fleet.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	list := apiv1.EnrollTokenList{Items: make([]apiv1.EnrollToken, 0, len(tokens))}
	for _, t := range tokens {
		list.Items = append(list.Items, enrollTokenToWire(t))
	}
	return reply(list, nil)
}

func (a *API) createEnrollToken(ctx context.Context, in *struct{ Body apiv1.CreateEnrollToken }) (*answer[apiv1.EnrollToken], error) {
	ttl, err := lifetime(in.Body.TTL, defaultEnrollTTL, maxEnrollTTL)
	if err != nil {
		return nil, err
	}
	t, text, err := a.Fleet.CreateToken(ctx, callerOf(ctx).actor(), fleet.CreateToken{
		Labels: fleet.Labels(in.Body.Labels), TTL: ttl, Uses: in.Body.Uses, Approve: in.Body.Approve,
	}, a.Now())
	if err != nil {
		return nil, err
	}
	wire := enrollTokenToWire(t)
	wire.Token = text
	wire.Command = "staunch-agent enroll --server " + a.AgentURL() + " --token-file -"
	return reply(wire, nil)
}

func enrollTokenToWire(t fleet.EnrollToken) apiv1.EnrollToken {
	labels := map[string]string(t.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	return apiv1.EnrollToken{
		ID: t.ID, Labels: labels, Approve: t.Approve, Uses: t.Uses, UsesLeft: t.UsesLeft,
		Created: t.CreatedAt.UTC(), By: t.CreatedBy, Expires: t.ExpiresAt.UTC(), Revoked: !t.RevokedAt.IsZero(),
	}
}

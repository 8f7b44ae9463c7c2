package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Rollouts is plans being carried out.
type Rollouts interface {
	Begin(ctx context.Context, actor string, req apiv1.StartRollout) (apiv1.Rollout, error)
	Rollout(ctx context.Context, id string) (apiv1.Rollout, error)
	Rollouts(ctx context.Context, cursor string, limit int) (apiv1.RolloutPage, error)
	Abort(ctx context.Context, actor, id string) (apiv1.Rollout, error)
	OfPlan(ctx context.Context, planID string) ([]string, error)
	// Run is one run, with why it waits.
	Run(ctx context.Context, id string) (apiv1.RunDetail, error)
}

// Runs is what single hosts do for a rollout.
type Runs interface {
	Log(ctx context.Context, id string, after int64, limit int) (apiv1.RunLog, error)
	// Work is the run that is offered to a host; the others give NotFound for a run of another host.
	Work(ctx context.Context, hostID string) (runID string, err error)
	Offer(ctx context.Context, hostID, id string) (apiv1.RunOffer, error)
	Accept(ctx context.Context, hostID, id string, epoch int64) error
	Report(ctx context.Context, hostID, id string, batch apiv1.RunReports) (apiv1.RunAck, error)
}

// RolloutInput names a rollout.
type RolloutInput struct {
	Rollout string `path:"rollout" maxLength:"64"`
}

// RunInput names a run.
type RunInput struct {
	Run string `path:"run" maxLength:"64"`
}

type runLogInput struct {
	RunInput
	After int64 `query:"after" minimum:"0" doc:"Lines after this number"`
	Limit int   `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}

func (a *API) rolloutOperations(api huma.API) {
	nf := errorsToo(http.StatusNotFound, http.StatusConflict)
	register(api, operation("list-rollouts", http.MethodGet, "/api/v1/rollouts", tagPatch, needViewer, "Rollouts, newest first"),
		func(ctx context.Context, in *PageInput) (*answer[apiv1.RolloutPage], error) {
			return reply(a.Rollouts.Rollouts(ctx, in.Cursor, in.Limit))
		})
	register(api, operation("start-rollout", http.MethodPost, "/api/v1/rollouts", tagPatch, needOperator, "Carry out an approved plan", status(http.StatusCreated), nf),
		func(ctx context.Context, in *struct{ Body apiv1.StartRollout }) (*answer[apiv1.Rollout], error) {
			return reply(a.Rollouts.Begin(ctx, callerOf(ctx).actor(), in.Body))
		})
	register(api, operation("get-rollout", http.MethodGet, "/api/v1/rollouts/{rollout}", tagPatch, needViewer, "One rollout with its runs and why they wait", nf),
		func(ctx context.Context, in *RolloutInput) (*answer[apiv1.Rollout], error) {
			return reply(a.Rollouts.Rollout(ctx, in.Rollout))
		})
	register(api, operation("abort-rollout", http.MethodPost, "/api/v1/rollouts/{rollout}/abort", tagPatch, needOperator, "Start nothing more; what runs is finished", nf),
		func(ctx context.Context, in *RolloutInput) (*answer[apiv1.Rollout], error) {
			return reply(a.Rollouts.Abort(ctx, callerOf(ctx).actor(), in.Rollout))
		})
	register(api, operation("get-run", http.MethodGet, "/api/v1/runs/{run}", tagPatch, needViewer, "One host's run: steps, package states, the end of its log", nf),
		func(ctx context.Context, in *RunInput) (*answer[apiv1.RunDetail], error) {
			return reply(a.Rollouts.Run(ctx, in.Run))
		})
	register(api, operation("get-run-log", http.MethodGet, "/api/v1/runs/{run}/log", tagPatch, needViewer, "What the package manager wrote", nf),
		func(ctx context.Context, in *runLogInput) (*answer[apiv1.RunLog], error) {
			return reply(a.Runs.Log(ctx, in.Run, in.After, in.Limit))
		})
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Plans is what would be installed where.
type Plans interface {
	Create(ctx context.Context, actor string, req apiv1.CreatePlan) (apiv1.Plan, error)
	Plan(ctx context.Context, id string) (apiv1.Plan, error) // Rollouts left empty
	Plans(ctx context.Context, cursor string, limit int) (apiv1.PlanPage, error)
	Bytes(ctx context.Context, id string) (apiv1.PlanBytes, error)
	Approve(ctx context.Context, actor, id string, req apiv1.ApprovePlan) (apiv1.Plan, error)
	Cancel(ctx context.Context, actor, id string) error
	// Work is the question that waits for a host; Simulation and Answer give NotFound for one that is put to another host.
	Work(ctx context.Context, hostID string) (simulationID string, err error)
	Simulation(ctx context.Context, hostID, id string) (apiv1.SimulateRequest, error)
	Answer(ctx context.Context, hostID, id string, answer apiv1.SimulateAnswer) error
}

// PageInput is what lists by age take.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"64" doc:"next of the page before"`
}

// PlanInput names a plan.
type PlanInput struct {
	Plan string `path:"plan" maxLength:"64"`
}

func (a *API) planOperations(api huma.API) {
	nf := errorsToo(http.StatusNotFound, http.StatusConflict)
	register(api, operation("list-plans", http.MethodGet, "/api/v1/plans", tagPatch, needViewer, "Plans, newest first"),
		func(ctx context.Context, in *PageInput) (*answer[apiv1.PlanPage], error) {
			return reply(a.Plans.Plans(ctx, in.Cursor, in.Limit))
		})
	register(api, operation("create-plan", http.MethodPost, "/api/v1/plans", tagPatch, needOperator, "Ask hosts what they would install",
		about("The answer is a plan that simulates: hosts are being asked. It is ready when all have answered, or their time is up."), status(http.StatusCreated)),
		func(ctx context.Context, in *struct{ Body apiv1.CreatePlan }) (*answer[apiv1.Plan], error) {
			return reply(a.Plans.Create(ctx, callerOf(ctx).actor(), in.Body))
		})
	register(api, operation("get-plan", http.MethodGet, "/api/v1/plans/{plan}", tagPatch, needViewer, "One plan: what changes on which hosts", nf),
		func(ctx context.Context, in *PlanInput) (*answer[apiv1.Plan], error) {
			return a.planWithRollouts(ctx, func() (apiv1.Plan, error) { return a.Plans.Plan(ctx, in.Plan) })
		})
	register(api, operation("get-plan-bytes", http.MethodGet, "/api/v1/plans/{plan}/bytes", tagPatch, needViewer, "The exact bytes that an approver signs, with their locks", nf),
		func(ctx context.Context, in *PlanInput) (*answer[apiv1.PlanBytes], error) {
			return reply(a.Plans.Bytes(ctx, in.Plan))
		})
	register(api, operation("approve-plan", http.MethodPost, "/api/v1/plans/{plan}/approve", tagPatch, needOperator, "Approve a plan as it was seen",
		about("Where the site asks for signatures of people, each call adds one and the last approves. That an approver is not the author is not enforced yet."), nf),
		func(ctx context.Context, in *struct {
			PlanInput
			Body apiv1.ApprovePlan
		}) (*answer[apiv1.Plan], error) {
			return a.planWithRollouts(ctx, func() (apiv1.Plan, error) { return a.Plans.Approve(ctx, callerOf(ctx).actor(), in.Plan, in.Body) })
		})
	register(api, operation("cancel-plan", http.MethodPost, "/api/v1/plans/{plan}/cancel", tagPatch, needOperator, "Cancel a plan that no rollout carries out",
		status(http.StatusNoContent), nf),
		func(ctx context.Context, in *PlanInput) (*struct{}, error) {
			return nil, a.Plans.Cancel(ctx, callerOf(ctx).actor(), in.Plan)
		})
}

// planWithRollouts adds what a plan does not know of itself.
func (a *API) planWithRollouts(ctx context.Context, get func() (apiv1.Plan, error)) (*answer[apiv1.Plan], error) {
	p, err := get()
	if err != nil {
		return nil, err
	}
	p.Rollouts, err = a.Rollouts.OfPlan(ctx, p.ID)
	return reply(p, err)
}

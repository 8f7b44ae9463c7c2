package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// CreatePlan asks hosts what they would install. The plan that it gives is still simulating.
func (o *Operator) CreatePlan(ctx context.Context, req apiv1.CreatePlan) (apiv1.Plan, error) {
	return do[apiv1.Plan](ctx, o, http.MethodPost, "/api/v1/plans", nil, req)
}

// Plans is a page of plans, newest first.
func (o *Operator) Plans(ctx context.Context, l List) (apiv1.PlanPage, error) {
	return do[apiv1.PlanPage](ctx, o, http.MethodGet, "/api/v1/plans", l.values(), nil)
}

// Plan is one plan.
func (o *Operator) Plan(ctx context.Context, id string) (apiv1.Plan, error) {
	return do[apiv1.Plan](ctx, o, http.MethodGet, planPath(id, ""), nil, nil)
}

// PlanBytes is what an approver signs: the exact bytes, and the locks that they name.
func (o *Operator) PlanBytes(ctx context.Context, id string) (apiv1.PlanBytes, error) {
	return do[apiv1.PlanBytes](ctx, o, http.MethodGet, planPath(id, "/bytes"), nil, nil)
}

// ApprovePlan approves a plan as it was seen, or adds a signature. The plan that it gives says which.
func (o *Operator) ApprovePlan(ctx context.Context, id string, req apiv1.ApprovePlan) (apiv1.Plan, error) {
	return do[apiv1.Plan](ctx, o, http.MethodPost, planPath(id, "/approve"), nil, req)
}

// CancelPlan ends a plan that no rollout carries out.
func (o *Operator) CancelPlan(ctx context.Context, id string) error {
	_, err := do[nothing](ctx, o, http.MethodPost, planPath(id, "/cancel"), nil, nil)
	return err
}

func planPath(id, rest string) string { return "/api/v1/plans/" + url.PathEscape(id) + rest }

// StartRollout carries out an approved plan.
func (o *Operator) StartRollout(ctx context.Context, req apiv1.StartRollout) (apiv1.Rollout, error) {
	return do[apiv1.Rollout](ctx, o, http.MethodPost, "/api/v1/rollouts", nil, req)
}

// Rollouts is a page of rollouts, newest first.
func (o *Operator) Rollouts(ctx context.Context, l List) (apiv1.RolloutPage, error) {
	return do[apiv1.RolloutPage](ctx, o, http.MethodGet, "/api/v1/rollouts", l.values(), nil)
}

// Rollout is one rollout with its runs and why they wait.
func (o *Operator) Rollout(ctx context.Context, id string) (apiv1.Rollout, error) {
	return do[apiv1.Rollout](ctx, o, http.MethodGet, "/api/v1/rollouts/"+url.PathEscape(id), nil, nil)
}

// AbortRollout starts nothing more; what runs is finished.
func (o *Operator) AbortRollout(ctx context.Context, id string) (apiv1.Rollout, error) {
	return do[apiv1.Rollout](ctx, o, http.MethodPost, "/api/v1/rollouts/"+url.PathEscape(id)+"/abort", nil, nil)
}

// Run is one host's run.
func (o *Operator) Run(ctx context.Context, id string) (apiv1.RunDetail, error) {
	return do[apiv1.RunDetail](ctx, o, http.MethodGet, "/api/v1/runs/"+url.PathEscape(id), nil, nil)
}

// RunLog is the part of a run's log after a line.
func (o *Operator) RunLog(ctx context.Context, id string, after int64) (apiv1.RunLog, error) {
	return do[apiv1.RunLog](ctx, o, http.MethodGet, "/api/v1/runs/"+url.PathEscape(id)+"/log", url.Values{"after": {strconv.FormatInt(after, 10)}}, nil)
}

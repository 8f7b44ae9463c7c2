package plan

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
)

// Store is what plan asks for. Each write is one transaction with its change and event.
type Store interface {
	// CreatePlan writes the plan with its hosts and simulations.
	CreatePlan(ctx context.Context, p Plan, hosts []Host, sims []Simulation, e event.Event) (seq int64, err error)
	Plan(ctx context.Context, id string) (Plan, error)
	Plans(ctx context.Context, beforeID string, limit int) ([]Plan, error) // newest first
	PlanHosts(ctx context.Context, planID string) ([]Host, error)
	Simulations(ctx context.Context, planID string) ([]Simulation, error)
	Simulation(ctx context.Context, id string) (Simulation, error)
	// OpenSimulations lists unanswered simulations of simulating plans that ask this host (all hosts when empty).
	OpenSimulations(ctx context.Context, hostID string) ([]Simulation, error)
	// AnswerSimulation stores the first answer; later ones change nothing.
	AnswerSimulation(ctx context.Context, id string, answer []byte, at time.Time) (seq int64, err error)
	// AskAnother moves a simulation to another host.
	AskAnother(ctx context.Context, id, hostID string, at time.Time) error
	// SettlePlan writes the final preview: host states, locks, the plan's bytes and hash, state Ready. fault.Conflict when version moved.
	SettlePlan(ctx context.Context, p Plan, hosts []Host, locks []Lock, e event.Event) (seq int64, err error)
	// SignPlan adds a signature and, when approve is true, moves Ready to Approved. fault.Conflict when the hash or state differs.
	SignPlan(ctx context.Context, planID, hash string, sigs []Signature, approve bool, by string, at, notAfter time.Time, e event.Event) (seq int64, err error)
	CancelPlan(ctx context.Context, id string, e event.Event) error
	Signatures(ctx context.Context, planID string) ([]Signature, error)
	Locks(ctx context.Context, hashes []string) ([]Lock, error)
	SimulatingPlans(ctx context.Context) ([]Plan, error)
}

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/plan"
)

// CreatePlan adds a plan with its hosts and the questions to them.
func (s *Store) CreatePlan(ctx context.Context, p plan.Plan, hosts []plan.Host, sims []plan.Simulation, e event.Event) (int64, error) {
	spec, err := json.Marshal(p.Spec)
	if err != nil {
		return 0, wrap("create plan", err)
	}
	return s.record(ctx, "create plan", func(t *tx) error {
		if _, err := exec(ctx, t, `
			INSERT INTO plans (id, state, spec, created_at, created_by, deadline, approved_at, approved_by, not_after, bytes, hash, version)
			VALUES ($1, $2, $3, $4, $5, $6, NULL, '', NULL, NULL, '', 1)`,
			p.ID, string(p.State), string(spec), p.CreatedAt.UnixMicro(), p.CreatedBy, p.Deadline.UnixMicro()); err != nil {
			return err
		}
		for _, sim := range sims {
			if err := t.addSimulation(ctx, sim); err != nil {
				return err
			}
		}
		if err := t.putPlanHosts(ctx, hosts); err != nil {
			return err
		}
		return t.planChanged(ctx, p.ID, e)
	})
}

func (t *tx) addSimulation(ctx context.Context, sim plan.Simulation) error {
	fixes, err := json.Marshal(sim.Fixes)
	if err != nil {
		return err
	}
	_, err = exec(ctx, t, `
		INSERT INTO simulations (id, plan_id, key, host_id, request, answer, asked_at, answered_at, attempts, fixes)
		VALUES ($1, $2, $3, $4, $5, NULL, $6, NULL, $7, $8)`,
		sim.ID, sim.PlanID, sim.Key, sim.HostID, string(sim.Request), sim.AskedAt.UnixMicro(), sim.Attempts, string(fixes))
	return err
}

// putPlanHosts adds hosts, or replaces what is said of them.
func (t *tx) putPlanHosts(ctx context.Context, hosts []plan.Host) error {
	for part := range slices.Chunk(hosts, chunk) {
		args := make([]any, 0, 7*len(part))
		for _, h := range part {
			args = append(args, h.PlanID, h.HostID, h.HostName, h.Simulation, string(h.State), storable(h.Reason), h.Lock)
		}
		if _, err := exec(ctx, t, `
			INSERT INTO plan_hosts (plan_id, host_id, host_name, simulation_id, state, reason, lock) VALUES `+tuples(len(part), 7)+`
			ON CONFLICT (plan_id, host_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, lock = excluded.lock`, args...); err != nil {
			return err
		}
	}
	return nil
}

const planColumns = `id, state, spec, created_at, created_by, deadline, approved_at, approved_by, not_after, bytes, hash, version`

func scanPlan(r scanner) (p plan.Plan, err error) {
	err = r.Scan(&p.ID, &p.State, document{&p.Spec}, instant{&p.CreatedAt}, &p.CreatedBy, instant{&p.Deadline}, instant{&p.ApprovedAt}, &p.ApprovedBy,
		instant{&p.NotAfter}, &p.Bytes, &p.Hash, &p.Version)
	return p, err
}

// Plan answers: which plan has this id?
func (s *Store) Plan(ctx context.Context, id string) (plan.Plan, error) {
	p, err := one(ctx, s.reader, scanPlan, `SELECT `+planColumns+` FROM plans WHERE id = $1`, id)
	return p, wrap("plan", orNotFound(err, "plan", id))
}

// Plans lists plans, newest first, older than the one named when one is.
func (s *Store) Plans(ctx context.Context, beforeID string, limit int) ([]plan.Plan, error) {
	all, err := list(ctx, s.reader, scanPlan, `
		SELECT `+planColumns+` FROM plans WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2`, beforeID, bounded(limit))
	return all, wrap("plans", err)
}

// SimulatingPlans lists the plans whose hosts are still being asked, oldest first.
func (s *Store) SimulatingPlans(ctx context.Context) ([]plan.Plan, error) {
	all, err := list(ctx, s.reader, scanPlan, `SELECT `+planColumns+` FROM plans WHERE state = 'simulating' ORDER BY id`)
	return all, wrap("simulating plans", err)
}

// PlanHosts lists the hosts of a plan, by id.
func (s *Store) PlanHosts(ctx context.Context, planID string) ([]plan.Host, error) {
	all, err := list(ctx, s.reader, func(r scanner) (h plan.Host, err error) {
		err = r.Scan(&h.PlanID, &h.HostID, &h.HostName, &h.Simulation, &h.State, &h.Reason, &h.Lock)
		return h, err
	}, `SELECT plan_id, host_id, host_name, simulation_id, state, reason, lock FROM plan_hosts WHERE plan_id = $1 ORDER BY host_id`, planID)
	return all, wrap("plan hosts", err)
}

const simulationColumns = `s.id, s.plan_id, s.key, s.host_id, s.request, s.answer, s.asked_at, s.answered_at, s.attempts, s.fixes`

func scanSimulation(r scanner) (m plan.Simulation, err error) {
	err = r.Scan(&m.ID, &m.PlanID, &m.Key, &m.HostID, &m.Request, &m.Answer, instant{&m.AskedAt}, instant{&m.Answered}, &m.Attempts, document{&m.Fixes})
	return m, err
}

// Simulations lists the questions of a plan.
func (s *Store) Simulations(ctx context.Context, planID string) ([]plan.Simulation, error) {
	all, err := list(ctx, s.reader, scanSimulation, `SELECT `+simulationColumns+` FROM simulations s WHERE s.plan_id = $1 ORDER BY s.id`, planID)
	return all, wrap("simulations", err)
}

// Simulation answers: which question has this id?
func (s *Store) Simulation(ctx context.Context, id string) (plan.Simulation, error) {
	m, err := one(ctx, s.reader, scanSimulation, `SELECT `+simulationColumns+` FROM simulations s WHERE s.id = $1`, id)
	return m, wrap("simulation", orNotFound(err, "simulation", id))
}

// OpenSimulations lists what a host, or any host (""), is asked and has not answered, of plans that still wait for it.
func (s *Store) OpenSimulations(ctx context.Context, hostID string) ([]plan.Simulation, error) {
	const from = `SELECT ` + simulationColumns + ` FROM simulations s JOIN plans p ON p.id = s.plan_id WHERE s.answered_at IS NULL AND p.state = 'simulating'`
	if hostID == "" {
		all, err := list(ctx, s.reader, scanSimulation, from+` ORDER BY s.id`)
		return all, wrap("open simulations", err)
	}
	all, err := list(ctx, s.reader, scanSimulation, from+` AND s.host_id = $1 ORDER BY s.id`, hostID)
	return all, wrap("open simulations", err)
}

// AnswerSimulation stores the first answer while the plan waits for it; any other changes nothing, and the seq is 0.
func (s *Store) AnswerSimulation(ctx context.Context, id string, answer []byte, at time.Time) (int64, error) {
	return s.record(ctx, "answer simulation", func(t *tx) error {
		planID, err := one(ctx, t, scalar[string], `SELECT plan_id FROM simulations WHERE id = $1`, id)
		if err != nil {
			return orNotFound(err, "simulation", id)
		}
		n, err := exec(ctx, t, `
			UPDATE simulations SET answer = $1, answered_at = $2
			WHERE id = $3 AND answered_at IS NULL AND EXISTS (SELECT 1 FROM plans WHERE id = $4 AND state = 'simulating')`,
			string(answer), at.UnixMicro(), id, planID)
		if err != nil {
			return err
		}
		if n == 0 {
			return errUnchanged
		}
		return t.change(ctx, at, event.ChangePlan, planID)
	})
}

// AskAnother puts an unanswered question to another host; fault.Conflict when it is answered.
func (s *Store) AskAnother(ctx context.Context, id, hostID string, at time.Time) error {
	return s.write(ctx, "ask another", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE simulations SET host_id = $1, asked_at = $2, attempts = attempts + 1 WHERE id = $3 AND answered_at IS NULL`,
			hostID, at.UnixMicro(), id)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "simulation %q is answered, or there is none", id)
		}
		return err
	})
}

// SettlePlan makes a plan ready: its bytes, its locks and what every host would do. fault.Conflict when it moved since p.Version.
func (s *Store) SettlePlan(ctx context.Context, p plan.Plan, hosts []plan.Host, locks []plan.Lock, e event.Event) (int64, error) {
	return s.record(ctx, "settle plan", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE plans SET state = 'ready', bytes = $1, hash = $2, not_after = $3, version = version + 1
			WHERE id = $4 AND version = $5 AND state = 'simulating'`, bytes(p.Bytes), p.Hash, micros(p.NotAfter), p.ID, p.Version)
		if err != nil {
			return err
		}
		if n == 0 {
			return t.planMoved(ctx, p.ID)
		}
		for _, l := range locks {
			if _, err := exec(ctx, t, `INSERT INTO locks (hash, body) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, l.Hash, l.Bytes); err != nil {
				return err
			}
		}
		if err := t.putPlanHosts(ctx, hosts); err != nil {
			return err
		}
		return t.planChanged(ctx, p.ID, e)
	})
}

// SignPlan keeps signatures over a ready plan of this hash, and approves it when approve says so. A key that has signed already is
// not kept twice. fault.Conflict when the hash or the state is another.
func (s *Store) SignPlan(ctx context.Context, planID, hash string, sigs []plan.Signature, approve bool, by string, at, notAfter time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "sign plan", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE plans SET version = version + 1 WHERE id = $1 AND state = 'ready' AND hash = $2`, planID, hash)
		if err != nil {
			return err
		}
		if n == 0 {
			return t.planMoved(ctx, planID)
		}
		for _, sig := range sigs {
			if _, err := exec(ctx, t, `
				INSERT INTO plan_signatures (plan_id, fingerprint, principal, armored, at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (plan_id, fingerprint) DO NOTHING`, planID, sig.Fingerprint, sig.Principal, sig.Armored, sig.At.UnixMicro()); err != nil {
				return err
			}
		}
		if approve {
			if _, err := exec(ctx, t, `UPDATE plans SET state = 'approved', approved_at = $1, approved_by = $2, not_after = $3 WHERE id = $4`,
				at.UnixMicro(), by, micros(notAfter), planID); err != nil {
				return err
			}
		}
		return t.planChanged(ctx, planID, e)
	})
}

// CancelPlan ends a plan that no rollout carries out; fault.Conflict when one does, or when it is cancelled already.
func (s *Store) CancelPlan(ctx context.Context, id string, e event.Event) error {
	_, err := s.record(ctx, "cancel plan", func(t *tx) error {
		if err := t.noOpenRollout(ctx, id); err != nil {
			return err
		}
		n, err := exec(ctx, t, `UPDATE plans SET state = 'canceled', version = version + 1 WHERE id = $1 AND state <> 'canceled'`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return t.planMoved(ctx, id)
		}
		return t.planChanged(ctx, id, e)
	})
	return err
}

// Signatures lists the signatures over a plan, oldest first.
func (s *Store) Signatures(ctx context.Context, planID string) ([]plan.Signature, error) {
	all, err := list(ctx, s.reader, func(r scanner) (g plan.Signature, err error) {
		err = r.Scan(&g.PlanID, &g.Principal, &g.Fingerprint, &g.Armored, instant{&g.At})
		return g, err
	}, `SELECT plan_id, principal, fingerprint, armored, at FROM plan_signatures WHERE plan_id = $1 ORDER BY at, fingerprint`, planID)
	return all, wrap("signatures", err)
}

// Locks reads locks in the order of their hashes; those that do not exist are left out.
func (s *Store) Locks(ctx context.Context, hashes []string) ([]plan.Lock, error) {
	all := []plan.Lock{}
	for part := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(hashes))), chunk) {
		args := make([]any, len(part))
		for i, h := range part {
			args[i] = h
		}
		some, err := list(ctx, s.reader, scanLock, `SELECT hash, body FROM locks WHERE hash IN `+tuples(1, len(part))+` ORDER BY hash`, args...)
		if err != nil {
			return nil, wrap("locks", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

func scanLock(r scanner) (l plan.Lock, err error) {
	if err := r.Scan(&l.Hash, &l.Bytes); err != nil {
		return l, err
	}
	if err := json.Unmarshal(l.Bytes, &l.Lock); err != nil {
		return l, fmt.Errorf("lock %s: %w", l.Hash, err)
	}
	return l, nil
}

// planMoved says why a conditional update of a plan met no row.
func (t *tx) planMoved(ctx context.Context, id string) error {
	state, err := one(ctx, t, scalar[plan.State], `SELECT state FROM plans WHERE id = $1`, id)
	if err != nil {
		return orNotFound(err, "plan", id)
	}
	return fault.New(fault.Conflict, "plan %q has moved on: it is %s", id, state)
}

// planChanged appends the change of a plan and the event that says why.
func (t *tx) planChanged(ctx context.Context, id string, e event.Event) error {
	if err := t.change(ctx, e.At, event.ChangePlan, id); err != nil {
		return err
	}
	return t.event(ctx, e)
}

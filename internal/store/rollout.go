package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
)

// A rollout's version rises with every write that a decision about it depends on: its own state, and the state of each of its runs. So
// a grant that was decided from rows which have changed since meets another version and writes nothing.

// inFlight are the states in which a run holds its slot, for SQL.
const inFlight = `('offered', 'preparing', 'applying', 'verifying', 'rebooting', 'uncertain')`

// CreateRollout starts the rollout of an approved plan with a pending run for each host. fault.Conflict when the plan is not approved
// or another rollout of it is open.
func (s *Store) CreateRollout(ctx context.Context, r rollout.Rollout, runs []run.Run, e event.Event) (int64, error) {
	return s.record(ctx, "create rollout", func(t *tx) error {
		state, err := one(ctx, t, scalar[plan.State], `SELECT state FROM plans WHERE id = $1`, r.PlanID)
		if err != nil {
			return orNotFound(err, "plan", r.PlanID)
		}
		if state != plan.Approved {
			return fault.New(fault.Conflict, "plan %q is %s, not approved", r.PlanID, state)
		}
		if err := t.noOpenRollout(ctx, r.PlanID); err != nil {
			return err
		}
		if _, err := exec(ctx, t, `
			INSERT INTO rollouts (id, plan_id, state, reason, max_concurrent, started_at, started_by, ended_at, version)
			VALUES ($1, $2, $3, '', $4, $5, $6, NULL, 1)`,
			r.ID, r.PlanID, string(r.State), r.MaxConcurrent, r.StartedAt.UnixMicro(), r.StartedBy); err != nil {
			return err
		}
		for part := range slices.Chunk(runs, chunk) {
			if err := t.addRuns(ctx, part); err != nil {
				return err
			}
		}
		if err := t.change(ctx, e.At, event.ChangePlan, r.PlanID); err != nil {
			return err
		}
		return t.rolloutChanged(ctx, r.ID, e.At, e)
	})
}

func (t *tx) addRuns(ctx context.Context, runs []run.Run) error {
	args := make([]any, 0, 14*len(runs))
	for _, u := range runs {
		args = append(args, u.ID, u.RolloutID, u.PlanID, u.HostID, u.HostName, u.Lock, u.LeafIndex, string(run.Pending), "", 0, "", 0, "", nil)
	}
	_, err := exec(ctx, t, `
		INSERT INTO runs (id, rollout_id, plan_id, host_id, host_name, lock, leaf_index, state, reason, epoch, grant_sig, acked, step, outcome)
		VALUES `+tuples(len(runs), 14), args...)
	return err
}

// noOpenRollout refuses what must not happen while a plan is being carried out.
func (t *tx) noOpenRollout(ctx context.Context, planID string) error {
	open, err := list(ctx, t, scalar[string], `SELECT id FROM rollouts WHERE plan_id = $1 AND state IN ('running', 'halted', 'aborting')`, planID)
	if err == nil && len(open) > 0 {
		err = fault.New(fault.Conflict, "rollout %q of this plan has not ended: abort it first", open[0])
	}
	return err
}

const rolloutColumns = `r.id, r.plan_id, r.state, r.reason, r.max_concurrent, r.started_at, r.started_by, r.ended_at, r.version`

func scanRollout(r scanner) (o rollout.Rollout, err error) {
	err = r.Scan(&o.ID, &o.PlanID, &o.State, &o.Reason, &o.MaxConcurrent, instant{&o.StartedAt}, &o.StartedBy, instant{&o.EndedAt}, &o.Version)
	return o, err
}

// Rollout answers: which rollout has this id?
func (s *Store) Rollout(ctx context.Context, id string) (rollout.Rollout, error) {
	o, err := one(ctx, s.reader, scanRollout, `SELECT `+rolloutColumns+` FROM rollouts r WHERE r.id = $1`, id)
	return o, wrap("rollout", orNotFound(err, "rollout", id))
}

// Rollouts lists rollouts, newest first, older than the one named when one is.
func (s *Store) Rollouts(ctx context.Context, beforeID string, limit int) ([]rollout.Rollout, error) {
	all, err := list(ctx, s.reader, scanRollout, `
		SELECT `+rolloutColumns+` FROM rollouts r WHERE $1 = '' OR r.id < $1 ORDER BY r.id DESC LIMIT $2`, beforeID, bounded(limit))
	return all, wrap("rollouts", err)
}

// RolloutsOfPlan lists the ids of a plan's rollouts, newest first.
func (s *Store) RolloutsOfPlan(ctx context.Context, planID string) ([]string, error) {
	all, err := list(ctx, s.reader, scalar[string], `SELECT id FROM rollouts WHERE plan_id = $1 ORDER BY id DESC`, planID)
	return all, wrap("rollouts of plan", err)
}

// OpenRollouts lists the rollouts that a decision may move: running, aborting, and halted with runs in flight. Oldest first.
func (s *Store) OpenRollouts(ctx context.Context) ([]rollout.Rollout, error) {
	all, err := list(ctx, s.reader, scanRollout, `
		SELECT `+rolloutColumns+` FROM rollouts r
		WHERE r.state IN ('running', 'aborting')
			OR (r.state = 'halted' AND EXISTS (SELECT 1 FROM runs u WHERE u.rollout_id = r.id AND u.state IN `+inFlight+`))
		ORDER BY r.id`)
	return all, wrap("open rollouts", err)
}

// RunsOf lists the runs of a rollout by host name.
func (s *Store) RunsOf(ctx context.Context, rolloutID string) ([]run.Run, error) {
	all, err := list(ctx, s.reader, scanRun, `SELECT `+runColumns+` FROM runs u WHERE u.rollout_id = $1 ORDER BY u.host_name, u.host_id`, rolloutID)
	return all, wrap("runs of rollout", err)
}

// Claims maps every host that a run holds to that run.
func (s *Store) Claims(ctx context.Context) (map[string]string, error) {
	held := map[string]string{}
	err := each(ctx, s.reader, func(r scanner) error {
		var host, id string
		err := r.Scan(&host, &id)
		held[host] = id
		return err
	}, `SELECT host_id, run_id FROM host_claims`)
	return held, wrap("claims", err)
}

// GrantRun gives a pending run its epoch, its claim on the host and its signed grant. fault.Conflict when the rollout is not running
// at this version, the run is not pending, or another run holds the host.
func (s *Store) GrantRun(ctx context.Context, g rollout.GrantWrite) (int64, error) {
	return s.record(ctx, "grant run", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE rollouts SET version = version + 1 WHERE id = $1 AND version = $2 AND state = 'running'`, g.RolloutID, g.Version)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "rollout %q has moved on", g.RolloutID)
		}
		if _, err := one(ctx, t, scalar[string], `SELECT id FROM runs WHERE id = $1 AND rollout_id = $2 AND host_id = $3 AND state = 'pending'`,
			g.RunID, g.RolloutID, g.HostID); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				err = fault.New(fault.Conflict, "run %q is not pending", g.RunID)
			}
			return err
		}
		n, err = exec(ctx, t, `INSERT INTO host_claims (host_id, run_id, at) VALUES ($1, $2, $3) ON CONFLICT (host_id) DO NOTHING`,
			g.HostID, g.RunID, g.At.UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "another run holds host %q", g.HostID)
		}
		epoch, err := one(ctx, t, scalar[int64], `
			INSERT INTO host_epochs (host_id, epoch) VALUES ($1, 1)
			ON CONFLICT (host_id) DO UPDATE SET epoch = host_epochs.epoch + 1 RETURNING epoch`, g.HostID)
		if err != nil {
			return err
		}
		grant, signature, err := g.Sign(epoch)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, t, `UPDATE runs SET state = 'offered', reason = '', epoch = $1, grant_bytes = $2, grant_sig = $3, granted_at = $4 WHERE id = $5`,
			epoch, bytes(grant), signature, g.At.UnixMicro(), g.RunID); err != nil {
			return err
		}
		return t.rolloutChanged(ctx, g.RolloutID, g.At, g.Event)
	})
}

// SetRollout moves a rollout at this version, and ends the pending runs named with it. fault.Conflict when the version moved.
func (s *Store) SetRollout(ctx context.Context, id string, version int64, to rollout.State, reason string, cancel []string, at time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "set rollout", func(t *tx) error {
		var ended any
		if to == rollout.Aborted || to == rollout.Completed {
			ended = at.UnixMicro()
		}
		n, err := exec(ctx, t, `UPDATE rollouts SET state = $1, reason = $2, ended_at = $3, version = version + 1 WHERE id = $4 AND version = $5`,
			string(to), storable(reason), ended, id, version)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := one(ctx, t, scalar[string], `SELECT id FROM rollouts WHERE id = $1`, id); err != nil {
				return orNotFound(err, "rollout", id)
			}
			return fault.New(fault.Conflict, "rollout %q has moved on", id)
		}
		for _, runID := range cancel {
			n, err := exec(ctx, t, `UPDATE runs SET state = 'canceled', reason = $1, ended_at = $2 WHERE id = $3 AND rollout_id = $4 AND state = 'pending'`,
				storable(reason), at.UnixMicro(), runID, id)
			if err != nil {
				return err
			}
			if n == 0 {
				return fault.New(fault.Conflict, "run %q is not pending", runID)
			}
		}
		return t.rolloutChanged(ctx, id, at, e)
	})
}

// rolloutChanged appends the change of a rollout and the events that say why.
func (t *tx) rolloutChanged(ctx context.Context, id string, at time.Time, events ...event.Event) error {
	if err := t.change(ctx, at, event.ChangeRollout, id); err != nil {
		return err
	}
	for _, e := range events {
		if err := t.event(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

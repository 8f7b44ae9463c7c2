package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/run"
)

const runColumns = `u.id, u.rollout_id, u.plan_id, u.host_id, u.host_name, u.lock, u.leaf_index, u.state, u.reason, u.epoch, u.grant_bytes, u.grant_sig,
	u.granted_at, u.accepted_at, u.ended_at, u.last_word, u.acked, u.step, u.outcome, u.proven_at`

func scanRun(r scanner) (u run.Run, err error) {
	err = r.Scan(&u.ID, &u.RolloutID, &u.PlanID, &u.HostID, &u.HostName, &u.Lock, &u.LeafIndex, &u.State, &u.Reason, &u.Epoch, &u.Grant, &u.GrantSig,
		instant{&u.GrantedAt}, instant{&u.AcceptedAt}, instant{&u.EndedAt}, instant{&u.LastWord}, &u.Acked, &u.Step, &u.Outcome, instant{&u.ProvenAt})
	return u, err
}

// Run answers: which run has this id?
func (s *Store) Run(ctx context.Context, id string) (run.Run, error) {
	u, err := one(ctx, s.reader, scanRun, `SELECT `+runColumns+` FROM runs u WHERE u.id = $1`, id)
	return u, wrap("run", orNotFound(err, "run", id))
}

// RunsOfHost lists the runs of a host, newest first.
func (s *Store) RunsOfHost(ctx context.Context, hostID string, limit int) ([]run.Run, error) {
	all, err := list(ctx, s.reader, scanRun, `SELECT `+runColumns+` FROM runs u WHERE u.host_id = $1 ORDER BY u.id DESC LIMIT $2`, hostID, bounded(limit))
	return all, wrap("runs of host", err)
}

// OpenRuns lists the runs in flight, of one host or of all ("").
func (s *Store) OpenRuns(ctx context.Context, hostID string) ([]run.Run, error) {
	if hostID == "" {
		all, err := list(ctx, s.reader, scanRun, `SELECT `+runColumns+` FROM runs u WHERE u.state IN `+inFlight+` ORDER BY u.id`)
		return all, wrap("open runs", err)
	}
	all, err := list(ctx, s.reader, scanRun, `
		SELECT `+runColumns+` FROM runs u WHERE u.host_id = $1 AND u.state IN `+inFlight+` ORDER BY u.id`, hostID)
	return all, wrap("open runs", err)
}

// UnprovenRuns lists the runs that succeeded and have not been proven.
func (s *Store) UnprovenRuns(ctx context.Context) ([]run.Run, error) {
	all, err := list(ctx, s.reader, scanRun, `SELECT `+runColumns+` FROM runs u WHERE u.state = 'succeeded' AND u.proven_at IS NULL ORDER BY u.id`)
	return all, wrap("unproven runs", err)
}

// lockedRun reads a run inside a write.
func (t *tx) lockedRun(ctx context.Context, id string) (run.Run, error) {
	u, err := one(ctx, t, scanRun, `SELECT `+runColumns+` FROM runs u WHERE u.id = $1`, id)
	return u, orNotFound(err, "run", id)
}

// AcceptRun notes that the host took the offer of this epoch; taking it again changes nothing, and the seq is 0. fault.Conflict when
// the offer is of another epoch, or over.
func (s *Store) AcceptRun(ctx context.Context, id string, epoch int64, at time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "accept run", func(t *tx) error {
		u, err := t.lockedRun(ctx, id)
		switch {
		case err != nil:
			return err
		case u.Epoch != epoch || u.State == run.Pending || u.State == run.Canceled:
			return fault.New(fault.Conflict, "run %q is %s at epoch %d: the offer of epoch %d is over", id, u.State, u.Epoch, epoch)
		case u.State != run.Offered:
			return errUnchanged
		}
		if _, err := exec(ctx, t, `UPDATE runs SET state = 'preparing', accepted_at = $1, last_word = $1 WHERE id = $2`, at.UnixMicro(), id); err != nil {
			return err
		}
		return t.runMoved(ctx, u, at, e)
	})
}

// RecordRun writes a batch of reports. fault.Conflict when the run is at another epoch, or other reports became durable since r.From.
func (s *Store) RecordRun(ctx context.Context, r run.Record) (int64, error) {
	return s.record(ctx, "record run", func(t *tx) error {
		u, err := t.lockedRun(ctx, r.RunID)
		if err != nil {
			return err
		}
		if u.Epoch != r.Epoch || u.Acked != r.From || u.State == run.Pending || u.State == run.Canceled {
			return fault.New(fault.Conflict, "run %q has moved on", r.RunID)
		}
		for _, step := range r.Steps {
			if err := t.putStep(ctx, step); err != nil {
				return err
			}
		}
		if err := t.addLines(ctx, r.RunID, r.Lines); err != nil {
			return err
		}
		var outcome any
		if r.Outcome != nil {
			outcome = string(r.Outcome)
		}
		if _, err := exec(ctx, t, `UPDATE runs SET state = $1, reason = $2, last_word = $3, acked = $4, step = $5, outcome = $6 WHERE id = $7`,
			string(r.State), storable(r.Reason), r.At.UnixMicro(), r.Acked, r.Step, outcome, r.RunID); err != nil {
			return err
		}
		if r.State == u.State {
			return t.rolloutChanged(ctx, u.RolloutID, r.At, r.Events...)
		}
		if err := t.settleClaim(ctx, u, r.State, r.At); err != nil {
			return err
		}
		return t.runMoved(ctx, u, r.At, r.Events...)
	})
}

func (t *tx) putStep(ctx context.Context, p run.Step) error {
	_, err := exec(ctx, t, `
		INSERT INTO run_steps (run_id, name, state, started_at, ended_at, text) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (run_id, name) DO UPDATE SET state = excluded.state, started_at = excluded.started_at, ended_at = excluded.ended_at, text = excluded.text`,
		p.RunID, p.Name, p.State, p.Started.UnixMicro(), micros(p.Ended), storable(p.Text))
	return err
}

// addLines appends to a run's log; numbers have no gaps.
func (t *tx) addLines(ctx context.Context, runID string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	last, err := one(ctx, t, scalar[int64], `SELECT COALESCE(MAX(number), 0) FROM run_log WHERE run_id = $1`, runID)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(lines, chunk) {
		args := make([]any, 0, 3*len(part))
		for _, line := range part {
			last++
			args = append(args, runID, last, storable(line))
		}
		if _, err := exec(ctx, t, `INSERT INTO run_log (run_id, number, line) VALUES `+tuples(len(part), 3), args...); err != nil {
			return err
		}
	}
	return nil
}

// SetRunState moves a run that is in one of the states from, for what follows from time alone; fault.Conflict when it is in another.
func (s *Store) SetRunState(ctx context.Context, id string, from []run.State, to run.State, reason string, at time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "set run state", func(t *tx) error {
		u, err := t.lockedRun(ctx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(from, u.State) {
			return fault.New(fault.Conflict, "run %q is %s", id, u.State)
		}
		if _, err := exec(ctx, t, `UPDATE runs SET state = $1, reason = $2 WHERE id = $3`, string(to), storable(reason), id); err != nil {
			return err
		}
		if to == run.Pending { // the epoch stays: it was given out
			if _, err := exec(ctx, t, `UPDATE runs SET grant_bytes = NULL, grant_sig = '', granted_at = NULL WHERE id = $1`, id); err != nil {
				return err
			}
		}
		if err := t.settleClaim(ctx, u, to, at); err != nil {
			return err
		}
		return t.runMoved(ctx, u, at, e)
	})
}

// settleClaim ends a run, and lets go of its host, where the new state says so. A lost run may still be at work: it keeps its host.
func (t *tx) settleClaim(ctx context.Context, u run.Run, to run.State, at time.Time) error {
	if to.Ended() {
		if _, err := exec(ctx, t, `UPDATE runs SET ended_at = $1 WHERE id = $2`, at.UnixMicro(), u.ID); err != nil {
			return err
		}
	}
	if to.InFlight() || to == run.Lost {
		return nil
	}
	_, err := exec(ctx, t, `DELETE FROM host_claims WHERE host_id = $1 AND run_id = $2`, u.HostID, u.ID)
	return err
}

// runMoved raises the version of a rollout one of whose runs has another state, and appends the change and the events.
func (t *tx) runMoved(ctx context.Context, u run.Run, at time.Time, events ...event.Event) error {
	if _, err := exec(ctx, t, `UPDATE rollouts SET version = version + 1 WHERE id = $1`, u.RolloutID); err != nil {
		return err
	}
	return t.rolloutChanged(ctx, u.RolloutID, at, events...)
}

// ProveRun notes that the host's inventory shows what a run that succeeded installed; fault.Conflict when it did not, or is proven.
func (s *Store) ProveRun(ctx context.Context, id string, at time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "prove run", func(t *tx) error {
		u, err := t.lockedRun(ctx, id)
		if err != nil {
			return err
		}
		if u.State != run.Succeeded || !u.ProvenAt.IsZero() {
			return fault.New(fault.Conflict, "run %q is %s, or is proven already", id, u.State)
		}
		if _, err := exec(ctx, t, `UPDATE runs SET proven_at = $1 WHERE id = $2`, at.UnixMicro(), id); err != nil {
			return err
		}
		return t.rolloutChanged(ctx, u.RolloutID, at, e)
	})
}

// Steps lists the steps of a run in the order in which they began.
func (s *Store) Steps(ctx context.Context, runID string) ([]run.Step, error) {
	all, err := list(ctx, s.reader, func(r scanner) (p run.Step, err error) {
		err = r.Scan(&p.RunID, &p.Name, &p.State, instant{&p.Started}, instant{&p.Ended}, &p.Text)
		return p, err
	}, `SELECT run_id, name, state, started_at, ended_at, text FROM run_steps WHERE run_id = $1 ORDER BY started_at, name`, runID)
	return all, wrap("steps", err)
}

// LogLines lists lines of a run's log after a number, and gives the number of the last of them.
func (s *Store) LogLines(ctx context.Context, runID string, after int64, limit int) (lines []string, last int64, err error) {
	last = after
	lines, err = list(ctx, s.reader, func(r scanner) (line string, err error) {
		err = r.Scan(&last, &line)
		return line, err
	}, `SELECT number, line FROM run_log WHERE run_id = $1 AND number > $2 ORDER BY number LIMIT $3`, runID, after, bounded(limit))
	return lines, last, wrap("log lines", err)
}

// LogSize answers: how many lines has a run's log?
func (s *Store) LogSize(ctx context.Context, runID string) (int64, error) {
	n, err := one(ctx, s.reader, scalar[sql.NullInt64], `SELECT MAX(number) FROM run_log WHERE run_id = $1`, runID)
	return n.Int64, wrap("log size", err)
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

// tx is one write transaction. Everything a write does goes through it: on SQLite there is no second connection to do it with.
type tx struct {
	*sql.Tx
	first int64 // the seq taken when the transaction began; 0 in a transaction that records nothing
	last  int64 // the newest seq that a change was appended with; 0: none yet
}

// errUnchanged ends a record that found nothing to do: it is rolled back and is no error.
var errUnchanged = errors.New("unchanged")

// attempts bounds how often a transaction that lost a race is run again.
const attempts = 5

// write runs fn in one transaction that appends no change: nobody follows what it writes.
func (s *Store) write(ctx context.Context, doing string, fn func(t *tx) error) error {
	return s.writeCounted(ctx, doing, &s.writes, fn)
}

// writeCounted is write with the counter that its commit adds to.
func (s *Store) writeCounted(ctx context.Context, doing string, counter *atomic.Int64, fn func(t *tx) error) error {
	return wrap(doing, s.retrying(ctx, func() error { return s.transact(ctx, counter, fn) }))
}

// record runs fn in one transaction that begins by taking the next seq, and gives the last seq it appended: 0 when fn returned
// errUnchanged. fn may be run again from the start, so it keeps no state between runs.
func (s *Store) record(ctx context.Context, doing string, fn func(t *tx) error) (seq int64, err error) {
	err = s.retrying(ctx, func() error {
		seq, err = s.recordOnce(ctx, fn)
		return err
	})
	return seq, wrap(doing, err)
}

// recordOnce is record for an fn that cannot be run again.
func (s *Store) recordOnce(ctx context.Context, fn func(t *tx) error) (seq int64, err error) {
	err = s.transact(ctx, &s.writes, func(t *tx) (err error) {
		if t.first, err = take(ctx, t, "change", 1); err != nil {
			return err
		}
		if err := fn(t); err != nil {
			return err
		}
		if t.last == 0 {
			return errors.New("a recorded write appended no change")
		}
		seq = t.last
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	select {
	case s.committed <- struct{}{}:
	default: // a signal is waiting already, and it covers this commit too
	}
	return seq, nil
}

// transact runs fn between BEGIN and COMMIT, and rolls back on any error or panic.
func (s *Store) transact(ctx context.Context, counter *atomic.Int64, fn func(t *tx) error) error {
	begun, err := s.writer.BeginTx(ctx, s.dialect.writeTx)
	if err != nil {
		return err
	}
	defer func() { _ = begun.Rollback() }() // after a commit it does nothing
	if err := fn(&tx{Tx: begun}); err != nil {
		return err
	}
	if err := begun.Commit(); err != nil {
		return err
	}
	counter.Add(1)
	return nil
}

func (s *Store) retrying(ctx context.Context, fn func() error) error {
	for n := 1; ; n++ {
		err := fn()
		if err == nil || n == attempts || ctx.Err() != nil || !s.dialect.retry(err) {
			return err
		}
	}
}

// take hands out n numbers from a counter and gives the first. The counter's row is locked until the transaction ends.
func take(ctx context.Context, t *tx, counter string, n int64) (int64, error) {
	var last int64
	err := t.QueryRowContext(ctx, `UPDATE counters SET value = value + $1 WHERE name = $2 RETURNING value`, n, counter).Scan(&last)
	return last - n + 1, err
}

// change appends one change, with the seq the transaction began with or, for a further change, the next.
func (t *tx) change(ctx context.Context, at time.Time, kind, ref string) (err error) {
	seq := t.first
	if t.last != 0 {
		if seq, err = take(ctx, t, "change", 1); err != nil {
			return err
		}
	}
	_, err = exec(ctx, t, `INSERT INTO changes (seq, at, kind, ref) VALUES ($1, $2, $3, $4)`, seq, at.UnixMicro(), kind, ref)
	t.last = seq
	return err
}

// event appends e to the log, chained to the event before it, and the change that announces it.
func (t *tx) event(ctx context.Context, e event.Event) (err error) {
	if e.Kind == "" {
		return fault.New(fault.Internal, "a write without its event")
	}
	if e.Seq, err = take(ctx, t, "event", 1); err != nil {
		return err
	}
	before := ""
	if e.Seq > 1 {
		if err := t.QueryRowContext(ctx, `SELECT hash FROM events WHERE seq = $1`, e.Seq-1).Scan(&before); err != nil {
			return err
		}
	}
	e.Actor, e.Text = storable(e.Actor), storable(e.Text) // both may quote what a stranger sent, and the log must not refuse it
	data, err := encodeMap(e.Data)
	if err != nil {
		return err
	}
	if _, err := exec(ctx, t, `INSERT INTO events (seq, at, kind, actor, host_id, text, data, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.Seq, e.At.UnixMicro(), e.Kind, e.Actor, e.Host, e.Text, data, event.Chain(before, e)); err != nil {
		return err
	}
	return t.change(ctx, e.At, event.ChangeEvent, strconv.FormatInt(e.Seq, 10))
}

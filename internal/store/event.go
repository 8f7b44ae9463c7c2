package store

import (
	"context"
	"math"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
)

// AppendEvent adds an event that belongs to no other write, and gives the seq of the change that announces it.
func (s *Store) AppendEvent(ctx context.Context, e event.Event) (int64, error) {
	return s.record(ctx, "append event", func(t *tx) error {
		return t.event(ctx, e)
	})
}

// Events answers: what happened (to this host) most recently before an event?
func (s *Store) Events(ctx context.Context, host string, before int64, limit int) ([]event.Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	if host == "" {
		all, err := list(ctx, s.reader, scanEvent, `
			SELECT seq, at, kind, actor, host_id, text, data, hash FROM events WHERE seq < $1 ORDER BY seq DESC LIMIT $2`, before, bounded(limit))
		return all, wrap("events", err)
	}
	all, err := list(ctx, s.reader, scanEvent, `
		SELECT seq, at, kind, actor, host_id, text, data, hash FROM events WHERE host_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`,
		host, before, bounded(limit))
	return all, wrap("events", err)
}

// EventsAfter answers: which events follow this one, in order?
func (s *Store) EventsAfter(ctx context.Context, after int64, limit int) ([]event.Event, error) {
	all, err := list(ctx, s.reader, scanEvent, `
		SELECT seq, at, kind, actor, host_id, text, data, hash FROM events WHERE seq > $1 ORDER BY seq LIMIT $2`, after, bounded(limit))
	return all, wrap("events", err)
}

func scanEvent(r scanner) (e event.Event, err error) {
	err = r.Scan(&e.Seq, instant{&e.At}, &e.Kind, &e.Actor, &e.Host, &e.Text, document{&e.Data}, &e.Hash)
	return e, err
}

// Seq answers: which change was committed last? The counter says it even when old changes were pruned.
func (s *Store) Seq(ctx context.Context) (int64, error) {
	seq, err := one(ctx, s.reader, scalar[int64], `SELECT value FROM counters WHERE name = 'change'`)
	return seq, wrap("seq", err)
}

// ChangesAfter answers: what changed after this seq, in order?
func (s *Store) ChangesAfter(ctx context.Context, after int64, limit int) ([]event.Change, error) {
	all, err := list(ctx, s.reader, func(r scanner) (c event.Change, err error) {
		err = r.Scan(&c.Seq, instant{&c.At}, &c.Kind, &c.Ref)
		return c, err
	}, `SELECT seq, at, kind, ref FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2`, after, bounded(limit))
	return all, wrap("changes", err)
}

// Committed is signalled after each commit of this process that appended a change. It is one channel for one reader (event.Follower).
func (s *Store) Committed() <-chan struct{} { return s.committed }

// PruneChanges drops changes older than before and says how many. Followers load whole state when they start and then stay within
// seconds of the newest change, so nobody asks for old ones; events are the history and are never pruned.
func (s *Store) PruneChanges(ctx context.Context, before time.Time) (pruned int, err error) {
	err = s.write(ctx, "prune changes", func(t *tx) error {
		n, err := exec(ctx, t, `DELETE FROM changes WHERE at < $1`, before.UnixMicro())
		pruned = int(n)
		return err
	})
	return pruned, err
}

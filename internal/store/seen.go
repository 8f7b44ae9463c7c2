package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// WriteSeen writes a batch of last-seen times, moving values and phasing shares in one transaction, with neither changes nor events.
// A time never moves back; empty values keep what was there; hosts that do not exist (any more) are passed over.
func (s *Store) WriteSeen(ctx context.Context, batch []inventory.Seen, phasing []inventory.PhasedShare) error {
	if len(batch) == 0 && len(phasing) == 0 {
		return nil
	}
	// In one order everywhere: processes that write the same hosts at the same time wait for each other and never in a circle.
	batch = slices.SortedFunc(slices.Values(batch), func(a, b inventory.Seen) int {
		return cmp.Or(cmp.Compare(a.HostID, b.HostID), a.At.Compare(b.At))
	})
	phasing = slices.SortedFunc(slices.Values(phasing), func(a, b inventory.PhasedShare) int {
		return cmp.Or(cmp.Compare(a.Ecosystem, b.Ecosystem), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), a.At.Compare(b.At))
	})
	// Counted apart: tests hold that an unchanged check-in writes nothing else.
	return s.writeCounted(ctx, "write seen", &s.seenWrites, func(t *tx) error {
		if err := t.seen(ctx, batch); err != nil {
			return err
		}
		return t.phased(ctx, phasing)
	})
}

func (t *tx) seen(ctx context.Context, batch []inventory.Seen) error {
	put, err := t.PrepareContext(ctx, `
		INSERT INTO host_vitals (host_id, last_seen, agent_version, vitals, vitals_at)
		SELECT id, CAST($2 AS BIGINT), CAST($3 AS TEXT), COALESCE(CAST($4 AS TEXT), ''), CAST($5 AS BIGINT)
		FROM hosts WHERE id = $1 AND deleted_at IS NULL
		ON CONFLICT (host_id) DO UPDATE SET
			last_seen     = CASE WHEN excluded.last_seen > host_vitals.last_seen THEN excluded.last_seen ELSE host_vitals.last_seen END,
			agent_version = CASE WHEN excluded.agent_version <> '' THEN excluded.agent_version ELSE host_vitals.agent_version END,
			vitals        = CASE WHEN excluded.vitals <> '' THEN excluded.vitals ELSE host_vitals.vitals END,
			vitals_at     = CASE WHEN excluded.vitals <> '' THEN excluded.vitals_at ELSE host_vitals.vitals_at END`)
	if err != nil {
		return err
	}
	defer func() { _ = put.Close() }()
	for _, h := range batch {
		args := []any{h.HostID, h.At.UnixMicro(), h.AgentVersion, nil, nil}
		if h.Vitals != nil {
			args[3], args[4] = string(h.Vitals), micros(h.VitalsAt)
		}
		if err := checkText(args); err != nil {
			return err
		}
		if _, err := put.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) phased(ctx context.Context, phasing []inventory.PhasedShare) error {
	for _, p := range phasing {
		if _, err := exec(ctx, t, `
			INSERT INTO phasing (ecosystem, name, version, percent, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (ecosystem, name, version) DO UPDATE SET percent = excluded.percent, at = excluded.at
			WHERE excluded.at >= phasing.at`,
			p.Ecosystem, p.Name, p.Version, p.Percent, p.At.UnixMicro()); err != nil {
			return err
		}
	}
	if len(phasing) == 0 {
		return nil
	}
	// A share is told again at least every hour by each host that waits for its update, for some days.
	newest := slices.MaxFunc(phasing, func(a, b inventory.PhasedShare) int { return a.At.Compare(b.At) }).At
	_, err := exec(ctx, t, `DELETE FROM phasing WHERE at < $1`, newest.AddDate(0, 0, -keepShares).UnixMicro())
	return err
}

// keepShares is for how many days the share of a package version is kept that no host waits for any more.
const keepShares = 30

// AllSeen answers: when was every host last heard of, and with which moving values? By host id.
func (s *Store) AllSeen(ctx context.Context) ([]inventory.Seen, error) {
	all, err := list(ctx, s.reader, scanSeen, `SELECT host_id, last_seen, agent_version, vitals, vitals_at FROM host_vitals ORDER BY host_id`)
	return all, wrap("all seen", err)
}

// SeenSince answers: which hosts were heard of at or after a time, when, and with which moving values? By host id.
func (s *Store) SeenSince(ctx context.Context, at time.Time) ([]inventory.Seen, error) {
	all, err := list(ctx, s.reader, scanSeen, `SELECT host_id, last_seen, agent_version, vitals, vitals_at FROM host_vitals WHERE last_seen >= $1 ORDER BY host_id`, at.UnixMicro())
	return all, wrap("seen since", err)
}

// SeenHost answers: when was this host last heard of? The zero Seen when never.
func (s *Store) SeenHost(ctx context.Context, hostID string) (inventory.Seen, error) {
	seen, err := one(ctx, s.reader, scanSeen, `SELECT host_id, last_seen, agent_version, vitals, vitals_at FROM host_vitals WHERE host_id = $1`, hostID)
	if errors.Is(err, sql.ErrNoRows) {
		return inventory.Seen{}, nil
	}
	return seen, wrap("seen", err)
}

func scanSeen(r scanner) (s inventory.Seen, err error) {
	var vitals string
	err = r.Scan(&s.HostID, instant{&s.At}, &s.AgentVersion, &vitals, instant{&s.VitalsAt})
	if vitals != "" {
		s.Vitals = []byte(vitals)
	}
	return s, err
}

// PhasedShares answers: which package versions of this ecosystem are phased, and to what share?
func (s *Store) PhasedShares(ctx context.Context, ecosystem string) ([]inventory.PhasedShare, error) {
	all, err := list(ctx, s.reader, func(r scanner) (p inventory.PhasedShare, err error) {
		err = r.Scan(&p.Ecosystem, &p.Name, &p.Version, &p.Percent, instant{&p.At})
		return p, err
	}, `SELECT ecosystem, name, version, percent, at FROM phasing WHERE ecosystem = $1 ORDER BY name, version`, ecosystem)
	return all, wrap("phased shares", err)
}

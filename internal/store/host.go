package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// hostColumns are what scanHost reads, of the table hosts under the name h.
const hostColumns = `h.id, h.ordinal, h.name, h.machine_id, h.state, h.labels, h.token_id, h.agent_version, h.enrolled_at, h.approved_at, h.approved_by, h.deleted_at`

func hostFields(h *fleet.Host) []any {
	return []any{&h.ID, &h.Ordinal, &h.Name, &h.MachineID, &h.State, document{&h.Labels}, &h.TokenID, &h.AgentVersion,
		instant{&h.EnrolledAt}, instant{&h.ApprovedAt}, &h.ApprovedBy, instant{&h.DeletedAt}}
}

func scanHost(r scanner) (h fleet.Host, err error) {
	err = r.Scan(hostFields(&h)...)
	return h, err
}

// Host answers: which host has this id? Also one that was deleted.
func (s *Store) Host(ctx context.Context, id string) (fleet.Host, error) {
	h, err := one(ctx, s.reader, scanHost, `SELECT `+hostColumns+` FROM hosts h WHERE h.id = $1`, id)
	return h, wrap("host", orNotFound(err, "host", id))
}

// Hosts answers: which hosts exist? By ordinal.
func (s *Store) Hosts(ctx context.Context) ([]fleet.Host, error) {
	hosts, err := list(ctx, s.reader, scanHost, `SELECT `+hostColumns+` FROM hosts h WHERE h.deleted_at IS NULL ORDER BY h.ordinal`)
	return hosts, wrap("hosts", err)
}

// HostsNamed answers: which hosts that exist have this name, in any case? By ordinal. Names are kept in lower case (fleet enrolls them so).
func (s *Store) HostsNamed(ctx context.Context, name string) ([]fleet.Host, error) {
	hosts, err := list(ctx, s.reader, scanHost, `SELECT `+hostColumns+` FROM hosts h WHERE h.deleted_at IS NULL AND h.name = $1 ORDER BY h.ordinal`,
		strings.ToLower(name))
	return hosts, wrap("hosts named", err)
}

// HostsOfMachine answers: which hosts that exist have this machine id? By ordinal.
func (s *Store) HostsOfMachine(ctx context.Context, machineID string) ([]fleet.Host, error) {
	hosts, err := list(ctx, s.reader, scanHost, `SELECT `+hostColumns+` FROM hosts h WHERE h.machine_id = $1 AND h.deleted_at IS NULL ORDER BY h.ordinal`, machineID)
	return hosts, wrap("hosts of machine", err)
}

// SetHostState moves a host that is in one of the states from; fault.Conflict when it is in another.
func (s *Store) SetHostState(ctx context.Context, id string, from []fleet.State, to fleet.State, by string, at time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "set host state", func(t *tx) error {
		state, err := one(ctx, t, scalar[fleet.State], `SELECT state FROM hosts WHERE id = $1 AND deleted_at IS NULL`, id)
		if err != nil {
			return orNotFound(err, "host", id)
		}
		if !slices.Contains(from, state) {
			return fault.New(fault.Conflict, "host %q is %s", id, state)
		}
		if to == fleet.Approved {
			_, err = exec(ctx, t, `UPDATE hosts SET state = $1, approved_at = $2, approved_by = $3 WHERE id = $4`, string(to), at.UnixMicro(), by, id)
		} else {
			_, err = exec(ctx, t, `UPDATE hosts SET state = $1 WHERE id = $2`, string(to), id)
		}
		if err != nil {
			return err
		}
		return t.hostChanged(ctx, at, id, e)
	})
}

// SetHostLabels replaces the labels of a host.
func (s *Store) SetHostLabels(ctx context.Context, id string, labels fleet.Labels, e event.Event) (int64, error) {
	text, err := encodeMap(labels)
	if err != nil {
		return 0, wrap("set host labels", err)
	}
	return s.record(ctx, "set host labels", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE hosts SET labels = $1 WHERE id = $2 AND deleted_at IS NULL`, text, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return orNotFound(sql.ErrNoRows, "host", id)
		}
		return t.hostChanged(ctx, e.At, id, e)
	})
}

// DeleteHost ends a host: its sections are closed and its moving values dropped; its row, ordinal and history stay.
func (s *Store) DeleteHost(ctx context.Context, id string, at time.Time, e event.Event) (int64, error) {
	return s.record(ctx, "delete host", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE hosts SET deleted_at = $1 WHERE id = $2 AND deleted_at IS NULL`, at.UnixMicro(), id)
		if err != nil {
			return err
		}
		if n == 0 {
			return orNotFound(sql.ErrNoRows, "host", id)
		}
		// An interval has a length even when the clock stepped back.
		if _, err := exec(ctx, t, `
			UPDATE host_sections SET to_at = CASE WHEN from_at < $1 THEN $1 ELSE from_at + 1 END
			WHERE host_id = $2 AND to_at IS NULL`, at.UnixMicro(), id); err != nil {
			return err
		}
		if _, err := exec(ctx, t, `DELETE FROM host_vitals WHERE host_id = $1`, id); err != nil {
			return err
		}
		return t.hostChanged(ctx, at, id, e)
	})
}

// hostChanged appends the change of a host and the event that says why.
func (t *tx) hostChanged(ctx context.Context, at time.Time, id string, events ...event.Event) error {
	if err := t.change(ctx, at, event.ChangeHost, id); err != nil {
		return err
	}
	for _, e := range events {
		if err := t.event(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// orNotFound turns "no rows" into a fault that names what was looked for.
func orNotFound(err error, noun, key string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "no %s %q", noun, key)
	}
	return err
}

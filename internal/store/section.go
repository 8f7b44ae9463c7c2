package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// OpenSections answers: what does this host have now, by section?
func (s *Store) OpenSections(ctx context.Context, hostID string) (map[string]inventory.Interval, error) {
	open := map[string]inventory.Interval{}
	err := each(ctx, s.reader, func(r scanner) error {
		i, err := scanInterval(r)
		open[i.Section] = i
		return err
	}, `SELECT host_id, section, from_at, to_at, digest FROM host_sections WHERE host_id = $1 AND to_at IS NULL`, hostID)
	return open, wrap("open sections", err)
}

func scanInterval(r scanner) (i inventory.Interval, err error) {
	err = r.Scan(&i.HostID, &i.Section, instant{&i.From}, instant{&i.To}, &i.Digest)
	return i, err
}

// Intervals answers: what did this host have before a time (zero: now), newest first? Those that began at the same instant as the
// last one come with it even beyond limit (at most one per section more), so paging by From loses none.
func (s *Store) Intervals(ctx context.Context, hostID string, before time.Time, limit int) ([]inventory.Interval, error) {
	end := int64(math.MaxInt64)
	if !before.IsZero() {
		end = before.UnixMicro()
	}
	all, err := list(ctx, s.reader, scanInterval, `
		SELECT host_id, section, from_at, to_at, digest FROM host_sections
		WHERE host_id = $1 AND from_at < $2 AND from_at >= (
			SELECT MIN(newest.from_at) FROM (
				SELECT from_at FROM host_sections WHERE host_id = $1 AND from_at < $2 ORDER BY from_at DESC LIMIT $3) newest)
		ORDER BY from_at DESC, section`, hostID, end, bounded(limit))
	return all, wrap("intervals", err)
}

// openInterval is the open interval of a section; sql.ErrNoRows when there is none.
func openInterval(ctx context.Context, h handle, hostID, section string) (inventory.Interval, error) {
	return one(ctx, h, scanInterval, `
		SELECT host_id, section, from_at, to_at, digest FROM host_sections WHERE host_id = $1 AND section = $2 AND to_at IS NULL`, hostID, section)
}

// AcceptSection closes the section's open interval and opens one with the new body. When the open interval has this digest already it
// writes nothing and answers with the newest seq. fault.NotFound when the host is unknown or deleted; fault.Conflict when the body was
// left out and the store does not have it. An interval begins after the one before it even when the clock did not move or stepped back.
func (s *Store) AcceptSection(ctx context.Context, a inventory.Accept) (inventory.Accepted, error) {
	packed, err := s.pack(a.Body.JSON) // before the transaction: compressing needs no lock
	if err != nil {
		return inventory.Accepted{}, err
	}
	// Looked at first without a transaction: a section that is as it was must not queue behind writers.
	open, err := openInterval(ctx, s.reader, a.HostID, a.Body.Section)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return inventory.Accepted{}, wrap("accept section", err)
	}
	if err == nil && open.Digest == a.Body.Digest {
		return s.acceptedAlready(ctx)
	}
	var before string
	seq, err := s.record(ctx, "accept section", func(t *tx) (err error) {
		before, err = t.accept(ctx, a, packed)
		return err
	})
	switch {
	case err != nil:
		return inventory.Accepted{}, err
	case seq == 0: // another request was faster
		return s.acceptedAlready(ctx)
	}
	return inventory.Accepted{Seq: seq, Changed: true, Before: before}, nil
}

func (s *Store) acceptedAlready(ctx context.Context) (inventory.Accepted, error) {
	seq, err := s.Seq(ctx)
	return inventory.Accepted{Seq: seq}, err
}

// accept does AcceptSection inside the transaction, and gives the digest of the interval that it closed.
func (t *tx) accept(ctx context.Context, a inventory.Accept, packed []byte) (before string, err error) {
	if _, err := one(ctx, t, scalar[string], `SELECT id FROM hosts WHERE id = $1 AND deleted_at IS NULL`, a.HostID); err != nil {
		return "", orNotFound(err, "host", a.HostID)
	}
	open, err := openInterval(ctx, t, a.HostID, a.Body.Section)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	at := a.At.UnixMicro()
	if found := err == nil; found {
		if open.Digest == a.Body.Digest {
			return "", errUnchanged
		}
		at = max(at, open.From.UnixMicro()+1)
		if _, err := exec(ctx, t, `UPDATE host_sections SET to_at = $1 WHERE host_id = $2 AND section = $3 AND to_at IS NULL`,
			at, a.HostID, a.Body.Section); err != nil {
			return "", err
		}
	}
	if err := t.addBody(ctx, a.Body, packed); err != nil {
		return "", err
	}
	if _, err := exec(ctx, t, `INSERT INTO host_sections (host_id, section, from_at, to_at, digest) VALUES ($1, $2, $3, NULL, $4)`,
		a.HostID, a.Body.Section, at, a.Body.Digest); err != nil {
		return "", err
	}
	return open.Digest, t.hostChanged(ctx, a.At, a.HostID, a.Events...)
}

// addBody keeps a body that the store does not have yet.
func (t *tx) addBody(ctx context.Context, b inventory.Body, packed []byte) error {
	has, err := hasBody(ctx, t, b.Section, b.Digest)
	if err != nil || has {
		return err
	}
	stored, size := packed, len(b.JSON)
	switch {
	case b.Packages != nil:
		ids, err := t.intern(ctx, b.Packages)
		if err != nil {
			return err
		}
		stored = inventory.EncodeSet(ids)
		size = len(stored)
	case b.JSON == nil:
		return fault.New(fault.Conflict, "section %q with digest %q is not known: send its body", b.Section, b.Digest)
	}
	_, err = exec(ctx, t, `INSERT INTO section_bodies (section, digest, body, size) VALUES ($1, $2, $3, $4)`, b.Section, b.Digest, stored, size)
	return err
}

package store

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/fleet"
)

// renewable is how long an expired certificate still authenticates a renewal. One that has been expired for longer opens nothing, so
// its row is dropped when the host gets its next: at two certificates a day, a host keeps about sixty.
const renewable = 30 * 24 * time.Hour

// Certificate answers: whose certificate is this? The host may be deleted.
func (s *Store) Certificate(ctx context.Context, serial string) (fleet.Certificate, fleet.Host, error) {
	var h fleet.Host
	c, err := one(ctx, s.reader, func(r scanner) (c fleet.Certificate, err error) {
		err = r.Scan(append(certificateFields(&c), hostFields(&h)...)...)
		return c, err
	}, `
		SELECT c.serial, c.host_id, c.issued_at, c.not_after, c.superseded_at, `+hostColumns+`
		FROM host_certs c JOIN hosts h ON h.id = c.host_id WHERE c.serial = $1`, serial)
	return c, h, wrap("certificate", orNotFound(err, "certificate", serial))
}

// NewestCertificate answers: which certificate did the host get last?
func (s *Store) NewestCertificate(ctx context.Context, hostID string) (fleet.Certificate, error) {
	c, err := one(ctx, s.reader, func(r scanner) (c fleet.Certificate, err error) {
		err = r.Scan(certificateFields(&c)...)
		return c, err
	}, `
		SELECT c.serial, c.host_id, c.issued_at, c.not_after, c.superseded_at
		FROM host_certs c WHERE c.host_id = $1 ORDER BY c.not_after DESC, c.issued_at DESC, c.serial DESC LIMIT 1`, hostID)
	return c, wrap("certificate", orNotFound(err, "certificate of host", hostID))
}

func certificateFields(c *fleet.Certificate) []any {
	return []any{&c.Serial, &c.HostID, instant{&c.IssuedAt}, instant{&c.NotAfter}, instant{&c.SupersededAt}}
}

// AddCertificate notes a renewed certificate of a host that exists, and drops those of the host that can no longer open anything. It
// appends no change: nothing that is followed depends on it.
func (s *Store) AddCertificate(ctx context.Context, c fleet.Certificate) error {
	return s.write(ctx, "add certificate", func(t *tx) error {
		if _, err := one(ctx, t, scalar[string], `SELECT id FROM hosts WHERE id = $1 AND deleted_at IS NULL`, c.HostID); err != nil {
			return orNotFound(err, "host", c.HostID)
		}
		if _, err := exec(ctx, t, `DELETE FROM host_certs WHERE host_id = $1 AND not_after < $2`,
			c.HostID, c.IssuedAt.Add(-renewable).UnixMicro()); err != nil {
			return err
		}
		return t.addCertificate(ctx, c)
	})
}

func (t *tx) addCertificate(ctx context.Context, c fleet.Certificate) error {
	_, err := exec(ctx, t, `INSERT INTO host_certs (serial, host_id, issued_at, not_after, superseded_at) VALUES ($1, $2, $3, $4, $5)`,
		c.Serial, c.HostID, c.IssuedAt.UnixMicro(), c.NotAfter.UnixMicro(), micros(c.SupersededAt))
	return err
}

// Supersede marks every certificate of the host but serial that is not marked yet.
func (s *Store) Supersede(ctx context.Context, hostID, serial string, at time.Time) error {
	return s.write(ctx, "supersede", func(t *tx) error {
		_, err := exec(ctx, t, `UPDATE host_certs SET superseded_at = $1 WHERE host_id = $2 AND serial <> $3 AND superseded_at IS NULL`,
			at.UnixMicro(), hostID, serial)
		return err
	})
}

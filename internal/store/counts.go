package store

import (
	"context"
	"strconv"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// sampledHosts are how many hosts, about, are looked at for how many distinct bodies there are and how large they are.
const sampledHosts = 20_000

// Counts are how much there is of what an index of now is made of.
type Counts struct {
	Hosts          int64
	Sets, SetBytes int64 // distinct package sets that hosts have now, and their bytes as inventory.EncodeSet has them
	Updates        int64 // distinct updates sections that hosts have now
	UpdateBytes    int64 // of them, as JSON
	Packages       int64
	Advisories     int64 // current ones
	AdvisoryBytes  int64 // of them, compressed
	Overlays       int64 // current ones
}

// Counts answers: how much is there of what an index of now is made of? Of a large fleet some of it is reckoned from a part.
func (s *Store) Counts(ctx context.Context) (c Counts, err error) {
	count := func(query string, into ...any) {
		if err == nil {
			err = s.reader.QueryRowContext(ctx, query).Scan(into...)
		}
	}
	count(`SELECT COUNT(*) FROM hosts WHERE deleted_at IS NULL`, &c.Hosts)
	count(`SELECT COUNT(*) FROM packages`, &c.Packages)
	count(`SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) FROM advisories WHERE to_at IS NULL`, &c.Advisories, &c.AdvisoryBytes)
	count(`SELECT COUNT(*) FROM overlays WHERE to_at IS NULL`, &c.Overlays)
	// Of more hosts a share of the digests is counted, those that begin with 0 or 00: a digest is as good as drawn by lot.
	before, share := "g", int64(1)
	for _, next := range []string{"1", "01"} {
		if c.Hosts/share > sampledHosts {
			before, share = next, 16*share
		}
	}
	bodies := func(section string) (distinct, size int64) {
		count(`SELECT COUNT(DISTINCT digest) FROM host_sections WHERE digest < '`+before+`' AND section = '`+section+`' AND to_at IS NULL`, &distinct)
		count(`
			SELECT CAST(COALESCE(AVG(size), 0) AS BIGINT) FROM (
				SELECT b.size FROM host_sections i JOIN section_bodies b ON b.section = i.section AND b.digest = i.digest
				WHERE i.section = '`+section+`' AND i.to_at IS NULL LIMIT `+strconv.Itoa(sampledHosts/10)+`) sample`, &size)
		return min(distinct*share, c.Hosts), size
	}
	var set, updates int64
	c.Sets, set = bodies(apiv1.SectionPackages)
	c.Updates, updates = bodies(apiv1.SectionUpdates)
	c.SetBytes, c.UpdateBytes = c.Sets*set, c.Updates*updates
	return c, wrap("counts", err)
}

package store

import (
	"context"
	"fmt"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
)

const (
	// countedHosts is up to how many hosts distinct bodies are counted one by one. Of more hosts a sixteenth of the bodies is counted, those
	// whose digest begins with 0: a digest is as good as drawn by lot. It is half a second for a million hosts in place of eight.
	countedHosts = 20_000
	// sampledHosts are looked at for how large bodies are.
	sampledHosts = 2000
)

// Counts answers: how much is there of what an index of now is made of? Of a large fleet some of it is reckoned from a part.
func (s *Store) Counts(ctx context.Context) (c assess.Counts, err error) {
	count := func(query string, into ...any) {
		if err == nil {
			err = s.reader.QueryRowContext(ctx, query).Scan(into...)
		}
	}
	count(`SELECT COUNT(*) FROM hosts WHERE deleted_at IS NULL`, &c.Hosts)
	count(`SELECT COUNT(*) FROM packages`, &c.Packages)
	count(`SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) FROM advisories WHERE to_at IS NULL`, &c.Advisories, &c.AdvisoryBytes)
	count(`SELECT COUNT(*) FROM overlays WHERE to_at IS NULL`, &c.Overlays)
	bodies := func(section string) (distinct, size int64) {
		before, share := "g", int64(1)
		if c.Hosts > countedHosts {
			before, share = "1", 16
		}
		count(fmt.Sprintf(`SELECT COUNT(DISTINCT digest) FROM host_sections WHERE digest < '%s' AND section = '%s' AND to_at IS NULL`, before, section), &distinct)
		count(fmt.Sprintf(`
			SELECT CAST(COALESCE(AVG(size), 0) AS BIGINT) FROM (
				SELECT b.size FROM host_sections i JOIN section_bodies b ON b.section = i.section AND b.digest = i.digest
				WHERE i.section = '%s' AND i.to_at IS NULL LIMIT %d) some`, section, sampledHosts), &size)
		return min(distinct*share, c.Hosts), size
	}
	var set, updates int64
	c.Sets, set = bodies(apiv1.SectionPackages)
	c.Updates, updates = bodies(apiv1.SectionUpdates)
	c.SetBytes, c.HostSetBytes, c.UpdateBytes = c.Sets*set, c.Hosts*set, c.Updates*updates
	return c, wrap("counts", err)
}

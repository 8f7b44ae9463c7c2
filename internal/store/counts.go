package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// sampledHosts are how many hosts, about, are looked at for how many distinct bodies there are and how large they are.
const sampledHosts = 20_000

// HostCounts answers: how much do the hosts have of which an index of now is made? Of a large fleet some of it is reckoned from a part.
func (s *Store) HostCounts(ctx context.Context) (inventory.Counts, error) {
	return s.hostCounts(ctx, "host counts", counting{hosts: `hosts h WHERE h.deleted_at IS NULL`, sections: `host_sections i `, which: ` i.to_at IS NULL AND i.section = $1 `})
}

// HostCounts is Store.HostCounts then.
func (p *Past) HostCounts(ctx context.Context) (inventory.Counts, error) {
	return p.s.hostCounts(ctx, "past host counts", counting{hosts: `hosts h WHERE ` + existed, sections: hadThen, which: held, at: []any{p.at}})
}

// counting is where hosts are counted, and their intervals of a section, as i. The section is the parameter after those of at.
type counting struct {
	hosts, sections, which string
	at                     []any
}

func (s *Store) hostCounts(ctx context.Context, name string, in counting) (c inventory.Counts, err error) {
	count := func(query string, args ...any) (n int64) {
		if err == nil {
			n, err = one(ctx, s.reader, scalar[int64], query, args...)
		}
		return n
	}
	c.Hosts = count(`SELECT COUNT(*) FROM `+in.hosts, in.at...)
	c.Packages = count(`SELECT COUNT(*) FROM packages`)
	// Of more hosts a share of the digests is counted, those that begin with 0 or 00: a digest is as good as drawn by lot.
	before, share := "g", int64(1)
	for _, next := range []string{"1", "01"} {
		if c.Hosts/share > sampledHosts {
			before, share = next, 16*share
		}
	}
	bodies := func(section string) (distinct, size int64) {
		args := append(slices.Clone(in.at), section)
		distinct = count(`SELECT COUNT(DISTINCT i.digest) FROM `+in.sections+`WHERE i.digest < '`+before+`' AND `+in.which, args...)
		return min(distinct*share, c.Hosts), count(`
			SELECT CAST(COALESCE(AVG(size), 0) AS BIGINT) FROM (
				SELECT b.size FROM `+in.sections+`JOIN section_bodies b ON b.section = i.section AND b.digest = i.digest
				WHERE `+in.which+` LIMIT `+strconv.Itoa(sampledHosts/10)+`) sample`, args...)
	}
	var set, updates int64
	c.Sets, set = bodies(apiv1.SectionPackages)
	c.Updates, updates = bodies(apiv1.SectionUpdates)
	c.SetBytes, c.UpdateBytes = c.Sets*set, c.Updates*updates
	return c, wrap(name, err)
}

// KnowledgeCounts answers: how much is known now of which an index is made?
func (s *Store) KnowledgeCounts(ctx context.Context) (c advisory.Counts, err error) {
	if c, err = s.knowledgeCounts(ctx, `to_at IS NULL`); err == nil {
		c.Overlays, err = one(ctx, s.reader, scalar[int64], `SELECT COUNT(*) FROM overlays WHERE to_at IS NULL`)
	}
	return c, wrap("knowledge counts", err)
}

// KnowledgeCounts is Store.KnowledgeCounts then, without overlays: of the past they are read for what some host has.
func (p *Past) KnowledgeCounts(ctx context.Context) (advisory.Counts, error) {
	c, err := p.s.knowledgeCounts(ctx, during, p.at)
	return c, wrap("past knowledge counts", err)
}

func (s *Store) knowledgeCounts(ctx context.Context, which string, args ...any) (advisory.Counts, error) {
	return one(ctx, s.reader, func(r scanner) (c advisory.Counts, err error) {
		err = r.Scan(&c.Advisories, &c.AdvisoryBytes)
		return c, err
	}, `SELECT COUNT(*), CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) FROM advisories WHERE `+which, args...)
}

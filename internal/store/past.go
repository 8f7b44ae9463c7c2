package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Past is the store as it was at an instant, to be read only: which hosts there were, what they had, and what was known. Labels, names
// and approval have no history: they are today's. When hosts were last heard of is not known.
type Past struct {
	s  *Store
	at int64
}

// At gives the store as it was at an instant.
func (s *Store) At(at time.Time) *Past { return &Past{s, at.UnixMicro()} }

const (
	// during says of an interval's row that it holds the instant $1.
	during = ` from_at <= $1 AND (to_at IS NULL OR to_at > $1) `
	// existed says it of a host, as h, and held of an interval, as i, that had begun by then.
	existed = ` h.enrolled_at <= $1 AND (h.deleted_at IS NULL OR h.deleted_at > $1) `
	held    = existed + ` AND (i.to_at IS NULL OR i.to_at > $1) `
)

// hadThen joins the hosts, as h, with the last interval of the section $2 that had begun at the instant $1, as i. It is looked for host by
// host: a fleet that changes has thousands of intervals of each.
const hadThen = ` hosts h JOIN host_sections i ON i.host_id = h.id AND i.section = $2 AND i.from_at = (
	SELECT MAX(n.from_at) FROM host_sections n WHERE n.host_id = h.id AND n.section = $2 AND n.from_at <= $1) `

// Seq is the store's own: an answer about the past includes whatever had happened when it was asked for.
func (p *Past) Seq(ctx context.Context) (int64, error) { return p.s.Seq(ctx) }

// Hosts answers: which hosts existed then? By ordinal.
func (p *Past) Hosts(ctx context.Context) ([]fleet.Host, error) {
	hosts, err := list(ctx, p.s.reader, scanHost, `
		SELECT `+hostColumns+` FROM hosts h WHERE `+existed+`ORDER BY h.ordinal`, p.at)
	for i := range hosts {
		hosts[i].DeletedAt = time.Time{} // it was not, then
	}
	return hosts, wrap("past hosts", err)
}

// Host answers: what was known of a host that existed then? fault.NotFound when it did not.
func (p *Past) Host(ctx context.Context, id string) (fleet.Host, error) {
	h, err := one(ctx, p.s.reader, scanHost, `
		SELECT `+hostColumns+` FROM hosts h WHERE h.id = $2 AND `+existed, p.at, id)
	h.DeletedAt = time.Time{}
	return h, wrap("past host", orNotFound(err, "host", id))
}

// OpenSections answers: what did this host have then, by section?
func (p *Past) OpenSections(ctx context.Context, hostID string) (map[string]inventory.Interval, error) {
	open := map[string]inventory.Interval{}
	err := each(ctx, p.s.reader, func(r scanner) error {
		i, err := scanInterval(r)
		open[i.Section] = i
		return err
	}, `SELECT host_id, section, from_at, to_at, digest FROM host_sections WHERE host_id = $2 AND `+during, p.at, hostID)
	return open, wrap("past sections", err)
}

// OpenPackageSets answers: which packages did every host have then?
func (p *Past) OpenPackageSets(ctx context.Context) ([]inventory.HostSet, error) {
	sets, err := list(ctx, p.s.reader, func(r scanner) (h inventory.HostSet, err error) {
		err = r.Scan(&h.HostID, &h.Digest)
		return h, err
	}, `SELECT h.id, i.digest FROM `+hadThen+`WHERE `+held+`ORDER BY h.id`, p.at, apiv1.SectionPackages)
	return sets, wrap("past package sets", err)
}

// OpenBodies is Store.OpenBodies then.
func (p *Past) OpenBodies(ctx context.Context, section string, fn func(hostID string, from time.Time, digest string, json []byte) error) error {
	return wrap("past bodies", p.s.eachBody(ctx, fn, `
		SELECT h.id, i.from_at, i.digest, b.body
		FROM `+hadThen+`JOIN section_bodies b ON b.section = i.section AND b.digest = i.digest
		WHERE `+held+`ORDER BY i.digest, h.id`, p.at, section))
}

// PackageSet is Store.PackageSet: a set never changes.
func (p *Past) PackageSet(ctx context.Context, digest string) ([]inventory.PackageID, error) {
	return p.s.PackageSet(ctx, digest)
}

// AllPackages is Store.AllPackages: a package never changes.
func (p *Past) AllPackages(ctx context.Context, after inventory.PackageID, limit int) ([]inventory.Package, error) {
	return p.s.AllPackages(ctx, after, limit)
}

// AllSeen is nobody: last-seen times have no history.
func (p *Past) AllSeen(context.Context) ([]inventory.Seen, error) { return []inventory.Seen{}, nil }

// CurrentAdvisories streams what was known then, by feed and id.
func (p *Past) CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error {
	return wrap("past advisories", each(ctx, p.s.reader, func(r scanner) error {
		a, err := p.s.scanAdvisory(r)
		if err != nil {
			return err
		}
		return fn(a)
	}, `SELECT feed, id, body FROM advisories WHERE `+during+`ORDER BY feed, id`, p.at))
}

// CurrentAdvisory answers: what did an advisory say then? fault.NotFound when nothing.
func (p *Past) CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error) {
	a, err := one(ctx, p.s.reader, p.s.scanAdvisory, `SELECT feed, id, body FROM advisories WHERE feed = $2 AND id = $3 AND `+during, p.at, r.Feed, r.ID)
	return a, wrap("past advisory", orNotFound(err, "advisory", r.ID))
}

// OverlaysFrom answers: what did one feed know of CVEs then? By CVE. It goes through everything that the feed ever said.
func (p *Past) OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error) {
	all, err := list(ctx, p.s.reader, scanOverlay, `SELECT feed, body FROM overlays WHERE feed = $2 AND `+during+`ORDER BY cve`, p.at, feed)
	return all, wrap("past overlays", err)
}

// OverlaysOf answers: what was known of these CVEs beside advisories then? In no order. Of each it looks for the newest revision before,
// however many there are: EPSS has hundreds of thousands of CVEs, and may say something else of each every day.
func (p *Past) OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error) {
	feeds, err := list(ctx, p.s.reader, scalar[string], `SELECT f.name FROM feeds f WHERE EXISTS (SELECT 1 FROM overlays o WHERE o.feed = f.name) ORDER BY f.name`)
	if err != nil {
		return nil, wrap("past overlays", err)
	}
	all := []advisory.Overlay{}
	for part := range slices.Chunk(distinct(cves), 10*chunk) {
		args := make([]any, 0, len(part)+2)
		for _, cve := range part {
			args = append(args, cve)
		}
		feed, at := fmt.Sprintf("$%d", len(part)+1), fmt.Sprintf("$%d", len(part)+2)
		for _, name := range feeds {
			found, err := list(ctx, p.s.reader, scanOverlay, `
				WITH asked (cve) AS (VALUES `+tuples(len(part), 1)+`)
				SELECT o.feed, o.body FROM asked a JOIN overlays o ON o.feed = `+feed+` AND o.cve = a.cve
					AND o.from_at = (SELECT MAX(n.from_at) FROM overlays n WHERE n.feed = `+feed+` AND n.cve = a.cve AND n.from_at <= `+at+`)
				WHERE o.to_at IS NULL OR o.to_at > `+at, append(args, name, p.at)...)
			if err != nil {
				return nil, wrap("past overlays", err)
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

// CurrentLifecycles answers: how long was each release to be looked after, as known then?
func (p *Past) CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error) {
	all, err := list(ctx, p.s.reader, scanLifecycle, `SELECT feed, body FROM lifecycles WHERE `+during+`ORDER BY feed, key`, p.at)
	return all, wrap("past lifecycles", err)
}

// FeedStates answers: which feeds had been imported by then, what did they cover, and how old was what they had? A feed that had not is
// not in it, whatever it knows today. By name.
func (p *Past) FeedStates(ctx context.Context) ([]advisory.FeedState, error) {
	all, err := list(ctx, p.s.reader, func(r scanner) (f advisory.FeedState, err error) {
		err = r.Scan(&f.Name, &f.Records, document{&f.Ecosystems}, instant{&f.AsOf}, instant{&f.ChangedAt})
		return f, err
	}, `
		SELECT i.feed, i.records, i.ecosystems, i.as_of, i.at FROM feed_imports i
		WHERE i.at = (SELECT MAX(n.at) FROM feed_imports n WHERE n.feed = i.feed AND n.at <= $1) ORDER BY i.feed`, p.at)
	return all, wrap("past feed states", err)
}

// Earliest answers: when was anything first known, and when was the first host there? Zero times: never.
func (s *Store) Earliest(ctx context.Context) (knowledge, hosts time.Time, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT (SELECT MIN(at) FROM feed_imports), (SELECT MIN(enrolled_at) FROM hosts)`).
		Scan(instant{&knowledge}, instant{&hosts})
	return knowledge, hosts, wrap("earliest", err)
}

// HostsChangedUntil answers: of which hosts was anything else at a later instant? By id.
func (p *Past) HostsChangedUntil(ctx context.Context, later time.Time) ([]string, error) {
	ids, err := list(ctx, p.s.reader, scalar[string], `
		SELECT host_id FROM host_sections WHERE from_at > $1 AND from_at <= $2
		UNION SELECT host_id FROM host_sections WHERE to_at > $1 AND to_at <= $2
		UNION SELECT id FROM hosts WHERE enrolled_at > $1 AND enrolled_at <= $2 OR deleted_at > $1 AND deleted_at <= $2
		ORDER BY 1`, p.at, later.UnixMicro())
	return ids, wrap("hosts changed", err)
}

// KnowledgeUntil is what turns the advisories of a later instant back into this one's: the revisions that ended in between, and the
// names that were not known yet. Overlays are asked for by CVE (OverlaysOf): most are of CVEs that nobody has.
func (p *Past) KnowledgeUntil(ctx context.Context, later time.Time) (k advisory.Knowledge, err error) {
	until := later.UnixMicro()
	if k.Advisories, err = list(ctx, p.s.reader, p.s.scanAdvisory, `
		SELECT feed, id, body FROM advisories WHERE from_at <= $1 AND to_at > $1 AND to_at <= $2 ORDER BY feed, id`, p.at, until); err != nil {
		return advisory.Knowledge{}, wrap("past knowledge", err)
	}
	k.Gone, err = list(ctx, p.s.reader, func(r scanner) (g advisory.Ref, err error) {
		err = r.Scan(&g.Feed, &g.ID)
		return g, err
	}, `
		SELECT DISTINCT a.feed, a.id FROM advisories a WHERE a.from_at > $1 AND a.from_at <= $2 AND NOT EXISTS (
			SELECT 1 FROM advisories n WHERE n.feed = a.feed AND n.id = a.id AND n.from_at <= $1 AND (n.to_at IS NULL OR n.to_at > $1))
		ORDER BY a.feed, a.id`, p.at, until)
	return k, wrap("past knowledge", err)
}

package store

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/staunch-dev/staunch/internal/advisory"
)

func (s *Store) scanAdvisory(r scanner) (a advisory.Advisory, err error) {
	var feed, id string
	var body []byte
	if err := r.Scan(&feed, &id, &body); err != nil {
		return a, err
	}
	if body, err = s.unpack(body); err != nil {
		return a, err
	}
	err = json.Unmarshal(body, &a)
	a.Feed, a.ID = feed, id
	return a, err
}

func scanOverlay(r scanner) (o advisory.Overlay, err error) {
	var feed string
	err = r.Scan(&feed, document{&o})
	o.Feed = feed
	return o, err
}

func scanLifecycle(r scanner) (l advisory.Lifecycle, err error) {
	var feed string
	err = r.Scan(&feed, document{&l})
	l.Feed = feed
	return l, err
}

// CurrentAdvisories streams what is known now, by feed and id. fn may read from the store.
func (s *Store) CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error {
	return wrap("current advisories", each(ctx, s.reader, func(r scanner) error {
		a, err := s.scanAdvisory(r)
		if err != nil {
			return err
		}
		return fn(a)
	}, `SELECT feed, id, body FROM advisories WHERE to_at IS NULL ORDER BY feed, id`))
}

// CurrentAdvisory answers: what does an advisory say now? fault.NotFound when nothing.
func (s *Store) CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error) {
	a, err := one(ctx, s.reader, s.scanAdvisory, `SELECT feed, id, body FROM advisories WHERE feed = $1 AND id = $2 AND to_at IS NULL`, r.Feed, r.ID)
	return a, wrap("current advisory", orNotFound(err, "advisory", r.ID))
}

// CurrentOverlays streams what is known of CVEs beside advisories, by feed and CVE. fn may read from the store.
func (s *Store) CurrentOverlays(ctx context.Context, fn func(advisory.Overlay) error) error {
	return wrap("current overlays", each(ctx, s.reader, func(r scanner) error {
		o, err := scanOverlay(r)
		if err != nil {
			return err
		}
		return fn(o)
	}, `SELECT feed, body FROM overlays WHERE to_at IS NULL ORDER BY feed, cve`))
}

// OverlaysFrom answers: what does one feed know of CVEs? By CVE.
func (s *Store) OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error) {
	all, err := list(ctx, s.reader, scanOverlay, `SELECT feed, body FROM overlays WHERE feed = $1 AND to_at IS NULL ORDER BY cve`, feed)
	return all, wrap("overlays", err)
}

// OverlaysOf answers: what is known of these CVEs beside advisories? In no order.
func (s *Store) OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error) {
	all := []advisory.Overlay{}
	for part := range slices.Chunk(distinct(cves), 10*chunk) {
		args := make([]any, 0, len(part))
		for _, cve := range part {
			args = append(args, cve)
		}
		found, err := list(ctx, s.reader, scanOverlay, `SELECT feed, body FROM overlays WHERE cve IN `+tuples(1, len(part))+` AND to_at IS NULL`, args...)
		if err != nil {
			return nil, wrap("overlays", err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func distinct(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// CurrentLifecycles answers: how long is each release of each product looked after? By feed and key.
func (s *Store) CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error) {
	all, err := list(ctx, s.reader, scanLifecycle, `SELECT feed, body FROM lifecycles WHERE to_at IS NULL ORDER BY feed, key`)
	return all, wrap("current lifecycles", err)
}

// KnowledgeAfter answers: what changed with a seq after this one? Revisions opened since that are current, and ids closed since that
// have no current revision.
func (s *Store) KnowledgeAfter(ctx context.Context, after int64) (k advisory.Knowledge, err error) {
	if k.Advisories, err = list(ctx, s.reader, s.scanAdvisory, `
		SELECT feed, id, body FROM advisories WHERE from_seq > $1 AND to_at IS NULL ORDER BY feed, id`, after); err != nil {
		return advisory.Knowledge{}, wrap("knowledge", err)
	}
	if k.Gone, err = list(ctx, s.reader, func(r scanner) (g advisory.Ref, err error) {
		err = r.Scan(&g.Feed, &g.ID)
		return g, err
	}, `
		SELECT DISTINCT a.feed, a.id FROM advisories a
		WHERE a.to_seq > $1 AND NOT EXISTS (SELECT 1 FROM advisories n WHERE n.feed = a.feed AND n.id = a.id AND n.to_at IS NULL)
		ORDER BY a.feed, a.id`, after); err != nil {
		return advisory.Knowledge{}, wrap("knowledge", err)
	}
	if k.Overlays, err = list(ctx, s.reader, scanOverlay, `
		SELECT feed, body FROM overlays WHERE from_seq > $1 AND to_at IS NULL ORDER BY feed, cve`, after); err != nil {
		return advisory.Knowledge{}, wrap("knowledge", err)
	}
	k.OverlaysGone, err = list(ctx, s.reader, func(r scanner) (g advisory.OverlayRef, err error) {
		err = r.Scan(&g.Feed, &g.CVE)
		return g, err
	}, `
		SELECT DISTINCT o.feed, o.cve FROM overlays o
		WHERE o.to_seq > $1 AND NOT EXISTS (SELECT 1 FROM overlays n WHERE n.feed = o.feed AND n.cve = o.cve AND n.to_at IS NULL)
		ORDER BY o.feed, o.cve`, after)
	return k, wrap("knowledge", err)
}

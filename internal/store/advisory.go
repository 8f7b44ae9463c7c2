package store

import (
	"context"
	"encoding/json"

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

func scanKEV(r scanner) (k advisory.KEV, err error) {
	err = r.Scan(document{&k})
	return k, err
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

// CurrentKEV answers: which vulnerabilities are known to be exploited now? By CVE.
func (s *Store) CurrentKEV(ctx context.Context) ([]advisory.KEV, error) {
	all, err := list(ctx, s.reader, scanKEV, `SELECT body FROM overlays WHERE feed = 'kev' AND to_at IS NULL ORDER BY cve`)
	return all, wrap("current overlays", err)
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
	if k.KEV, err = list(ctx, s.reader, scanKEV, `
		SELECT body FROM overlays WHERE feed = 'kev' AND from_seq > $1 AND to_at IS NULL ORDER BY cve`, after); err != nil {
		return advisory.Knowledge{}, wrap("knowledge", err)
	}
	k.KEVGone, err = list(ctx, s.reader, scalar[string], `
		SELECT DISTINCT o.cve FROM overlays o
		WHERE o.feed = 'kev' AND o.to_seq > $1 AND NOT EXISTS (SELECT 1 FROM overlays n WHERE n.feed = o.feed AND n.cve = o.cve AND n.to_at IS NULL)
		ORDER BY o.cve`, after)
	return k, wrap("knowledge", err)
}

package store

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// KnownAdvisories answers: what does a feed say now, and since when has it been saying anything about each? By id. fn may read from
// the store.
func (s *Store) KnownAdvisories(ctx context.Context, feed string, fn func(a advisory.Advisory, first time.Time) error) error {
	return wrap("known advisories", each(ctx, s.reader, func(r scanner) error {
		var first time.Time
		a, err := s.scanAdvisory(followed{r, instant{&first}})
		if err != nil {
			return err
		}
		return fn(a, first)
	}, `
		SELECT a.feed, a.id, a.body, (SELECT MIN(o.from_at) FROM advisories o WHERE o.feed = a.feed AND o.id = a.id)
		FROM advisories a WHERE a.feed = $1 AND a.to_at IS NULL ORDER BY a.id`, feed))
}

// followed is a row with one more column than its scan function knows.
type followed struct {
	scanner
	last any
}

func (f followed) Scan(dest ...any) error { return f.scanner.Scan(append(dest, f.last)...) }

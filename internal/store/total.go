package store

import (
	"context"
	"encoding/json"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// DailyTotals answers: what were the totals of the days from one to another, both with them? Oldest first; days that are not counted
// yet are left out.
func (s *Store) DailyTotals(ctx context.Context, from, to string) ([]apiv1.DailyTotal, error) {
	all, err := list(ctx, s.reader, func(r scanner) (t apiv1.DailyTotal, err error) {
		err = r.Scan(document{&t})
		return t, err
	}, `SELECT body FROM daily_totals WHERE day >= $1 AND day <= $2 ORDER BY day`, from, to)
	return all, wrap("daily totals", err)
}

// PutDailyTotal keeps the totals of a day, without a change or an event: they are a cache.
func (s *Store) PutDailyTotal(ctx context.Context, d apiv1.DailyTotal) error {
	body, err := json.Marshal(d)
	if err != nil {
		return wrap("put daily total", err)
	}
	return s.write(ctx, "put daily total", func(t *tx) error {
		_, err := exec(ctx, t, `INSERT INTO daily_totals (day, body) VALUES ($1, $2) ON CONFLICT (day) DO UPDATE SET body = excluded.body`, d.Day, string(body))
		return err
	})
}

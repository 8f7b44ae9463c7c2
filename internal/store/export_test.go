package store

import "context"

// TakeBoth takes from two counters in one transaction, calling between in the middle.
func TakeBoth(ctx context.Context, s *Store, counters [2]string, between func()) error {
	return s.write(ctx, "take both", func(t *tx) error {
		if _, err := take(ctx, t, counters[0], 1); err != nil {
			return err
		}
		between()
		_, err := take(ctx, t, counters[1], 1)
		return err
	})
}

package store

import (
	"context"
	"encoding/json"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
)

// SaveFeedState writes a feed's status: an attempt that failed, or found nothing new.
func (s *Store) SaveFeedState(ctx context.Context, f advisory.FeedState) error {
	_, err := s.record(ctx, "save feed state", func(t *tx) error { return t.saveFeed(ctx, f) })
	return err
}

// saveFeed writes a feed's row and the change that says so.
func (t *tx) saveFeed(ctx context.Context, f advisory.FeedState) error {
	problems, err := encodeList(f.Problems)
	if err != nil {
		return err
	}
	ecosystems, err := encodeList(f.Ecosystems)
	if err != nil {
		return err
	}
	if _, err := exec(ctx, t, `
		INSERT INTO feeds (name, url, etag, last_modified, sha256, records, skipped, problems, ecosystems, as_of, changed_at, attempted_at, error, next_due)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (name) DO UPDATE SET url = excluded.url, etag = excluded.etag, last_modified = excluded.last_modified,
			sha256 = excluded.sha256, records = excluded.records, skipped = excluded.skipped, problems = excluded.problems,
			ecosystems = excluded.ecosystems, as_of = excluded.as_of, changed_at = excluded.changed_at,
			attempted_at = excluded.attempted_at, error = excluded.error, next_due = excluded.next_due`,
		f.Name, f.URL, storable(f.ETag), storable(f.LastModified), f.SHA256, f.Records, f.Skipped, problems, ecosystems,
		micros(f.AsOf), micros(f.ChangedAt), micros(f.AttemptedAt), storable(f.Error), f.NextDue.UnixMicro()); err != nil {
		return err
	}
	return t.change(ctx, f.AttemptedAt, event.ChangeFeed, f.Name)
}

// encodeList is the JSON of a list, "[]" for none.
func encodeList[T any](list []T) (string, error) {
	if list == nil {
		return "[]", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// FeedStates answers: which feeds are there, and how current is each? By name.
func (s *Store) FeedStates(ctx context.Context) ([]advisory.FeedState, error) {
	all, err := list(ctx, s.reader, func(r scanner) (f advisory.FeedState, err error) {
		err = r.Scan(&f.Name, &f.URL, &f.ETag, &f.LastModified, &f.SHA256, &f.Records, &f.Skipped, document{&f.Problems}, document{&f.Ecosystems},
			instant{&f.AsOf}, instant{&f.ChangedAt}, instant{&f.AttemptedAt}, &f.Error, instant{&f.NextDue})
		return f, err
	}, `
		SELECT name, url, etag, last_modified, sha256, records, skipped, problems, ecosystems, as_of, changed_at, attempted_at, error, next_due
		FROM feeds ORDER BY name`)
	return all, wrap("feed states", err)
}

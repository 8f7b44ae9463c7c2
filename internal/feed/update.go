package feed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// take waits for the turn; the caller gives it back with what it gets.
func (s *Service) take(ctx context.Context) (giveBack func(), err error) {
	select {
	case <-s.turn:
		return func() { s.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// update fetches one feed and imports it when it has changed. What was wrong with the source is fault.Unavailable and is written into
// the feed's state; other errors are ours.
func (s *Service) update(ctx context.Context, name string) error {
	giveBack, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	before := states[name]
	before.Name = name
	got, err := fetch(ctx, s.client, s.cfg.Base, name, s.cfg.Temp, s.cfg.Limits, validatorsOf(before))
	if err != nil {
		return s.failed(ctx, before, err)
	}
	defer got.discard()
	after := before
	after.AttemptedAt, after.Error, after.NextDue = s.now(), "", nextDue(name, s.now(), s.interval(name))
	if got == nil || got.digest == before.SHA256 {
		return s.unchanged(ctx, before, after, got)
	}
	after.URL, after.ETag, after.LastModified = got.url, got.etag, got.lastModified
	err = s.load(ctx, got, before, after)
	if fault.KindOf(err) == fault.Invalid {
		return s.failed(ctx, before, err)
	}
	return err
}

func (s *Service) interval(name string) time.Duration {
	if name == kevFeed {
		return s.cfg.KEVInterval
	}
	return s.cfg.Interval
}

// validatorsOf are what to ask the source with; none when an older parser read its last answer. CISA's server ignores ETags.
func validatorsOf(f advisory.FeedState) validators {
	if !strings.HasPrefix(f.SHA256, parserRevision) {
		return validators{}
	}
	v := validators{url: f.URL, etag: f.ETag, lastModified: f.LastModified}
	if f.Name == kevFeed {
		v.etag = ""
	}
	return v
}

// unchanged notes that the source answered, and that it has nothing new. got is nil when it said so itself.
func (s *Service) unchanged(ctx context.Context, before, after advisory.FeedState, got *spooled) error {
	if got == nil || got.live {
		after.AsOf = after.AttemptedAt
	}
	if got != nil {
		after.URL, after.ETag, after.LastModified = got.url, got.etag, got.lastModified
	}
	if err := s.store.SaveFeedState(ctx, after); err != nil {
		return err
	}
	if before.Error == "" {
		return nil
	}
	return s.tell(ctx, event.FeedUpdated, after, "feed "+after.Name+" answers again, with nothing new", nil)
}

// failed writes the failure into the feed's state, whose data stays as it was, and tells of it when the feed was well before. A server
// that is being stopped has not seen the source fail.
func (s *Service) failed(ctx context.Context, before advisory.FeedState, cause error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	after := before
	after.AttemptedAt, after.NextDue = s.now(), retryDue(before, s.now())
	after.Error = intake.Cut(intake.Shown(fault.Message(asFault(cause))), intake.ShownName)
	if err := s.store.SaveFeedState(ctx, after); err != nil {
		return err
	}
	err := fault.Wrap(cause, fault.Unavailable, "feed %s: %s", before.Name, after.Error)
	if before.Error != "" {
		return err
	}
	if eventErr := s.tell(ctx, event.FeedFailed, after, "feed "+after.Name+" cannot be brought up to date: "+after.Error,
		map[string]string{"error": after.Error, "as_of": asOfText(after)}); eventErr != nil {
		return eventErr
	}
	return err
}

// asFault gives a failure's text to the operator: it is about a file or a server of theirs, and holds nothing of ours.
func asFault(err error) error {
	if fault.KindOf(err) != fault.Internal {
		return err
	}
	return fault.New(fault.Unavailable, "%v", err)
}

func asOfText(f advisory.FeedState) string {
	if f.AsOf.IsZero() {
		return "never"
	}
	return f.AsOf.UTC().Format(time.RFC3339)
}

// tell appends an event and writes the log, once for each change of a feed's health or contents.
func (s *Service) tell(ctx context.Context, kind string, f advisory.FeedState, text string, data map[string]string) error {
	if data == nil {
		data = map[string]string{}
	}
	data["feed"] = f.Name
	if kind == event.FeedFailed {
		s.log.WarnContext(ctx, "feed failed", "feed", f.Name, "url", f.URL, "error", f.Error, "data_as_of", asOfText(f))
	} else {
		s.log.InfoContext(ctx, "feed updated", "feed", f.Name, "records", f.Records, "skipped", f.Skipped, "text", text)
	}
	_, err := s.store.AppendEvent(ctx, event.Event{At: f.AttemptedAt, Kind: kind, Actor: "server", Text: text, Data: data})
	return err
}

// load imports a spooled file: one pass to see that it is whole and what it holds, outside any transaction, and one to write. What is
// wrong with the file is fault.Invalid.
func (s *Service) load(ctx context.Context, got *spooled, before, after advisory.FeedState) error {
	in := advisory.Import{At: after.AttemptedAt}
	var found intake.Survey
	var err error
	if bucket, ok := strings.CutPrefix(after.Name, osvPrefix); ok {
		in.Advisories, found, err = s.openOSV(ctx, got, bucket)
	} else {
		in.Overlays, found, err = s.openKEV(got)
	}
	if err == nil {
		err = found.Shrunk(before.Records)
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(err, fault.Invalid, "%v", err)
	}
	after.SHA256 = got.digest
	after.Records, after.Skipped, after.Problems, after.Ecosystems = found.Records, found.Skipped, found.Problems, found.Ecosystems
	after.AsOf, after.ChangedAt = after.AttemptedAt, after.AttemptedAt
	if !got.live {
		after.AsOf = asOf(found.Newest, got.modified, after.AttemptedAt)
	}
	in.State = after
	imported, err := s.store.ImportFeed(ctx, in)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "import feed %s", after.Name)
	}
	text := fmt.Sprintf("feed %s: %d records (%d new or changed, %d ended), %d skipped", after.Name, found.Records, imported.Opened, imported.Closed, found.Skipped)
	return s.tell(ctx, event.FeedUpdated, after, text, map[string]string{
		"records": fmt.Sprint(found.Records), "opened": fmt.Sprint(imported.Opened), "closed": fmt.Sprint(imported.Closed),
		"skipped": fmt.Sprint(found.Skipped), "sha256": strings.TrimPrefix(got.digest, parserRevision),
	})
}

// asOf is how old a file's data is. A file cannot say when its source last answered, so it is as old as its newest record, and never
// younger than the file.
func asOf(newest, modified, now time.Time) time.Time {
	at := now
	for _, t := range []time.Time{newest, modified} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at.UTC()
}

// openOSV surveys an archive and gives the iterator for its second reading.
func (s *Service) openOSV(ctx context.Context, got *spooled, bucket string) (func(func(advisory.Advisory) error) error, intake.Survey, error) {
	a, err := intake.OpenArchive(got.file, got.size, s.cfg.Limits)
	if err != nil {
		return nil, intake.Survey{}, err
	}
	found, err := readOSV(ctx, a, bucket, nil, func(advisory.Advisory) error { return nil })
	return func(yield func(advisory.Advisory) error) error {
		_, err := readOSV(ctx, a, bucket, nil, yield)
		return err
	}, found, err
}

// openKEV is openOSV for the catalogue.
func (s *Service) openKEV(got *spooled) (func(func(advisory.Overlay) error) error, intake.Survey, error) {
	read := func(yield func(advisory.Overlay) error) (intake.Survey, error) {
		if _, err := got.file.Seek(0, 0); err != nil {
			return intake.Survey{}, err
		}
		return readKEV(got.file, s.cfg.Limits, func(k advisory.KEV) error { return yield(advisory.Overlay{CVE: k.CVE, KEV: &k}) })
	}
	found, err := read(func(advisory.Overlay) error { return nil })
	return func(yield func(advisory.Overlay) error) error {
		_, err := read(yield)
		return err
	}, found, err
}

package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// take waits for the turn; the caller gives it back with what it gets.
func (s *Service) take(ctx context.Context) (giveBack func(), err error) {
	select {
	case <-s.turn:
		return func() {
			s.work.end()
			s.turn <- struct{}{}
		}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// update fetches one feed and imports it when it has changed. What was wrong with the source is fault.Unavailable and is written into
// the feed's state; other errors are ours.
func (s *Service) update(ctx context.Context, f source) error {
	giveBack, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	states, err := s.states(ctx)
	if err != nil {
		return err
	}
	before := states[f.name]
	before.Name = f.name
	s.work.begin(apiv1.FeedFetching, f.name, 0, s.now())
	got, err := s.fetcher().fetch(ctx, f, validatorsOf(f, before))
	if errors.Is(err, errNotThere) && s.mayLack(f, before) {
		return s.lacking(ctx, f, before, err)
	}
	if err != nil {
		return s.failed(ctx, before, err)
	}
	defer got.discard()
	after := before
	every := cmp.Or(s.cfg.Interval, f.every)
	after.AttemptedAt, after.Error, after.NextDue = s.now(), "", nextDue(f.name, s.now(), every)
	if got == nil || got.digest == before.SHA256 {
		return s.unchanged(ctx, before, after, got)
	}
	got.stamp(&after)
	err = s.load(ctx, f, got, before, after)
	if fault.KindOf(err) == fault.Invalid {
		return s.failed(ctx, before, err)
	}
	return err
}

// unchanged notes that the source answered, and that it has nothing new. got is nil when it said so itself.
func (s *Service) unchanged(ctx context.Context, before, after advisory.FeedState, got *delivery) error {
	if got == nil || got.live() {
		after.AsOf = after.AttemptedAt
	}
	if got != nil {
		got.stamp(&after)
	}
	if err := s.store.SaveFeedState(ctx, after); err != nil {
		return err
	}
	if before.Error == "" {
		return nil
	}
	return s.tell(ctx, event.FeedUpdated, after, "feed "+after.Name+" answers again, with nothing new", nil)
}

// mayLack says whether it is no failure that the source does not have a feed: a mirror need not have every one, nor a distribution's server
// every release that a host names. One that came from there has vanished.
func (s *Service) mayLack(f source, before advisory.FeedState) bool {
	return (s.cfg.Base != "" || f.ofRelease) && !wasFetched(before)
}

// lacking notes that the source does not have the feed; it is asked again as after a failure. What an import gave stays as it is.
func (s *Service) lacking(ctx context.Context, f source, before advisory.FeedState, cause error) error {
	after := before
	after.AttemptedAt, after.NextDue, after.Error = s.now(), retryDue(before, s.now()), ""
	if !hasData(before) {
		after.URL = s.fetcher().looked(f)
	}
	if !absent(before) {
		s.log.InfoContext(ctx, "the source does not have a feed", "feed", after.Name, "cause", intake.Cut(intake.Shown(cause.Error()), intake.ShownName))
	}
	return s.store.SaveFeedState(ctx, after)
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
	s.log.WarnContext(ctx, "feed failed", "feed", after.Name, "url", after.URL, "error", after.Error, "data_as_of", asOfText(after),
		"cause", intake.Cut(intake.Shown(cause.Error()), intake.ShownName))
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
	if kind != event.FeedFailed { // which is in the log with its cause
		s.log.InfoContext(ctx, "feed updated", "feed", f.Name, "records", f.Records, "skipped", f.Skipped, "text", text)
	}
	_, err := s.store.AppendEvent(ctx, event.Event{At: f.AttemptedAt, Kind: kind, Actor: "server", Text: text, Data: data})
	return err
}

// load imports a feed's files: one pass to see that they are whole and what they hold, outside any transaction, and one to write. What
// is wrong with them is fault.Invalid.
func (s *Service) load(ctx context.Context, f source, got *delivery, before, after advisory.FeedState) error {
	o := intake.Options{Limits: s.asked}
	files := got.opened()
	var gave kinds
	s.work.begin(apiv1.FeedChecking, f.name, before.Records, s.now())
	found, err := readFiles(ctx, f, after.AttemptedAt, files, o, s.work.counting(gave.sink()))
	if err == nil && !f.own {
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
	if !got.live() && (!f.own || got.packed != nil) {
		after.AsOf = asOf(found.Newest, got.modified(), after.AttemptedAt)
	}
	if f.own {
		after.NextDue = gave.ends()
	}
	s.work.begin(apiv1.FeedWriting, f.name, found.Records, s.now())
	return s.write(ctx, s.passes(ctx, f, files, o, gave, after), after)
}

// kinds are which kinds of records a file holds: each kind takes a pass of its own, into a table of its own.
type kinds struct {
	advisories, overlays, lifecycles bool
	until                            string // the first day on which something of the user's own counts for the last time
}

func (k *kinds) sink() intake.Sink {
	return intake.Sink{
		Advisory: func(a advisory.Advisory) error {
			k.advisories = true
			for _, f := range a.Affected {
				if f.Until != "" && (k.until == "" || f.Until < k.until) {
					k.until = f.Until
				}
			}
			return nil
		},
		Overlay:   func(advisory.Overlay) error { k.overlays = true; return nil },
		Lifecycle: func(advisory.Lifecycle) error { k.lifecycles = true; return nil },
	}
}

// passes is an import whose iterators each read the files once more.
func (s *Service) passes(ctx context.Context, f source, files []intake.File, o intake.Options, gave kinds, after advisory.FeedState) advisory.Import {
	pass := func(to intake.Sink) error {
		_, err := readFiles(ctx, f, after.AttemptedAt, files, o, to)
		return err
	}
	counted := s.work.counting
	in := advisory.Import{State: after, At: after.AttemptedAt}
	if gave.advisories {
		in.Advisories = func(yield func(advisory.Advisory) error) error { return pass(counted(intake.Sink{Advisory: yield})) }
	}
	if gave.overlays {
		in.Overlays = func(yield func(advisory.Overlay) error) error { return pass(counted(intake.Sink{Overlay: yield})) }
	}
	if gave.lifecycles {
		in.Lifecycles = func(yield func(advisory.Lifecycle) error) error { return pass(counted(intake.Sink{Lifecycle: yield})) }
	}
	return in
}

// write imports and tells of it.
func (s *Service) write(ctx context.Context, in advisory.Import, after advisory.FeedState) error {
	imported, err := s.store.ImportFeed(ctx, in)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "import feed %s", after.Name)
	}
	text := fmt.Sprintf("feed %s: %d records (%d new or changed, %d ended), %d skipped", after.Name, after.Records, imported.Opened, imported.Closed, after.Skipped)
	_, digest, _ := strings.Cut(after.SHA256, ":")
	return s.tell(ctx, event.FeedUpdated, after, text, map[string]string{
		"records": fmt.Sprint(after.Records), "opened": fmt.Sprint(imported.Opened), "closed": fmt.Sprint(imported.Closed),
		"skipped": fmt.Sprint(after.Skipped), "sha256": digest,
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

package feed

import (
	"context"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// ImportBundle takes in a bundle that another server exported. Its signature must be of a key that is trusted, and nothing of it is read
// otherwise (fault.Invalid, also for a damaged one and one of a newer version). Then each feed is taken in whole or refused whole: it is
// refused when it is damaged, older than what is here, or of a kind that this version does not know. Feeds keep the "as of" of their origin.
func (s *Service) ImportBundle(ctx context.Context, r io.Reader, o BundleOptions) (apiv1.BundleImport, error) {
	spooled, err := spool(r, s.cfg.Temp, s.cfg.MaxArchive)
	if err != nil {
		return apiv1.BundleImport{}, fault.Wrap(err, fault.Invalid, "the bundle cannot be taken in: %v", err)
	}
	defer spooled.discard()
	b, err := openBundle(spooled.file)
	if err != nil {
		return apiv1.BundleImport{}, fault.Wrap(err, fault.Invalid, "the bundle cannot be taken in: %v", err)
	}
	who, err := s.trusts(b.signer, o.Trust)
	if err != nil {
		return apiv1.BundleImport{}, err
	}
	out := apiv1.BundleImport{Signer: ssh.FingerprintSHA256(b.signer), SignedBy: who, Created: b.manifest.Created.UTC(), Items: []apiv1.FeedStatus{}}
	giveBack, err := s.take(ctx)
	if err != nil {
		return apiv1.BundleImport{}, err
	}
	defer giveBack()
	defer s.work.step(0, 0)
	for i, m := range b.manifest.Feeds {
		s.work.step(i+1, len(b.manifest.Feeds))
		s.work.begin(apiv1.FeedChecking, intake.Shown(m.Name), m.Records, s.now())
		status, err := s.importMember(ctx, b, m, o.Force)
		if err != nil {
			return apiv1.BundleImport{}, err
		}
		out.Items = append(out.Items, status)
	}
	return out, nil
}

// importMember takes in one feed of a bundle. What is wrong with it is in the status that it gives; the error is ours.
func (s *Service) importMember(ctx context.Context, b *bundle, m member, force bool) (apiv1.FeedStatus, error) {
	if m.AsOf.After(s.now()) {
		m.AsOf = s.now() // a clock that is ahead; a feed of the future would never count as old, and refuse what comes after it
	}
	states, err := s.states(ctx)
	if err != nil {
		return apiv1.FeedStatus{}, err
	}
	f, known := sourceOf(m.Name)
	before := states[m.Name]
	before.Name = m.Name
	refused := func(format string, args ...any) (apiv1.FeedStatus, error) {
		status := f.status(before)
		status.Name = intake.Shown(m.Name)
		status.Error = "refused: " + fault.Message(fault.New(fault.Invalid, format, args...))
		return status, nil
	}
	section, err := b.open(m)
	switch {
	case !known:
		return refused("this version of Staunch knows no such feed")
	case err != nil:
		return refused("%v", err)
	}
	packed := intake.File{ReaderAt: section, Size: m.Size, Name: m.File, Modified: m.AsOf}
	mine := f.own && before.SHA256 != "" && !strings.HasPrefix(before.SHA256, bundleRevision)
	if mine {
		if same, err := s.isHere(ctx, f, m, packed); same || err != nil {
			return f.status(before), err
		}
	}
	lost, err := s.takenAway(ctx, b.manifest.Releases, f, m, before)
	switch {
	case err != nil:
		return apiv1.FeedStatus{}, err
	case m.AsOf.IsZero():
		return refused("it does not say as of when it is")
	case mine && !force:
		return refused("this server has a list of its own, which the bundle's would replace")
	case m.AsOf.Before(before.AsOf) && !force:
		return refused("it is as of %s, and what is here is newer, as of %s", asOfText(advisory.FeedState{AsOf: m.AsOf}), asOfText(before))
	case len(lost) > 0 && !force:
		return refused("the bundle was made for %s, and would take away what is here of %s: export that too, or use --force", someOf(b.manifest.Releases), someOf(lost))
	}
	f.read, f.readAt, f.revision = readMember(m), nil, bundleRevision
	got := &delivery{digest: f.revision + ":" + m.SHA256, packed: []intake.File{packed}, at: m.AsOf}
	after := before
	after.AttemptedAt, after.Error = s.now(), ""
	if before.NextDue.IsZero() && !f.own {
		after.NextDue = s.now()
	}
	after.URL, after.ETag, after.LastModified = m.URL, "", ""
	if got.digest == before.SHA256 && m.Records == before.Records {
		after.AsOf = m.AsOf
		if err := s.store.SaveFeedState(ctx, after); err != nil {
			return apiv1.FeedStatus{}, err
		}
		return f.status(after), nil
	}
	if force {
		before.Records = 0 // no word on how much smaller it is
	}
	if err := s.load(ctx, f, got, before, after); err != nil {
		if fault.KindOf(err) == fault.Invalid {
			before = states[m.Name]
			return refused("%s", fault.Message(err))
		}
		return apiv1.FeedStatus{}, err
	}
	if states, err = s.states(ctx); err != nil {
		return apiv1.FeedStatus{}, err
	}
	return f.status(states[m.Name]), nil
}

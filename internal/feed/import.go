package feed

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Import takes in a folder laid out like a mirror, or one file: an OSV archive or CISA's catalogue, told apart by what it holds. It gives
// the status of each feed taken in; the error joins what was wrong with the others, whose data stays.
func (s *Service) Import(ctx context.Context, path string) ([]apiv1.FeedStatus, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no file or folder %q", path)
	}
	if !info.IsDir() {
		one, err := s.importPath(ctx, "", path)
		if err != nil {
			return nil, err
		}
		return []apiv1.FeedStatus{one}, nil
	}
	feeds, err := feedsIn(path)
	if err != nil {
		return nil, err
	}
	var done []apiv1.FeedStatus
	var failed []error
	for _, f := range feeds {
		one, err := s.importFolder(ctx, f, path, true)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		done = append(done, one)
	}
	return done, errors.Join(failed...)
}

// feedsIn lists the feeds that a mirror folder holds whole, in the registry's order.
func feedsIn(dir string) ([]source, error) {
	var all []source
	for _, s := range registry() {
		values := []string{""}
		if mark := strings.Index(s.name, "{"); mark >= 0 {
			var err error
			if values, err = s.valuesIn(dir); err != nil {
				return nil, fault.Wrap(err, fault.Invalid, "cannot read the folder %q", dir)
			}
		}
		for _, value := range values {
			one := s.one(value)
			if _, missing, err := one.findIn(dir); err != nil {
				return nil, fault.Wrap(err, fault.Invalid, "cannot read the folder %q", dir)
			} else if missing == "" && one.supported() {
				all = append(all, one)
			}
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NotFound, "the folder %q holds no feeds: they are laid out as osv/NAME/all.zip and kev/known_exploited_vulnerabilities.json", dir)
	}
	return all, nil
}

// valuesIn are the buckets or releases that a folder may have files of, by name: the folders where {} stands.
func (s source) valuesIn(dir string) ([]string, error) {
	above, _, _ := strings.Cut(s.files[0].paths[0], "/{}/")
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(above)))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var values []string
	for _, e := range entries {
		if one, ok := sourceOf(s.one(e.Name()).name); ok && one.title == s.one(e.Name()).title {
			values = append(values, e.Name())
		}
	}
	return values, nil
}

// ImportArchive takes in a folder that comes as a tar, plain or packed. Only files at the places of feeds are unpacked; the rest is passed
// over. It gives the status of every feed in it: error says why one was refused, whose data stayed as it was. fault.Invalid: it is no tar, or
// too large; fault.NotFound: no feed is in it.
func (s *Service) ImportArchive(ctx context.Context, r io.Reader) ([]apiv1.FeedStatus, error) {
	dir, err := os.MkdirTemp(s.cfg.Temp, "staunch-feeds-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the next start of the server removes what is left
	// Where we put it is our own affair.
	bare := strings.NewReplacer(fmt.Sprintf("%q ", dir), "", fmt.Sprintf(" %q", dir), "", dir+string(filepath.Separator), "")
	if err := s.unpackFolder(ctx, r, dir); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the folder cannot be taken in: %s", bare.Replace(err.Error()))
	}
	feeds, err := feedsIn(dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.KindOf(err), "%s", bare.Replace(fault.Message(err)))
	}
	out := make([]apiv1.FeedStatus, 0, len(feeds))
	defer s.work.step(0, 0)
	for i, f := range feeds {
		s.work.step(i+1, len(feeds))
		one, err := s.importFolder(ctx, f, dir, false)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return nil, err
		}
		if err != nil {
			states, problem := s.states(ctx)
			if problem != nil {
				return nil, problem
			}
			kept := states[f.name] // it stays, and is shown
			kept.Name = f.name
			one = f.status(kept)
			one.Error = "refused: " + bare.Replace(fault.Message(err))
			s.log.WarnContext(ctx, "feed refused", "feed", f.name, "error", one.Error) // the answer as a whole is no failure
		}
		out = append(out, one)
	}
	return out, nil
}

// unpackFolder writes the files of a tar that are at the places of feeds, as old as the tar says they are.
func (s *Service) unpackFolder(ctx context.Context, r io.Reader, dir string) error {
	t, err := intake.OpenTar(r, s.cfg.Limits)
	if err != nil {
		return err
	}
	for n := int64(0); ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return intake.Damaged("it is no tar archive, or it is cut off: %v", err)
		case ctx.Err() != nil:
			return ctx.Err()
		case n >= s.cfg.MaxEntries:
			return fmt.Errorf("it has more than %d files", s.cfg.MaxEntries)
		case h.Size > s.cfg.MaxArchive:
			return fmt.Errorf("%s has %d bytes, the limit is %d", intake.Shown(h.Name), h.Size, s.cfg.MaxArchive)
		}
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || !isPlace(name) {
			continue
		}
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := unpackTo(at, t); err != nil {
			return err
		}
		if err := os.Chtimes(at, h.ModTime, h.ModTime); err != nil {
			return err
		}
	}
}

// isPlace says whether a name is that of some feed's file in a mirror; then it is also safe as a path.
func isPlace(name string) bool {
	for _, s := range registry() {
		for _, f := range s.files {
			for _, pattern := range f.paths {
				if ok, err := path.Match(strings.ReplaceAll(pattern, "{}", "*"), name); ok && err == nil && filepath.IsLocal(name) {
					return true
				}
			}
		}
	}
	return false
}

func unpackTo(at string, body io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}

// importFolder takes in one feed's files from a folder. stays: the folder is where the operator keeps it, and worth to be shown.
func (s *Service) importFolder(ctx context.Context, f source, dir string, stays bool) (apiv1.FeedStatus, error) {
	paths, _, err := f.findIn(dir)
	if err != nil {
		return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "cannot read the folder %q", dir)
	}
	var files []*spooled
	defer func() { (&delivery{files: files}).discard() }()
	for _, path := range paths {
		one, err := open(path, s.cfg.Temp, s.cfg.MaxArchive)
		if err != nil {
			return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s cannot be taken in: %v", intake.Shown(path), err)
		}
		if !stays {
			one.url = ""
		}
		files = append(files, one)
	}
	return s.importDelivery(ctx, f, delivered(f, files), paths[0], false)
}

func (s *Service) importPath(ctx context.Context, name, path string) (apiv1.FeedStatus, error) {
	f, err := os.Open(path)
	if err != nil {
		return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "cannot read %q", path)
	}
	defer f.Close() //nolint:errcheck // read only
	return s.importFrom(ctx, name, f, path, false)
}

// ImportFile takes in one feed's file; without a name, what it holds says which feed it is. What is wrong with it is fault.Invalid, and
// the feed's data stays as it was. force: a file that holds suddenly much less is not wrong for that.
func (s *Service) ImportFile(ctx context.Context, name string, r io.Reader, force bool) (apiv1.FeedStatus, error) {
	return s.importFrom(ctx, name, r, "", force)
}

func (s *Service) importFrom(ctx context.Context, name string, r io.Reader, path string, force bool) (apiv1.FeedStatus, error) {
	var f source
	if name != "" {
		var err error
		if f, err = known(name); err != nil {
			return apiv1.FeedStatus{}, err
		}
	}
	got, err := spool(r, s.cfg.Temp, s.cfg.MaxArchive)
	if err != nil {
		return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s cannot be taken in: %v", what(name, path), err)
	}
	defer got.discard()
	got.url, got.name = path, filepath.Base(path)
	if path != "" {
		if info, err := os.Stat(path); err == nil {
			got.modified = info.ModTime()
		}
	}
	if name == "" {
		if name, err = s.infer(ctx, got); err != nil {
			return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s is no feed: %v", what(name, path), err)
		}
		f, _ = sourceOf(name)
	}
	switch {
	case !f.supported():
		return apiv1.FeedStatus{}, fault.New(fault.Invalid, "the feed %s is not supported: %s", f.name, f.why)
	case len(f.files) > 1:
		return apiv1.FeedStatus{}, fault.New(fault.Invalid, "the feed %s has %d files, which belong together: give the folder that holds them", f.name, len(f.files))
	}
	return s.importDelivery(ctx, f, delivered(f, []*spooled{got}), path, force)
}

func (s *Service) importDelivery(ctx context.Context, f source, got *delivery, path string, force bool) (apiv1.FeedStatus, error) {
	giveBack, err := s.take(ctx)
	if err != nil {
		return apiv1.FeedStatus{}, err
	}
	defer giveBack()
	states, err := s.states(ctx)
	if err != nil {
		return apiv1.FeedStatus{}, err
	}
	before := states[f.name]
	before.Name = f.name
	after := before
	after.AttemptedAt, after.Error = s.now(), ""
	if before.NextDue.IsZero() && !f.own {
		after.NextDue = s.now() // the source itself may have newer data
	}
	got.stamp(&after)
	after.ETag, after.LastModified = "", ""
	if force {
		before.Records = 0 // no word on how much smaller it is
	}
	if err := s.load(ctx, f, got, before, after); err != nil {
		if fault.KindOf(err) == fault.Invalid {
			return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s cannot be taken in: %s", what(f.name, path), fault.Message(err))
		}
		return apiv1.FeedStatus{}, err
	}
	if states, err = s.states(ctx); err != nil {
		return apiv1.FeedStatus{}, err
	}
	return f.status(states[f.name]), nil
}

func what(name, path string) string {
	switch {
	case path != "":
		return intake.Shown(path)
	case name != "":
		return "the file for " + name
	}
	return "the file"
}

// infer says which feed a file is: a catalogue when it is not a zip, else the bucket that most of its first records name first.
func (s *Service) infer(ctx context.Context, got *spooled) (string, error) {
	magic := make([]byte, 2)
	if _, err := got.file.ReadAt(magic, 0); err != nil {
		return "", errors.New("it is empty")
	}
	if string(magic) != "PK" {
		return kevFeed, nil
	}
	a, err := intake.OpenArchive(got.file, got.size, s.cfg.Limits)
	if err != nil {
		return "", err
	}
	const enough = 100
	votes := map[string]int{}
	looked := 0
	errEnough := errors.New("enough")
	err = a.Entries(func(e intake.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if looked++; looked > enough {
			return errEnough
		}
		raw, err := a.Read(e)
		if errors.Is(err, intake.ErrRecord) {
			return nil
		}
		if bucket := firstBucket(raw); bucket != "" {
			votes[bucket]++
		}
		return err
	})
	if err != nil && !errors.Is(err, errEnough) {
		return "", err
	}
	best := ""
	for bucket, n := range votes {
		if best == "" || n > votes[best] || n == votes[best] && bucket < best {
			best = bucket
		}
	}
	if best == "" {
		return "", errors.New("none of its first records names a package of an ecosystem that we know")
	}
	return osvFeed(best), nil
}

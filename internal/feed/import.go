package feed

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

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
	files, err := filesIn(path)
	if err != nil {
		return nil, err
	}
	var done []apiv1.FeedStatus
	var failed []error
	for _, f := range files {
		one, err := s.importPath(ctx, f.name, f.path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		done = append(done, one)
	}
	return done, errors.Join(failed...)
}

type feedFile struct{ name, path string }

// filesIn lists a mirror folder's feeds: osv/NAME/all.zip and the catalogue.
func filesIn(dir string) ([]feedFile, error) {
	var files []feedFile
	buckets, err := os.ReadDir(filepath.Join(dir, "osv"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Invalid, "cannot read the folder %q", dir)
	}
	for _, bucket := range buckets {
		path := filepath.Join(dir, "osv", bucket.Name(), "all.zip")
		if _, err := os.Stat(path); err == nil {
			files = append(files, feedFile{osvFeed(bucket.Name()), path})
		}
	}
	for _, name := range catalogueNames() {
		path := filepath.Join(dir, "kev", name)
		if _, err := os.Stat(path); err == nil {
			files = append(files, feedFile{kevFeed, path})
			break
		}
	}
	if len(files) == 0 {
		return nil, fault.New(fault.NotFound, "the folder %q holds no feeds: they are at osv/NAME/all.zip and kev/%s", dir, catalogueNames()[0])
	}
	return files, nil
}

func (s *Service) importPath(ctx context.Context, name, path string) (apiv1.FeedStatus, error) {
	f, err := os.Open(path)
	if err != nil {
		return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "cannot read %q", path)
	}
	defer f.Close() //nolint:errcheck // read only
	return s.importFrom(ctx, name, f, path)
}

// ImportFile takes in one feed's file; without a name, what it holds says which feed it is. What is wrong with it is fault.Invalid, and
// the feed's data stays as it was.
func (s *Service) ImportFile(ctx context.Context, name string, r io.Reader) (apiv1.FeedStatus, error) {
	return s.importFrom(ctx, name, r, "")
}

func (s *Service) importFrom(ctx context.Context, name string, r io.Reader, path string) (apiv1.FeedStatus, error) {
	if name != "" {
		if err := known([]string{name}); err != nil {
			return apiv1.FeedStatus{}, err
		}
	}
	got, err := spool(r, s.cfg.Temp, s.cfg.MaxArchive)
	if err != nil {
		return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s cannot be taken in: %v", what(name, path), err)
	}
	defer got.discard()
	got.url = path
	if path != "" {
		if info, err := os.Stat(path); err == nil {
			got.modified = info.ModTime()
		}
	}
	if name == "" {
		if name, err = s.infer(ctx, got); err != nil {
			return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s is no feed: %v", what(name, path), err)
		}
	}
	return s.importSpooled(ctx, name, got, path)
}

func (s *Service) importSpooled(ctx context.Context, name string, got *spooled, path string) (apiv1.FeedStatus, error) {
	giveBack, err := s.take(ctx)
	if err != nil {
		return apiv1.FeedStatus{}, err
	}
	defer giveBack()
	states, err := s.states(ctx)
	if err != nil {
		return apiv1.FeedStatus{}, err
	}
	before := states[name]
	before.Name = name
	after := before
	after.AttemptedAt, after.Error = s.now(), ""
	if before.NextDue.IsZero() {
		after.NextDue = s.now() // the source itself may have newer data
	}
	after.URL, after.ETag, after.LastModified = got.url, "", ""
	if err := s.load(ctx, got, before, after); err != nil {
		if fault.KindOf(err) == fault.Invalid {
			return apiv1.FeedStatus{}, fault.Wrap(err, fault.Invalid, "%s cannot be taken in: %s", what(name, path), fault.Message(err))
		}
		return apiv1.FeedStatus{}, err
	}
	if states, err = s.states(ctx); err != nil {
		return apiv1.FeedStatus{}, err
	}
	return status(states[name]), nil
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

package feed

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// MirrorOptions say what a folder is to hold.
type MirrorOptions struct {
	Releases []string // as Debian:12, or PyPI, which has none: the feeds that speak of them, and those of every host
	Without  []string // feeds that are left out, as epss or ubuntu/*
	From     string   // URL of another mirror; empty: the official sources
	Client   *http.Client
	Limits   intake.Limits
	Told     func(feed string) // told which feed is fetched now; may be nil
}

// Mirror fetches feeds into a folder that Walk reads, and a server's feeds setting names: without a server. A file is asked for only when
// its source has a newer one, and takes the place of the one before when the whole feed can be read. It gives the status of each feed:
// Error says why one could not be brought up to date; its last good files stay; Absent, that the other mirror does not have it. fault.Invalid: an option is wrong.
func Mirror(ctx context.Context, dir string, o MirrorOptions) ([]apiv1.FeedStatus, error) {
	if err := CheckWithout(o.Without); err != nil {
		return nil, err
	}
	if o.From != "" && !remote(o.From) {
		return nil, fault.New(fault.Invalid, "%q is no http or https URL of a mirror", o.From)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // what is in it is public
		return nil, fault.Wrap(err, fault.Invalid, "the folder %q cannot be made", dir)
	}
	temp, err := os.MkdirTemp(dir, ".fetching-*") // on the same file system, so that files can be renamed
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "nothing can be written to %q", dir)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // a hidden folder, which Walk does not look at
	from := fetcher{client: cautious(o.Client), base: o.From, temp: temp, limits: o.Limits.OrDefault()}
	out := []apiv1.FeedStatus{}
	for _, f := range sourcesFor(o.Releases) {
		if leftOut(o.Without, f.name) {
			continue
		}
		if o.Told != nil && f.supported() {
			o.Told(f.name)
		}
		status := f.status(advisory.FeedState{Name: f.name})
		if f.supported() {
			if err := from.mirror(ctx, dir, f, &status); err != nil {
				return nil, err
			}
		}
		out = append(out, status)
	}
	return out, nil
}

// mirror brings one feed's files up to date. What is wrong with the source is in the status; the error is ours.
func (s fetcher) mirror(ctx context.Context, dir string, f source, status *apiv1.FeedStatus) error {
	known := s.validatorsIn(dir, f)
	got, err := s.fetch(ctx, f, known)
	if errors.Is(err, errNotThere) && s.base != "" && !slices.ContainsFunc(known, func(v validators) bool { return v != validators{} }) {
		status.URL, status.Absent = s.looked(f), true // the other mirror need not have it, and nothing here came from there
		return nil
	}
	if err == nil && got == nil {
		status.URL = f.files[0].addresses(s.base)[0]
		return nil // what is there is the newest
	}
	defer got.discard()
	var found intake.Survey
	if err == nil {
		found, err = readFiles(ctx, f, time.Now(), got.opened(), intake.Options{Limits: s.limits}, intake.Sink{})
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		status.Error = intake.Cut(intake.Shown(fault.Message(asFault(err))), intake.ShownName)
		return nil
	}
	status.URL, status.Records, status.Skipped, status.Problems = got.files[0].url, found.Records, found.Skipped, problemsOf(found.Problems)
	now := time.Now().UTC()
	status.AsOf = &now
	for i, file := range got.files {
		if err := file.keep(filepath.Join(dir, filepath.FromSlash(f.files[i].paths[0]))); err != nil {
			return fault.Wrap(err, fault.Invalid, "%s cannot be written below %q", f.files[i].paths[0], dir)
		}
	}
	return nil
}

// validatorsIn ask for what is newer than the files that are there. Their age is their source's, as keep wrote it.
func (s fetcher) validatorsIn(dir string, f source) []validators {
	known := make([]validators, len(f.files))
	for i, p := range f.files {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p.paths[0])))
		if err == nil && !p.latest {
			known[i] = validators{url: p.addresses(s.base)[0], lastModified: info.ModTime().UTC().Format(http.TimeFormat)}
		}
	}
	return known
}

// keep puts a spooled file at its place: whole and on disk before it has the name.
func (s *spooled) keep(at string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // what is in it is public
		return err
	}
	if err := errors.Join(s.file.Chmod(0o644), s.file.Sync()); err != nil {
		return err
	}
	if changed, err := http.ParseTime(s.lastModified); err == nil {
		if err := os.Chtimes(s.file.Name(), changed, changed); err != nil {
			return err
		}
	}
	return os.Rename(s.file.Name(), at)
}

package feed

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// Knowledge is what a folder of feeds says about some releases.
type Knowledge struct {
	Advisories []advisory.Advisory
	Overlays   []advisory.Overlay
	Lifecycles []advisory.Lifecycle
	KEV        []advisory.KEV // those of Overlays
	Ecosystems []string       // the wanted releases that have data; the others are "not assessed"
	Status     []apiv1.FeedStatus
}

// ReadDir is Walk with everything in memory.
func ReadDir(ctx context.Context, dir string, releases []string) (Knowledge, error) {
	var k Knowledge
	var err error
	k.Status, k.Ecosystems, err = Walk(ctx, dir, releases, intake.Sink{
		Advisory: func(a advisory.Advisory) error {
			k.Advisories = append(k.Advisories, a)
			return nil
		},
		Overlay: func(o advisory.Overlay) error {
			k.Overlays = append(k.Overlays, o)
			if o.KEV != nil {
				k.KEV = append(k.KEV, *o.KEV)
			}
			return nil
		},
		Lifecycle: func(l advisory.Lifecycle) error {
			k.Lifecycles = append(k.Lifecycles, l)
			return nil
		},
	})
	if err != nil {
		return Knowledge{}, err
	}
	return k, nil
}

// Walk reads a folder laid out like a mirror (osv/NAME/all.zip, kev/…, see the registry) without a server: every feed in it that speaks
// of the wanted releases, and of it only what it says of them; nil releases: none, only what is of every host. Records go to the sink
// feed by feed, in a fixed order. It gives the status of each feed, also of those that are not in the folder, and the wanted releases
// that have data. A damaged file is an error (fault.Invalid), and what the sink got is then of no use; a folder that is not there is
// fault.NotFound. The sink's error comes back as it is.
func Walk(ctx context.Context, dir string, releases []string, to intake.Sink) (status []apiv1.FeedStatus, ecosystems []string, err error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, nil, fault.Wrap(err, fault.NotFound, "no folder of feeds at %q", dir)
	}
	wanted := make([]string, 0, len(releases))
	for _, name := range releases {
		wanted = append(wanted, NormalEcosystem(name))
	}
	o := intake.Options{Wanted: func(e string) bool { return slices.Contains(wanted, e) }, Spelt: wanted}
	status = []apiv1.FeedStatus{}
	for _, s := range append(sourcesFor(wanted), ownSources()...) {
		if !s.supported() {
			continue
		}
		one, err := walkOne(ctx, dir, s, o, to)
		if err != nil {
			return nil, nil, err
		}
		if one.found != nil {
			ecosystems = append(ecosystems, one.found.Ecosystems...)
		} else if s.own {
			continue // nobody promised any
		}
		status = append(status, one.status)
	}
	ecosystems = intake.Sorted(slices.DeleteFunc(ecosystems, func(e string) bool { return !slices.Contains(wanted, e) }))
	return status, ecosystems, nil
}

// walked is one feed of a folder; found is nil when it is not there.
type walked struct {
	status apiv1.FeedStatus
	found  *intake.Survey
}

func walkOne(ctx context.Context, dir string, s source, o intake.Options, to intake.Sink) (walked, error) {
	status := s.status(advisory.FeedState{Name: s.name})
	paths, missing, err := s.findIn(dir)
	if err != nil {
		return walked{}, fault.Wrap(err, fault.Invalid, "cannot read %q", dir)
	}
	if missing != "" {
		status.URL = missing
		status.Error = "not in the folder of feeds"
		return walked{status: status}, nil
	}
	var files []intake.File
	var oldest time.Time
	for _, path := range paths {
		f, err := openPlain(path)
		if err != nil {
			return walked{}, fault.Wrap(err, fault.Invalid, "cannot read %q", path)
		}
		defer f.Close() //nolint:errcheck // read only; at most a handful
		info, err := f.Stat()
		if err != nil {
			return walked{}, fault.Wrap(err, fault.Internal, "stat %q", path)
		}
		if oldest.IsZero() || info.ModTime().Before(oldest) {
			oldest = info.ModTime()
		}
		files = append(files, intake.File{ReaderAt: f, Size: info.Size(), Name: filepath.Base(path), Modified: info.ModTime()})
	}
	var stopped error
	found, err := readFiles(ctx, s, time.Now(), files, o, only(to, o, &stopped))
	switch {
	case stopped != nil:
		return walked{}, stopped
	case ctx.Err() != nil:
		return walked{}, ctx.Err()
	case err != nil:
		return walked{}, fault.Wrap(err, fault.Invalid, "%s: %v", paths[0], err)
	}
	at := asOf(found.Newest, oldest, oldest)
	status.URL, status.Records, status.Skipped, status.Problems, status.AsOf = paths[0], found.Records, found.Skipped, problemsOf(found.Problems), &at
	return walked{status: status, found: &found}, nil
}

// only lets through what a feed says of the wanted releases, and keeps the sink's own error apart from damage.
func only(to intake.Sink, o intake.Options, stopped *error) intake.Sink {
	return intake.Sink{
		Advisory: func(a advisory.Advisory) error {
			if slices.ContainsFunc(a.Affected, func(f advisory.Affected) bool { return !o.Wants(f.Ecosystem) }) {
				a.Affected = slices.DeleteFunc(slices.Clone(a.Affected), func(f advisory.Affected) bool { return !o.Wants(f.Ecosystem) })
			}
			if len(a.Affected) == 0 {
				return nil
			}
			*stopped = to.GiveAdvisory(a)
			return *stopped
		},
		Overlay: func(v advisory.Overlay) error {
			*stopped = to.GiveOverlay(v)
			return *stopped
		},
		Lifecycle: func(l advisory.Lifecycle) error {
			*stopped = to.GiveLifecycle(l)
			return *stopped
		},
	}
}

// findIn finds the files of a feed in a folder; missing is where one would be that is not there.
func (s source) findIn(dir string) (paths []string, missing string, err error) {
	for _, f := range s.files {
		path, err := f.findIn(dir)
		switch {
		case err != nil:
			return nil, "", err
		case path == "":
			return nil, filepath.Join(dir, filepath.FromSlash(f.paths[0])), nil
		}
		paths = append(paths, path)
	}
	return paths, "", nil
}

// findIn is the first of a file's places that is there; empty when none is. Of several that fit a pattern the last by name is the newest.
func (p place) findIn(dir string) (string, error) {
	for _, pattern := range p.paths {
		path := filepath.Join(dir, filepath.FromSlash(pattern))
		if !strings.Contains(pattern, "*") {
			switch _, err := os.Stat(path); {
			case err == nil:
				return path, nil
			case !errors.Is(err, fs.ErrNotExist):
				return "", err
			}
			continue
		}
		// Only the last part may be a pattern: what the folder itself is called is not one.
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		for _, e := range slices.Backward(entries) { // by name
			if ok, err := filepath.Match(filepath.Base(path), e.Name()); err != nil || ok && !e.IsDir() {
				return filepath.Join(filepath.Dir(path), e.Name()), err
			}
		}
	}
	return "", nil
}

func problemsOf(in []advisory.Problem) []apiv1.FeedProblem {
	out := make([]apiv1.FeedProblem, 0, len(in))
	for _, p := range in {
		out = append(out, apiv1.FeedProblem(p))
	}
	return out
}

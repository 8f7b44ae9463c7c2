package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/compiled"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// tries is how often feeds are compiled again because the folder changed meanwhile.
const tries = 3

// knowledge is the compiled feeds of one folder for some releases, and where they are kept.
type knowledge struct {
	*compiled.Library
	discard func() // throws the file away, once it has turned out to be damaged; nil: it is nobody else's
}

// know gives what a folder of feeds says of releases: compiled before, or now. Trouble with the cache is only a warning, since the feeds
// are there.
func know(ctx context.Context, opts Options, releases []string, warn func(string, ...any)) (knowledge, error) {
	folder, err := filepath.Abs(opts.Feeds)
	if err != nil {
		return knowledge{}, fault.Wrap(err, fault.Invalid, "the folder of feeds %q has no absolute path", opts.Feeds)
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return knowledge{}, fault.Wrap(err, fault.Invalid, "no folder of feeds at %q", opts.Feeds)
	}
	by := program(os.Executable())
	if opts.NoCache || opts.Cache == "" || by == "" {
		return compileOnce(ctx, opts, folder, releases)
	}
	cache, err := compiled.OpenCache(opts.Cache)
	if err != nil {
		warn("%s; nothing is kept", fault.Message(err))
		return compileOnce(ctx, opts, folder, releases)
	}
	for range tries {
		inputs, err := compiled.Survey(folder)
		if err != nil {
			return knowledge{}, err
		}
		key := compiled.KeyOf(folder, releases, inputs, by)
		l, err := cache.Open(key)
		if err == nil {
			return knowledge{l, func() { cache.Discard(key) }}, nil
		}
		w, err := cache.Create(key)
		if err == nil {
			err = compile(ctx, w, opts, folder, releases, func() bool {
				now, err := compiled.Survey(folder)
				return err == nil && slices.EqualFunc(inputs, now, func(a, b compiled.Input) bool {
					return a.Path == b.Path && a.Size == b.Size && a.Inode == b.Inode && a.Modified.Equal(b.Modified)
				})
			})
		}
		switch {
		case errors.Is(err, errChanged):
			continue
		case fault.KindOf(err) == fault.Internal && err != nil && ctx.Err() == nil:
			warn("the cache %q cannot be written", opts.Cache)
			return compileOnce(ctx, opts, folder, releases)
		case err != nil:
			return knowledge{}, err
		}
		cache.Prune(opts.now())
		if l, err = cache.Open(key); err == nil {
			return knowledge{l, func() { cache.Discard(key) }}, nil
		}
		warn("what was just compiled into %q cannot be read back", opts.Cache)
		return compileOnce(ctx, opts, folder, releases)
	}
	warn("the folder of feeds changed each time it was read: some feeds may be older than others")
	return compileOnce(ctx, opts, folder, releases)
}

// compileOnce compiles for this scan alone.
func compileOnce(ctx context.Context, opts Options, folder string, releases []string) (knowledge, error) {
	dir, err := os.MkdirTemp("", "staunch-scan-")
	if err != nil {
		return knowledge{}, fault.Wrap(err, fault.Internal, "creating a temporary folder")
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is mapped stays readable
	path := filepath.Join(dir, "feeds")
	w, err := compiled.Create(path)
	if err != nil {
		return knowledge{}, err
	}
	if err := compile(ctx, w, opts, folder, releases, func() bool { return true }); err != nil {
		return knowledge{}, err
	}
	l, err := compiled.Open(path)
	if err != nil {
		return knowledge{}, fault.Wrap(err, fault.Internal, "reading what was compiled")
	}
	return knowledge{Library: l}, nil
}

var errChanged = errors.New("the folder of feeds has changed")

// compile reads the folder into w. same is asked at the end whether the folder is still what it was.
func compile(ctx context.Context, w *compiled.Writer, opts Options, folder string, releases []string, same func() bool) error {
	defer w.Abort()
	n := 0
	count := func(err error) error {
		if n++; n%256 == 0 {
			opts.tell("compiling the feeds: records", n)
		}
		return err
	}
	opts.tell("compiling the feeds", 0)
	status, ecosystems, err := feed.Walk(ctx, folder, releases, intake.Sink{
		Advisory:  func(a advisory.Advisory) error { return count(w.Advisory(a)) },
		Overlay:   func(o advisory.Overlay) error { return count(w.Overlay(o)) },
		Lifecycle: func(l advisory.Lifecycle) error { return count(w.Lifecycle(l)) },
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !same(): // half a file of a copy that goes on is damage that mends itself
		return errChanged
	case err != nil && fault.KindOf(err) == fault.Internal:
		return err
	case err != nil:
		return fault.Wrap(err, fault.Invalid, "%s", fault.Message(err))
	case !same():
		return errChanged
	}
	opts.tell("compiling the feeds: records", n)
	return w.Finish(status, ecosystems)
}

// program tells this build, at a path, from any other, which may read the same feeds in another way; empty when it cannot be told. A
// packager may give every file the same time, and one build may have the size of another, so the commit it was built from counts too.
func program(path string, err error) string {
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	parts := []string{path, strconv.FormatInt(info.Size(), 10), info.ModTime().UTC().Format(time.RFC3339Nano)}
	if build, ok := debug.ReadBuildInfo(); ok {
		parts = append(parts, build.Main.Version, build.GoVersion)
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
				parts = append(parts, s.Value)
			}
		}
	}
	return strings.Join(parts, "\n")
}

// Folders are where a user's own data and cache lie, by the XDG base directory specification.
type Folders struct{ Data, Cache string }

// FoldersOf are those of the caller; uid 0 has no home of its own to fill.
func FoldersOf(getenv func(string) string, uid int) Folders {
	home := getenv("HOME")
	of := func(variable, inHome, ofRoot string) string {
		base := getenv(variable)
		switch {
		case filepath.IsAbs(base): // a relative one is to be ignored, says the specification
			return filepath.Join(base, "staunch")
		case uid == 0 && runtime.GOOS != "windows":
			return ofRoot
		case home == "":
			return ""
		}
		return filepath.Join(home, inHome, "staunch")
	}
	return Folders{Data: of("XDG_DATA_HOME", ".local/share", "/var/lib/staunch"), Cache: of("XDG_CACHE_HOME", ".cache", "/var/cache/staunch")}
}

// feeds is the user's own mirror; empty when there is no home for it.
func (f Folders) feeds() string {
	if f.Data == "" {
		return ""
	}
	return filepath.Join(f.Data, "feeds")
}

// feedsIn gives the folder of feeds: the one that was named, or the user's own mirror.
func feedsIn(named, data string) (string, error) {
	own := ""
	if data != "" {
		own = filepath.Join(data, "feeds")
	}
	if named != "" {
		return named, nil
	}
	if own != "" {
		if info, err := os.Stat(own); err == nil && info.IsDir() {
			return own, nil
		}
	}
	return "", fault.New(fault.Invalid, "no feeds: give --feeds DIR, a folder laid out like the official sources, or put one at %s. "+
		"It holds osv/NAME/all.zip, as osv/Debian/all.zip from https://storage.googleapis.com/osv-vulnerabilities/Debian/all.zip, and "+
		"kev/known_exploited_vulnerabilities.json from CISA. staunch feed mirror fetches them", cmp.Or(own, "$XDG_DATA_HOME/staunch/feeds"))
}

// oldFeed is an age at which every source has had news, by far: all that are fetched change each week at least. Dates of releases are
// made long before they are reached, and one's own lists change when one changes them.
const oldFeed = 30 * 24 * time.Hour

func agesSilently(feed string) bool {
	return slices.Contains([]string{"override", "vex", "eol", "distro-info"}, feed)
}

// warningsOfFeeds says what is missing. A feed that is not in the folder is no failure, but what it would say is not known; nor is what
// one would say by now that is old.
func warningsOfFeeds(status []apiv1.FeedStatus, now time.Time) []string {
	var out, absent, old []string
	for _, f := range status {
		if f.AsOf != nil && now.Sub(*f.AsOf) > oldFeed && !agesSilently(f.Name) {
			old = append(old, fmt.Sprintf("%s (%d days)", f.Name, int(now.Sub(*f.AsOf).Hours()/24)))
		}
		switch {
		case f.Error != "" && f.Records == 0 && f.AsOf == nil:
			absent = append(absent, f.Name)
		case f.Error != "":
			out = append(out, fmt.Sprintf("feed %s: %s; what it would say is missing here", f.Name, f.Error))
		}
		if f.Skipped > 0 {
			out = append(out, fmt.Sprintf("feed %s: %s could not be read", f.Name, plural(f.Skipped, "record")))
		}
	}
	if len(old) > 0 {
		out = append(out, "old, so that what became known since does not count here: "+strings.Join(old, ", "))
	}
	if len(absent) > 0 {
		out = append(out, "not in the folder of feeds, so that what they would say is missing here: "+strings.Join(absent, ", "))
	}
	return out
}

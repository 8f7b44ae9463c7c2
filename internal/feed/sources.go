package feed

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed/intake"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// source is one entry of the registry: where a feed's files are, who wants them and what reads them. Where its name ends in a mark, it is
// one feed for each value that hosts have of it; {} stands for the value in files.
type source struct {
	name      string
	title     string
	buckets   []string // whose hosts want it; nil: every host
	files     []place  // every one of them is needed
	every     time.Duration
	read      intake.Adapter
	revision  string                             // part of a file's digest as we keep it: raise it when the same file would be read differently, so that it is read again
	limit     int64                              // bytes of each file, below Limits.MaxArchive; 0: that alone
	own       bool                               // the user's own knowledge: taken in when given, never fetched
	readAt    func(now time.Time) intake.Adapter // in place of read, where what is read depends on the day
	fixesOnly bool                               // it names what was fixed and nothing else
	partial   bool                               // its silence says nothing, so it alone makes no release "assessed"
	why       string                             // why it is not supported; empty: it is
	without   string                             // of a source of every host: what is not known without it
	ofRelease bool                               // it is one of several, for a release that hosts name: its source need not have it
}

// place is where one file of a feed is.
type place struct {
	url   string   // at the official source
	paths []string // in a mirror, the first that is there; the first is ours to write. With *: the newest by name, in folders only
	// latest: the url is of a short text that names the file beside it.
	latest bool
}

const (
	osvPrefix = "osv/"
	kevFeed   = "kev"
)

// Marks at the end of a source's name, and what each takes of a release.
const (
	bucketMark  = "{bucket}"  // Debian of Debian:12
	releaseMark = "{release}" // v3.20 of Alpine:v3.20
	majorMark   = "{major}"   // 15 of SUSE:15.5
	numberMark  = "{number}"  // 15.6 of openSUSE:Leap 15.6
)

// valueOf is what a mark takes of a release.
func valueOf(mark, ecosystem string) string {
	bucket, release, _ := strings.Cut(ecosystem, ":")
	switch mark {
	case bucketMark:
		return bucket
	case majorMark:
		major, _, _ := strings.Cut(release, ".")
		return major
	case numberMark:
		return release[strings.LastIndex(release, " ")+1:]
	}
	return release
}

// split parts a source's name from its mark; without one it is one feed.
func (s source) split() (prefix, mark string) {
	if i := strings.IndexByte(s.name, '{'); i >= 0 {
		return s.name[:i], s.name[i:]
	}
	return s.name, ""
}

// one is a source for one feed: its mark filled in.
func (s source) one(value string) source {
	if prefix, mark := s.split(); mark != "" {
		s.name, s.ofRelease = prefix+value, mark != bucketMark
		if scheme, _ := vercmp.ForEcosystem(value); mark == bucketMark && scheme == vercmp.RPM {
			s.fixesOnly = true // the RPM family's records are errata
		}
	}
	s.title = strings.ReplaceAll(s.title, "{}", value)
	s.files = slices.Clone(s.files)
	for i, f := range s.files {
		s.files[i].url = strings.ReplaceAll(f.url, "{}", url.PathEscape(value))
		s.files[i].paths = slices.Clone(f.paths)
		for j, path := range f.paths {
			s.files[i].paths[j] = strings.ReplaceAll(path, "{}", value)
		}
	}
	return s
}

// forRelease is the feed that a source has for a release, as Debian:12; false when it has none.
func (s source) forRelease(ecosystem string) (source, bool) {
	bucket, _, _ := strings.Cut(ecosystem, ":")
	if s.own || s.buckets != nil && !slices.Contains(s.buckets, bucket) {
		return s, false
	}
	_, mark := s.split()
	if mark == "" {
		return s, true
	}
	value := valueOf(mark, ecosystem)
	return s.one(value), safeName(value)
}

// sourceOf is the source of a feed by its name; false when no feed can have it.
func sourceOf(name string) (source, bool) {
	for _, s := range registry() {
		prefix, mark := s.split()
		value, ok := strings.CutPrefix(name, prefix)
		switch {
		case mark == "" && s.name == name:
			return s, true
		case mark == "" || !ok || !safeName(value) || mark == bucketMark && !slices.Contains(s.buckets, value):
			continue
		}
		return s.one(value), true
	}
	return source{}, false
}

// known finds the source of a feed; fault.Invalid when there is none.
func known(name string) (source, error) {
	if s, ok := sourceOf(name); ok {
		return s, nil
	}
	names := []string{}
	for _, s := range registry() {
		prefix, mark := s.split()
		if mark == bucketMark && strings.HasPrefix(name, prefix) && name != prefix {
			return source{}, fault.New(fault.Invalid, "no feed is named %q: what %s has is %s", intake.Shown(name), strings.TrimSuffix(prefix, "/"), strings.Join(s.buckets, ", "))
		}
		names = append(names, s.name)
	}
	return source{}, fault.New(fault.Invalid, "no feed is named %q: feeds are %s", intake.Shown(name), strings.Join(names, ", "))
}

// sourcesFor are the feeds that speak of releases, by name. Feeds of every host are among them even when there is no release.
func sourcesFor(ecosystems []string) []source {
	var all []source
	for _, s := range registry() {
		if s.buckets == nil && !s.own {
			all = append(all, s)
			continue
		}
		for _, ecosystem := range ecosystems {
			if one, ok := s.forRelease(NormalEcosystem(ecosystem)); ok {
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b source) int { return cmp.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b source) bool { return a.name == b.name })
}

// safeName says whether a part of a host's release may stand in a path and a URL: such names come from agents.
func safeName(name string) bool {
	const others = " ._-+"
	for _, r := range name {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return name != "" && len(name) <= maxID && !strings.HasPrefix(name, ".")
}

// bucketOf is the OSV bucket that holds an ecosystem's records.
func bucketOf(ecosystem string) string {
	bucket, _, _ := strings.Cut(ecosystem, ":")
	return bucket
}

// osvFeed is the name of a bucket's feed.
func osvFeed(bucket string) string { return osvPrefix + bucket }

// fetchable says whether a name is that of a bucket.
func fetchable(bucket string) bool {
	_, ordered := vercmp.ForEcosystem(bucket)
	return ordered && slices.Contains(osvBuckets(), bucket)
}

// ownSources are those of the user's own knowledge.
func ownSources() []source {
	return slices.DeleteFunc(registry(), func(s source) bool { return !s.own })
}

// supported says whether anything reads the source.
func (s source) supported() bool { return s.read != nil || s.readAt != nil }

// status is a feed's state in the words of the API.
func (s source) status(f advisory.FeedState) apiv1.FeedStatus {
	out := apiv1.FeedStatus{
		Name: f.Name, Title: s.title, URL: strings.ReplaceAll(f.URL, "\n", ", "), Records: f.Records, Skipped: f.Skipped, Problems: problemsOf(f.Problems),
		AsOf: instant(f.AsOf), Changed: instant(f.ChangedAt), LastAttempt: instant(f.AttemptedAt), Error: f.Error, Next: instant(f.NextDue), Support: "supported", FixesOnly: s.fixesOnly,
		Absent: absent(f),
	}
	if !s.supported() {
		out.Support, out.Reason, out.Next = "not supported", s.why, nil
	}
	return out
}

package apt

import (
	"bytes"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// Target is one Packages file that apt reads, as `apt-get indextargets` lists it.
type Target struct {
	Repository string // id: URI and suite, without credentials
	URI, Suite string // as configured
	Component  string
	Sources    string // the sources file
	File       string // its Packages file, in whatever compression apt keeps; it may be absent
	Release    string // InRelease or Release file without that ending, as /var/lib/apt/lists/mirror_dists_stable_
	Origin     string // the rest is of the Release file, empty before the first fetch
	Label      string
	Archive    string
	Codename   string
}

// maxTargets bounds what a sources file can make us read.
const maxTargets = 20_000

// ParseTargets reads `apt-get indextargets`; everything that is no Packages file of binary packages is left out.
func ParseTargets(out []byte) []Target {
	r := dpkg.NewReader(bytes.NewReader(out), "MetaKey", "Filename", "Created-By", "Target-Of", "Repo-URI", "Release", "Component",
		"Sourcesentry", "Origin", "Label", "Suite", "Codename")
	var ts []Target
	for len(ts) < maxTargets {
		s, err := r.Next()
		var bad *dpkg.Malformed
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return ts // io.EOF: reading memory gives no other error
		}
		if s.Get("Created-By") != "Packages" || s.Get("Target-Of") != "deb" || s.Get("Filename") == "" {
			continue
		}
		uri := withoutCredentials(s.Get("Repo-URI"))
		t := Target{
			URI: clip(uri, 768), Suite: clip(s.Get("Release"), 255), Component: clip(s.Get("Component"), 128),
			File: s.Get("Filename"), Origin: clip(s.Get("Origin"), 128), Label: clip(s.Get("Label"), 128),
			Archive: clip(s.Get("Suite"), 128), Codename: clip(s.Get("Codename"), 128),
		}
		t.Repository = t.URI + " " + t.Suite
		t.Sources = clip(sourcesFile(s.Get("Sourcesentry")), 1024)
		t.Release = releasePrefix(t.File, s.Get("MetaKey"))
		ts = append(ts, t)
	}
	return ts
}

// withoutCredentials strips user and password, and the slash at the end that apt adds.
func withoutCredentials(uri string) string {
	if u, err := url.Parse(uri); err == nil && u.User != nil {
		u.User = nil
		uri = u.String()
	} else if err != nil {
		if scheme, rest, ok := strings.Cut(uri, "//"); ok {
			if i := strings.LastIndexByte(rest, '@'); i >= 0 {
				rest = rest[i+1:]
			}
			uri = scheme + "//" + rest
		}
	}
	return strings.TrimSuffix(uri, "/")
}

// sourcesFile cuts the line number off "/etc/apt/sources.list.d/debian.sources:1".
func sourcesFile(entry string) string {
	if i := strings.LastIndexByte(entry, ':'); i > 0 {
		return entry[:i]
	}
	return entry
}

// releasePrefix gives the common beginning of a repository's files in the lists folder: the name of a Packages file without the path
// inside the repository. Empty when the two do not fit.
func releasePrefix(file, metaKey string) string {
	key := strings.ReplaceAll(metaKey, "/", "_")
	dir, base := filepath.Split(file)
	i := strings.LastIndex(base, key)
	if i < 0 || key == "" {
		return ""
	}
	return dir + base[:i]
}

package apply

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// maxListFiles bounds how many lists are looked at.
const maxListFiles = 4000

// index is one Packages file that apt would read, in apt's own words.
type index struct {
	File       string // where apt finds it
	MetaKey    string // its name inside the signed index
	URI, Suite string // of its repository, as the host's sources have them
	Component  string
	Arch       string
	Sources    string // the sources file that names it
}

// parseIndexes reads `apt-get indextargets`.
func parseIndexes(out []byte) []index {
	r := dpkg.NewReader(bytes.NewReader(out), "MetaKey", "Filename", "Created-By", "Target-Of", "Repo-URI", "Release", "Component", "Architecture", "Sourcesentry")
	var all []index
	for len(all) < maxListFiles {
		s, err := r.Next()
		var bad *dpkg.Malformed
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return all
		}
		if s.Get("Created-By") != "Packages" || s.Get("Target-Of") != "deb" || s.Get("Filename") == "" || s.Get("MetaKey") == "" {
			continue
		}
		file := s.Get("Sourcesentry")
		if i := strings.LastIndexByte(file, ':'); i > 0 {
			file = file[:i]
		}
		all = append(all, index{
			File: s.Get("Filename"), MetaKey: s.Get("MetaKey"), URI: s.Get("Repo-URI"), Suite: s.Get("Release"),
			Component: s.Get("Component"), Arch: s.Get("Architecture"), Sources: file,
		})
	}
	return all
}

// source is what one entry of the host's sources says about trust.
type source struct {
	SignedBy string // as written; several lines when the key itself stands there. Empty: the host's general keyring
	Expires  string // Check-Valid-Until as written
}

// findSource looks in a sources file for the entry of a repository. arch is the host's, for $(ARCH) in suites.
func findSource(file []byte, deb822 bool, uri, suite, arch string) (source, bool) {
	if deb822 {
		return findDeb822(file, uri, suite, arch)
	}
	for line := range strings.Lines(string(file)) {
		line, _, _ = strings.Cut(line, "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
		if word != "deb" {
			continue
		}
		var s source
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "[") {
			options, after, _ := strings.Cut(rest[1:], "]")
			for _, o := range strings.Fields(options) {
				switch name, value, _ := strings.Cut(o, "="); strings.ToLower(name) {
				case "signed-by":
					s.SignedBy = value
				case "check-valid-until":
					s.Expires = value
				}
			}
			rest = after
		}
		if f := strings.Fields(rest); len(f) >= 2 && sameURI(f[0], uri) && expand(f[1], arch) == suite {
			return s, true
		}
	}
	return source{}, false
}

func findDeb822(file []byte, uri, suite, arch string) (source, bool) {
	r := dpkg.NewReader(bytes.NewReader(file), "Types", "URIs", "Suites", "Signed-By", "Check-Valid-Until")
	for {
		s, err := r.Next()
		var bad *dpkg.Malformed
		switch {
		case errors.As(err, &bad):
			continue
		case err != nil:
			return source{}, false
		}
		if slices.Contains(strings.Fields(s.Get("Types")), "deb") &&
			slices.ContainsFunc(strings.Fields(s.Get("URIs")), func(u string) bool { return sameURI(u, uri) }) &&
			slices.ContainsFunc(strings.Fields(s.Get("Suites")), func(n string) bool { return expand(n, arch) == suite }) {
			return source{SignedBy: s.Get("Signed-By"), Expires: s.Get("Check-Valid-Until")}, true
		}
	}
}

func expand(suite, arch string) string { return strings.ReplaceAll(suite, "$(ARCH)", arch) }

func sameURI(a, b string) bool {
	return withoutUser(strings.TrimSuffix(a, "/")) == withoutUser(strings.TrimSuffix(b, "/"))
}

// withoutUser cuts user and password off, which apt's own listing leaves out.
func withoutUser(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, path, slash := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if slash {
		host += "/" + path
	}
	return scheme + "://" + host
}

// repository is one signed index that the staged lists claim to come from.
type repository struct {
	index  index // one of its Packages files
	dir    string
	source source
}

// release is the path of the signed index below a repository's address: dists/SUITE, or the suite itself where that is a path.
func (r repository) release() string {
	if strings.HasSuffix(r.index.Suite, "/") {
		return strings.Trim(r.index.Suite, "/.")
	}
	return "dists/" + r.index.Suite
}

// verifySources is the sources file with which apt checks the signatures of repositories that lie in local folders. Only what decides
// about trust is taken from the host's own entries; nothing here can make an unsigned repository acceptable.
func verifySources(repos []repository) []byte {
	var b bytes.Buffer
	for _, r := range repos {
		_, _ = fmt.Fprintf(&b, "Types: deb\nURIs: copy:%s\nSuites: %s\n", r.dir, r.index.Suite)
		if !strings.HasSuffix(r.index.Suite, "/") {
			_, _ = fmt.Fprintf(&b, "Components: %s\n", r.index.Component)
		}
		if r.index.Arch != "" {
			_, _ = fmt.Fprintf(&b, "Architectures: %s\n", r.index.Arch)
		}
		if s := r.source.SignedBy; s != "" {
			_, _ = fmt.Fprintf(&b, "Signed-By: %s\n", strings.ReplaceAll(s, "\n", "\n "))
		}
		if r.source.Expires != "" {
			_, _ = fmt.Fprintf(&b, "Check-Valid-Until: %s\n", r.source.Expires)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// fileHash is one line of a signed index.
type fileHash struct {
	SHA256 string
	Size   int64
}

// parseSigned reads the SHA256 section of an InRelease or Release file that apt has verified. Of a clear-signed file only what stands
// between the head and the signature counts.
func parseSigned(b []byte) map[string]fileHash {
	if _, after, ok := bytes.Cut(b, []byte("-----BEGIN PGP SIGNED MESSAGE-----\n")); ok {
		_, b, _ = bytes.Cut(after, []byte("\n\n"))
		b, _, _ = bytes.Cut(b, []byte("\n-----BEGIN PGP SIGNATURE-----"))
	}
	out := map[string]fileHash{}
	inside := false
	for line := range bytes.Lines(b) {
		text := string(bytes.TrimRight(line, "\r\n"))
		if !strings.HasPrefix(text, " ") {
			inside = strings.EqualFold(strings.TrimSpace(text), "SHA256:")
			continue
		}
		f := strings.Fields(text)
		var size int64
		if inside && len(f) == 3 && len(f[0]) == 64 {
			if _, err := fmt.Sscan(f[1], &size); err == nil {
				out[f[2]] = fileHash{strings.ToLower(f[0]), size}
			}
		}
	}
	return out
}

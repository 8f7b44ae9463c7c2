package inspect

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// maxPURL bounds a package URL; the longest seen, with the checksums of a container layer, have some 400 bytes.
const maxPURL = 4096

// purl is a package URL (github.com/package-url/purl-spec), its parts decoded.
type purl struct {
	kind, namespace, name, version string
	qualifiers                     map[string]string
	subpath                        string
}

// parsePURL reads scheme:type/namespace/name@version?qualifiers#subpath. The case of names is kept: the library
// that reads the user's VEX (packageurl-go) lowers the names of Go modules, as the specification says, and then advisories, which write
// github.com/BurntSushi/toml, are not found.
func parsePURL(s string) (purl, error) {
	bad := func(why string) error { return fmt.Errorf("%q is no package URL: %s", clip(s, 100), why) }
	if len(s) > maxPURL {
		return purl{}, bad("it is too long")
	}
	rest, ok := strings.CutPrefix(s, "pkg:")
	if !ok {
		return purl{}, bad("it does not begin with pkg:")
	}
	rest, subpath, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	p := purl{qualifiers: map[string]string{}}
	var err error
	if p.subpath, err = url.PathUnescape(strings.Trim(subpath, "/")); err != nil {
		return purl{}, bad("its subpath is not encoded rightly")
	}
	for pair := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(v)
		if err != nil {
			return purl{}, bad("a qualifier is not encoded rightly")
		}
		if k != "" && value != "" {
			p.qualifiers[strings.ToLower(k)] = value
		}
	}
	rest = strings.Trim(rest, "/")
	kind, rest, ok := strings.Cut(rest, "/")
	if !ok || kind == "" {
		return purl{}, bad("it has no type and name")
	}
	p.kind = strings.ToLower(kind)
	version := ""
	if at := strings.LastIndexByte(rest, '@'); at > 0 && !strings.Contains(rest[at:], "/") { // @scope/name begins with one
		rest, version = rest[:at], rest[at+1:]
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	for i := range parts {
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return purl{}, bad("its name is not encoded rightly")
		}
		parts[i] = part
	}
	p.name, p.namespace = parts[len(parts)-1], strings.Join(parts[:len(parts)-1], "/")
	if p.version, err = url.PathUnescape(version); err != nil {
		return purl{}, bad("its version is not encoded rightly")
	}
	if p.name == "" {
		return purl{}, bad("it has no name")
	}
	return p, nil
}

// language gives the ecosystem of a language's package URL, and name and version as OSV's advisories write them.
func (p purl) language() (ecosystem, name, version string, ok bool) {
	joined := func(separator string) string {
		if p.namespace == "" {
			return p.name
		}
		return p.namespace + separator + p.name
	}
	switch p.kind {
	case "pypi":
		return "PyPI", pythonName(p.name), p.version, true
	case "npm":
		return "npm", joined("/"), p.version, true
	case "golang":
		if p.namespace == "" && (p.name == "go" || p.name == "stdlib") { // osv-scalibr calls it go
			return "Go", "stdlib", toolchainVersion(p.version), true
		}
		return "Go", joined("/"), goVersion(p.version), true
	case "cargo":
		return "crates.io", p.name, p.version, true
	case "maven":
		return "Maven", joined(":"), p.version, true
	case "gem":
		return "RubyGems", p.name, gemPlatform().ReplaceAllString(p.version, ""), true
	case "nuget":
		return "NuGet", p.name, p.version, true
	case "composer":
		return "Packagist", strings.ToLower(joined("/")), p.version, true
	}
	return "", "", "", false
}

// pythonName is a name as PEP 503 has it: lower case, runs of - _ . as one dash.
func pythonName(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '-' || r == '_' || r == '.' }), "-")
}

// goVersion is a module's version without the v, as OSV writes it.
func goVersion(s string) string { return strings.TrimPrefix(s, "v") }

// The patterns are compiled when the first package of their kind is met: most scans meet none.

// toolchain is a Go version with the words that say it is not yet that release. What else follows the numbers is who built the toolchain
// and how, and says nothing of order: go1.26.6-X:boringcrypto, go1.22.5 (Red Hat 1.22.5-1.el9), go1.21.5-custom.
var toolchain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:go|v)?([0-9]+(?:\.[0-9]+){1,2})(?:-?(rc|beta|pre)\.?([0-9]+))?`)
})

// toolchainVersion is the version of a toolchain as OSV writes that of the standard library: go1.22rc1 is 1.22-rc.1. One that is built
// from a commit has none and is given back as it is.
func toolchainVersion(s string) string {
	m := toolchain().FindStringSubmatch(s)
	switch {
	case m == nil:
		return s
	case m[2] == "":
		return m[1]
	}
	return m[1] + "-" + m[2] + "." + m[3]
}

// gemPlatform is what RubyGems and Bundler put behind the version of a gem that holds compiled code: 1.13.6-x86_64-linux-musl, 9.4.0-java.
// Taken for a part of the version it would be a pre-release, and before the fix that it is.
var gemPlatform = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`-(?:java|jruby|ruby|dalvik|universal|x86|x64|x86_64|i[3-6]86|amd64|arm|arm64|armv[0-9a-z]+|aarch64|ppc(?:64(?:le)?)?|powerpc(?:64(?:le)?)?|s390x|riscv64|loongarch64|mswin[0-9]*|mingw[0-9]*|darwin|linux|freebsd)(?:-.*)?$`)
})

// majorSubpath: a module's path ends so from its second major version on.
var majorSubpath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|/)v(?:[2-9]|[1-9][0-9]+)$`) })

// spelled gives a Go module or an npm package the name back that its package URL may have lost. Libraries lower the names of both, as the
// specification says, and advisories write github.com/BurntSushi/toml; syft writes what follows the third part of a module's path as a
// subpath, and github.com/golang-jwt/jwt/v5 is another module than github.com/golang-jwt/jwt. own is the component's own name, which tells.
func (p purl) spelled(name, own string) string {
	if p.kind != "golang" && p.kind != "npm" {
		return name
	}
	whole := name
	if p.subpath != "" {
		whole += "/" + p.subpath
	}
	switch {
	case strings.EqualFold(own, whole), strings.EqualFold(own, name):
		return own
	case p.kind == "golang" && majorSubpath().MatchString(p.subpath):
		return whole
	}
	return name
}

package inspect

import (
	"fmt"
	"net/url"
	"strings"
)

// maxPURL bounds a package URL; the longest seen, with the checksums of a container layer, have some 400 bytes.
const maxPURL = 4096

// purl is a package URL (github.com/package-url/purl-spec), its parts decoded.
type purl struct {
	kind, namespace, name, version string
	qualifiers                     map[string]string
}

// parsePURL reads scheme:type/namespace/name@version?qualifiers#subpath. The subpath is not kept, and the case of names is: the library
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
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	p := purl{qualifiers: map[string]string{}}
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
	var err error
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
		if p.namespace == "" && p.name == "go" { // as osv-scalibr calls it
			return "Go", "stdlib", goVersion(p.version), true
		}
		return "Go", joined("/"), goVersion(p.version), true
	case "cargo":
		return "crates.io", p.name, p.version, true
	case "maven":
		return "Maven", joined(":"), p.version, true
	case "gem":
		return "RubyGems", p.name, p.version, true
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

// goVersion is a version without the v of modules or the go of the toolchain, as OSV writes both.
func goVersion(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "v"), "go")
}

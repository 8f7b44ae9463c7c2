package assess

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/vercmp"
)

// modular says whether a version of the RPM family was built in a module: Red Hat writes .module+el8, the rebuilds .module_el8.
func modular(v string) bool { return strings.Contains(v, ".module") }

// moduleStream is the name and stream of a module label: rpm's own label is name:stream:version:context.
func moduleStream(label string) string {
	name, rest, ok := strings.Cut(label, ":")
	if !ok {
		return label
	}
	stream, _, _ := strings.Cut(rest, ":")
	return name + ":" + stream
}

// upstream is epoch and upstream version, without the release: what builds of one stream and of another may share only by chance of
// being the same code.
func upstream(v string) string {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v = v[:i]
	}
	return strings.TrimPrefix(v, "0:")
}

// track is the minor release that a build of the RPM family was made for: 9_2 of 1.0-1.el9_2.3 and 8_6 of 1.0-1.module+el8.6.0+1+abc. A
// build of the major release alone (el9) has none: every minor release takes it over.
func track(scheme vercmp.Scheme, v string) string {
	if scheme != vercmp.RPM {
		return ""
	}
	for i := strings.LastIndex(v, "el"); i > 0; i = strings.LastIndex(v[:i], "el") {
		major, rest := digits(v[i+2:])
		if major == "" || strings.IndexByte("._+", v[i-1]) < 0 {
			continue // elrepo, model
		}
		if rest == "" || (rest[0] != '_' && (rest[0] != '.' || !modular(v))) {
			return ""
		}
		if minor, _ := digits(rest[1:]); minor != "" {
			return major + "_" + minor
		}
		return ""
	}
	return ""
}

// digits cuts the decimal digits in front.
func digits(s string) (number, rest string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}

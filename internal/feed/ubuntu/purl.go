package ubuntu

import (
	"net/url"
	"strings"
)

// purl is what we use of pkg:deb/ubuntu/NAME@VERSION?arch=source&distro=esm-infra/jammy.
type purl struct {
	name, version, arch, distro string
}

// parsePurl reads a purl of an Ubuntu package. Canonical leaves + and : of versions as they are, others escape them: both are read.
func parsePurl(s string) (purl, bool) {
	const most = 1 << 10
	rest, ok := strings.CutPrefix(s, "pkg:deb/ubuntu/")
	if !ok || len(s) > most {
		return purl{}, false
	}
	rest, query, _ := strings.Cut(rest, "?")
	name, version, _ := strings.Cut(rest, "@")
	var p purl
	var err error
	if p.name, err = url.PathUnescape(name); err != nil || p.name == "" {
		return purl{}, false
	}
	if p.version, err = url.PathUnescape(version); err != nil {
		return purl{}, false
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if value, err = url.PathUnescape(value); err != nil {
			return purl{}, false
		}
		switch key {
		case "arch":
			p.arch = value
		case "distro":
			p.distro = value
		}
	}
	return p, true
}

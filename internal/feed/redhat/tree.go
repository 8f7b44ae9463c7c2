package redhat

import (
	"net/url"
	"strings"
)

// place is what a product id means: a package, with or without its version, in a release of RHEL.
type place struct {
	Product
	name    string
	version string // EVR; empty where the id names a component
	arch    string
	stream  string
}

// tree resolves product ids.
type tree struct {
	cpes      map[string]string
	purls     map[string]string
	relations map[string]relationship
}

func (d *document) tree() tree {
	t := tree{map[string]string{}, map[string]string{}, map[string]relationship{}}
	var walk func(branches []branch)
	walk = func(branches []branch) {
		for i := range branches {
			p := &branches[i].Product
			if p.ID != "" && p.Helper.CPE != "" {
				t.cpes[p.ID] = p.Helper.CPE
			}
			if p.ID != "" && p.Helper.PURL != "" {
				t.purls[p.ID] = p.Helper.PURL
			}
			walk(branches[i].Branches)
		}
	}
	walk(d.Tree.Branches)
	for _, r := range d.Tree.Relationships {
		t.relations[r.Product.ID] = r
	}
	return t
}

// maxSteps: a package of a module of a release takes two.
const maxSteps = 4

// find resolves an id; false when it is no package of a release of RHEL.
func (t tree) find(id string) (place, bool) {
	r, ok := t.relations[id]
	if !ok {
		return place{}, false
	}
	p, ok := t.component(r.Reference)
	if !ok {
		return place{}, false
	}
	for range maxSteps {
		if cpe := t.cpes[r.RelatesTo]; cpe != "" {
			p.Product, ok = ProductOf(cpe)
			return p, ok
		}
		if r, ok = t.relations[r.RelatesTo]; !ok {
			return place{}, false
		}
		if p.stream == "" {
			p.stream = t.module(r.Reference)
		}
	}
	return place{}, false
}

// module is the stream that an id means: of its purl, pkg:rpmmod/redhat/postgresql@15:9040020240812115436:rhel9, or the id itself.
func (t tree) module(id string) string {
	text, ok := t.purls[id]
	if !ok {
		return streamOf(id)
	}
	if u, ok := parsePURL(text); ok && u.kind == "rpmmod" {
		return streamOf(u.name + ":" + u.version)
	}
	return ""
}

// component reads what an id says of the package itself: from its purl, or where it has none from the id, which is then a name,
// module:stream/name or a file's name-epoch:version-release.arch, with ::module:stream after it.
func (t tree) component(id string) (place, bool) {
	if text, ok := t.purls[id]; ok {
		u, ok := parsePURL(text)
		if !ok || u.kind != "rpm" || u.namespace != "redhat" {
			return place{}, false
		}
		p := place{name: u.name, version: u.version, arch: u.qualifiers["arch"], stream: streamOf(u.qualifiers["rpmmod"])}
		if epoch := u.qualifiers["epoch"]; epoch != "" && p.version != "" {
			p.version = epoch + ":" + p.version
		}
		return p, true
	}
	if module, name, ok := strings.Cut(id, "/"); ok {
		p := place{name: name, stream: streamOf(module)}
		return p, p.stream != "" && !strings.ContainsAny(name, "/:")
	}
	if strings.Contains(id, ":") {
		file, module, _ := strings.Cut(id, "::")
		p, ok := parseNEVRA(file)
		p.stream = streamOf(module)
		return p, ok
	}
	return place{name: id}, true
}

// streamOf is name:stream of name:stream:version:context; empty where it is not of that shape.
func streamOf(module string) string {
	name, rest, _ := strings.Cut(module, ":")
	stream, _, _ := strings.Cut(rest, ":")
	if name == "" || stream == "" {
		return ""
	}
	return name + ":" + stream
}

// parseNEVRA reads name-epoch:version-release.arch, or without the arch.
func parseNEVRA(s string) (place, bool) {
	nevr, arch := s, ""
	if dot := strings.LastIndexByte(s, '.'); dot >= 0 && isArch(s[dot+1:]) {
		nevr, arch = s[:dot], s[dot+1:]
	}
	release := strings.LastIndexByte(nevr, '-')
	if release < 0 {
		return place{}, false
	}
	version := strings.LastIndexByte(nevr[:release], '-')
	if version <= 0 {
		return place{}, false
	}
	return place{name: nevr[:version], version: nevr[version+1:], arch: arch}, true
}

// isArch: those that RHEL was ever built for.
func isArch(s string) bool {
	switch s {
	case "x86_64", "aarch64", "ppc64le", "ppc64", "ppc", "s390x", "s390", "i686", "i386", "ia64", "noarch", "src", "nosrc":
		return true
	}
	return false
}

// purl is a package URL, pkg:rpm/redhat/bind@9.8.2-1.el6?arch=src&epoch=32.
type purl struct {
	kind, namespace, name, version string
	qualifiers                     map[string]string
}

func parsePURL(s string) (purl, bool) {
	rest, ok := strings.CutPrefix(s, "pkg:")
	if !ok {
		return purl{}, false
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	u := purl{qualifiers: map[string]string{}}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		u.qualifiers[key] = unescaped(value)
	}
	rest, version, _ := strings.Cut(rest, "@")
	parts := strings.Split(rest, "/")
	if len(parts) != 3 {
		return purl{}, false
	}
	u.kind, u.namespace, u.name, u.version = parts[0], unescaped(parts[1]), unescaped(parts[2]), unescaped(version)
	return u, u.name != ""
}

// unescaped decodes %2B; text that is not encoded soundly stays as it is, and fails as a name or a version.
func unescaped(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

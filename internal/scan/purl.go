package scan

import (
	"net/url"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// purl names a package as the package URL specification does (purl-spec, PURL-TYPES.rst).
func purl(p inventory.Package, os apiv1.OSRelease) string {
	name, release, _ := strings.Cut(p.Ecosystem, ":")
	kind, namespace, distro := purlType(name), "", ""
	switch kind {
	case "deb", "rpm", "apk", "alpm":
		namespace = strings.ToLower(os.ID)
		if namespace == "" {
			namespace = strings.ToLower(strings.ReplaceAll(name, " ", ""))
		}
		distro = namespace
		if r := strings.ToLower(release); r != "" {
			distro += "-" + strings.TrimPrefix(r, "v")
		}
	}
	pkg := p.Name
	if namespace == "" { // npm's scopes, Go's paths, Maven's groups
		separator := "/"
		if kind == "maven" {
			separator = ":"
		}
		if i := strings.LastIndex(pkg, separator); i > 0 {
			namespace, pkg = pkg[:i], pkg[i+1:]
			if kind == "maven" {
				namespace = strings.ReplaceAll(namespace, ":", "/")
			}
		}
	}
	var b strings.Builder
	b.WriteString("pkg:" + kind + "/")
	if namespace != "" {
		for part := range strings.SplitSeq(namespace, "/") {
			b.WriteString(escaped(part) + "/")
		}
	}
	version, epoch := p.Version, ""
	if kind == "rpm" {
		if e, rest, ok := strings.Cut(version, ":"); ok {
			epoch, version = e, rest
		}
	}
	b.WriteString(escaped(pkg) + "@" + escaped(version))
	separator := "?"
	for _, q := range [][2]string{{"arch", p.Arch}, {"distro", distro}, {"epoch", epoch}} { // sorted, as the specification wants it
		if q[1] != "" && (q[0] != "epoch" || epoch != "0") {
			b.WriteString(separator + q[0] + "=" + escaped(q[1]))
			separator = "&"
		}
	}
	return b.String()
}

func purlType(ecosystem string) string {
	switch ecosystem {
	case "Debian", "Ubuntu", "Echo":
		return "deb"
	case "AlmaLinux", "Rocky Linux", "Red Hat", "CentOS", "Fedora", "SUSE", "openSUSE", "Amazon Linux", "Oracle Linux", "Azure Linux", "Mageia", "openEuler", "Photon OS":
		return "rpm"
	case "Alpine", "Wolfi", "Chainguard", "Alpaquita", "MinimOS":
		return "apk"
	case "Arch Linux":
		return "alpm"
	case "PyPI":
		return "pypi"
	case "npm":
		return "npm"
	case "Go":
		return "golang"
	case "crates.io":
		return "cargo"
	case "Maven":
		return "maven"
	case "RubyGems":
		return "gem"
	case "NuGet":
		return "nuget"
	case "Packagist":
		return "composer"
	}
	return "generic"
}

// escaped is percent-encoding as purl has it: a colon stays, a plus does not.
func escaped(s string) string {
	s = url.PathEscape(visible(s))
	return strings.NewReplacer("%3A", ":", "+", "%2B", "@", "%40", "&", "%26", "=", "%3D", "$", "%24", "/", "%2F").Replace(s)
}

// installations finds the binary packages that a finding names.
type installations struct {
	os  apiv1.OSRelease
	all map[[2]string][]inventory.Package // ecosystem, name
}

func installationsOf(s *session) installations {
	in := installations{os: s.out.OS, all: map[[2]string][]inventory.Package{}}
	for _, p := range s.installed {
		k := [2]string{p.Ecosystem, p.Name}
		in.all[k] = append(in.all[k], p)
	}
	return in
}

// of gives the packages of a finding, by its order of names; every architecture of each, and of several versions the one that it is about.
// A language's package that lies in several places is there once.
func (in installations) of(f apiv1.Finding) []inventory.Package {
	var out []inventory.Package
	add := func(p inventory.Package) {
		if !slices.ContainsFunc(out, func(o inventory.Package) bool { return o.Name == p.Name && o.Version == p.Version && o.Arch == p.Arch }) {
			out = append(out, p)
		}
	}
	for _, name := range f.Packages {
		n := len(out)
		installed := in.all[[2]string{f.Ecosystem, name}]
		for _, p := range installed {
			if assess.SubjectOf(p).Version == f.Installed {
				add(p)
			}
		}
		if len(out) > n {
			continue
		}
		for _, p := range installed { // what is on disk took the place of the version that is meant
			p.Version = f.Installed
			add(p)
		}
	}
	return out
}

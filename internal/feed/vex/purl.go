package vex

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// place is where a product of a statement meets hosts.
type place struct {
	ecosystem, pkg string
	version        string // empty: every version
	stream         string // module stream, as nodejs:20
}

// maxPurl bounds a package URL in bytes.
const maxPurl = 2 << 10

// placeOf finds the place that a package URL names, or says why it cannot.
func placeOf(text string) (place, error) {
	if len(text) > maxPurl {
		return place{}, fmt.Errorf("the package URL is longer than %d bytes", maxPurl)
	}
	u, err := packageurl.FromString(text)
	if err != nil {
		return place{}, fmt.Errorf("not a package URL: %w", err)
	}
	p := place{pkg: u.Name, version: u.Version}
	q := u.Qualifiers.Map()
	switch u.Type {
	case "deb", "apk", "rpm":
		if p.ecosystem, err = distribution(u.Type, u.Namespace, q["distro"]); err == nil {
			err = p.system(u.Type, u.Name, q)
		}
	case "alpm":
		if p.ecosystem = "Arch Linux"; u.Namespace != "arch" {
			err = fmt.Errorf("%q is not a distribution that is known", intake.Shown(u.Namespace))
		}
	default:
		if err = p.language(u.Type, u.Namespace, u.Name); u.Type == "golang" {
			p.pkg = asWritten(text, p.pkg)
		}
		p.pkg = intake.PackageName(p.ecosystem, p.pkg)
	}
	switch {
	case err != nil:
		return place{}, err
	case !sound(p.pkg, maxName):
		return place{}, errors.New("the package's name is too long or not printable")
	case p.version != "":
		if err := checkVersion(p.ecosystem, p.version); err != nil {
			return place{}, err
		}
	}
	return p, checkEcosystem(p.ecosystem)
}

// system fills in what package URLs of distributions say beside name and version. Debian's, Ubuntu's and Alpine's records are about
// sources: a statement about one binary package is not one about its siblings (linux-libc-dev is not the kernel).
func (p *place) system(kind, name string, q map[string]string) error {
	arch, upstream := q["arch"], q["upstream"]
	upstream, _, _ = strings.Cut(upstream, "@")
	if kind != "rpm" {
		if arch == "source" || upstream == name || arch == "" && upstream == "" {
			return nil
		}
		return errors.New("it names a binary package, and this distribution's records are about sources: name the source, with arch=source")
	}
	if arch == "src" || arch == "source" {
		return errors.New("it names a source package, and this distribution's records are about binary ones")
	}
	if epoch := q["epoch"]; epoch != "" && p.version != "" && !strings.Contains(p.version, ":") {
		p.version = epoch + ":" + p.version
	}
	if module := q["rpmmod"]; module != "" { // name:stream:version:context
		parts := strings.SplitN(module, ":", 3)
		if len(parts) < 2 || !sound(parts[0], maxName) || !sound(parts[1], maxName) {
			return fmt.Errorf("the module %q does not name its stream", intake.Shown(module))
		}
		p.stream = parts[0] + ":" + parts[1]
	}
	return nil
}

// distributions are those of package URLs: by their namespace, which of our names they have and how many numbers their release has.
var distributions = map[string]struct {
	name    string
	numbers int
	prefix  string
}{
	"deb/debian": {"Debian", 1, ""}, "deb/ubuntu": {"Ubuntu", 2, ""},
	"apk/alpine":    {"Alpine", 2, "v"},
	"rpm/almalinux": {"AlmaLinux", 1, ""}, "rpm/rocky": {"Rocky Linux", 1, ""}, "rpm/rockylinux": {"Rocky Linux", 1, ""},
	"rpm/redhat": {"Red Hat", 1, ""}, "rpm/rhel": {"Red Hat", 1, ""}, "rpm/fedora": {"Fedora", 1, ""}, "rpm/centos": {"CentOS", 1, ""},
	"rpm/ol": {"Oracle Linux", 1, ""}, "rpm/oracle": {"Oracle Linux", 1, ""}, "rpm/oraclelinux": {"Oracle Linux", 1, ""},
	"rpm/amzn": {"Amazon Linux", 1, ""}, "rpm/amazon": {"Amazon Linux", 1, ""}, "rpm/amazonlinux": {"Amazon Linux", 1, ""},
	"rpm/azurelinux": {"Azure Linux", 1, ""}, "rpm/mariner": {"Azure Linux", 1, ""}, "rpm/sles": {"SUSE", 2, ""},
	"rpm/suse": {"SUSE", 2, ""}, "rpm/opensuse": {"openSUSE", 2, "Leap "}, "rpm/photon": {"Photon OS", 2, ""},
}

// codenames of releases that a distro qualifier may name instead of a number.
var codenames = map[string]string{
	"deb/debian jessie": "8", "deb/debian stretch": "9", "deb/debian buster": "10", "deb/debian bullseye": "11", "deb/debian bookworm": "12", "deb/debian trixie": "13",
	"deb/ubuntu trusty": "14.04", "deb/ubuntu xenial": "16.04", "deb/ubuntu bionic": "18.04", "deb/ubuntu focal": "20.04", "deb/ubuntu jammy": "22.04",
	"apk/alpine edge": "edge", "deb/ubuntu noble": "24.04", "deb/ubuntu oracular": "24.10", "deb/ubuntu plucky": "25.04", "deb/ubuntu questing": "25.10", "deb/ubuntu resolute": "26.04",
}

// distroForm is a distro qualifier with a number: an os-release ID before it, or not; debian-12, alpine-3.20.1, sles-15-sp5, 24.04.
var distroForm = regexp.MustCompile(`^(?:([a-z][a-z_-]*?)[-:]?v?)?([0-9]+)(?:(?:\.|-?sp)([0-9]+))?(?:\.[0-9]+)*$`)

// ids are the os-release IDs that a distro qualifier may begin with.
var ids = map[string][]string{
	"Debian": {"debian"}, "Ubuntu": {"ubuntu"}, "Alpine": {"alpine"}, "AlmaLinux": {"almalinux", "alma"}, "Rocky Linux": {"rocky", "rockylinux"},
	"Red Hat": {"rhel", "redhat"}, "Fedora": {"fedora"}, "CentOS": {"centos"}, "Oracle Linux": {"ol", "oracle", "oraclelinux"}, "Amazon Linux": {"amzn", "amazon", "amazonlinux"},
	"Azure Linux": {"azurelinux", "mariner", "cbl-mariner"}, "SUSE": {"sles", "suse", "sle"}, "openSUSE": {"opensuse", "opensuse-leap", "leap"}, "Photon OS": {"photon"},
}

// distribution is the ecosystem of a namespace and a distro qualifier.
func distribution(kind, namespace, distro string) (string, error) {
	key := kind + "/" + namespace
	switch key {
	case "apk/wolfi":
		return "Wolfi", nil
	case "apk/chainguard":
		return "Chainguard", nil
	}
	d, ok := distributions[key]
	if !ok {
		return "", fmt.Errorf("%q is not a distribution that is known", intake.Shown(key))
	}
	if distro == "" {
		return "", fmt.Errorf("it does not say which release of %s: add distro=", d.name)
	}
	unknown := fmt.Errorf("the distro %q is not a release of %s", intake.Shown(distro), d.name)
	distro = strings.ToLower(distro)
	if code, ok := codenames[key+" "+strings.TrimPrefix(distro, namespace+"-")]; ok {
		return d.name + ":" + code, nil
	}
	m := distroForm.FindStringSubmatch(distro)
	if m == nil || m[1] != "" && !slices.Contains(ids[d.name], m[1]) {
		return "", unknown
	}
	release := m[2]
	switch {
	case d.numbers == 2 && m[3] != "":
		release += "." + m[3]
	case d.numbers == 2 && d.name != "SUSE": // SLE 15 is a release of its own
		return "", unknown
	}
	return d.name + ":" + d.prefix + release, nil
}

// asWritten is the name of a Go module with the case that the package URL gives it. The library lowers it, as the specification says, and
// then it is not that of hosts and advisories, which write github.com/BurntSushi/toml.
func asWritten(text, lowered string) string {
	_, rest, _ := strings.Cut(text, "/") // behind pkg:golang
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	rest, _, _ = strings.Cut(rest, "@")
	name, err := url.PathUnescape(strings.Trim(rest, "/"))
	if err != nil || !strings.EqualFold(name, lowered) {
		return lowered
	}
	return name
}

// language finds the ecosystem of a language's packages and their name there.
func (p *place) language(kind, namespace, name string) error {
	joined := name
	if namespace != "" {
		joined = namespace + "/" + name
	}
	switch kind {
	case "pypi":
		p.ecosystem = "PyPI"
	case "npm":
		p.ecosystem, p.pkg = "npm", joined
	case "golang":
		p.ecosystem, p.pkg = "Go", joined
	case "cargo":
		p.ecosystem = "crates.io"
	case "gem":
		p.ecosystem = "RubyGems"
	case "nuget":
		p.ecosystem = "NuGet"
	case "composer":
		p.ecosystem, p.pkg = "Packagist", joined
	case "maven":
		p.ecosystem, p.pkg = "Maven", strings.Replace(joined, "/", ":", 1)
		if namespace == "" {
			return errors.New("it does not name its group")
		}
	default:
		return fmt.Errorf("packages of type %q are not known", intake.Shown(kind))
	}
	return nil
}

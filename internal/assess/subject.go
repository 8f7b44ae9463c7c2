package assess

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Subject is what advisories speak of: a source package at a version where a release's advisories name sources (deb, apk, Rocky Linux), a
// binary one where they name binaries (the rest of the RPM family, and others). Packages of one subject are judged together, once.
type Subject struct {
	Ecosystem string
	Name      string // as advisories name it
	Version   string
	Source    string // as the host names its source, for people
	Foreign   bool   // known to come from somewhere else than the distribution: its advisories do not speak of it
	Stream    string
}

// SubjectOf says what advisories would call a package.
func SubjectOf(p inventory.Package) Subject {
	s := Subject{Ecosystem: p.Ecosystem, Name: p.Source, Version: p.SourceVersion, Source: p.Source, Foreign: foreign(p), Stream: p.Stream}
	if !namesSources(p.Ecosystem) {
		s.Name, s.Version = p.Name, p.Version
		if scheme, _ := vercmp.ForEcosystem(p.Ecosystem); scheme == vercmp.NuGet { // its names are shown as their author writes them, and compared without regard to case
			s.Name = strings.ToLower(p.Name)
		}
		return s
	}
	s.Name, s.Version = unsigned(p.Ecosystem, p.Source, p.SourceVersion)
	if s.Name != p.Source {
		s.Source = s.Name
	}
	return s
}

// namesSources: the advisories of a release name source packages and their versions. Rocky's OSV records do, alone in the RPM family: krb5 and
// not krb5-libs, ruby and not rubygem-irb (its Apollo gives src packages only).
func namesSources(ecosystem string) bool {
	scheme, _ := vercmp.ForEcosystem(ecosystem)
	return scheme == vercmp.Deb || scheme == vercmp.APK || rocky(ecosystem)
}

func rocky(ecosystem string) bool { return strings.HasPrefix(ecosystem, "Rocky Linux:") }

// Unordered says that the ecosystem has no order for the subject's version, so nothing can be said of it.
func (s Subject) Unordered() bool {
	scheme, ok := vercmp.ForEcosystem(s.Ecosystem)
	return ok && vercmp.Valid(scheme, s.Version) != nil
}

// Streamless says that the subject was built in a module and that nobody says of which stream.
func (s Subject) Streamless() bool { return s.Stream == "" && modular(s.Version) }

// spokenOf are the names under which advisories may speak of a subject. The RPM family's name binary packages where they name versions;
// Red Hat's VEX says of a component, which is a source package, what is not fixed or was never there.
func (s Subject) spokenOf() []named {
	names := []named{{s.Ecosystem, s.Name}}
	if scheme, _ := vercmp.ForEcosystem(s.Ecosystem); scheme == vercmp.RPM && s.Source != "" && s.Source != s.Name {
		names = append(names, named{s.Ecosystem, s.Source})
	}
	return names
}

// Names are those under which advisories of its ecosystem may speak of a subject.
func (s Subject) Names() []string {
	var out []string
	for _, k := range s.spokenOf() {
		out = append(out, k.name)
	}
	return out
}

// unsigned undoes kernel signing. Debian builds linux-image-* from linux-signed-amd64 6.1.140+1, which carries the binaries of
// linux 6.1.140-1; Ubuntu from linux-signed, or linux-signed-hwe-6.8, at the version of linux or linux-hwe-6.8. Advisories name the latter.
func unsigned(ecosystem, source, version string) (string, string) {
	rest, signed := strings.CutPrefix(source, "linux-signed")
	switch {
	case !signed:
		return source, version
	case strings.HasPrefix(ecosystem, "Ubuntu:"):
		return "linux" + rest, version
	case slices.Contains([]string{"-amd64", "-arm64", "-i386"}, rest):
		return "linux", strings.Replace(version, "+", "-", 1)
	}
	// An older kernel beside the release's own: linux-signed-6.1-amd64 is of linux-6.1.
	for _, arch := range []string{"-amd64", "-arm64", "-i386"} {
		if flavour, ok := strings.CutSuffix(rest, arch); ok {
			return "linux" + flavour, strings.Replace(version, "+", "-", 1)
		}
	}
	return source, version
}

// foreign needs a known origin and a distribution whose own origins are known; everything else is matched. Snaps and flatpaks are
// somebody else's by nature, and a backport says of itself that it is one, wherever its list of packages has gone.
func foreign(p inventory.Package) bool {
	if p.Ecosystem == apiv1.EcosystemSnap || p.Ecosystem == apiv1.EcosystemFlatpak {
		return true
	}
	distro, _, _ := strings.Cut(p.Ecosystem, ":")
	if own := origins(distro); own != nil {
		return p.Origin != "" && !slices.Contains(own, p.Origin) && !fipsKernel(p) || strings.Contains(p.Version, backport)
	}
	own := vendors(distro)
	return p.Origin != "" && own != nil && (strings.HasPrefix(p.Origin, "obs://") || !slices.ContainsFunc(own, func(word string) bool { return strings.Contains(p.Origin, word) }))
}

// origins are the words with which a distribution's own repositories name their origin. A backport is not among them: the
// distribution's advisories give the versions of the release, and nobody promises a backport the same fixes.
func origins(distro string) []string {
	switch distro {
	case "Debian":
		return []string{"Debian"}
	case "Ubuntu":
		return []string{"Ubuntu", "UbuntuESM", "UbuntuESMApps", "UbuntuRealtimeKernel", "UbuntuROS", "UbuntuROSUpdates"}
	}
	return nil
}

// vendors are parts of the names under which those build rpms whose builds a distribution's advisories speak of. The rebuilds of Red Hat's
// stand together, since a host that was converted keeps packages of the one it came from. EPEL's builds are Fedora's, Remi's are his, and
// MariaDB's own server, without the epoch of Red Hat's, is below every fix of it. What a user of SUSE's build service made is under obs://.
func vendors(distro string) []string {
	switch distro {
	case "Red Hat", "AlmaLinux", "Rocky Linux", "Oracle Linux":
		return []string{"Red Hat", "AlmaLinux", "Rocky", "Oracle America", "CentOS"}
	case "SUSE", "openSUSE":
		return []string{"SUSE"}
	case "Amazon Linux":
		return []string{"Amazon"}
	case "Azure Linux":
		return []string{"Microsoft"}
	}
	return nil
}

// fipsKernel: of what Ubuntu builds for FIPS only kernels have names of their own, under which its advisories speak of them.
func fipsKernel(p inventory.Package) bool {
	return strings.HasPrefix(p.Origin, "UbuntuFIPS") && strings.HasPrefix(p.Source, "linux-") && strings.Contains(p.Source, "fips")
}

// backport is in the version of every package of Debian's and Ubuntu's backports: 6.12.90-2~bpo12+1 is made of testing's 6.12.90-2, of which
// bookworm's tracker says nothing.
const backport = "~bpo"

package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// component is one entry of an SBOM, whatever its format.
type component struct {
	kind          string // CycloneDX's type in lower case; operating-system decides the release
	about         bool   // what the document is about: it decides where no other does
	name, version string
	purl          string
	properties    map[string]string // of the tool that made it
	sourceInfo    string            // SPDX's free text, in which Trivy names the source
}

// document gathers the components of an SBOM and makes packages of them.
type document struct {
	findings
	components []component
	foreign    map[string]int // components of a purl type that is none of ours
	unnamed    int            // libraries without a purl
	homeless   int            // packages of a distribution whose release is not known
	sourceless map[string]int // by purl type: packages without a source
	sourced    map[string]int
	epochs     int // rpms of Red Hat's family that name an epoch, and those that do not
	epochless  int
}

// familyIDs are the names that tools use in place of os-release's ID: Trivy's families, and the namespaces of package URLs.
var familyIDs = map[string]string{
	"alma": "almalinux", "redhat": "rhel", "amazon": "amzn", "oracle": "ol", "oraclelinux": "ol", "cbl-mariner": "mariner", "rockylinux": "rocky",
	"opensuse.leap": "opensuse-leap", "opensuse leap": "opensuse-leap", "suse linux enterprise server": "sles", "suse": "sles",
	"archlinux": "arch", "azure": "azurelinux",
}

// codenames are the releases that a qualifier may name by a word.
var codenames = map[string]string{
	"debian jessie": "8", "debian stretch": "9", "debian buster": "10", "debian bullseye": "11", "debian bookworm": "12", "debian trixie": "13", "debian forky": "14",
	"ubuntu trusty": "14.04", "ubuntu xenial": "16.04", "ubuntu bionic": "18.04", "ubuntu focal": "20.04", "ubuntu jammy": "22.04", "ubuntu noble": "24.04",
	"ubuntu oracular": "24.10", "ubuntu plucky": "25.04", "ubuntu questing": "25.10", "ubuntu resolute": "26.04",
}

// release makes an OS of what a document calls it.
func release(name, version string) apiv1.OSRelease {
	id := strings.ToLower(strings.TrimSpace(name))
	version, _, _ = strings.Cut(strings.TrimSpace(version), " ") // "2 (Karoo)"
	id = cmp.Or(familyIDs[id], id)
	r := apiv1.OSRelease{ID: clip(id, 64), VersionID: clip(version, 64), Name: clip(strings.TrimSpace(name+" "+version), 256)}
	r.Ecosystem = collect.Ecosystem(r.ID, r.VersionID)
	return r
}

// distro makes an OS of the qualifier distro: debian-12, opensuse-leap-15.5, arch; or of the namespace and what is left of it: 3.20.1 as
// Trivy writes it for Alpine, bookworm as osv-scalibr and the specification's own examples do.
func distro(namespace, qualifier string) apiv1.OSRelease {
	id, version := qualifier, ""
	if at := strings.LastIndexByte(qualifier, '-'); at >= 0 && at+1 < len(qualifier) {
		if rest := qualifier[at+1:]; rest[0] >= '0' && rest[0] <= '9' || codenames[qualifier[:at]+" "+rest] != "" {
			id, version = qualifier[:at], rest
		}
	}
	if named := release(id, cmp.Or(codenames[id+" "+version], version)); named.Ecosystem != "" || namespace == "" {
		return named
	}
	if within := release(namespace, cmp.Or(codenames[namespace+" "+qualifier], qualifier)); within.Ecosystem != "" {
		return within
	}
	return release(id, version)
}

// make turns components into a result.
func (d *document) make() Result {
	d.foreign, d.sourceless, d.sourced = map[string]int{}, map[string]int{}, map[string]int{}
	os := d.os()
	for _, c := range d.components {
		d.component(c, os)
	}
	for _, kind := range slices.Sorted(maps.Keys(d.foreign)) {
		d.warn("%d components of type %q are left out: packages of that kind are not assessed", d.foreign[kind], kind)
	}
	if d.unnamed > 0 {
		d.warn("%d components have no package URL: what they are cannot be known, and they are left out", d.unnamed)
	}
	if d.homeless > 0 {
		d.warn("%d packages of a distribution are of no release that is known: the SBOM names none, or one without advisories", d.homeless)
	}
	// A tool that records sources leaves out those that equal the package's own name. One that records none says nothing of any.
	for _, kind := range slices.Sorted(maps.Keys(d.sourceless)) {
		if d.sourced[kind] == 0 {
			d.warn("none of the %d packages of type %q says from which source it was built: advisories name sources, so each is judged under its own name and most findings will be missing; "+
				"let the tool that made the SBOM record them (syft and trivy do)", d.sourceless[kind], kind)
		}
	}
	if d.epochs == 0 && d.epochless >= manyRPMs {
		d.warn("none of the %d packages of type \"rpm\" names an epoch, and a tenth of this distribution's have one: a package that lacks its own looks older than every fix of it, "+
			"and will be reported as vulnerable; let the tool that made the SBOM record epochs (syft and trivy do)", d.epochless)
	}
	return d.result(os)
}

// manyRPMs is so many that one at least has an epoch: of the 20 smallest, shadow-utils, dbus and openssl-libs do.
const manyRPMs = 30

// os is the component that is the operating system, or else what most package URLs name.
func (d *document) os() apiv1.OSRelease {
	votes, best := map[string]int{}, ""
	var named *component
	for i, c := range d.components {
		if c.kind == operatingSystem && c.name != "" && (named == nil || named.about && !c.about) {
			named = &d.components[i]
		}
		if p, err := parsePURL(c.purl); err == nil && p.qualifiers["distro"] != "" {
			votes[p.namespace+"\x00"+p.qualifiers["distro"]]++
		}
	}
	if named != nil {
		return release(named.name, named.version)
	}
	for q, n := range votes {
		if n > votes[best] || n == votes[best] && q < best {
			best = q
		}
	}
	if best == "" {
		return apiv1.OSRelease{}
	}
	namespace, qualifier, _ := strings.Cut(best, "\x00")
	return distro(namespace, qualifier)
}

func (d *document) component(c component, os apiv1.OSRelease) {
	if c.purl == "" {
		return // the operating system
	}
	p, err := parsePURL(c.purl)
	if err != nil {
		d.warn("%s", err)
		return
	}
	if p.version == "" {
		p.version = c.version
	}
	if ecosystem, name, version, ok := p.language(); ok {
		if version == "" && c.kind == "application" {
			return // the project itself
		}
		d.add(Package{Package: apiv1.Package{Name: p.spelled(name, c.name), Version: version, Ecosystem: ecosystem}, Location: c.purl})
		return
	}
	ecosystem := os.Ecosystem
	if q := p.qualifiers["distro"]; q != "" {
		ecosystem = cmp.Or(distro(p.namespace, q).Ecosystem, os.Ecosystem)
	}
	switch p.kind {
	case "deb":
		d.add(d.built(d.deb(c, p), p.kind, ecosystem, c))
	case "apk":
		d.add(d.built(d.apk(c, p), p.kind, ecosystem, c))
	case "alpm":
		d.add(d.built(apiv1.Package{Name: p.name, Arch: p.qualifiers["arch"], Version: p.version}, p.kind, cmp.Or(ecosystem, "Arch Linux"), c))
	case "rpm":
		made, err := d.rpm(c, p)
		if err != nil {
			d.warn("%s: left out: %s", clip(c.purl, 200), err)
			return
		}
		if made.Name != "" {
			d.add(d.built(made, p.kind, ecosystem, c))
			d.countEpoch(made.Version, ecosystem)
		}
	case "oci", "docker", "github", "generic", "swid": // what the SBOM is about, or things no package manager installed
	default:
		d.foreign[clip(p.kind, 32)]++
	}
}

func (d *document) built(p apiv1.Package, kind, ecosystem string, c component) Package {
	if kind == "deb" || kind == "apk" || strings.HasPrefix(ecosystem, "Rocky Linux:") { // where advisories name sources
		if p.Source == "" && p.SourceVersion == "" {
			d.sourceless[kind]++
		} else {
			d.sourced[kind]++
		}
	}
	if p.Source == p.Name {
		p.Source = ""
	}
	if p.SourceVersion == p.Version {
		p.SourceVersion = ""
	}
	if p.Ecosystem = ecosystem; ecosystem == "" {
		d.homeless++
	}
	return Package{Package: p, Location: c.purl}
}

// deb takes the source from where the tools put it: the qualifier upstream (syft: NAME or NAME@VERSION), syft's and Trivy's
// properties, or the free text that Trivy writes into SPDX.
func (d *document) deb(c component, p purl) apiv1.Package {
	out := apiv1.Package{Name: p.name, Arch: p.qualifiers["arch"], Version: withEpoch(p.version, p.qualifiers["epoch"])}
	out.Source, out.SourceVersion = source(c, p)
	return out
}

func source(c component, p purl) (name, version string) {
	if up := p.qualifiers["upstream"]; up != "" {
		name, version, _ = strings.Cut(up, "@")
		return name, version
	}
	if name := p.qualifiers["source"]; name != "" {
		return name, p.qualifiers["source_version"]
	}
	if name := c.properties["aquasecurity:trivy:SrcName"]; name != "" {
		version := c.properties["aquasecurity:trivy:SrcVersion"]
		if r := c.properties["aquasecurity:trivy:SrcRelease"]; r != "" && version != "" {
			version += "-" + r
		}
		return name, withEpoch(version, c.properties["aquasecurity:trivy:SrcEpoch"])
	}
	if name := c.properties["syft:metadata:source"]; name != "" {
		return name, c.properties["syft:metadata:sourceVersion"]
	}
	if rest, ok := strings.CutPrefix(c.sourceInfo, "built package from: "); ok {
		if f := strings.Fields(rest); len(f) == 2 {
			return f[0], f[1]
		}
	}
	return "", ""
}

func withEpoch(version, epoch string) string {
	if epoch == "" || epoch == "0" || version == "" || strings.Contains(version, ":") {
		return version
	}
	return epoch + ":" + version
}

// apk names the origin, whose version is the package's own.
func (d *document) apk(c component, p purl) apiv1.Package {
	out := apiv1.Package{Name: p.name, Arch: p.qualifiers["arch"], Version: p.version}
	out.Source, _ = source(c, p)
	out.Source = cmp.Or(out.Source, c.properties["syft:metadata:originPackage"])
	return out
}

// rpm goes through the same checks as a header of rpm's database. An empty name: no package at all, a public key.
func (d *document) rpm(c component, p purl) (apiv1.Package, error) {
	version, release, ok := cutLast(p.version, '-')
	if !ok {
		return apiv1.Package{}, fmt.Errorf("its version has no release")
	}
	epoch := p.qualifiers["epoch"]
	if e, v, has := strings.Cut(version, ":"); has {
		epoch, version = e, v
	} else if e, v, has := strings.Cut(c.version, ":"); has && epoch == "" && v == p.version && strings.Trim(e, "0123456789") == "" {
		epoch = e // some tools name it beside the package URL alone
	}
	tags := rpm.Tags{
		Name: p.name, Epoch: epoch, Version: version, Release: release, Arch: p.qualifiers["arch"], SourceRPM: p.qualifiers["upstream"],
		Module: cmp.Or(p.qualifiers["rpmmod"], p.qualifiers["modularitylabel"], c.properties["aquasecurity:trivy:Modularitylabel"],
			c.properties["syft:metadata:modularityLabel"]),
		Vendor: c.properties["syft:metadata:vendor"],
	}
	if name := c.properties["aquasecurity:trivy:SrcName"]; tags.SourceRPM == "" && name != "" {
		tags.SourceRPM = fmt.Sprintf("%s-%s-%s.src.rpm", name, c.properties["aquasecurity:trivy:SrcVersion"], c.properties["aquasecurity:trivy:SrcRelease"])
	}
	made, ok, err := rpm.Make(tags)
	if err != nil || !ok {
		return apiv1.Package{}, err
	}
	return collect.FromRPM([]rpm.Package{made})[0], nil
}

// countEpoch counts the packages of the distributions some of whose have epochs; SUSE's have none.
func (d *document) countEpoch(version, ecosystem string) {
	distro, _, _ := strings.Cut(ecosystem, ":")
	switch {
	case !slices.Contains([]string{"Red Hat", "AlmaLinux", "Rocky Linux", "Oracle Linux", "Amazon Linux", "Fedora"}, distro):
	case strings.Contains(version, ":"):
		d.epochs++
	default:
		d.epochless++
	}
}

func cutLast(s string, separator byte) (before, after string, ok bool) {
	at := strings.LastIndexByte(s, separator)
	if at <= 0 || at+1 == len(s) {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

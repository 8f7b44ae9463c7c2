package changelog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Feed is what advisories made of changelogs are filed under.
const Feed = "changelog"

// Pending is an update that waits: of a package as the ecosystem's advisories name it (Debian's sources, the RPM family's binaries), from
// one version to another.
type Pending struct {
	Ecosystem string // Debian:12
	Package   string
	Installed string
	Version   string // that would be installed
}

// Evidence is what the changelog of a pending update says it fixes: one advisory, CVE-2024-1234/package, for each CVE that is named by an
// entry of a version after the installed one. entries stand as in the changelog, newest first.
//
// Where the installed version has an entry, what stands below it is in that version already, whatever it is called: 17.0.14+7-1 stands
// below 17.0.14+7-1~deb12u1 and is the greater version. For the same reason the version that fixes is the least of those at or above an
// entry. A CVE that two versions name is fixed by the later one, which had reason to name it again.
func Evidence(p Pending, entries []Entry) []advisory.Advisory {
	scheme, ok := vercmp.ForEcosystem(p.Ecosystem)
	if n, err := vercmp.Compare(scheme, p.Installed, p.Version); !ok || err != nil || n >= 0 {
		return nil
	}
	var all []advisory.Advisory
	named, least := map[string]bool{}, p.Version
	for _, e := range entries {
		version := p.withEpoch(scheme, e.Version)
		order, err := vercmp.Compare(scheme, version, p.Installed)
		if err == nil && (order == 0 || scheme == vercmp.RPM && strings.HasPrefix(p.Installed, version+".")) {
			break // RPM's entries leave out the distribution's mark, as .el9
		}
		if err != nil || order < 0 {
			continue
		}
		if n, _ := vercmp.Compare(scheme, version, least); n < 0 {
			least = version
		}
		for _, cve := range e.CVEs {
			if named[cve] {
				continue
			}
			named[cve] = true
			all = append(all, advisory.Advisory{
				Feed: Feed, ID: cve + "/" + p.Package, CVEs: []string{cve}, Published: e.Date,
				Summary:  "named in the changelog of " + p.Package + " " + e.Version,
				Affected: []advisory.Affected{{Ecosystem: p.Ecosystem, Package: p.Package, Ranges: []advisory.Range{{Introduced: "0", Fixed: least}}}},
			})
		}
	}
	slices.SortFunc(all, func(a, b advisory.Advisory) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// withEpoch gives an RPM entry's version the epoch of the pending one where it has none: head lines often leave it out.
func (p Pending) withEpoch(scheme vercmp.Scheme, version string) string {
	epoch, _, ok := strings.Cut(p.Version, ":")
	if scheme != vercmp.RPM || !ok || strings.Contains(version, ":") {
		return version
	}
	return epoch + ":" + version
}

package feed

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/feed/redhat"
)

// NormalEcosystem gives the name under which hosts and advisories meet: OSV's, without the marks that say nothing about the packages
// (Ubuntu:24.04:LTS is Ubuntu:24.04). Ubuntu:Pro:… stays apart: its fixes need an entitlement.
func NormalEcosystem(osvName string) string {
	if strings.HasPrefix(osvName, "Ubuntu:") {
		return strings.TrimSuffix(osvName, ":LTS")
	}
	return osvName
}

// releaseOf gives the release that an OSV ecosystem name means, what its fixes need, and the source's name for the product where the
// release alone does not tell it. Red Hat's names hold a CPE: Red Hat:rhel_eus:9.2::appstream are fixes for Red Hat:9 that need eus.
// False: a product that is no release of an operating system.
func releaseOf(osvName string) (ecosystem, entitlement, note string, ok bool) {
	cpe, isRedHat := strings.CutPrefix(osvName, "Red Hat:")
	if !isRedHat {
		return NormalEcosystem(osvName), "", "", true
	}
	if p, ok := redhat.ProductOf(cpe); ok {
		return p.Ecosystem, p.Entitlement, p.Minor, true
	}
	return "", "", "", false
}

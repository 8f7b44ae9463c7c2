package feed

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/feed/redhat"
	"github.com/staunch-dev/staunch/internal/feed/suse"
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
// SUSE's hold a product, SUSE:Linux Enterprise Module for Basesystem 15 SP5, which is of SUSE:15.5. False: a product that is no release of
// an operating system.
func releaseOf(osvName string) (ecosystem, entitlement, note string, ok bool) {
	bucket, product, _ := strings.Cut(osvName, ":")
	switch bucket {
	case "Red Hat":
		p, ok := redhat.ProductOf(product)
		return p.Ecosystem, p.Entitlement, p.Minor, ok
	case "SUSE":
		ecosystem, entitlement = suse.Release("SUSE " + product)
		return ecosystem, entitlement, "", ecosystem != ""
	}
	return NormalEcosystem(osvName), "", "", true
}

// spelling is how the OSV names that mean a release begin: as the release itself, but for the buckets whose names hold products.
func spelling(release string) string {
	if bucket := bucketOf(release); bucket == "Red Hat" || bucket == "SUSE" {
		return bucket + ":"
	}
	return release
}

package feed

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/vercmp"
)

// NormalEcosystem gives the name under which hosts and advisories meet: OSV's, without the marks that say nothing about the packages
// (Ubuntu:24.04:LTS is Ubuntu:24.04). Ubuntu:Pro:… stays apart: its fixes need an entitlement.
func NormalEcosystem(osvName string) string {
	if strings.HasPrefix(osvName, "Ubuntu:") {
		return strings.TrimSuffix(osvName, ":LTS")
	}
	return osvName
}

// bucketOf is the OSV bucket that holds an ecosystem's records.
func bucketOf(ecosystem string) string {
	bucket, _, _ := strings.Cut(ecosystem, ":")
	return bucket
}

// osvFeed and its inverse: the name of a bucket's feed.
func osvFeed(bucket string) string { return osvPrefix + bucket }

const (
	osvPrefix = "osv/"
	kevFeed   = "kev"
)

// fetchable says whether a name can be a bucket's: one whose versions we can order, and that is safe in a path and a URL. Ecosystems of
// hosts come from agents.
func fetchable(bucket string) bool {
	_, ordered := vercmp.ForEcosystem(bucket)
	return ordered && !strings.ContainsAny(bucket, `/\:`) && !strings.HasPrefix(bucket, ".")
}

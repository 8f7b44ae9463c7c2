package feed

import "strings"

// NormalEcosystem gives the name under which hosts and advisories meet: OSV's, without the marks that say nothing about the packages
// (Ubuntu:24.04:LTS is Ubuntu:24.04). Ubuntu:Pro:… stays apart: its fixes need an entitlement.
func NormalEcosystem(osvName string) string {
	if strings.HasPrefix(osvName, "Ubuntu:") {
		return strings.TrimSuffix(osvName, ":LTS")
	}
	return osvName
}

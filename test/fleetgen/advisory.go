package fleetgen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// Feeds of a generated fleet, one for each release.
func (f *Fleet) Feeds() []advisory.FeedState {
	var out []advisory.FeedState
	for _, rel := range f.releases {
		out = append(out, advisory.FeedState{Name: feedOf(rel), Ecosystems: []string{rel.ecosystem}, AsOf: Now(), ChangedAt: Now(), AttemptedAt: Now(), NextDue: Now().Add(time.Hour)})
	}
	return out
}

func feedOf(rel release) string {
	distro, _, _ := strings.Cut(rel.ecosystem, ":")
	return "osv/" + distro
}

// Advisories makes every advisory, in the proportions of the releases. edition changes all of them a little: the same advisory of
// another edition is fixed at another version.
func (f *Fleet) Advisories(edition int) []advisory.Advisory {
	out := make([]advisory.Advisory, 0, f.Config.Advisories)
	for n := range f.Config.Advisories {
		out = append(out, f.Advisory(n, edition))
	}
	return out
}

// Advisory is the n-th one.
func (f *Fleet) Advisory(n, edition int) advisory.Advisory {
	r := rand.New(rand.NewPCG(f.Config.Seed<<32|uint64(n), 5)) //nolint:gosec // repeatable, not secret
	rel := f.releases[0]
	if r.Float64() >= rel.share {
		rel = f.releases[1]
	}
	return f.about(r, rel, n, edition, 1+r.IntN(rel.sources-1))
}

// Base is a new advisory about the k-th source that every host of the first release has: the widest reach there is.
func (f *Fleet) Base(n, k int) advisory.Advisory {
	r := rand.New(rand.NewPCG(f.Config.Seed<<32|uint64(n), 6)) //nolint:gosec // as above
	a := f.about(r, f.releases[0], n, 0, 1+k%(baseSources-1))
	a.Affected[0].Ranges = []advisory.Range{{Introduced: "0", Fixed: version(f.sources[1+k%(baseSources-1)].name, versions)}}
	return a
}

func (f *Fleet) about(r *rand.Rand, rel release, n, edition, source int) advisory.Advisory {
	cve := fmt.Sprintf("CVE-%d-%d", 2018+n%9, 1000+n)
	s := f.sources[rel.first+source]
	a := advisory.Advisory{Feed: feedOf(rel), ID: "ADV-" + cve, CVEs: []string{cve}, Summary: "A flaw in " + s.name + " that somebody found",
		Details:   strings.Repeat("In some circumstances a remote attacker can do things that the author did not intend. ", 6),
		Severity:  pick(r, "", "low", "medium", "medium", "high", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N"),
		Published: Now().Add(-time.Duration(n%2500) * 24 * time.Hour), Modified: Now().Add(-time.Duration(n%100) * time.Hour)}
	one := advisory.Range{Introduced: "0", Fixed: version(s.name, (r.IntN(versions)+edition)%versions)}
	if r.IntN(12) == 0 {
		one.Fixed = ""
	}
	a.Affected = []advisory.Affected{{Ecosystem: rel.ecosystem, Package: s.name, Ranges: []advisory.Range{one}}}
	return a
}

// KEV lists the vulnerabilities that are known to be exploited: one in two hundred.
func (f *Fleet) KEV() []advisory.Overlay {
	var out []advisory.Overlay
	for n := 0; n < f.Config.Advisories; n += 200 {
		cve := fmt.Sprintf("CVE-%d-%d", 2018+n%9, 1000+n)
		out = append(out, advisory.Overlay{Feed: "kev", CVE: cve, KEV: &advisory.KEV{CVE: cve, Added: "2026-01-02", Due: "2026-01-23"}})
	}
	return out
}

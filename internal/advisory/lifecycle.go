package advisory

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// LifecycleState is how a release is looked after on a day.
type LifecycleState string

// States of a release.
const (
	LifecycleSupported LifecycleState = "supported" // for everybody
	LifecycleExtended  LifecycleState = "extended"  // by another team, or for those who are entitled to it: see ExtendedNeeds
	LifecycleEnded     LifecycleState = "ended"
	LifecycleUnknown   LifecycleState = "unknown" // no source speaks of it, or it is not released yet
)

// StateAt says how the release is looked after at a time, and the day (YYYY-MM-DD) on which that ends or, of an ended one, ended; empty:
// not known. A day named as the last one still counts, in UTC. A release that is out and whose end nobody has named is supported.
func (l Lifecycle) StateAt(now time.Time) (state LifecycleState, until string) {
	today := now.UTC().Format(time.DateOnly)
	switch {
	case !l.Ended && l.EOL == "" && (l.Released == "" || l.Released > today):
		return LifecycleUnknown, ""
	case !l.Ended && (l.EOL == "" || today <= l.EOL):
		return LifecycleSupported, l.EOL
	case today <= l.Extended:
		return LifecycleExtended, l.Extended
	}
	return LifecycleEnded, max(l.EOL, l.Extended)
}

// ExtendedNeeds names what a host needs to get the fixes of a product's extended support; empty: nothing, as with Debian's LTS, or the
// product has none.
func ExtendedNeeds(product string) string {
	switch product {
	case "ubuntu":
		return "esm-infra"
	case "rhel":
		return "els"
	case "sles":
		return "ltss"
	case "oracle-linux":
		return "extended-support"
	case "windows-server", "windows":
		return "esu"
	}
	return ""
}

// MergeLifecycles makes one record of each release of several sources' records, by product and release. Field by field the first source
// that says it counts: first the distribution's own people (feeds distro-info…), then endoflife.date, then others by name. That support has
// ended without a date counts only where no source gives a date. Feed names the sources used, as distro-info+eol.
func MergeLifecycles(all []Lifecycle) []Lifecycle {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Lifecycle) int {
		return cmp.Or(strings.Compare(a.Product, b.Product), strings.Compare(a.Release, b.Release),
			cmp.Compare(lifecycleRank(a.Feed), lifecycleRank(b.Feed)), strings.Compare(a.Feed, b.Feed))
	})
	merged := []Lifecycle{}
	for _, l := range sorted {
		if n := len(merged); n > 0 && merged[n-1].Product == l.Product && merged[n-1].Release == l.Release {
			merged[n-1].fill(l)
			continue
		}
		merged = append(merged, l)
	}
	return merged
}

func lifecycleRank(feed string) int {
	switch {
	case strings.HasPrefix(feed, "distro-info"):
		return 0
	case feed == "eol":
		return 1
	}
	return 2
}

// fill takes what l does not say from a source that counts less.
func (l *Lifecycle) fill(from Lifecycle) {
	used := false
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&l.Codename, from.Codename},
		{&l.Released, from.Released},
		{&l.Support, from.Support},
		{&l.EOL, from.EOL},
		{&l.Extended, from.Extended},
		{&l.Latest, from.Latest},
	} {
		if *f.to == "" && f.from != "" {
			*f.to, used = f.from, true
		}
	}
	if l.EOL != "" {
		l.Ended = false
	} else if from.Ended && !l.Ended {
		l.Ended, used = true, true
	}
	if used {
		l.Feed += "+" + from.Feed
	}
}

// ProductOf gives the product and release of an ecosystem (Debian:12, Alpine:v3.20, SUSE:15.5) as endoflife.date names them: debian 12,
// alpine-linux 3.20, sles 15.5. Empty for ecosystems without releases and those that it does not know.
func ProductOf(ecosystem string) (product, release string) {
	name, release, ok := strings.Cut(ecosystem, ":")
	if !ok || release == "" {
		return "", ""
	}
	switch name {
	case "Debian":
		return "debian", release
	case "Ubuntu":
		return "ubuntu", release
	case "AlmaLinux":
		return "almalinux", release
	case "Rocky Linux":
		return "rocky-linux", release
	case "Red Hat":
		return "rhel", release
	case "Oracle Linux":
		return "oracle-linux", release
	case "Amazon Linux":
		return "amazon-linux", release
	case "Azure Linux":
		return "azure-linux", release
	case "Fedora":
		return "fedora", release
	case "CentOS":
		return "centos", release
	case "Mageia":
		return "mageia", release
	case "Photon OS":
		return "vmware-photon", release
	case "Alpine":
		return "alpine-linux", strings.TrimPrefix(release, "v")
	case "SUSE": // the release before the first service pack is 15 on hosts and 15.0 there
		if !strings.Contains(release, ".") {
			release += ".0"
		}
		return "sles", release
	case "openSUSE":
		if release, leap := strings.CutPrefix(release, "Leap "); leap {
			return "opensuse", release
		}
	}
	return "", ""
}

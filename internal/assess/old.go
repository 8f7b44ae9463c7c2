package assess

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// Old is a subject that is not on disk any more and still runs, until units restart or the host reboots.
type Old struct {
	Subject  Subject
	Now      Subject // what is on disk in its place; the zero Subject: it was removed
	Packages []inventory.Package
	Units    []string
	Kernel   bool // it is the kernel that runs; else code of it that processes map
}

// OldOf finds what a host still runs of versions that are gone from its disk: the old code that its processes map, and on distributions
// that keep one kernel (Alpine, Arch), the kernel before. Where the version before, or that of its source, cannot be told, nothing is
// claimed.
func OldOf(packages []inventory.Package, state HostState) []Old {
	var out []Old
	at := map[Subject]int{}
	add := func(was, is inventory.Package, units []string, kernel bool) {
		s, now := SubjectOf(was), SubjectOf(is)
		if s == now {
			return
		}
		i, there := at[s]
		if !there {
			i = len(out)
			at[s] = i
			out = append(out, Old{Subject: s, Now: now})
		}
		out[i].Packages = append(out[i].Packages, was)
		out[i].Units = append(out[i].Units, units...)
		out[i].Kernel = out[i].Kernel || kernel
	}
	for _, old := range state.OldCode {
		for _, p := range packages {
			if p.Name != old.Name || p.Arch != old.Arch || old.From == "" || old.From == p.Version {
				continue
			}
			if was, ok := before(p, old.From); ok {
				add(was, p, old.Units, false)
				break
			}
		}
	}
	if was, is, ok := runningBefore(packages, state.Running); ok {
		add(was, is, nil, true)
	}
	for i := range out {
		out[i].Units = distinctStrings(out[i].Units)
	}
	return out
}

// replaced gives the subject that is on disk in the place of old code; false: the subject is on disk itself. Only the version differs, so
// the same advisories speak of both.
func (s Subject) replaced(on Standing) (Subject, bool) {
	if on.Role.Part != OldCode {
		return s, false
	}
	s.Version = on.Role.Newest
	return s, true
}

// before is a package at the version before, if the version of its source can be derived from how the two relate now.
func before(p inventory.Package, version string) (inventory.Package, bool) {
	was := p
	was.ID, was.Version, was.VersionKey, was.SourceKey = 0, version, nil, nil
	front, ok := strings.CutSuffix(withoutRebuild(p.Version), p.SourceVersion)
	if !ok && !namesSources(p.Ecosystem) {
		return was, true // the binary's own version is what advisories name
	}
	if !ok {
		return was, false
	}
	was.SourceVersion, ok = strings.CutPrefix(withoutRebuild(version), front)
	return was, ok
}

// runningBefore is the kernel that runs after an upgrade that replaced its package: uname -r is of the flavour of an installed image, and
// of another version.
func runningBefore(packages []inventory.Package, running string) (was, is inventory.Package, ok bool) {
	if running == "" {
		return was, is, false
	}
	for _, p := range packages {
		release, image := imageRelease(p)
		if image && release == running {
			return was, is, false
		}
	}
	for _, p := range packages {
		if _, image := imageRelease(p); !image {
			continue
		}
		if version, known := versionOfRelease(p, running); known && version != p.Version {
			was, ok = before(p, version)
			return was, p, ok
		}
	}
	return was, is, false
}

func distinctStrings(all []string) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return sortedStrings(out)
}

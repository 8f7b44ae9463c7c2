package inventory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Diff says which packages came, went or changed version between two sets, by name and architecture. A package of which one version
// went and one came has changed; where several versions stand side by side, as kernels do, each coming and going is listed.
func Diff(before, after []Package) []apiv1.PackageChange {
	type slot struct{ name, arch string }
	type sides struct{ gone, come []string }
	slots := map[slot]*sides{}
	at := func(p Package) *sides {
		k := slot{p.Name, p.Arch}
		if slots[k] == nil {
			slots[k] = &sides{}
		}
		return slots[k]
	}
	had, have := versions(before), versions(after)
	for v, p := range had {
		if _, still := have[v]; !still {
			s := at(p)
			s.gone = append(s.gone, p.Version)
		}
	}
	for v, p := range have {
		if _, already := had[v]; !already {
			s := at(p)
			s.come = append(s.come, p.Version)
		}
	}
	changes := []apiv1.PackageChange{}
	for k, s := range slots {
		if len(s.gone) == 1 && len(s.come) == 1 {
			changes = append(changes, apiv1.PackageChange{Name: k.name, Arch: k.arch, From: s.gone[0], To: s.come[0]})
			continue
		}
		for _, v := range s.gone {
			changes = append(changes, apiv1.PackageChange{Name: k.name, Arch: k.arch, From: v})
		}
		for _, v := range s.come {
			changes = append(changes, apiv1.PackageChange{Name: k.name, Arch: k.arch, To: v})
		}
	}
	slices.SortFunc(changes, func(a, b apiv1.PackageChange) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return changes
}

type nameVersion struct{ name, arch, version string }

func versions(set []Package) map[nameVersion]Package {
	out := make(map[nameVersion]Package, len(set))
	for _, p := range set {
		out[nameVersion{p.Name, p.Arch, p.Version}] = p
	}
	return out
}

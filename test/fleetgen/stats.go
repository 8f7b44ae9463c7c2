package fleetgen

import (
	"fmt"
	"math"
)

// Stats are the proportions that a fleet came out with.
type Stats struct {
	Hosts, Sets, Packages, SourceVersions int
	Mean, SD                              float64
	Rare                                  float64 // share of packages that fewer than ten hosts have
}

// Stats counts a fleet.
func (f *Fleet) Stats() Stats {
	s := Stats{Hosts: f.Config.Hosts, Sets: len(f.Sets)}
	hosts := make([]int, len(f.Sets))
	on := make([]int, len(f.Packages))
	var sum, squares float64
	for _, set := range f.ofHost {
		hosts[set]++
	}
	for i, set := range f.Sets {
		ids := set.IDs()
		n, of := float64(len(ids)), float64(hosts[i])
		sum, squares = sum+of*n, squares+of*n*n
		for _, id := range ids {
			on[id-1] += hosts[i]
		}
	}
	type sourceVersion struct{ ecosystem, name, version string }
	seen := map[sourceVersion]bool{}
	for i, n := range on {
		if n == 0 {
			continue
		}
		s.Packages++
		if n < 10 {
			s.Rare++
		}
		p := f.Packages[i]
		seen[sourceVersion{p.Ecosystem, p.Source, p.SourceVersion}] = true
	}
	s.SourceVersions = len(seen)
	s.Rare /= float64(max(s.Packages, 1))
	s.Mean = sum / float64(s.Hosts)
	s.SD = math.Sqrt(squares/float64(s.Hosts) - s.Mean*s.Mean)
	return s
}

// String is one line.
func (s Stats) String() string {
	return fmt.Sprintf("%d hosts, %d package sets, %d packages of %d source versions, %.0f ± %.0f packages a host, %.1f %% of packages on fewer than 10 hosts",
		s.Hosts, s.Sets, s.Packages, s.SourceVersions, s.Mean, s.SD, 100*s.Rare)
}

package fleetgen

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// Config says what fleet to make. Of gives the proportions that the limits are for.
type Config struct {
	Seed       uint64
	Hosts      int
	Sets       int     // distinct package sets; Hosts: no two hosts share one
	Sources    int     // source versions, at least
	Mean, SD   int     // packages of a host
	Rare       float64 // share of packages that fewer than ten hosts have
	Advisories int
}

// Of is a fleet with three hosts in ten that have a package set of their own making, or every host when nothing is shared.
func Of(hosts int, shared bool) Config {
	c := Config{Seed: 4, Hosts: hosts, Sets: max(hosts*31/100, 1), Sources: 20_800, Mean: 600, SD: 150, Rare: 0.03, Advisories: 50_000}
	if !shared {
		c.Sets = hosts
	}
	return c
}

// Versions that a source has in the fleet at the same time: a host is on one of them.
const versions = 8

// release is one distribution release of the fleet.
type release struct {
	ecosystem, id, version, name, suite string
	share                               float64 // of hosts and of sources
	first, sources                      int     // its sources in Fleet.sources
}

// source is a source package with its versions, each with one or more binaries.
type source struct {
	name     string
	release  int
	binaries int
	rare     bool
	first    inventory.PackageID // of version 0; the binaries of a version are neighbours
}

// Set is a distinct package set. A fleet of a million hosts that share nothing has a million, so its ids are kept packed.
type Set struct {
	Release int
	Role    int
	Body    []byte // inventory.EncodeSet
	Kernels [2]int // versions of the newest and of the running kernel
}

// IDs of the set's packages, ascending.
func (s Set) IDs() []inventory.PackageID {
	ids, err := inventory.DecodeSet(s.Body)
	if err != nil {
		panic("fleetgen: a set that was encoded here: " + err.Error())
	}
	return ids
}

// Fleet is a generated fleet.
type Fleet struct {
	Config   Config
	Packages []inventory.Package // Packages[i].ID == i+1
	Sets     []Set
	ofHost   []int32 // host to set

	releases []release
	sources  []source
	kernels  []int // by release, the kernel's place in sources
	units    []string
}

const (
	roles       = 60  // kinds of servers
	baseSources = 150 // what every host of a release has
	roleSources = 90  // what every host of a role has beside
)

// New makes a fleet.
func New(c Config) *Fleet {
	f := &Fleet{Config: c, releases: []release{
		{ecosystem: "Debian:12", id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)", suite: "bookworm-security", share: 0.7},
		{ecosystem: "Ubuntu:24.04", id: "ubuntu", version: "24.04", name: "Ubuntu 24.04.3 LTS", suite: "noble-security", share: 0.3},
	}}
	r := rand.New(rand.NewPCG(c.Seed, 1)) //nolint:gosec // repeatable, not secret
	for u := range units {
		f.units = append(f.units, fmt.Sprintf("some-unit-%03d.service", u))
	}
	f.makeSources(r)
	f.assign(r)
	f.makeSets(r)
	return f
}

// makeSources makes the packages that hosts share. The rare ones come with the sets that have them.
func (f *Fleet) makeSources(r *rand.Rand) {
	for i := range f.releases {
		rel := &f.releases[i]
		rel.first = len(f.sources)
		rel.sources = max(int(float64(f.Config.Sources)*rel.share)/versions+1, baseSources+2*roleSources)
		f.kernels = append(f.kernels, rel.first)
		for n := range rel.sources {
			binaries := 1
			if r.Float64() < 0.35 {
				binaries = 2 + r.IntN(2)
			}
			s := source{name: fmt.Sprintf("source%04d", n), release: i, binaries: binaries}
			if n == 0 {
				s.name, s.binaries = "linux-signed-amd64", 1
			}
			f.addSource(s, versions)
		}
	}
}

func (f *Fleet) addSource(s source, n int) {
	s.first = inventory.PackageID(len(f.Packages) + 1)
	rel := f.releases[s.release]
	for v := range n {
		for b := range s.binaries {
			p := inventory.Package{ID: inventory.PackageID(len(f.Packages) + 1), Ecosystem: rel.ecosystem, Name: s.name, Arch: "amd64",
				Version: version(s.name, v), Source: s.name, SourceVersion: version(s.name, v)}
			switch {
			case s.name == "linux-signed-amd64":
				p.Name = "linux-image-" + kernelRelease(v)
			case b > 0:
				p.Name = fmt.Sprintf("lib%s-%d", s.name, b)
			}
			f.Packages = append(f.Packages, p)
		}
	}
	f.sources = append(f.sources, s)
}

// version is the v-th version of a source: upstream's number is the source's own, the distribution's grows.
func version(name string, v int) string {
	if name == "linux-signed-amd64" {
		return fmt.Sprintf("6.1.%d+1", 120+v)
	}
	return fmt.Sprintf("%d.%d.%d-1+u%d", 1+len(name)%3, name[len(name)-1]%10, name[len(name)-2]%10, v+1)
}

func kernelRelease(v int) string { return fmt.Sprintf("6.1.0-%d-amd64", 30+v) }

// id of a binary of a source at a version.
func (s source) id(v, binary int) inventory.PackageID {
	return s.first + inventory.PackageID(v*s.binaries+binary)
}

// assign gives each host a set: each set one host first, the rest more to the front ones, in an order that has nothing to do with sets.
func (f *Fleet) assign(r *rand.Rand) {
	f.ofHost = make([]int32, f.Config.Hosts)
	for h := range f.ofHost {
		set := h
		if h >= f.Config.Sets {
			u := r.Float64()
			set = int(u * u * float64(f.Config.Sets))
		}
		f.ofHost[h] = int32(set) //nolint:gosec // fewer than hosts
	}
	r.Shuffle(len(f.ofHost), func(i, j int) { f.ofHost[i], f.ofHost[j] = f.ofHost[j], f.ofHost[i] })
}

func (f *Fleet) makeSets(r *rand.Rand) {
	hosts := make([]int, f.Config.Sets)
	for _, s := range f.ofHost {
		hosts[s]++
	}
	rare := int(float64(len(f.Packages)) * f.Config.Rare)
	f.Sets = make([]Set, 0, f.Config.Sets)
	for n := range f.Config.Sets {
		set, ids := f.makeSet(r)
		// Rare packages are spread over the sets of fewer than ten hosts, the last ones.
		left := f.Config.Sets - n
		if rare > 0 && hosts[n] < 10 && (left <= rare || r.IntN(left) < rare) {
			f.addSource(source{name: fmt.Sprintf("rare%05d", rare), release: set.Release, binaries: 1, rare: true}, 1)
			ids = append(ids, f.sources[len(f.sources)-1].first)
			rare--
		}
		set.Body = slices.Clone(inventory.EncodeSet(ids)) // without the room that it was made in
		f.Sets = append(f.Sets, set)
	}
}

// makeSet draws a set: the base of its release and what its role needs, at the versions of the day it was last patched, and things
// that somebody installed, some of them never patched.
func (f *Fleet) makeSet(r *rand.Rand) (set Set, ids []inventory.PackageID) {
	set.Role = r.IntN(roles)
	if r.Float64() >= f.releases[0].share {
		set.Release = 1
	}
	rel := f.releases[set.Release]
	target := int(r.NormFloat64()*float64(f.Config.SD)) + f.Config.Mean
	target = min(max(target, baseSources*3/2), f.Config.Mean+5*f.Config.SD)
	patched := r.IntN(versions)
	ids = make([]inventory.PackageID, 0, target+4) // a source has three binaries at most
	have := make([]bool, rel.sources)
	taken := 1
	add := func(n int) {
		if have[n] {
			return
		}
		have[n] = true
		taken++
		s, v := f.sources[rel.first+n], patched
		if r.Float64() < 0.2 {
			v = r.IntN(versions)
		}
		for b := range s.binaries {
			ids = append(ids, s.id(v, b))
		}
	}
	kernel := f.sources[f.kernels[set.Release]]
	have[0] = true
	set.Kernels = [2]int{patched, patched}
	ids = append(ids, kernel.id(patched, 0))
	if patched > 0 && r.IntN(2) == 0 { // an older kernel beside it, which runs on every fifth such host
		older := r.IntN(patched)
		ids = append(ids, kernel.id(older, 0))
		if r.IntN(5) == 0 {
			set.Kernels[1] = older
		}
	}
	for n := 1; n < baseSources; n++ {
		add(n)
	}
	wide := rel.sources - baseSources
	for n := range roleSources {
		if len(ids) < target {
			add(baseSources + (set.Role*37+n*11)%wide)
		}
	}
	for len(ids) < target && taken < rel.sources {
		u := r.Float64()
		add(baseSources + int(u*u*float64(wide))) // some things are installed more often than others
	}
	return set, ids
}

// SetOf is the number of a host's set.
func (f *Fleet) SetOf(host int) int { return int(f.ofHost[host]) }

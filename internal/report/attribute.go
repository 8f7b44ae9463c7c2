package report

import (
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// lateCheckin: an inventory that was collected before a run ended may arrive that long after it.
const lateCheckin = 5 * time.Minute

// Package is a binary package of one architecture.
type Package struct{ Name, Arch string }

// Deed is one run, as what may have ended an exposure.
type Deed struct {
	Run, Rollout, Plan string
	State              string // of the run
	Accepted, Ended    time.Time
	Brings             map[Package]string // the lock: package to its version afterwards; empty for a removal
	ApprovedBy         []string
	ApprovedAt         time.Time
}

// attribute finds the run that brought about what interval i shows of packages that were there in the interval before: the latest one
// that had been accepted by then, whose lock names what is there now, and which nobody can have anticipated or outlived. Exit codes and
// run states are hints; the inventory is the proof.
func attribute(deeds []Deed, intervals []Interval, i int, packages []*inventory.Package) *Deed {
	var found *Deed
	for n := range deeds {
		d := &deeds[n]
		if !d.Accepted.IsZero() && (found == nil || d.Accepted.After(found.Accepted)) &&
			slices.ContainsFunc(packages, func(p *inventory.Package) bool { return d.brought(intervals, i, Package{p.Name, p.Arch}) }) {
			found = d
		}
	}
	return found
}

// brought: interval i is the first since the run was accepted in which the package is as the lock has it, and none after its end shows
// it otherwise.
func (d *Deed) brought(intervals []Interval, i int, p Package) bool {
	version, named := d.Brings[p]
	if !named || intervals[i].From.Before(d.Accepted) || !intervals[i].has(p, version) || intervals[i-1].has(p, version) {
		return false
	}
	for _, earlier := range intervals[:i] {
		switch {
		case earlier.From.Before(d.Accepted):
		case earlier.has(p, version):
			return false // somebody changed it back, and again
		case !d.Ended.IsZero() && earlier.From.After(d.Ended.Add(lateCheckin)):
			return false // the run had ended, and it was still as before
		}
	}
	return true
}

// has says whether a package is installed at this version, or for none, not at all.
func (i Interval) has(p Package, version string) bool {
	for _, q := range i.Packages {
		if q.Name == p.Name && q.Arch == p.Arch && (version == "" || q.Version == version) {
			return version != ""
		}
	}
	return version == ""
}

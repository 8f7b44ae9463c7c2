package report

import (
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Interval is what a host had installed from From to To (zero: still so), and what it said of itself meanwhile.
type Interval struct {
	From, To time.Time
	Packages []inventory.Package
	Said     []Said // oldest first; the first holds from the beginning of the interval on; none: nothing
}

// Said is what a host says of itself from an instant on.
type Said struct {
	From  time.Time
	State assess.HostState
}

// said is Said with at least one element, the first of which begins with the interval.
func (i Interval) said() []Said {
	if len(i.Said) == 0 {
		return []Said{{From: i.From}}
	}
	if all := slices.Clone(i.Said); !all[0].From.Equal(i.From) {
		all[0].From = i.From
		return all
	}
	return i.Said
}

// last is what the host said of itself at the end of the interval.
func (i Interval) last() assess.HostState {
	if len(i.Said) == 0 {
		return assess.HostState{}
	}
	return i.Said[len(i.Said)-1].State
}

// Exposure is one vulnerability of one source package on one host, from when it counts until it was gone (zero: it is not).
type Exposure struct {
	Vulnerability string
	Source        string
	Packages      []string
	Versions      []string // of the source, while it was last seen
	Status        string
	Priority      string
	KEV           bool
	Advisory      string
	Feed          string
	FixedIn       string
	Since         time.Time
	SinceWhy      string
	Until         time.Time
	To            []string // source versions from then on; none: the package is gone
	Patched       bool     // it ended in the memory of the running kernel; the package is as before
	FixState      string   // apiv1.Fix…, where it has an end
	By            *Deed    // nil: not by a run, as far as anyone can tell
}

// Listed follows a host's intervals, oldest first, with today's knowledge: what its packages on disk had after the world knew, from when to
// when. What was gone before it was known never counted. Runs say what ended them. It is pure.
func Listed(intervals []Interval, k *Knowledge, deeds []Deed) []Exposure {
	f := follower{k: k, intervals: intervals, deeds: deeds, images: map[string][]inventory.Package{}}
	f.follow()
	f.fixStates()
	return f.out
}

// Exposures is Listed of what runs, as far as the host says: not of a kernel that is installed beside the one that runs, and still of what
// has gone from the disk and runs. docs/metrics.md has the rules.
func Exposures(intervals []Interval, k *Knowledge) []Exposure {
	f := follower{k: k, intervals: intervals, running: true, images: map[string][]inventory.Package{}}
	f.follow()
	return f.out
}

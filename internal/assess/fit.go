package assess

import (
	"fmt"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Counts are what a fleet's need of memory is reckoned from: cheap to ask a database for, before anything is loaded.
type Counts struct {
	Hosts          int64
	Sets, SetBytes int64 // distinct package sets that hosts have now; their ids as the store keeps them, a little more than a byte each
	Updates        int64 // distinct updates sections that hosts have now
	UpdateBytes    int64 // of them, as JSON
	Packages       int64 // interned
	Advisories     int64 // current ones
	AdvisoryBytes  int64 // of them, as the store keeps them: compressed
	Overlays       int64 // of CVEs, current ones
}

// Memory is what there is for this process, in bytes; 0: not known, or no bound.
type Memory struct {
	Free  int64 // of the machine, with what the system would give back
	Group int64 // what its control groups leave it
	Soft  int64 // GOMEMLIMIT
}

// there is the least of the three, and who says so; 0: none is known.
func (m Memory) there() (bytes int64, by string) {
	for _, one := range []struct {
		bytes int64
		by    string
	}{{m.Free, "what the machine has free"}, {m.Group, "what the memory limit of its control group leaves"}, {m.Soft, "GOMEMLIMIT"}} {
		if one.bytes > 0 && (bytes == 0 || one.bytes < bytes) {
			bytes, by = one.bytes, one.by
		}
	}
	return bytes, by
}

// Share is how much of what there is a process holds, in percent; 0: it is not known how much there is.
func (m Memory) Share(held int64) int {
	if m.Soft > 0 { // of everything that Go has, what it holds too
		m.Soft = max(1, m.Soft-held)
	}
	left, _ := m.there()
	if left == 0 {
		return 0
	}
	return int(100 * held / (held + left))
}

// Fit is what the index of a fleet is reckoned to need, beside what there is, in bytes.
type Fit struct {
	Counts
	Index   int64 // what it holds once it is loaded
	Loading int64 // what is held at the most meanwhile, with the rest of the server
	Usual   int64 // Loading, and the garbage that Go leaves about when nothing presses it
	There   int64 // 0: not known
	By      string
	soft    bool // There is GOMEMLIMIT
}

// What an index takes, in bytes. The figures are fitted to what `make bench-fleet` measured: fleets of 5,000, 20,000, 100,000 and 1,000,000
// hosts with 50,000 advisories, of 20,000 and 100,000 that share no package set, and of 20,000 with 5,000 and with 200,000 advisories;
// TestTheReckoningIsWhatWasMeasured has them all. Bitmaps are of cohorts, which are taken to be as many as there are sets or updates.
const (
	perServer       = 96 << 20  // everything else: the program, connections, and what SQLite takes beside Go's heap
	besideGo        = 128 << 20 // what the process takes beside what Go is held to: of 20,000 hosts with GOMEMLIMIT=222MiB 340 MiB were resident
	perHost         = 450
	perSet          = 350
	perSetByte      = 2.7 // the set itself, and its cohort in a bitmap of each source version
	perUpdates      = 200
	perUpdateByte   = 0.055 // an update that many hosts are offered is held once
	perPackage      = 800
	perAdvisory     = 600
	perAdvisoryByte = 1.5
	perOverlay      = 20 // of most CVEs no advisory speaks, and they are not held

	// More while it is loaded: hosts as they are read, sets as lists of ids, what advisories are compiled from.
	moreHost     = 1200
	moreSetByte  = 4.6
	moreAdvisory = 550
	moreOverlay  = 60
)

// Reckon says what a fleet's index will need and whether it fits.
func Reckon(c Counts, m Memory) Fit {
	hosts, sets, setBytes, updates, updateBytes := float64(c.Hosts), float64(c.Sets), float64(c.SetBytes), float64(c.Updates), float64(c.UpdateBytes)
	packages, advisories, advisoryBytes, overlays := float64(c.Packages), float64(c.Advisories), float64(c.AdvisoryBytes), float64(c.Overlays)
	f := Fit{Counts: c, soft: m.Soft > 0}
	f.Index = int64(hosts*perHost + sets*perSet + setBytes*perSetByte + updates*perUpdates + updateBytes*perUpdateByte + packages*perPackage +
		advisories*perAdvisory + advisoryBytes*perAdvisoryByte + overlays*perOverlay)
	f.Loading = perServer + f.Index + int64(hosts*moreHost+setBytes*moreSetByte+advisories*moreAdvisory+overlays*moreOverlay)
	f.Usual = 2*f.Loading - perServer // GOGC is 100: a heap doubles before it is cleaned up
	f.There, f.By = m.there()
	return f
}

// tight is what a load takes where Go collects garbage as often as it can: a third more than is held, in the start that besideGo is of.
func (f Fit) tight() int64 { return f.Loading + f.Loading/3 }

// Fits is false when what there is is known and is not enough.
func (f Fit) Fits() bool { return f.There == 0 || f.tight() <= f.There }

// Limit is the memory that Go must be held to for the load to fit; 0: it fits as it is, or cannot, or the operator has set a limit.
func (f Fit) Limit() int64 {
	if f.There == 0 || f.soft || f.Usual <= f.There || !f.Fits() {
		return 0
	}
	return f.There - besideGo
}

// Refusal is nil when the fleet fits, and else a fault.TooLarge that says what it needs, what there is, and what to do.
func (f Fit) Refusal() error {
	if f.Fits() {
		return nil
	}
	return fault.New(fault.TooLarge, "this fleet does not fit into memory: %s, and there are %s (%s). Give the server more memory. "+
		"Or start it with --too-little-memory start, since the reckoning may be off by a quarter: when it is not, the system ends the server while it loads, "+
		"or it does little but collect garbage", f.need(), size(f.There), f.By)
}

// String is the reckoning in a line.
func (f Fit) String() string {
	there := "how much there is is not known"
	if f.There > 0 {
		there = fmt.Sprintf("there are %s (%s)", size(f.There), f.By)
	}
	return f.need() + "; " + there
}

func (f Fit) need() string {
	return fmt.Sprintf("the index of %d hosts with %d package sets, %d packages and %d advisories needs about %s, and loading it %s",
		f.Hosts, f.Sets, f.Packages, f.Advisories, size(f.Index), size(f.tight()))
}

// size is bytes for people.
func size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

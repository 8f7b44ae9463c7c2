package assess

import (
	"fmt"
	"math"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Counts are what a fleet's need of memory is reckoned from: cheap to ask a database for, before anything of it is loaded.
type Counts struct {
	Hosts          int64
	Sets, SetBytes int64 // distinct package sets that hosts have now, and their ids as the store keeps them, a little more than a byte each
	HostSetBytes   int64 // the same, of each host
	Updates        int64 // distinct updates sections that hosts have now
	UpdateBytes    int64 // as JSON
	Packages       int64 // interned
	Advisories     int64 // current ones
	AdvisoryBytes  int64 // as the store keeps them, compressed
	Overlays       int64 // of CVEs, current ones
}

// Memory is what a process may take, in bytes; 0: not known, or no bound.
type Memory struct {
	Free  int64 // of the machine, with what the system would give back
	Group int64 // what its control groups leave it
	Soft  int64 // GOMEMLIMIT
}

// Fit is whether a fleet's index fits, reckoned in bytes.
type Fit struct {
	Counts
	Index   int64  // what the loaded index holds
	Loading int64  // what is held at the most while it is loaded, everything else that a server needs counted in
	Usual   int64  // the same with the garbage that Go leaves lying about when nothing presses it
	There   int64  // what there is; 0: not known
	By      string // who says so
	soft    bool
}

var _ = math.MaxInt64
var _ = fmt.Sprint
var _ = fault.New

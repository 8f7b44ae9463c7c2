//go:build linux && e2e && !nightly

package e2e

import "time"

// idleWatched is how long idle agents are measured.
const idleWatched = time.Minute

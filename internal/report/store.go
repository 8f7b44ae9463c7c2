package report

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/run"
)

// Store is what report asks for. It only reads.
type Store interface {
	// Intervals of a host, newest first, starting before the given time (zero: now).
	Intervals(ctx context.Context, hostID string, before time.Time, limit int) ([]inventory.Interval, error)
	PackageSet(ctx context.Context, digest string) ([]inventory.PackageID, error)
	AllPackages(ctx context.Context, after inventory.PackageID, limit int) ([]inventory.Package, error)
	SectionJSON(ctx context.Context, section, digest string) ([]byte, error)
	FeedStates(ctx context.Context) ([]advisory.FeedState, error)
	// KnownAdvisories streams the current advisories of a feed with the time when the first revision of each was imported.
	KnownAdvisories(ctx context.Context, feed string, fn func(a advisory.Advisory, first time.Time) error) error
	OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error)
	assess.Counted
	CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error)
	RunsOfHost(ctx context.Context, hostID string, limit int) ([]run.Run, error)
	Plan(ctx context.Context, id string) (plan.Plan, error)
	Signatures(ctx context.Context, planID string) ([]plan.Signature, error)
	Locks(ctx context.Context, hashes []string) ([]plan.Lock, error)
}

// Fleet is the hosts that a selector names, and whether anything is known of each.
type Fleet interface {
	Hosts(ctx context.Context, q assess.Query) (apiv1.HostPage, error)
}

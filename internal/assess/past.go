package assess

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// Reader is what an index is loaded from: the store as it is, or as it was.
type Reader interface {
	Seq(ctx context.Context) (int64, error)
	Hosts(ctx context.Context) ([]fleet.Host, error)
	OpenPackageSets(ctx context.Context) ([]inventory.HostSet, error)
	PackageSet(ctx context.Context, digest string) ([]inventory.PackageID, error)
	AllPackages(ctx context.Context, after inventory.PackageID, limit int) ([]inventory.Package, error)
	OpenBodies(ctx context.Context, section string, fn func(hostID string, from time.Time, digest string, json []byte) error) error
	AllSeen(ctx context.Context) ([]inventory.Seen, error)
	HostCounts(ctx context.Context) (inventory.Counts, error)
	Knower
}

// Knower is the part of a Reader that is about packages and not about hosts.
type Knower interface {
	CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error
	CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error)
	// OverlaysOf lists the overlays of some CVEs, OverlaysFrom those of one feed.
	OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error)
	OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error)
	CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error)
	FeedStates(ctx context.Context) ([]advisory.FeedState, error)
	KnowledgeCounts(ctx context.Context) (advisory.Counts, error)
}

// PastReader is the store as it was at an instant, and how a later instant differs from it.
type PastReader interface {
	Reader
	Host(ctx context.Context, id string) (fleet.Host, error) // fault.NotFound when it was not there
	OpenSections(ctx context.Context, hostID string) (map[string]inventory.Interval, error)
	// HostsChangedUntil names the hosts of which anything else was at a later instant.
	HostsChangedUntil(ctx context.Context, later time.Time) ([]string, error)
	// KnowledgeUntil is what turns the advisories of a later instant back into this one's.
	KnowledgeUntil(ctx context.Context, later time.Time) (advisory.Knowledge, error)
}

// hostOf finds a host by its id; in the past by its name too, for the host that has a name today may be another, or none.
func (ix *index) hostOf(idOrName string) (*host, error) {
	if h := ix.hosts[idOrName]; h != nil {
		return h, nil
	}
	if ix.past.At.IsZero() {
		return nil, fault.New(fault.NotFound, "there is no host %q", idOrName)
	}
	var ids []string
	for id, h := range ix.hosts {
		if strings.EqualFold(h.name, idOrName) {
			ids = append(ids, id)
		}
	}
	at := inventory.Instant(ix.past.At.UTC())
	switch len(ids) {
	case 0:
		return nil, fault.New(fault.NotFound, "there was no host with the id or name %.80q at %s", idOrName, at)
	case 1:
		return ix.hosts[ids[0]], nil
	}
	slices.Sort(ids)
	return nil, fault.New(fault.Conflict, "%d hosts were named %.80q at %s: use an id: %s", len(ids), idOrName, at, strings.Join(few(ids), ", "))
}

// withHindsight has the hosts of one time and the knowledge of another.
type withHindsight struct {
	PastReader
	Knower
}

func (w withHindsight) CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error {
	return w.Knower.CurrentAdvisories(ctx, fn)
}

func (w withHindsight) CurrentAdvisory(ctx context.Context, r advisory.Ref) (advisory.Advisory, error) {
	return w.Knower.CurrentAdvisory(ctx, r)
}

func (w withHindsight) OverlaysOf(ctx context.Context, cves []string) ([]advisory.Overlay, error) {
	return w.Knower.OverlaysOf(ctx, cves)
}

func (w withHindsight) OverlaysFrom(ctx context.Context, feed string) ([]advisory.Overlay, error) {
	return w.Knower.OverlaysFrom(ctx, feed)
}

func (w withHindsight) CurrentLifecycles(ctx context.Context) ([]advisory.Lifecycle, error) {
	return w.Knower.CurrentLifecycles(ctx)
}

func (w withHindsight) FeedStates(ctx context.Context) ([]advisory.FeedState, error) {
	return w.Knower.FeedStates(ctx)
}

func (w withHindsight) KnowledgeCounts(ctx context.Context) (advisory.Counts, error) {
	return w.Knower.KnowledgeCounts(ctx)
}

package inventory

import (
	"context"
	"time"

	"github.com/staunch-dev/staunch/internal/event"
)

// Interval is one section of a host from From to To (zero: still so).
type Interval struct {
	HostID  string
	Section string
	From    time.Time
	To      time.Time
	Digest  string
}

// Body is the contents of a section, content-addressed. For packages, Packages is set and JSON is not: the store interns them and
// keeps the set of ids (EncodeSet); for every other section JSON is the exact bytes whose sha256 is Digest.
type Body struct {
	Section  string
	Digest   string
	JSON     []byte
	Packages []Package
}

// Accept is the one atomic write of a section that changed: body if new, old interval closed, new one opened, change, events.
type Accept struct {
	HostID string
	At     time.Time
	Body   Body // with neither JSON nor Packages when the store has the body already (HasBody)
	Events []event.Event
}

// Accepted says what an Accept did.
type Accepted struct {
	Seq     int64
	Changed bool   // false: the open interval has this digest already, and nothing was written
	Before  string // digest of the interval that was closed, or empty
}

// Seen is when a host was last heard of, and its moving values.
type Seen struct {
	HostID       string
	At           time.Time
	AgentVersion string
	Vitals       []byte // JSON of apiv1.Vitals; nil: unchanged
	VitalsAt     time.Time
}

// PhasedShare is the phasing percentage of a package version, one row for the fleet.
type PhasedShare struct {
	Ecosystem, Name, Version string
	Percent                  int
	At                       time.Time
}

// HostSet is a host's present package set, for the index.
type HostSet struct {
	HostID string
	Digest string
}

// Store is what inventory asks for.
type Store interface {
	event.Store // the sequence a check-in answers from, and the events of a host's history

	// OpenSections maps section to the open interval of a host.
	OpenSections(ctx context.Context, hostID string) (map[string]Interval, error)
	HasBody(ctx context.Context, section, digest string) (bool, error)
	AcceptSection(ctx context.Context, a Accept) (Accepted, error)
	// SectionJSON is the exact bytes of a section other than packages.
	SectionJSON(ctx context.Context, section, digest string) ([]byte, error)
	// PackageSet is the ids of a packages body, ascending.
	PackageSet(ctx context.Context, digest string) ([]PackageID, error)
	// Packages reads interned packages; unknown ids are left out.
	Packages(ctx context.Context, ids []PackageID) ([]Package, error)
	// AllPackages streams every interned package with id > after, ascending, at most limit.
	AllPackages(ctx context.Context, after PackageID, limit int) ([]Package, error)
	// OpenPackageSets lists the present packages digest of every host that exists.
	OpenPackageSets(ctx context.Context) ([]HostSet, error)
	// HostCounts says how much the hosts have.
	HostCounts(ctx context.Context) (Counts, error)
	// OpenBodies streams (host, JSON) of one section other than packages for every host that exists, for the index at start.
	OpenBodies(ctx context.Context, section string, fn func(hostID string, from time.Time, digest string, json []byte) error) error
	// Intervals of a host, newest first, starting before the given time (zero: now).
	Intervals(ctx context.Context, hostID string, before time.Time, limit int) ([]Interval, error)

	// WriteSeen writes a batch of last-seen times and vitals in one transaction, without changes or events. It may be lost.
	WriteSeen(ctx context.Context, batch []Seen, phasing []PhasedShare) error
	AllSeen(ctx context.Context) ([]Seen, error)
	// SeenSince is AllSeen of the hosts last heard of at or after a time, for indexes that follow.
	SeenSince(ctx context.Context, at time.Time) ([]Seen, error)
	SeenHost(ctx context.Context, hostID string) (Seen, error) // zero Seen when never seen
	PhasedShares(ctx context.Context, ecosystem string) ([]PhasedShare, error)
}

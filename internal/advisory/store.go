package advisory

import (
	"context"
	"time"
)

// Problem names a record that was skipped and why.
type Problem struct {
	Record string `json:"record"`
	Reason string `json:"reason"`
}

// FeedState is one feed's row: what it last gave, how old that is, and when to look again.
type FeedState struct {
	Name         string // osv/Debian, kev
	URL          string
	ETag         string
	LastModified string
	SHA256       string // of the last imported file: the same file again changes nothing
	Records      int
	Skipped      int
	Problems     []Problem // the first hundred
	Ecosystems   []string  // releases that its records name: what "assessed" means for this feed
	AsOf         time.Time // last answer of the source, changed or not
	ChangedAt    time.Time
	AttemptedAt  time.Time
	Error        string
	NextDue      time.Time
}

// Import replaces what a feed says, in one transaction: records not in it are closed, changed ones get a new revision, equal ones stay.
// Each iterator yields each record exactly once; its error aborts the import and leaves everything as it was. nil: none.
type Import struct {
	State      FeedState
	At         time.Time
	Advisories func(yield func(Advisory) error) error
	Overlays   func(yield func(Overlay) error) error
	Lifecycles func(yield func(Lifecycle) error) error
}

// Imported counts what an import did.
type Imported struct {
	Seq                  int64
	Opened, Closed, Kept int
}

// Knowledge is what changed after a seq: the revisions now current for ids that changed (Gone: no current one).
type Knowledge struct {
	Advisories   []Advisory
	Gone         []Ref
	Overlays     []Overlay
	OverlaysGone []OverlayRef
}

// Ref names an advisory.
type Ref struct{ Feed, ID string }

// Store is what advisory asks for.
type Store interface {
	ImportFeed(ctx context.Context, in Import) (Imported, error)
	SaveFeedState(ctx context.Context, s FeedState) error // status only: an attempt that failed or was not modified
	FeedStates(ctx context.Context) ([]FeedState, error)  // by name
	// CurrentAdvisories streams every current advisory, by feed and id; fn may read from the store.
	CurrentAdvisories(ctx context.Context, fn func(Advisory) error) error
	// CurrentAdvisory is one of them; fault.NotFound.
	CurrentAdvisory(ctx context.Context, r Ref) (Advisory, error)
	// CurrentOverlays streams every current overlay, by feed and CVE: hundreds of thousands, of EPSS.
	CurrentOverlays(ctx context.Context, fn func(Overlay) error) error
	// OverlaysFrom lists the current overlays of one feed, by CVE.
	OverlaysFrom(ctx context.Context, feed string) ([]Overlay, error)
	// OverlaysOf lists the current overlays of some CVEs.
	OverlaysOf(ctx context.Context, cves []string) ([]Overlay, error)
	// CurrentLifecycles lists every current lifecycle, by feed, product and release.
	CurrentLifecycles(ctx context.Context) ([]Lifecycle, error)
	// KnowledgeCounts says how much is current.
	KnowledgeCounts(ctx context.Context) (Counts, error)
	// KnowledgeAfter says what changed with seq > after.
	KnowledgeAfter(ctx context.Context, after int64) (Knowledge, error)
}

package intake

import (
	"context"
	"io"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
)

// File is a feed's file in a place of its own: it does not change while it is read, and it may be read twice.
type File struct {
	io.ReaderAt
	Size     int64
	Name     string    // base name at the source, as all.zip: for what is told only by the name
	Modified time.Time // of the file; zero: not known
}

// Reader gives the file from its beginning.
func (f File) Reader() io.Reader { return io.NewSectionReader(f.ReaderAt, 0, f.Size) }

// Sink takes what an adapter finds, record by record. A nil field takes nothing and costs nothing to call through Give….
type Sink struct {
	Advisory  func(advisory.Advisory) error
	Overlay   func(advisory.Overlay) error
	Lifecycle func(advisory.Lifecycle) error
}

// Options are what the caller wants of a file.
type Options struct {
	Feed   string // the feed's name: what Advisory.Feed and Overlay.Feed are set to
	Limits Limits
	Wanted func(ecosystem string) bool // releases that are wanted, as Debian:12; nil: all
	Spelt  []string                    // the same as a list, for a look at raw text before it is parsed; nil: all
}

// Wants says whether a release is wanted.
func (o Options) Wants(ecosystem string) bool { return o.Wanted == nil || o.Wanted(ecosystem) }

// Adapter reads one source's file once, in its order, giving each sound record exactly once: the same file gives the same records in the
// same order. A record that cannot be read is named in the survey and skipped. An error is damage of the whole file, or the sink's.
type Adapter func(ctx context.Context, f File, o Options, to Sink) (Survey, error)

// GiveAdvisory gives an advisory to the sink.
func (s Sink) GiveAdvisory(a advisory.Advisory) error {
	if s.Advisory == nil {
		return nil
	}
	return s.Advisory(a)
}

// GiveOverlay gives an overlay to the sink.
func (s Sink) GiveOverlay(o advisory.Overlay) error {
	if s.Overlay == nil {
		return nil
	}
	return s.Overlay(o)
}

// GiveLifecycle gives a lifecycle to the sink.
func (s Sink) GiveLifecycle(l advisory.Lifecycle) error {
	if s.Lifecycle == nil {
		return nil
	}
	return s.Lifecycle(l)
}

package assess

import (
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
)

// Query is what a list is asked for. Zero values do not narrow; Cursor is Next of the page before.
type Query struct {
	Selector fleet.Selector
	Search   string // text to look for
	Sort     string // column; empty: the list's own order
	Desc     bool
	Limit    int
	Cursor   string
	Priority string // findings of this priority
	Source   string // findings of this source package
	State    string // hosts in this state
	Past            // of when; the zero Past is now
}

// Past is a time that is asked about: the hosts and what they had at At, judged with what was known then, or with what is known today.
type Past struct {
	At        time.Time // zero: now
	Hindsight bool      // with today's knowledge
}

// check refuses a time that is no past.
func (p Past) check(now time.Time) error {
	switch {
	case p.At.IsZero() && p.Hindsight:
		return fault.New(fault.Invalid, "hindsight is about a time: say which with as-of")
	case p.At.After(now):
		return fault.New(fault.Invalid, "%s is not over yet: it is %s by the server's clock", p.At.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
	}
	return nil
}

// wire says in an answer what it is of; nil: of now.
func (p Past) wire() *apiv1.Past {
	if p.At.IsZero() {
		return nil
	}
	knowledge := apiv1.KnowledgeThen
	if p.Hindsight {
		knowledge = apiv1.KnowledgeToday
	}
	return &apiv1.Past{AsOf: p.At.UTC(), Knowledge: knowledge}
}

package assess

import "github.com/staunch-dev/staunch/internal/fleet"

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
}

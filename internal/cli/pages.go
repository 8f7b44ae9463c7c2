package cli

import "github.com/staunch-dev/staunch/internal/fault"

// pageSize is the largest page the server gives.
const pageSize = 1000

// pages gathers items by cursor, at most limit of them (0: all). fetch gets one page; next is what the last page gave, empty at the end.
func pages[T any](limit int, fetch func(cursor string, size int) (items []T, next string, err error)) (all []T, next string, err error) {
	if limit < 0 {
		return nil, "", usage("--limit %d: it is a number of rows, or 0 for all", limit)
	}
	all = []T{}
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-len(all))
		}
		cursor := next
		var items []T
		if items, next, err = fetch(cursor, size); err != nil {
			return nil, "", err
		}
		all = append(all, items...)
		switch {
		case limit > 0 && len(all) >= limit, next == "":
			return all, next, nil
		case next == cursor || len(items) == 0:
			return nil, "", fault.New(fault.Unavailable, "the server repeats a page: try again")
		}
	}
}

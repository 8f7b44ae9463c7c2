package assess

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// limit is how many items a page has.
func (q Query) limit() int {
	if q.Limit <= 0 {
		return defaultLimit
	}
	return min(q.Limit, maxLimit)
}

// order is the sort column, one of columns; the first is the list's own. Anything else is a fault.Invalid.
func (q Query) order(columns ...string) (string, error) {
	if q.Sort == "" {
		return columns[0], nil
	}
	if !slices.Contains(columns, q.Sort) {
		return "", fault.New(fault.Invalid, "this list cannot be sorted by %q; it can by %s", q.Sort, strings.Join(columns, ", "))
	}
	return q.Sort, nil
}

// cursor is where a page ended. It holds the place and not a number of items, so that what comes or goes before it moves nothing.
type cursor[P any] struct {
	Sort string `json:"s"`
	Desc bool   `json:"d,omitempty"`
	At   P      `json:"p"`
}

func writeCursor[P any](sort string, desc bool, at P) string {
	text, err := json.Marshal(cursor[P]{sort, desc, at})
	if err != nil {
		panic("assess: a place is strings and numbers, which always encode: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// readCursor gives the place that a cursor of the same order holds; nil for none.
func readCursor[P any](q Query, sort string) (*P, error) {
	if q.Cursor == "" {
		return nil, nil
	}
	var c cursor[P]
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the cursor is damaged; begin again without one")
	}
	if c.Sort != sort || c.Desc != q.Desc {
		return nil, fault.New(fault.Invalid, "the cursor is of another order; begin again without one")
	}
	return &c.At, nil
}

// place of an item in a list that is sorted by a text, with an id to tell equal ones apart.
type place struct {
	Key string `json:"k"`
	ID  string `json:"i"`
}

func (a place) compare(b place) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.ID, b.ID))
}

// paged sorts items by place and cuts the page after the query's cursor.
func paged[T any](items []T, q Query, sort string, at func(T) place) (page []T, next string, err error) {
	after, err := readCursor[place](q, sort)
	if err != nil {
		return nil, "", err
	}
	type placed struct {
		place
		item T
	}
	all := make([]placed, 0, len(items))
	for _, item := range items {
		all = append(all, placed{at(item), item})
	}
	order := func(a, b place) int {
		if q.Desc {
			return b.compare(a)
		}
		return a.compare(b)
	}
	slices.SortFunc(all, func(a, b placed) int { return order(a.place, b.place) })
	from := 0
	if after != nil {
		from, _ = slices.BinarySearchFunc(all, *after, func(p placed, at place) int {
			if order(p.place, at) <= 0 {
				return -1
			}
			return 1
		})
	}
	to := min(from+q.limit(), len(all))
	page = make([]T, 0, to-from)
	for _, p := range all[from:to] {
		page = append(page, p.item)
	}
	if to < len(all) {
		next = writeCursor(sort, q.Desc, all[to-1].place)
	}
	return page, next, nil
}

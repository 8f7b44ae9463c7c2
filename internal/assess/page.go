package assess

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"iter"
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
	order := func(a, b place) int { return turned(a.compare(b), q.Desc) }
	all := func(yield func(placed) bool) {
		for _, item := range items {
			p := placed{at(item), item}
			if (after == nil || order(p.place, *after) > 0) && !yield(p) {
				return
			}
		}
	}
	first := least(all, q.limit()+1, func(a, b placed) int { return order(a.place, b.place) })
	page = make([]T, 0, min(len(first), q.limit()))
	for _, p := range first[:cap(page)] {
		page = append(page, p.item)
	}
	if len(first) > len(page) {
		next = writeCursor(sort, q.Desc, first[len(page)-1].place)
	}
	return page, next, nil
}

// least gives the first n items in order. Of a hundred thousand it sorts few: most are not among the first and are passed over.
func least[T any](items iter.Seq[T], n int, compare func(a, b T) int) []T {
	var kept []T
	full := false // kept[n-1] is the last of the first n so far
	for item := range items {
		if full && compare(item, kept[n-1]) >= 0 {
			continue
		}
		kept = append(kept, item)
		if len(kept) >= 2*n {
			slices.SortFunc(kept, compare)
			clear(kept[n:])
			kept, full = kept[:n], true
		}
	}
	slices.SortFunc(kept, compare)
	return kept[:min(n, len(kept))]
}

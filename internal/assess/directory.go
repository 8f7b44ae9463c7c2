package assess

const directoryPage = 1024

// directory maps small integers that are handed out in turn to values. It takes room for pages that hold something and for no others,
// so numbers that are never reused cost nothing once they are gone.
type directory[T any] struct {
	pages map[uint64]*directoryRows[T]
}

type directoryRows[T any] struct {
	rows [directoryPage]*T
	used int
}

func (d *directory[T]) get(n uint64) *T {
	if p := d.pages[n/directoryPage]; p != nil {
		return p.rows[n%directoryPage]
	}
	return nil
}

// ascending gives a get for numbers that mostly are on the page of the one before, as those of a sorted list are.
func (d *directory[T]) ascending() func(n uint64) *T {
	at, page := ^uint64(0), (*directoryRows[T])(nil)
	return func(n uint64) *T {
		if n/directoryPage != at {
			at = n / directoryPage
			page = d.pages[at]
		}
		if page == nil {
			return nil
		}
		return page.rows[n%directoryPage]
	}
}

// put sets a value; nil takes it out.
func (d *directory[T]) put(n uint64, v *T) {
	p := d.pages[n/directoryPage]
	switch {
	case p == nil && v == nil:
		return
	case p == nil:
		if d.pages == nil {
			d.pages = map[uint64]*directoryRows[T]{}
		}
		p = &directoryRows[T]{}
		d.pages[n/directoryPage] = p
	}
	before := p.rows[n%directoryPage]
	p.rows[n%directoryPage] = v
	switch {
	case before == nil && v != nil:
		p.used++
	case before != nil && v == nil:
		if p.used--; p.used == 0 {
			delete(d.pages, n/directoryPage)
		}
	}
}

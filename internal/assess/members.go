package assess

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// fewMembers is how many ordinals a list holds before a bitmap takes over: an empty bitmap alone takes 150 bytes, and most package
// versions that few hosts have are on fewer than these.
const fewMembers = 16

// members is a set of numbers: ordinals of hosts, or numbers of cohorts. The zero value is empty.
type members struct {
	few  []uint32 // sorted; while many is nil
	many *roaring.Bitmap
}

// add says whether the ordinal was not there before.
func (m *members) add(ordinal uint32) bool {
	if m.many != nil {
		return m.many.CheckedAdd(ordinal)
	}
	i, there := slices.BinarySearch(m.few, ordinal)
	if there {
		return false
	}
	if len(m.few) < fewMembers {
		m.few = slices.Insert(m.few, i, ordinal)
		return true
	}
	m.many = roaring.BitmapOf(m.few...)
	m.many.Add(ordinal)
	m.few = nil
	return true
}

// remove says whether the ordinal was there.
func (m *members) remove(ordinal uint32) bool {
	if m.many == nil {
		i, there := slices.BinarySearch(m.few, ordinal)
		if there {
			m.few = slices.Delete(m.few, i, i+1)
		}
		return there
	}
	there := m.many.CheckedRemove(ordinal)
	if m.many.GetCardinality() <= fewMembers/2 {
		m.few, m.many = m.many.ToArray(), nil
	}
	return there
}

func (m *members) has(n uint32) bool {
	if m.many != nil {
		return m.many.Contains(n)
	}
	return slices.Contains(m.few, n)
}

func (m *members) len() int {
	if m.many != nil {
		return int(m.many.GetCardinality()) //nolint:gosec // hosts are fewer than an int holds
	}
	return len(m.few)
}

// count is how many of them are selected.
func (m *members) count(selection *roaring.Bitmap) int {
	if m.many != nil {
		return int(m.many.AndCardinality(selection)) //nolint:gosec // as above
	}
	n := 0
	for _, ordinal := range m.few {
		if selection.Contains(ordinal) {
			n++
		}
	}
	return n
}

// addTo adds all of them to a bitmap.
func (m *members) addTo(into *roaring.Bitmap) {
	if m.many != nil {
		into.Or(m.many)
		return
	}
	into.AddMany(m.few)
}

// batches calls fn with all of them, some at a time, ascending, until it says false. What it is given it must not keep.
func (m *members) batches(fn func([]uint32) bool) {
	if m.many == nil {
		if len(m.few) > 0 {
			fn(m.few)
		}
		return
	}
	var room [256]uint32
	it := m.many.ManyIterator()
	for n := it.NextMany(room[:]); n > 0; n = it.NextMany(room[:]) {
		if !fn(room[:n]) {
			return
		}
	}
}

// each calls fn with every number, ascending, until it says false.
func (m *members) each(fn func(n uint32) bool) {
	if m.many != nil {
		m.many.Iterate(fn)
		return
	}
	for _, ordinal := range m.few {
		if !fn(ordinal) {
			return
		}
	}
}

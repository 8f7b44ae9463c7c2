package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// SQLite's file format (sqlite.org/fileformat2.html), of which rpm's database needs one table: Packages(hnum INTEGER PRIMARY KEY, blob).
const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteHeader   = 100
	sqliteLeaf     = 0x0d // page types of a table's tree
	sqliteInterior = 0x05
	sqliteDepth    = 20 // of a tree; a real one has three levels
)

// sqlite is a database being read.
type sqlite struct {
	r        io.ReaderAt
	pageSize int64
	usable   int64 // of a page
	pages    int64
	wal      map[uint32]int64 // pages that the log has a newer version of: where in it
	log      io.ReaderAt
	left     budget
	rows     budget // what lies of them in the leaves: no two share a byte
	buf      []byte
}

// readSQLite gives every blob of the table Packages, as of the last transaction that is whole in the log.
func readSQLite(r io.ReaderAt, size int64, wal io.ReaderAt, walSize int64, give func([]byte) error) error {
	head := make([]byte, sqliteHeader)
	if _, err := r.ReadAt(head, 0); err != nil {
		return errors.New("it is cut off")
	}
	s := &sqlite{r: r, pageSize: int64(binary.BigEndian.Uint16(head[16:]))}
	if s.pageSize == 1 {
		s.pageSize = 64 << 10
	}
	if s.pageSize < 512 || s.pageSize&(s.pageSize-1) != 0 {
		return fmt.Errorf("its pages have %d bytes", s.pageSize)
	}
	s.usable = s.pageSize - int64(head[20])
	if s.usable < 480 {
		return errors.New("its pages have no room")
	}
	s.pages = size / s.pageSize
	if wal != nil {
		s.log, s.wal = wal, committed(wal, walSize, s.pageSize)
		for n := range s.wal {
			s.pages = max(s.pages, int64(n))
		}
	}
	s.left.left = size + walSize + s.pageSize // not by pages: the log may claim any number
	s.rows = s.left
	root, err := s.table("Packages")
	if err != nil {
		return err
	}
	return s.tree(root, 0, func(payload []byte) error {
		columns, err := record(payload, 2)
		if err != nil {
			return err
		}
		return give(columns[1].bytes)
	})
}

// table is the first page of a table's tree, by the schema, which is a tree itself and begins on page 1.
func (s *sqlite) table(name string) (uint32, error) {
	var root uint32
	err := s.tree(1, 0, func(payload []byte) error {
		columns, err := record(payload, 4)
		if err != nil {
			return err
		}
		if string(columns[0].bytes) == "table" && string(columns[1].bytes) == name {
			root = uint32(min(columns[3].number, 1<<32-1)) //nolint:gosec // page checks what it is given
		}
		return nil
	})
	if err == nil && root == 0 {
		err = fmt.Errorf("it has no table %s", name)
	}
	return root, err
}

// page reads page n, counted from 1: from the log where that has it.
func (s *sqlite) page(n uint32) ([]byte, error) {
	if n == 0 || int64(n) > s.pages {
		return nil, fmt.Errorf("page %d is outside the file", n)
	}
	if err := s.left.take(s.pageSize); err != nil {
		return nil, err
	}
	page := make([]byte, s.pageSize)
	if at, newer := s.wal[n]; newer {
		_, err := s.log.ReadAt(page, at)
		return page, err
	}
	_, err := s.r.ReadAt(page, int64(n-1)*s.pageSize)
	return page, err
}

// tree gives the payloads of a table's rows, in the order of their numbers.
func (s *sqlite) tree(n uint32, depth int, give func([]byte) error) error {
	if depth > sqliteDepth {
		return errCircles
	}
	page, err := s.page(n)
	if err != nil {
		return err
	}
	head := page
	if n == 1 {
		head = page[sqliteHeader:]
	}
	cells, pointers := int(binary.BigEndian.Uint16(head[3:])), head[8:]
	if head[0] == sqliteInterior {
		pointers = head[12:]
	} else if head[0] != sqliteLeaf {
		return fmt.Errorf("page %d is of type %d, not a table's", n, head[0])
	}
	if 2*cells > len(pointers) {
		return fmt.Errorf("page %d claims more cells than it can hold", n)
	}
	for i := range cells {
		at := int64(binary.BigEndian.Uint16(pointers[2*i:]))
		if at+4 > s.usable {
			return fmt.Errorf("page %d: a cell is outside it", n)
		}
		if head[0] == sqliteInterior {
			err = s.tree(binary.BigEndian.Uint32(page[at:]), depth+1, give)
		} else {
			err = s.cell(page[at:s.usable], give)
		}
		if err != nil {
			return err
		}
	}
	if head[0] == sqliteInterior {
		return s.tree(binary.BigEndian.Uint32(head[8:]), depth+1, give)
	}
	return nil
}

// cell gives the payload of a leaf's cell: its length, the row's number, the first part of it, and the page where the rest begins.
func (s *sqlite) cell(cell []byte, give func([]byte) error) error {
	length, n := varint(cell)
	_, m := varint(cell[n:])
	if n == 0 || m == 0 || length > maxBlob {
		return errors.New("a row is cut off or too long")
	}
	cell = cell[n+m:]
	total := int64(length) //nolint:gosec // at most maxBlob
	local := s.local(total)
	if local > int64(len(cell)) {
		return errors.New("a row is cut off")
	}
	if err := s.rows.take(local); err != nil {
		return err
	}
	if local == total {
		return give(cell[:local])
	}
	if local+4 > int64(len(cell)) {
		return errors.New("a row is cut off")
	}
	if total > s.left.left {
		return errCircles
	}
	s.buf = append(s.buf[:0], cell[:local]...)
	for next := binary.BigEndian.Uint32(cell[local:]); int64(len(s.buf)) < total; {
		page, err := s.page(next)
		if err != nil {
			return err
		}
		s.buf = append(s.buf, page[4:min(s.usable, 4+total-int64(len(s.buf)))]...)
		next = binary.BigEndian.Uint32(page)
	}
	return give(s.buf)
}

// local is how much of a payload lies in the leaf itself.
func (s *sqlite) local(total int64) int64 {
	if total <= s.usable-35 {
		return total
	}
	least := (s.usable-12)*32/255 - 23
	if k := least + (total-least)%(s.usable-4); k <= s.usable-35 {
		return k
	}
	return least
}

// column is a value of a record: bytes of a text or blob, or a number.
type column struct {
	bytes  []byte
	number uint64
}

// record reads the first n columns of a row.
func record(payload []byte, n int) ([]column, error) {
	bad := errors.New("a row is not as SQLite writes it")
	size, at := varint(payload)
	if at == 0 || size > uint64(len(payload)) || size < uint64(at) { //nolint:gosec // at is at most 9
		return nil, bad
	}
	kinds, values := payload[at:size], payload[size:]
	out := make([]column, 0, n)
	for range n {
		kind, m := varint(kinds)
		if m == 0 {
			return nil, bad
		}
		kinds = kinds[m:]
		width := uint64(0)
		switch {
		case kind >= 12:
			width = (kind - 12) / 2
		case kind <= 4:
			width = kind
		case kind == 5:
			width = 6
		case kind == 6 || kind == 7:
			width = 8
		}
		if width > uint64(len(values)) {
			return nil, bad
		}
		c := column{bytes: values[:width]}
		if kind == 9 {
			c.number = 1
		}
		if kind >= 1 && kind <= 6 {
			for _, b := range c.bytes {
				c.number = c.number<<8 | uint64(b)
			}
		}
		out = append(out, c)
		values = values[width:]
	}
	return out, nil
}

// varint reads SQLite's: seven bits a byte, big end first, of the ninth byte all eight. The length is 0 when it is cut off.
func varint(b []byte) (uint64, int) {
	var v uint64
	for i := range min(len(b), 9) {
		if i == 8 {
			return v<<8 | uint64(b[i]), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

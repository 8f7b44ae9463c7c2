package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// BerkeleyDB's hash (libdb's db_page.h): pages of one size, the first is the metadata. Numbers are in the order of the machine that wrote
// the file, which the magic number tells.
const (
	bdbMagic      = 0x061561 // of a hash, at offset 12 of the metadata
	bdbHashMeta   = 8        // page types, at offset 25 of every page
	bdbHash       = 13
	bdbUnsorted   = 2 // a hash page as libdb before 4.6 wrote it
	bdbOverflow   = 7
	bdbPageHeader = 26
	bdbKeyData    = 1 // item types: the bytes follow
	bdbOffPage    = 3 // a page number and a length follow
	bdbOffItem    = 12
)

// bdbOrder gives the byte order of a hash's metadata; nil when it is none.
func bdbOrder(head []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(head[12:]) == bdbMagic {
			return order
		}
	}
	return nil
}

// hash is a BerkeleyDB being read.
type hash struct {
	r        io.ReaderAt
	order    binary.ByteOrder
	pageSize int64
	pages    int64
	left     budget // of overflow pages
	buf      []byte
}

// readBDB gives the value of every pair but the one with the key 0, in which rpm counts. Every bucket's pages are hash pages, so it is
// enough to look at all pages once.
func readBDB(r io.ReaderAt, size int64, give func([]byte) error) error {
	head := make([]byte, 32)
	if _, err := r.ReadAt(head, 0); err != nil {
		return err
	}
	h := &hash{r: r, order: bdbOrder(head)}
	h.pageSize = int64(h.order.Uint32(head[20:]))
	switch {
	case head[25] != bdbHashMeta:
		return errors.New("its first page is not a hash's")
	case h.pageSize < 512 || h.pageSize > 64<<10 || h.pageSize&(h.pageSize-1) != 0:
		return fmt.Errorf("its pages have %d bytes", h.pageSize)
	case head[24] != 0:
		return errors.New("it is encrypted")
	case head[26]&1 != 0:
		return errors.New("its pages have checksums, which rpm never asked for")
	case size%h.pageSize != 0:
		return errors.New("it is cut off within a page")
	}
	h.pages = size / h.pageSize
	h.left.left = size
	page := make([]byte, h.pageSize)
	for n := int64(1); n < h.pages; n++ {
		if _, err := r.ReadAt(page, n*h.pageSize); err != nil {
			return err
		}
		if page[25] != bdbHash && page[25] != bdbUnsorted {
			continue
		}
		if err := h.page(page, give); err != nil {
			return fmt.Errorf("page %d: %w", n, err)
		}
	}
	return nil
}

// page gives the values of a hash page: its items are key, value, key, value; their offsets stand behind the page's header, and the items
// themselves lie from the end of the page towards its beginning.
func (h *hash) page(page []byte, give func([]byte) error) error {
	entries := int(h.order.Uint16(page[20:]))
	if bdbPageHeader+2*entries > len(page) {
		return errors.New("it claims more items than it can hold")
	}
	end := len(page)
	items := make([][]byte, 0, entries)
	for i := range entries {
		start := int(h.order.Uint16(page[bdbPageHeader+2*i:]))
		if start < bdbPageHeader+2*entries || start >= end {
			return errors.New("an item is outside it")
		}
		items = append(items, page[start:end])
		end = start
	}
	for i := 0; i+1 < len(items); i += 2 {
		key, item := items[i], items[i+1]
		if key[0] != bdbKeyData || len(key) != 5 || h.order.Uint32(key[1:]) == 0 {
			continue
		}
		value, err := h.value(item)
		if err != nil {
			return err
		}
		if err := give(value); err != nil {
			return err
		}
	}
	return nil
}

func (h *hash) value(item []byte) ([]byte, error) {
	switch {
	case item[0] == bdbKeyData:
		return item[1:], nil
	case item[0] == bdbOffPage && len(item) >= bdbOffItem:
		return h.overflow(int64(h.order.Uint32(item[4:])), int64(h.order.Uint32(item[8:])))
	}
	return nil, fmt.Errorf("an item is of type %d, which rpm does not write", item[0])
}

// overflow joins a chain of pages; the length of each part is where a page of another kind has the end of its free room.
func (h *hash) overflow(n, length int64) ([]byte, error) {
	if length > maxBlob || length > h.pages*h.pageSize {
		return nil, errors.New("a value is longer than the file")
	}
	h.buf = grown(h.buf, length)
	head := make([]byte, bdbPageHeader)
	for have := int64(0); have < length; {
		if n <= 0 || n >= h.pages {
			return nil, errors.New("a value's pages end before it")
		}
		if err := h.left.take(h.pageSize); err != nil {
			return nil, err
		}
		if _, err := h.r.ReadAt(head, n*h.pageSize); err != nil {
			return nil, err
		}
		part := int64(h.order.Uint16(head[22:]))
		if head[25] != bdbOverflow || part == 0 || part > h.pageSize-bdbPageHeader || part > length-have {
			return nil, errors.New("a value leads to a page that is not its")
		}
		if _, err := h.r.ReadAt(h.buf[have:have+part], n*h.pageSize+bdbPageHeader); err != nil {
			return nil, err
		}
		have += part
		n = int64(h.order.Uint32(head[16:]))
	}
	return h.buf, nil
}

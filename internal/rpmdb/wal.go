package rpmdb

import (
	"encoding/binary"
	"io"
)

const (
	walHeader = 32
	walFrame  = 24 // before each page
)

// committed says where in SQLite's write-ahead log the newest version of each page begins, as of the last transaction that is whole. A
// log that is not one, or of another database, has none: SQLite itself ignores it then.
func committed(r io.ReaderAt, size, pageSize int64) map[uint32]int64 {
	head := make([]byte, walHeader)
	if size < walHeader {
		return nil
	}
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil
	}
	magic := binary.BigEndian.Uint32(head)
	if magic&^1 != 0x377f0682 || int64(binary.BigEndian.Uint32(head[8:])) != pageSize {
		return nil
	}
	sum := checksum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	if !sum.is(head[24:]) {
		return nil
	}
	pages, pending := map[uint32]int64{}, map[uint32]int64{}
	frame := make([]byte, walFrame+pageSize)
	for at := int64(walHeader); at+int64(len(frame)) <= size; at += int64(len(frame)) {
		if _, err := r.ReadAt(frame, at); err != nil {
			break
		}
		if string(frame[8:16]) != string(head[16:24]) { // salts: a frame of an earlier use of the file
			break
		}
		sum.add(frame[:8])
		sum.add(frame[walFrame:])
		if !sum.is(frame[16:24]) {
			break
		}
		pending[binary.BigEndian.Uint32(frame)] = at + walFrame
		if binary.BigEndian.Uint32(frame[4:]) != 0 { // the transaction ends here
			for n, where := range pending {
				pages[n] = where
			}
			clear(pending)
		}
	}
	return pages
}

// checksum is that of the log, over eight bytes at a time.
type checksum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (c *checksum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		c.s0 += c.order.Uint32(b) + c.s1
		c.s1 += c.order.Uint32(b[4:]) + c.s0
	}
}

func (c *checksum) is(b []byte) bool {
	return binary.BigEndian.Uint32(b) == c.s0 && binary.BigEndian.Uint32(b[4:]) == c.s1
}

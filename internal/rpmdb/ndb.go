package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// NDB's Packages.db (rpm's lib/backend/ndb/rpmpkg.c): a header of 32 bytes, then slots of 16 bytes in pages of 4096, then blobs in blocks
// of 16 bytes. All numbers are little endian.
const (
	ndbMagic     = "RpmP"
	ndbSlotMagic = "Slot"
	ndbBlobMagic = "BlbS"
	ndbHeader    = 32
	ndbSlot      = 16
	ndbBlock     = 16
	ndbPage      = 4096
	ndbBlobHead  = 16 // magic, package index, time, length
	ndbBlobTail  = 12 // checksum, length, magic
)

// readNDB gives every blob that a slot leads to.
func readNDB(r io.ReaderAt, size int64, give func([]byte) error) error {
	head := make([]byte, ndbHeader)
	if _, err := r.ReadAt(head, 0); err != nil {
		return err
	}
	if v := binary.LittleEndian.Uint32(head[4:]); v != 0 {
		return fmt.Errorf("it is of version %d; 0 is read", v)
	}
	pages := int64(binary.LittleEndian.Uint32(head[12:]))
	if pages*ndbPage > size {
		return errors.New("it is cut off within its slots")
	}
	left := &budget{size}
	var blob []byte
	page := make([]byte, ndbPage)
	for at := range pages {
		if _, err := r.ReadAt(page, at*ndbPage); err != nil {
			return err
		}
		slots := page
		if at == 0 {
			slots = page[ndbHeader:]
		}
		for ; len(slots) > 0; slots = slots[ndbSlot:] {
			if string(slots[:4]) != ndbSlotMagic {
				return errors.New("a slot has no magic number")
			}
			index, block, count := binary.LittleEndian.Uint32(slots[4:]), binary.LittleEndian.Uint32(slots[8:]), binary.LittleEndian.Uint32(slots[12:])
			if block == 0 { // free
				continue
			}
			var err error
			if blob, err = ndbBlob(r, size, left, blob, index, int64(block)*ndbBlock, int64(count)*ndbBlock); err != nil {
				return fmt.Errorf("package %d: %w", index, err)
			}
			if err := give(blob); err != nil {
				return err
			}
		}
	}
	return nil
}

// ndbBlob reads a blob into buf, which grows.
func ndbBlob(r io.ReaderAt, size int64, left *budget, buf []byte, index uint32, at, room int64) ([]byte, error) {
	if room < ndbBlobHead+ndbBlobTail || at+room > size {
		return nil, errors.New("its blob is outside the file")
	}
	if err := left.take(room); err != nil {
		return nil, err
	}
	head := make([]byte, ndbBlobHead)
	if _, err := r.ReadAt(head, at); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(head[12:]))
	if string(head[:4]) != ndbBlobMagic || binary.LittleEndian.Uint32(head[4:]) != index {
		return nil, errors.New("its blob is another's")
	}
	if length > room-ndbBlobHead-ndbBlobTail || length > maxBlob {
		return nil, errors.New("its blob is longer than its room")
	}
	buf = grown(buf, length)
	_, err := r.ReadAt(buf, at+ndbBlobHead)
	return buf, err
}

// grown gives a buffer of n bytes, the old one where it is large enough.
func grown(buf []byte, n int64) []byte {
	if int64(cap(buf)) >= n {
		return buf[:n]
	}
	return make([]byte, n)
}

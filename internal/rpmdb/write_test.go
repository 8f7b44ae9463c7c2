package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Writers of the formats for tests, after the same descriptions as the readers.

// header makes a header with three tags.
func header(name, version, release string) []byte {
	var index, data []byte
	for _, tag := range []struct {
		number uint32
		value  string
	}{{tagName, name}, {tagVersion, version}, {tagRelease, release}} {
		for _, n := range []uint32{tag.number, typeString, uint32(len(data)), 1} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(append(data, tag.value...), 0)
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(index)/entrySize))
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return append(append(out, index...), data...)
}

// ndbFile makes a Packages.db.
func ndbFile(headers [][]byte) []byte {
	le := binary.LittleEndian
	pages := (2 + len(headers) + ndbPage/ndbSlot - 1) / (ndbPage / ndbSlot)
	out := make([]byte, pages*ndbPage)
	copy(out, ndbMagic)
	le.PutUint32(out[12:], uint32(pages))
	le.PutUint32(out[16:], uint32(len(headers)+1))
	for at := ndbHeader; at < len(out); at += ndbSlot {
		copy(out[at:], ndbSlotMagic)
	}
	for i, h := range headers {
		blocks := (ndbBlobHead + len(h) + ndbBlobTail + ndbBlock - 1) / ndbBlock
		slot := out[ndbHeader+i*ndbSlot:]
		le.PutUint32(slot[4:], uint32(i+1))
		le.PutUint32(slot[8:], uint32(len(out)/ndbBlock))
		le.PutUint32(slot[12:], uint32(blocks))
		blob := make([]byte, blocks*ndbBlock)
		copy(blob, ndbBlobMagic)
		le.PutUint32(blob[4:], uint32(i+1))
		le.PutUint32(blob[12:], uint32(len(h)))
		copy(blob[ndbBlobHead:], h)
		tail := blob[len(blob)-ndbBlobTail:]
		le.PutUint32(tail[4:], uint32(len(h)))
		copy(tail[8:], "BlbE")
		out = slices.Concat(out, blob)
	}
	return out
}

// bdbFile makes a hash of one pair a page, each value on overflow pages, as rpm's headers nearly always are.
func bdbFile(order binary.AppendByteOrder, headers [][]byte) []byte {
	const size = 4096
	o := order.(binary.ByteOrder)
	out := make([]byte, size)
	o.PutUint32(out[12:], bdbMagic)
	o.PutUint32(out[20:], size)
	out[25] = bdbHashMeta
	for i, h := range headers {
		page := make([]byte, size)
		page[25] = bdbHash
		o.PutUint16(page[20:], 2)
		o.PutUint16(page[bdbPageHeader:], size-5)
		o.PutUint16(page[bdbPageHeader+2:], size-5-bdbOffItem)
		page[size-5] = bdbKeyData
		o.PutUint32(page[size-4:], uint32(i+1))
		item := page[size-5-bdbOffItem:]
		item[0] = bdbOffPage
		next := uint32(len(out)/size + 1)
		o.PutUint32(item[4:], next)
		o.PutUint32(item[8:], uint32(len(h)))
		out = slices.Concat(out, page)
		for len(h) > 0 {
			part := make([]byte, size)
			part[25] = bdbOverflow
			n := copy(part[bdbPageHeader:], h)
			o.PutUint16(part[22:], uint16(n))
			if h = h[n:]; len(h) > 0 {
				next++
				o.PutUint32(part[16:], next)
			}
			out = slices.Concat(out, part)
		}
	}
	return out
}

// sqliteFile makes a schema page and a leaf with one row.
func sqliteFile(header []byte) []byte {
	const size = 4096
	out := make([]byte, 2*size)
	copy(out, sqliteMagic)
	binary.BigEndian.PutUint16(out[16:], size)
	cell := func(page, head []byte, payload []byte) {
		at := size - len(payload) - 3
		page[at], page[at+1], page[at+2] = byte(len(payload)>>7|0x80), byte(len(payload)&0x7f), 1
		copy(page[at+3:], payload)
		head[0] = sqliteLeaf
		binary.BigEndian.PutUint16(head[3:], 1)
		binary.BigEndian.PutUint16(head[8:], uint16(at))
	}
	cell(out, out[sqliteHeader:], append([]byte{6, 12*1 + 1 + 2*5, 13 + 2*8, 13 + 2*8, 1, 0}, "tablePackagesPackages\x02"...))
	kind := 12 + 2*len(header)
	cell(out[size:], out[size:], append([]byte{4, 0, byte(kind>>7 | 0x80), byte(kind & 0x7f)}, header...))
	return out
}

// No two rows of a database share a byte: a page whose thousand cells are one and the same would have us read that a thousand times.
func TestOneRowIsNotReadAThousandTimes(t *testing.T) {
	t.Parallel()
	file := sqliteFile(header("a", "1", "1"))
	leaf := file[4096:]
	at := binary.BigEndian.Uint16(leaf[8:])
	const many = 1000
	binary.BigEndian.PutUint16(leaf[3:], many)
	for i := range many {
		binary.BigEndian.PutUint16(leaf[8+2*i:], at)
	}
	given := 0
	_, err := walk(bytes.NewReader(file), int64(len(file)), nil, 0, func([]byte) error { given++; return nil })
	if !errors.Is(err, errCircles) || given > 500 {
		t.Errorf("%v, %d rows", err, given)
	}
}

// A folder's name counts once for each of its files: a header of a few megabytes must not become terabytes of names.
func TestNoFolderIsLongerThanAPath(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]int{100: 1000, maxPath + 1: 0} {
		const many = 1000
		dirs := append(bytes.Repeat([]byte("d"), length), 0)
		names, numbers := bytes.Repeat([]byte("n\x00"), many), make([]byte, 4*many)
		data := append(append(append([]byte{}, numbers...), names...), dirs...)
		index := []byte{}
		for _, n := range []int{tagDirIndexes, typeInt32, 0, many, tagBaseNames, typeStringList, len(numbers), many, tagDirNames, typeStringList, len(numbers) + len(names), 1} {
			index = binary.BigEndian.AppendUint32(index, uint32(n))
		}
		blob := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 3), uint32(len(data)))
		given := 0
		fileNames(append(append(blob, index...), data...), func(string) { given++ })
		if given != want {
			t.Errorf("a folder of %d bytes: %d names", length, given)
		}
	}
}

func FuzzRpmDatabase(f *testing.F) {
	h := header("a", "1", "1")
	f.Add(ndbFile([][]byte{h, h}))
	f.Add(bdbFile(binary.LittleEndian, [][]byte{h, bytes.Repeat(h, 100)}))
	f.Add(bdbFile(binary.BigEndian, [][]byte{h}))
	f.Add(sqliteFile(h))
	f.Fuzz(func(t *testing.T, b []byte) {
		db, err := Parse(bytes.NewReader(b), int64(len(b)), bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, p := range db.Packages {
			if !pkgmgr.Plain(p.Name) || !pkgmgr.Plain(p.Version) {
				t.Fatalf("let through: %+v", p)
			}
		}
	})
}

// The seeds are databases, so the fuzzing begins from something.
func TestSeedsAreRead(t *testing.T) {
	t.Parallel()
	h := header("a", "1", "1")
	for name, b := range map[string][]byte{"ndb": ndbFile([][]byte{h}), "bdb": bdbFile(binary.LittleEndian, [][]byte{h}), "sqlite": sqliteFile(h)} {
		db, err := Parse(bytes.NewReader(b), int64(len(b)), nil, 0)
		if err != nil || len(db.Packages) != 1 || db.Backend != name {
			t.Errorf("%s: %+v, %v", name, db, err)
		}
	}
}

func FuzzRpmHeader(f *testing.F) {
	f.Add(header("a", "1", "1"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseHeader(b); fileNames(b, func(string) {}) })
}

// More slots than one page has.
func TestManySlots(t *testing.T) {
	t.Parallel()
	var headers [][]byte
	for i := range 600 {
		headers = append(headers, header("a"+strconv.Itoa(i), "1", "1"))
	}
	b := ndbFile(headers)
	if db, err := Parse(bytes.NewReader(b), int64(len(b)), nil, 0); err != nil || len(db.Packages) != len(headers) {
		t.Errorf("%d packages, %v", len(db.Packages), err)
	}
}

package intake

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Archive reads the entries of a zip one after another. It is our own rather than archive/zip because that holds the whole directory
// in memory, as long as the file says it is; here memory is one record, and every limit is enforced on what is read, not on what the
// headers claim. Only what OSV's archives use is read: stored and deflated entries, zip64.
type Archive struct {
	r           io.ReaderAt
	size        int64
	limits      Limits
	directory   int64 // offset
	directoryTo int64
	count       int64

	total    int64 // inflated so far
	inflater io.ReadCloser
	record   bytes.Buffer
}

// Entry is one file of the archive; its name is only ever shown, never used as a path.
type Entry struct {
	Name       string
	flags      uint16
	method     uint16
	crc        uint32
	compressed int64
	offset     int64
}

const (
	entrySignature   = 0x04034b50
	headerSignature  = 0x02014b50
	endSignature     = 0x06054b50
	end64Signature   = 0x06064b50
	end64Locator     = 0x07064b50
	headerSize       = 46
	localSize        = 30
	endSize          = 22
	end64Size        = 56
	locatorSize      = 20
	maxComment       = 65535
	methodStored     = 0
	methodDeflated   = 8
	flagEncrypted    = 1
	zip64Extra       = 1
	unset32          = 0xffffffff
	unset16          = 0xffff
	directoryTooLong = 1 << 29 // bytes; half a million real headers take 40 MB
)

// OpenArchive finds the directory and checks that it lies inside the file.
func OpenArchive(r io.ReaderAt, size int64, limits Limits) (*Archive, error) {
	a := &Archive{r: r, size: size, limits: limits.OrDefault()}
	if size > a.limits.MaxArchive {
		return nil, fmt.Errorf("the archive has %d bytes, the limit is %d", size, a.limits.MaxArchive)
	}
	end, at, err := a.findEnd()
	if err != nil {
		return nil, err
	}
	count, length, offset := uint64(binary.LittleEndian.Uint16(end[10:])), uint64(binary.LittleEndian.Uint32(end[12:])), uint64(binary.LittleEndian.Uint32(end[16:]))
	if count == unset16 || length == unset32 || offset == unset32 {
		if count, length, offset, at, err = a.readEnd64(at, count, length, offset); err != nil {
			return nil, err
		}
	}
	if length > directoryTooLong || offset > uint64(at) || length > uint64(at)-offset {
		return nil, Damaged("its directory lies outside the file")
	}
	if count > uint64(a.limits.MaxEntries) {
		return nil, fmt.Errorf("the archive has %d entries, the limit is %d", count, a.limits.MaxEntries)
	}
	a.count, a.directory, a.directoryTo = int64(count), int64(offset), int64(offset+length)
	return a, nil
}

// findEnd looks for the end record, which only a comment may follow, from the back.
func (a *Archive) findEnd() (record []byte, at int64, err error) {
	tail := make([]byte, min(a.size, endSize+maxComment))
	if _, err := a.r.ReadAt(tail, a.size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	for i := len(tail) - endSize; i >= 0; i-- {
		if binary.LittleEndian.Uint32(tail[i:]) == endSignature && i+endSize+int(binary.LittleEndian.Uint16(tail[i+20:])) == len(tail) {
			return tail[i : i+endSize], a.size - int64(len(tail)-i), nil
		}
	}
	return nil, 0, Damaged("it is not a zip file, or its end is missing")
}

// readEnd64 reads the zip64 end record, which stands where the locator before the end record says; without one the values given hold.
func (a *Archive) readEnd64(end int64, count, length, offset uint64) (uint64, uint64, uint64, int64, error) {
	locator, err := a.at(end-locatorSize, locatorSize)
	if err != nil || binary.LittleEndian.Uint32(locator) != end64Locator {
		return count, length, offset, end, nil //nolint:nilerr // exactly 65,535 entries need no zip64
	}
	at := binary.LittleEndian.Uint64(locator[8:])
	if at > uint64(end) {
		return 0, 0, 0, 0, Damaged("its zip64 end record lies outside the file")
	}
	record, err := a.at(int64(at), end64Size)
	if err != nil || binary.LittleEndian.Uint32(record) != end64Signature {
		return 0, 0, 0, 0, Damaged("it has no zip64 end record where it says")
	}
	return binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:]), binary.LittleEndian.Uint64(record[48:]), int64(at), nil
}

// at reads exactly n bytes at an offset.
func (a *Archive) at(offset int64, n int) ([]byte, error) {
	if offset < 0 || offset > a.size-int64(n) {
		return nil, io.ErrUnexpectedEOF
	}
	b := make([]byte, n)
	if _, err := a.r.ReadAt(b, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// Entries calls fn for each entry in the directory's order. A directory that ends early is damage of the whole.
func (a *Archive) Entries(fn func(Entry) error) error {
	a.total = 0
	in := bufio.NewReaderSize(io.NewSectionReader(a.r, a.directory, a.directoryTo-a.directory), 64<<10)
	header := make([]byte, headerSize)
	variable := make([]byte, 0, 512)
	for i := range a.count {
		if _, err := io.ReadFull(in, header); err != nil || binary.LittleEndian.Uint32(header) != headerSignature {
			return Damaged("its directory ends after %d of %d entries", i, a.count)
		}
		name, extra, comment := int(binary.LittleEndian.Uint16(header[28:])), int(binary.LittleEndian.Uint16(header[30:])), int(binary.LittleEndian.Uint16(header[32:]))
		variable = append(variable[:0], make([]byte, name+extra+comment)...)
		if _, err := io.ReadFull(in, variable); err != nil {
			return Damaged("its directory ends inside entry %d of %d", i+1, a.count)
		}
		e := Entry{
			Name:       Shown(string(variable[:name])),
			flags:      binary.LittleEndian.Uint16(header[8:]),
			method:     binary.LittleEndian.Uint16(header[10:]),
			crc:        binary.LittleEndian.Uint32(header[16:]),
			compressed: int64(binary.LittleEndian.Uint32(header[20:])),
			offset:     int64(binary.LittleEndian.Uint32(header[42:])),
		}
		e.readZip64(variable[name:name+extra], binary.LittleEndian.Uint32(header[24:]) == unset32)
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// readZip64 takes the sizes that did not fit the header from the zip64 extra field: 8 bytes each, in this order, only those unset.
func (e *Entry) readZip64(extra []byte, uncompressedUnset bool) {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return
		}
		field := extra[:n]
		extra = extra[n:]
		if id != zip64Extra {
			continue
		}
		if uncompressedUnset && len(field) >= 8 {
			field = field[8:]
		}
		for _, value := range []*int64{&e.compressed, &e.offset} {
			if *value == unset32 && len(field) >= 8 {
				*value = int64(binary.LittleEndian.Uint64(field) & (1<<62 - 1))
				field = field[8:]
			}
		}
	}
}

// ErrRecord marks what is wrong with one entry only.
var ErrRecord = errors.New("unreadable")

// Read inflates one entry; what it returns is good until the next call. ErrRecord: only this entry is bad.
func (a *Archive) Read(e Entry) ([]byte, error) {
	if e.flags&flagEncrypted != 0 {
		return nil, fmt.Errorf("%w: it is encrypted", ErrRecord)
	}
	local, err := a.at(e.offset, localSize)
	if err != nil || binary.LittleEndian.Uint32(local) != entrySignature {
		return nil, fmt.Errorf("%w: its data is not where the directory says", ErrRecord)
	}
	start := e.offset + localSize + int64(binary.LittleEndian.Uint16(local[26:])) + int64(binary.LittleEndian.Uint16(local[28:]))
	if start > a.size || e.compressed > a.size-start {
		return nil, fmt.Errorf("%w: its data ends outside the file", ErrRecord)
	}
	data := io.Reader(io.NewSectionReader(a.r, start, e.compressed))
	switch e.method {
	case methodStored:
	case methodDeflated:
		if a.inflater == nil {
			a.inflater = flate.NewReader(data)
		} else if err := a.inflater.(flate.Resetter).Reset(data, nil); err != nil {
			return nil, err
		}
		data = a.inflater
	default:
		return nil, fmt.Errorf("%w: compression method %d", ErrRecord, e.method)
	}
	a.record.Reset()
	n, err := a.record.ReadFrom(io.LimitReader(data, a.limits.MaxRecord+1))
	a.total += n
	switch {
	case a.total > a.limits.MaxTotal:
		return nil, fmt.Errorf("the archive holds more than %d bytes", a.limits.MaxTotal)
	case a.total > ratioGrace && a.total/a.limits.MaxRatio > a.size:
		return nil, fmt.Errorf("the archive inflates to more than %d times its size", a.limits.MaxRatio)
	case n > a.limits.MaxRecord:
		a.record = bytes.Buffer{} // one giant must not stay for the rest of the pass
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrRecord, a.limits.MaxRecord)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	case crc32.ChecksumIEEE(a.record.Bytes()) != e.crc:
		return nil, fmt.Errorf("%w: checksum does not match", ErrRecord)
	}
	return a.record.Bytes(), nil
}

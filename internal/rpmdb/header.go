package rpmdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// The tags that we want, by the numbers of rpmtag.h.
const (
	tagName       = 1000
	tagVersion    = 1001
	tagRelease    = 1002
	tagEpoch      = 1003
	tagVendor     = 1011
	tagArch       = 1022
	tagSourceRPM  = 1044
	tagModularity = 5096
)

// The types of values that those tags have.
const (
	typeInt32      = 4
	typeString     = 6
	typeI18NString = 9
)

const (
	entrySize  = 16    // of the index: tag, type, offset, count
	maxEntries = 65535 // rpm's own limit
)

// parseHeader reads a header as rpm keeps it in its database: the number of entries and of bytes of data, the index, the data; all big
// endian, without the magic number that a header has in a package file. Where a tag is there twice (rpm appends what it learns when it
// installs), the first counts.
func parseHeader(blob []byte) (rpm.Tags, error) {
	index, data, err := split(blob)
	if err != nil {
		return rpm.Tags{}, err
	}
	var (
		t    rpm.Tags
		into = map[uint32]*string{tagName: &t.Name, tagVersion: &t.Version, tagRelease: &t.Release, tagEpoch: &t.Epoch, tagVendor: &t.Vendor,
			tagArch: &t.Arch, tagSourceRPM: &t.SourceRPM, tagModularity: &t.Module}
	)
	for ; len(index) > 0; index = index[entrySize:] {
		tag := binary.BigEndian.Uint32(index)
		field, wanted := into[tag]
		if !wanted || *field != "" {
			continue
		}
		value, err := value(tag, binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:]), data)
		if err != nil {
			return t, err
		}
		*field = value
	}
	return t, nil
}

// value is the string at an offset, to its zero, or the number.
func value(tag, kind, offset uint32, data []byte) (string, error) {
	if uint64(offset) > uint64(len(data)) {
		return "", fmt.Errorf("tag %d is outside its data", tag)
	}
	data = data[offset:]
	switch {
	case tag == tagEpoch && kind == typeInt32 && len(data) >= 4:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(data)), 10), nil
	case tag != tagEpoch && (kind == typeString || kind == typeI18NString):
		if end := bytes.IndexByte(data, 0); end >= 0 {
			return string(data[:min(end, 4096)]), nil
		}
	}
	return "", fmt.Errorf("tag %d has a value that cannot be read (type %d)", tag, kind)
}

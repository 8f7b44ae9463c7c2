package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// The tags of a package's files: names without folders, the folders, and for each name the number of its folder.
const (
	tagDirIndexes  = 1116
	tagBaseNames   = 1117
	tagDirNames    = 1118
	typeStringList = 8

	maxPath = 4096 // PATH_MAX
)

// Files gives the full name of every file of every package below root. A header whose files cannot be read has none.
func Files(root *pkgmgr.Root, give func(name string)) error {
	return each(root, func(blob []byte) error {
		fileNames(blob, give)
		return nil
	})
}

// fileNames reads the three lists of a header; lists that do not fit together give nothing.
func fileNames(blob []byte, give func(name string)) {
	index, data, err := split(blob)
	if err != nil {
		return
	}
	var names, dirs, numbers []byte
	var count uint32
	for ; len(index) > 0; index = index[entrySize:] {
		tag, kind := binary.BigEndian.Uint32(index), binary.BigEndian.Uint32(index[4:])
		offset, n := binary.BigEndian.Uint32(index[8:]), binary.BigEndian.Uint32(index[12:])
		if uint64(offset) > uint64(len(data)) {
			continue
		}
		switch {
		case tag == tagBaseNames && kind == typeStringList && names == nil:
			names, count = data[offset:], n
		case tag == tagDirNames && kind == typeStringList && dirs == nil:
			dirs = data[offset:]
		case tag == tagDirIndexes && kind == typeInt32 && numbers == nil:
			numbers = data[offset:]
		}
	}
	if uint64(len(numbers)) < 4*uint64(count) || uint64(len(names)) < uint64(count) {
		return
	}
	var folders []string
	for range count {
		n := binary.BigEndian.Uint32(numbers)
		numbers = numbers[4:]
		end := bytes.IndexByte(names, 0)
		if end < 0 || n > count { // there are never more folders than files
			return
		}
		for uint32(len(folders)) <= n { //nolint:gosec // at most count
			stop := bytes.IndexByte(dirs, 0)
			if stop < 0 || stop > maxPath { // each of a million names may be in it
				return
			}
			folders, dirs = append(folders, string(dirs[:stop])), dirs[stop+1:]
		}
		give(folders[n] + string(names[:end]))
		names = names[end+1:]
	}
}

// split parts a header into its index and its data, and checks that both are there.
func split(blob []byte) (index, data []byte, err error) {
	if len(blob) < 8 {
		return nil, nil, errors.New("it is cut off")
	}
	entries, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if entries == 0 || entries > maxEntries || uint64(len(blob)) < 8+uint64(entries)*entrySize+uint64(size) {
		return nil, nil, fmt.Errorf("it says it has %d entries and %d bytes of data, and has %d bytes in all", entries, size, len(blob))
	}
	return blob[8 : 8+entries*entrySize], blob[8+entries*entrySize:][:size], nil
}

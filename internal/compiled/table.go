package compiled

import (
	"encoding/binary"
	"sort"
	"sync/atomic"
)

// A table is entries of one size, sorted by the key that is their first 8 bytes, in chunks of about a page. A sparse table beside it has
// the first key and the checksum of each chunk: a look-up reads one chunk, and checks it when it is the first to do so.
const sparseEntry = 8 + 4

type table struct {
	entry   int // bytes
	chunk   int // entries of a chunk; the last may be shorter
	sparse  []byte
	data    []byte
	checked []atomic.Bool
}

func chunkOf(entry int) int { return 4096 / entry }

func newTable(entry int, sparse, data []byte) (*table, error) {
	t := &table{entry: entry, chunk: chunkOf(entry), sparse: sparse, data: data}
	chunks := (len(data)/entry + t.chunk - 1) / t.chunk
	if len(data)%entry != 0 || len(sparse) != chunks*sparseEntry {
		return nil, damaged("a table and its chunks do not agree")
	}
	t.checked = make([]atomic.Bool, chunks)
	return t, nil
}

// sparseOf makes the sparse table of sorted entries.
func sparseOf(entry int, data []byte) []byte {
	var b []byte
	size := chunkOf(entry) * entry
	for len(data) > 0 {
		chunk := data[:min(size, len(data))]
		b = append(b, chunk[:8]...)
		b = binary.LittleEndian.AppendUint32(b, checksum(chunk))
		data = data[len(chunk):]
	}
	return b
}

func (t *table) len() int { return len(t.data) / t.entry }

// at is entry i, from a chunk that is sound.
func (t *table) at(i int) ([]byte, error) {
	c := i / t.chunk
	if !t.checked[c].Load() {
		size := t.chunk * t.entry
		chunk := t.data[c*size : min((c+1)*size, len(t.data))]
		if checksum(chunk) != binary.LittleEndian.Uint32(t.sparse[c*sparseEntry+8:]) {
			return nil, damaged("part %d of a table does not match its checksum", c)
		}
		t.checked[c].Store(true)
	}
	return t.data[i*t.entry : (i+1)*t.entry], nil
}

// find gives the first entry with a key, and whether there is one.
func (t *table) find(key uint64) (int, bool, error) {
	// The first chunk that begins at the key or after it: the key's first entry is its first one, or in the chunk before.
	c := sort.Search(len(t.checked), func(c int) bool { return binary.LittleEndian.Uint64(t.sparse[c*sparseEntry:]) >= key })
	low, high := max(c-1, 0)*t.chunk, min(c*t.chunk+1, t.len())
	for low < high {
		middle := (low + high) / 2
		e, err := t.at(middle)
		if err != nil {
			return 0, false, err
		}
		if binary.LittleEndian.Uint64(e) < key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low >= t.len() {
		return 0, false, nil
	}
	e, err := t.at(low)
	if err != nil {
		return 0, false, err
	}
	return low, binary.LittleEndian.Uint64(e) == key, nil
}

package inventory

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/staunch-dev/staunch/internal/fault"
)

// MaxSetSize bounds a package set; a section carries at most 100,000 packages.
const MaxSetSize = 100_000

// EncodeSet writes ids as the store keeps a package set: the count, then the distance of each id from the one before, all as
// unsigned varints, ascending and without repetition. Equal sets give equal bytes. A set of 800 neighbours takes about 900 bytes.
func EncodeSet(ids []PackageID) []byte {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	out := binary.AppendUvarint(make([]byte, 0, 2*len(sorted)+4), uint64(len(sorted)))
	before := PackageID(0)
	for _, id := range sorted {
		out = binary.AppendUvarint(out, uint64(id-before)) //nolint:gosec // ids are positive and ascending
		before = id
	}
	return out
}

// DecodeSet reads what EncodeSet wrote: ids ascending. Bytes that EncodeSet cannot have written are a fault.Internal.
func DecodeSet(body []byte) ([]PackageID, error) {
	count, rest, err := uvarint(body)
	if err != nil {
		return nil, err
	}
	if count > MaxSetSize || count > uint64(len(rest)) { // each id takes at least a byte
		return nil, fault.New(fault.Internal, "package set claims %d packages in %d bytes", count, len(rest))
	}
	ids := make([]PackageID, 0, count)
	before := PackageID(0)
	for range count {
		var step uint64
		if step, rest, err = uvarint(rest); err != nil {
			return nil, err
		}
		if step == 0 || step > uint64(math.MaxInt64-before) {
			return nil, fault.New(fault.Internal, "package set is not ascending after id %d", before)
		}
		before += PackageID(step)
		ids = append(ids, before)
	}
	if len(rest) != 0 {
		return nil, fault.New(fault.Internal, "package set has %d bytes too many", len(rest))
	}
	return ids, nil
}

// uvarint takes one minimal varint from the front of b.
func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || (n > 1 && b[n-1] == 0) {
		return 0, nil, fault.New(fault.Internal, "package set is cut off or malformed")
	}
	return v, b[n:], nil
}

package inventory

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestASetComesBackSortedAndWithoutRepetition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.Map(rapid.Int64Range(1, 1<<62), func(v int64) PackageID { return PackageID(v) })).Draw(t, "ids")
		want := slices.Clone(ids)
		slices.Sort(want)
		want = slices.Compact(want)
		got, err := DecodeSet(EncodeSet(ids))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}

func TestDecodeSetRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"nothing":            {},
		"cut off":            {2, 1},
		"repeated id":        {2, 1, 0},
		"trailing bytes":     {1, 1, 1},
		"count beyond bytes": {0xff, 0xff, 0x03, 1},
		"padded varint":      {1, 0x81, 0x00},
		"past the last id":   {2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if ids, err := DecodeSet(body); err == nil {
				t.Errorf("DecodeSet(%v) = %v, want an error", body, ids)
			}
		})
	}
}

func FuzzDecodeSet(f *testing.F) {
	f.Add([]byte{})
	f.Add(EncodeSet(nil))
	f.Add(EncodeSet([]PackageID{1, 2, 300, 70_000}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		ids, err := DecodeSet(body)
		if err == nil && !bytes.Equal(EncodeSet(ids), body) {
			t.Errorf("%v decodes to %v, which encodes to %v", body, ids, EncodeSet(ids))
		}
	})
}

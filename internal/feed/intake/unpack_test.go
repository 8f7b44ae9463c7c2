package intake

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"
)

// tarOf is a tar of two files, packed or not.
func tarOf(t *testing.T, packed bool) []byte {
	t.Helper()
	var b bytes.Buffer
	out := io.WriteCloser(nopCloser{&b})
	if packed {
		out = gzip.NewWriter(&b)
	}
	w := tar.NewWriter(out)
	for _, name := range []string{"a.json", "b.json"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: 2, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// An archive counts only when it is there to its end and, packed, when its checksum says that it is what was packed.
func TestMembersAreOfAWholeArchive(t *testing.T) {
	t.Parallel()
	plain, packed := tarOf(t, false), tarOf(t, true)
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-8] ^= 1 // of the checksum behind the data
	for name, tc := range map[string]struct {
		data  []byte
		whole bool
	}{
		"plain":                       {plain, true},
		"packed":                      {packed, true},
		"padded to a tape's record":   {append(bytes.Clone(plain), make([]byte, 7*512)...), true},
		"cut off after a file":        {plain[:1024], false},
		"cut off inside a head":       {plain[:1100], false},
		"cut off inside the end":      {plain[:2048+512], false},
		"without the packer's end":    {packed[:len(packed)-8], false},
		"with a checksum that is off": {flipped, false},
	} {
		seen := 0
		err := Members(t.Context(), bytes.NewReader(tc.data), Limits{}, func(string, int64, io.Reader) error {
			seen++
			return nil
		})
		if tc.whole && (err != nil || seen != 2) || !tc.whole && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %d files, %v", name, seen, err)
		}
	}
}

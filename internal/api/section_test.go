package api

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/fault"
)

func zstdOf(t testing.TB, r io.Reader, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zeros yields n zero bytes without holding them, and counts what was taken.
type zeros struct{ left, taken int64 }

func (z *zeros) Read(b []byte) (int, error) {
	n := min(int64(len(b)), z.left)
	if n == 0 {
		return 0, io.EOF
	}
	clear(b[:n])
	z.left -= n
	z.taken += n
	return int(n), nil
}

func TestReadSectionRefusesWhatIsTooLargeOrBroken(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	small := zstdOf(t, strings.NewReader(`{"a":1}`))
	for name, tc := range map[string]struct {
		body     io.Reader
		encoding string
		want     fault.Kind
	}{
		"a byte too many":         {&zeros{left: limit + 1}, "", fault.TooLarge},
		"zstd bomb":               {bytes.NewReader(zstdOf(t, &zeros{left: 1 << 30})), "zstd", fault.TooLarge},
		"large window":            {bytes.NewReader(zstdOf(t, io.LimitReader(&noise{}, 900_000), zstd.WithWindowSize(zstd.MaxWindowSize), zstd.WithSingleSegment(false))), "zstd", fault.TooLarge},
		"compressed is too large": {bytes.NewReader(zstdOf(t, io.LimitReader(&noise{}, 2<<20))), "zstd", fault.TooLarge},
		"cut off":                 {bytes.NewReader(small[:len(small)-2]), "zstd", fault.Invalid},
		"not zstd":                {strings.NewReader("hello"), "zstd", fault.Invalid},
		"reader fails":            {io.MultiReader(strings.NewReader("x"), failing{}), "", fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := readSection(tc.body, tc.encoding, limit); fault.KindOf(err) != tc.want {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
}

func TestReadSectionStopsReadingAtTheLimit(t *testing.T) {
	t.Parallel()
	body := &zeros{left: 1 << 30}
	if _, err := readSection(body, "", 1<<20); err == nil {
		t.Fatal("accepted")
	}
	if body.taken > 2<<20 {
		t.Errorf("read %d bytes of a body that was too large after one MiB", body.taken)
	}
}

func TestReadSectionGivesTheBody(t *testing.T) {
	t.Parallel()
	want := strings.Repeat(`{"name":"x"}`, 1000)
	for encoding, body := range map[string][]byte{"": []byte(want), "identity": []byte(want), "zstd": zstdOf(t, strings.NewReader(want), zstd.WithEncoderLevel(zstd.SpeedBestCompression))} {
		got, err := readSection(bytes.NewReader(body), encoding, int64(len(want)))
		if err != nil || string(got) != want {
			t.Errorf("%q: %d bytes, %v", encoding, len(got), err)
		}
	}
}

func FuzzReadSection(f *testing.F) {
	f.Add(zstdOf(f, strings.NewReader(`{"packages":[]}`)), true)
	f.Add(zstdOf(f, &zeros{left: 1 << 20}), true)
	f.Add([]byte("plain"), false)
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd}, true)
	f.Fuzz(func(t *testing.T, body []byte, compressed bool) {
		encoding := ""
		if compressed {
			encoding = "zstd"
		}
		const limit = 1 << 16
		got, err := readSection(bytes.NewReader(body), encoding, limit)
		if err == nil && len(got) > limit {
			t.Fatalf("%d bytes passed a limit of %d", len(got), limit)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.TooLarge {
			t.Fatalf("kind of %v", err)
		}
	})
}

// noise does not compress: the bytes of a small generator.
type noise struct{ x uint64 }

func (n *noise) Read(b []byte) (int, error) {
	for i := range b {
		n.x = n.x*6364136223846793005 + 1442695040888963407
		b[i] = byte(n.x >> 56)
	}
	return len(b), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

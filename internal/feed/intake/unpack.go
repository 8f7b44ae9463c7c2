package intake

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// maxWindow bounds what a decompressor may allocate for its dictionary: xz -9 wants 64 MiB, zstd --ultra 128 MiB.
const maxWindow = 128 << 20

// ErrTooLong is a stream that goes past a limit.
var ErrTooLong = errors.New("too long")

// Unpack gives the plain text of r, which may be gzip, bzip2, xz, zstd or plain: told by its first bytes, not by a name. Reading past
// limits.MaxTotal, or past limits.MaxRatio times what was read of r (after the first 64 MiB), is ErrTooLong.
func Unpack(r io.Reader, limits Limits) (io.Reader, error) {
	limits = limits.OrDefault()
	packed := &counted{r: r}
	in := bufio.NewReaderSize(packed, 64<<10)
	magic, _ := in.Peek(6)
	plain := io.Reader(in)
	var err error
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(in)
	case bytes.HasPrefix(magic, []byte("BZh")):
		plain = bzip2.NewReader(in)
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		plain, err = xz.NewReader(in, maxWindow)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		var d *zstd.Decoder
		if d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderLowmem(true)); err == nil {
			plain = d
		}
	}
	if err != nil {
		return nil, Damaged("it cannot be unpacked: %v", err)
	}
	return &bounded{r: plain, packed: packed, limits: limits}, nil
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends with ErrTooLong where more comes out than may.
type bounded struct {
	r      io.Reader
	packed *counted
	limits Limits
	n      int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	switch {
	case b.n > b.limits.MaxTotal:
		return 0, fmt.Errorf("%w: it holds more than %d bytes", ErrTooLong, b.limits.MaxTotal)
	case b.n > ratioGrace && b.n/b.limits.MaxRatio > b.packed.n:
		return 0, fmt.Errorf("%w: it unpacks to more than %d times its size", ErrTooLong, b.limits.MaxRatio)
	}
	return n, err
}

// Members calls fn for each regular file of a tar, which may be packed. fn reads at most limits.MaxRecord of it: a longer one is
// ErrRecord on reading. Names are only to be shown and matched, never used as a path. An archive that is not whole is Damaged, as Tar has it.
func Members(ctx context.Context, r io.Reader, limits Limits, fn func(name string, size int64, body io.Reader) error) error {
	limits = limits.OrDefault()
	t, err := OpenTar(r, limits)
	if err != nil {
		return err
	}
	for n := int64(0); ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return Damaged("it is no tar archive, or an empty one")
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ErrTooLong), errors.Is(err, ErrDamaged):
			return err
		case err != nil:
			return Damaged("it is no tar archive, or it is cut off: %v", err)
		case n >= limits.MaxEntries:
			return fmt.Errorf("%w: it has more than %d files", ErrTooLong, limits.MaxEntries)
		case h.Typeflag != tar.TypeReg:
			continue
		}
		if err := fn(Shown(h.Name), h.Size, &capped{t, limits.MaxRecord}); err != nil {
			return err
		}
	}
}

// Tar reads a tar archive to its very end, and says when that is missing.
type Tar struct {
	*tar.Reader
	in    io.Reader
	some  bool
	zeros int // that were read last
}

// OpenTar reads a tar, which may be packed.
func OpenTar(r io.Reader, limits Limits) (*Tar, error) {
	plain, err := Unpack(r, limits)
	if err != nil {
		return nil, err
	}
	t := &Tar{in: plain}
	t.Reader = tar.NewReader(readerFunc(t.read))
	return t, nil
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (t *Tar) read(p []byte) (int, error) {
	n, err := t.in.Read(p)
	zeros := n - len(bytes.TrimRight(p[:n], "\x00"))
	if zeros == n {
		zeros = min(t.zeros+n, endMark)
	}
	t.zeros = zeros
	return n, err
}

// endMark is what a tar ends with, in bytes of zero. The standard library's reader does not ask for it.
const endMark = 2 * 512

// Next is the next file's head. After the last one it is io.EOF where the archive was whole: with its end mark, and with the packer's
// checksum behind it. ErrDamaged: it was not.
func (t *Tar) Next() (*tar.Header, error) {
	h, err := t.Reader.Next()
	if err == nil || !errors.Is(err, io.EOF) || !t.some {
		t.some = true
		return h, err
	}
	if t.zeros < endMark {
		return nil, Damaged("it is cut off: the end mark of a tar archive is missing")
	}
	if _, err := io.Copy(io.Discard, t.in); errors.Is(err, ErrTooLong) {
		return nil, err
	} else if err != nil {
		return nil, Damaged("it is cut off or broken: %v", err)
	}
	return nil, io.EOF
}

// capped is ErrRecord past n bytes.
type capped struct {
	r io.Reader
	n int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.n <= 0 {
		if n, err := c.r.Read(make([]byte, 1)); n == 0 && err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("%w: longer than the limit of one record", ErrRecord)
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.n)])
	c.n -= int64(n)
	return n, err
}

package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/fault"
)

// maxWindow is the memory that a zstd frame may ask of its decoder. Every level up to 19 of the reference encoder stays within it.
const maxWindow = 8 << 20

// readSection reads and decompresses a section body of at most limit bytes, before and after decompression. It stops reading where a
// limit is passed: fault.TooLarge. fault.Invalid for a body that is cut off or not what encoding says.
func readSection(body io.Reader, encoding string, limit int64) ([]byte, error) {
	in := &io.LimitedReader{R: body, N: limit + 1}
	var from io.Reader = in
	if encoding == "zstd" {
		decoder, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(uint64(limit)+maxWindow)) //nolint:gosec // limit is a constant of ours
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the body is not zstd")
		}
		defer decoder.Close()
		from = decoder
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(from, limit+1))
	var tooBig *http.MaxBytesError
	switch {
	case n > limit, in.N <= 0, errors.As(err, &tooBig), errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, fault.New(fault.TooLarge, "the section is larger than %d bytes, or asks for more memory to decompress than is given", limit)
	case err != nil:
		return nil, fault.Wrap(err, fault.Invalid, "the section's body is cut off or not what its content encoding says")
	}
	return out.Bytes(), nil
}

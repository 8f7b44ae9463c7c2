package ubuntu

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// roomy gives the limits that Canonical's archives need where the caller has set none. Every record repeats all versions of a package,
// every VEX document all binaries of every architecture, so that some 70 MB of xz hold far more text than other archives do.
func roomy(l intake.Limits, record int64) intake.Limits {
	set := func(field *int64, value int64) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.MaxRecord, record)
	set(&l.MaxTotal, 64<<30)
	set(&l.MaxRatio, 2_000)
	return l.OrDefault()
}

// documents calls fn with each JSON document of a file: of a tar or zip archive, packed or not, or the one that the file itself is.
// What fn gives as unreadable (intake.ErrRecord) is named and skipped; any other error ends the pass.
func documents(ctx context.Context, f intake.File, limits intake.Limits, s *intake.Survey, fn func(body io.Reader) error) error {
	n := 0
	each := func(name string, body io.Reader) error {
		n++
		err := fn(body)
		if errors.Is(err, intake.ErrRecord) {
			s.Skip(name, err.Error())
			return nil
		}
		return err
	}
	if err := open(ctx, f, limits, s, each); err != nil {
		return err
	}
	if n == 0 {
		return intake.Damaged("it holds no JSON document")
	}
	return nil
}

func open(ctx context.Context, f intake.File, limits intake.Limits, s *intake.Survey, each func(name string, body io.Reader) error) error {
	magic := make([]byte, 4)
	if n, _ := f.ReadAt(magic, 0); n == 4 && bytes.Equal(magic, []byte("PK\x03\x04")) {
		return zipped(ctx, f, limits, s, each)
	}
	plain, err := intake.Unpack(f.Reader(), limits)
	if err != nil {
		return err
	}
	in := bufio.NewReader(plain)
	for {
		first, err := in.ReadByte()
		switch {
		case errors.Is(err, intake.ErrTooLong):
			return err
		case err != nil:
			return intake.Damaged("it is empty or cannot be unpacked: %v", err)
		case first == ' ' || first == '\n' || first == '\r' || first == '\t':
			continue
		case first == '{':
			return each(f.Name, io.LimitReader(io.MultiReader(strings.NewReader("{"), in), limits.MaxRecord))
		}
		break
	}
	return intake.Members(ctx, f.Reader(), limits, func(name string, _ int64, body io.Reader) error {
		if !strings.HasSuffix(name, ".json") {
			return nil
		}
		return each(name, body)
	})
}

func zipped(ctx context.Context, f intake.File, limits intake.Limits, s *intake.Survey, each func(name string, body io.Reader) error) error {
	a, err := intake.OpenArchive(f, f.Size, limits)
	if err != nil {
		return err
	}
	return a.Entries(func(e intake.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !strings.HasSuffix(e.Name, ".json") {
			return nil
		}
		data, err := a.Read(e)
		switch {
		case errors.Is(err, intake.ErrRecord):
			s.Skip(e.Name, err.Error())
			return nil
		case err != nil:
			return err
		}
		return each(e.Name, bytes.NewReader(data))
	})
}

// unreadable marks what is wrong with one document, and leaves alone what ends the whole pass.
func unreadable(err error) error {
	if err == nil || errors.Is(err, intake.ErrTooLong) || errors.Is(err, intake.ErrRecord) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", intake.ErrRecord, err)
}

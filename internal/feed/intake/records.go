package intake

import (
	"encoding/json"
	"fmt"
	"io"
)

// Records decodes JSON that holds many records and never keeps more than one of them in memory, however long a value claims to be.
type Records struct {
	*json.Decoder
	in *allowance
}

// NewRecords reads JSON text from r.
func NewRecords(r io.Reader, limits Limits) *Records {
	in := &allowance{r: r, each: limits.OrDefault().MaxRecord}
	in.left = in.each
	return &Records{json.NewDecoder(in), in}
}

// Next is called before each record: from here on limits.MaxRecord bytes may be read. More is ErrTooLong.
func (r *Records) Next() { r.in.left = r.in.each }

// maxNesting is encoding/json's own limit for values that are decoded; the decoder's memory grows with each level.
const maxNesting = 10_000

// Pass reads over the value that the decoder stands before, whatever its length.
func (r *Records) Pass() error {
	for depth := 0; ; {
		r.Next()
		token, err := r.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		switch {
		case depth <= 0:
			return nil
		case depth > maxNesting:
			return Damaged("more than %d arrays and objects in each other", maxNesting)
		}
	}
}

// allowance ends with ErrTooLong when more is read than was allowed.
type allowance struct {
	r          io.Reader
	left, each int64
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("%w: one record has more than %d bytes", ErrTooLong, a.each)
	}
	n, err := a.r.Read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	return n, err
}

// Fit says whether a foreign name is one that can be kept: not empty, at most n bytes, printable.
func Fit(s string, n int) bool {
	return s != "" && len(s) <= n && Shown(s) == Cut(s, ShownName)
}

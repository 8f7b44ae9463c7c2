package feed

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// lineReader gives lines up to a length.
type lineReader struct {
	in    *bufio.Reader
	limit int64
	line  []byte
	err   error
}

func newLineReader(r io.Reader, limit int64) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// next is the next line without its end; false at the end or when something is wrong, which err then says. What it gives is good until
// the next call.
func (l *lineReader) next() ([]byte, bool) {
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.line = append(l.line, part...)
		switch {
		case int64(len(l.line)) > l.limit:
			l.err = fmt.Errorf("longer than %d bytes", l.limit)
			return nil, false
		case err == nil:
			return l.line[:len(l.line)-1], true
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.line) == 0:
			return nil, false
		case errors.Is(err, io.EOF):
			l.err = errors.New("it is cut off")
			return nil, false
		}
		l.err = err
		return nil, false
	}
}

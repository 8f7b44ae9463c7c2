package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxLine bounds a line of a table in bytes; those of real tables have some 100.
const MaxLine = 4 << 10

// Lines reads a table line by line, in memory of one line.
type Lines struct {
	in *bufio.Scanner
	n  int
}

// OpenLines reads a file's lines, plain or packed, within the limits.
func OpenLines(f File, limits Limits) (*Lines, error) {
	plain, err := Unpack(f.Reader(), limits)
	if err != nil {
		return nil, err
	}
	return NewLines(plain), nil
}

// NewLines reads the lines of plain text.
func NewLines(plain io.Reader) *Lines {
	in := bufio.NewScanner(plain)
	in.Buffer(make([]byte, 0, MaxLine), MaxLine)
	return &Lines{in: in}
}

// Next gives the next line that is not empty, without its end; false after the last, or where Damage says why.
func (l *Lines) Next() (string, bool) {
	for l.in.Scan() {
		l.n++
		if text := strings.TrimSuffix(l.in.Text(), "\r"); text != "" {
			return text, true
		}
	}
	return "", false
}

// Where names the line last given, counted from 1.
func (l *Lines) Where() string { return fmt.Sprintf("line %d", l.n) }

// Pause looks for the end of the context now and then.
func (l *Lines) Pause(ctx context.Context) error {
	if l.n%1024 == 0 {
		return ctx.Err()
	}
	return nil
}

// Damage is what ended the reading before the end of the text; nil after a whole one.
func (l *Lines) Damage() error {
	err := l.in.Err()
	switch {
	case err == nil, errors.Is(err, ErrTooLong), errors.Is(err, ErrRecord):
		return err
	case errors.Is(err, bufio.ErrTooLong):
		return Damaged("line %d is longer than %d bytes", l.n+1, MaxLine)
	}
	return Damaged("it is cut off or broken after line %d: %v", l.n, err)
}

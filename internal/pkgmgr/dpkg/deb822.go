package dpkg

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxValue bounds one kept field, continuation lines included. The longest kept by us in Debian, a sources file's key block, is 10 KB.
const maxValue = 256 << 10

// Malformed is a stanza that cannot be read; the reader has skipped it and Next goes on with the one after it.
type Malformed struct {
	Line   int    // where the stanza starts
	Name   string // its Package field, where that was readable
	Reason string
}

func (m *Malformed) Error() string {
	if m.Name != "" {
		return fmt.Sprintf("stanza at line %d (%q): %s", m.Line, m.Name, m.Reason)
	}
	return fmt.Sprintf("stanza at line %d: %s", m.Line, m.Reason)
}

// Stanza is the kept fields of one paragraph.
type Stanza struct {
	Line   int
	reader *Reader
	values []string
	set    []bool
}

// Get is a field's value without the blanks around it; the lines of a longer value are joined by "\n". Empty when absent. The field must be one that the Reader keeps.
func (s Stanza) Get(field string) string {
	if i := s.reader.index([]byte(field)); i >= 0 {
		return s.values[i]
	}
	return ""
}

// Has reports whether the field is there at all.
func (s Stanza) Has(field string) bool {
	i := s.reader.index([]byte(field))
	return i >= 0 && s.set[i]
}

// Reader reads deb822 paragraphs one at a time and keeps only the fields it was asked for, so that its memory is that of one
// stanza however long the file or a line in it is.
type Reader struct {
	r      *bufio.Reader
	fields [][]byte
	line   int
	err    error
	open   bool // the last line read had no end
}

// NewReader reads from r and keeps fields, whose names match without regard to case.
func NewReader(r io.Reader, fields ...string) *Reader {
	kept := make([][]byte, len(fields))
	for i, f := range fields {
		kept[i] = []byte(f)
	}
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), fields: kept}
}

func (r *Reader) index(field []byte) int {
	for i, f := range r.fields {
		if len(f) == len(field) && bytes.EqualFold(f, field) {
			return i
		}
	}
	return -1
}

// Next is the next stanza. The error is io.EOF at the end, a *Malformed for a stanza that was skipped, or the error of reading.
func (r *Reader) Next() (Stanza, error) {
	if r.err != nil {
		return Stanza{}, r.err
	}
	p := paragraph{stanza: Stanza{reader: r, values: make([]string, len(r.fields)), set: make([]bool, len(r.fields))}, at: -1}
	for {
		line, cut, err := r.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			r.err = err
			return Stanza{}, err
		}
		ended := err != nil && len(line) == 0
		if ended {
			r.err = io.EOF
		}
		blank := len(line) == 0
		switch {
		case blank && p.stanza.Line > 0:
			return p.finish()
		case ended:
			return Stanza{}, io.EOF
		case blank:
			continue
		}
		if p.stanza.Line == 0 {
			p.stanza.Line = r.line
		}
		p.add(r, line, cut)
	}
}

// readLine gives one line without its end. Of a line longer than the buffer the first part is given, cut is true and the rest is skipped.
func (r *Reader) readLine() (line []byte, cut bool, err error) {
	line, err = r.r.ReadSlice('\n')
	r.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		line, cut = bytes.Clone(line), true
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.r.ReadSlice('\n')
		}
	}
	if len(line) > 0 {
		r.open = errors.Is(err, io.EOF)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), cut, err
}

// paragraph is a stanza being read.
type paragraph struct {
	stanza Stanza
	at     int    // the kept field that a continuation line belongs to; -1: one that is not kept
	inside bool   // a field has begun
	more   []byte // the kept field's value so far, once it has a second line: adding to a string copies all of it each time
	reason string
}

func (p *paragraph) fail(reason string) {
	if p.reason == "" {
		p.reason = reason
	}
}

func (p *paragraph) add(r *Reader, line []byte, cut bool) {
	if line[0] == ' ' || line[0] == '\t' {
		switch {
		case !p.inside:
			p.fail("a continuation line before any field")
		case p.at >= 0:
			p.append(bytes.TrimSpace(line), cut)
		}
		return
	}
	if line[0] == '#' { // a comment: allowed in sources files, never written by dpkg
		return
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
		p.fail("a line that is neither a field nor a continuation")
		return
	}
	p.flush()
	p.inside = true
	p.at = r.index(name)
	if p.at < 0 {
		return
	}
	if p.stanza.set[p.at] {
		p.fail(fmt.Sprintf("field %s twice", r.fields[p.at]))
		p.at = -1
		return
	}
	p.stanza.set[p.at] = true
	p.put(bytes.TrimSpace(value), cut)
}

// put begins the kept field's value.
func (p *paragraph) put(text []byte, cut bool) {
	if p.fits(len(text), cut) {
		p.stanza.values[p.at] = string(text)
	}
}

// append adds a line to it.
func (p *paragraph) append(text []byte, cut bool) {
	if len(p.more) == 0 {
		p.more = append(p.more, p.stanza.values[p.at]...)
	}
	if p.fits(len(p.more)+len(text), cut) {
		p.more = append(append(p.more, '\n'), text...)
	}
}

func (p *paragraph) fits(length int, cut bool) bool {
	if cut || length > maxValue {
		p.fail(fmt.Sprintf("field %s is too long", p.stanza.reader.fields[p.at]))
		return false
	}
	return true
}

// flush ends the kept field's value.
func (p *paragraph) flush() {
	if len(p.more) > 0 {
		p.stanza.values[p.at] = string(p.more)
		p.more = p.more[:0]
	}
}

func (p *paragraph) finish() (Stanza, error) {
	p.flush()
	if p.reason != "" {
		name := p.stanza.Get("Package")
		if !validName(name) {
			name = ""
		}
		return Stanza{}, &Malformed{Line: p.stanza.Line, Name: name, Reason: p.reason}
	}
	for i, v := range p.stanza.values {
		p.stanza.values[i] = strings.ToValidUTF8(v, "\uFFFD")
	}
	return p.stanza, nil
}

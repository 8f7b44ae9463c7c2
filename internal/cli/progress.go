package cli

import (
	"io"
	"time"
)

// progress shows on a terminal how much of r has been read; at most ten times a second.
type progress struct {
	r     io.Reader
	w     io.Writer
	what  string
	total int64
	now   func() time.Time

	read int64
	last time.Time
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	if now := p.now(); now.Sub(p.last) >= 100*time.Millisecond || err == io.EOF {
		p.last = now
		write(p.w, "\r%s: %s of %s sent\x1b[K", p.what, size(min(p.read, p.total)), size(p.total)) // a tar is a little more than its files
		if err == io.EOF {
			write(p.w, "; the server reads it")
		}
	}
	return n, err
}

// done clears the line.
func (p *progress) done() { write(p.w, "\r\x1b[K") }

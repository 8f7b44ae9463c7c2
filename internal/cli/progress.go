package cli

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
)

// How often progress is shown: on a terminal one line is drawn anew, elsewhere a line is written every while, and none of what is soon done.
const (
	drawEvery  = 100 * time.Millisecond
	lookEvery  = time.Second // at what the server does
	writeEvery = 10 * time.Second
)

// Parts of an import or an export.
const (
	partServer = iota
	partSending
	partReceiving
)

// progress shows how much of a file is sent or received, and in between what the server does with it.
type progress struct {
	w     io.Writer
	bar   bool // a terminal
	width int  // its columns; 0: not known
	what  string
	work  func(context.Context) (apiv1.FeedWork, error)
	draw  time.Duration
	look  time.Duration

	part        atomic.Int32
	total, done atomic.Int64 // bytes of this part; a total below 1 is not known
	stop        context.CancelFunc
	ended       chan struct{}
}

// showing begins to show progress of what; end must be called. JSON on a pipe gets none.
func (p *program) showing(ctx context.Context, o *client.Operator, what string) *progress {
	b := &progress{w: p.env.Stderr, bar: p.env.StderrTerminal, width: p.env.Width, what: clean(what), work: o.FeedWork, draw: drawEvery, look: lookEvery}
	if !b.bar {
		b.draw = writeEvery
		if p.format == formatJSON {
			b.w = io.Discard
		}
	}
	b.begin(ctx)
	return b
}

func (p *progress) begin(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		p.run(ctx)
	}()
}

// end stops and clears the line.
func (p *progress) end() {
	p.stop()
	<-p.ended
	if p.bar {
		write(p.w, "\r\x1b[K")
	}
}

func (p *progress) run(ctx context.Context) {
	tick := time.NewTicker(p.draw)
	defer tick.Stop()
	var now apiv1.FeedWork
	looked := time.Now()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.part.Load() == partServer && time.Since(looked) >= p.look {
			if said, err := p.work(ctx); err == nil { // an older server does not say; that it works is shown all the same
				now = said
			}
			looked = time.Now()
		}
		if ctx.Err() != nil {
			return
		}
		if p.bar {
			line := string(`|/-\`[turn%4]) + " " + p.text(now)
			if p.width > 1 {
				line = cut(line, p.width-1)
			}
			write(p.w, "\r%s\x1b[K", line)
		} else {
			write(p.w, "%s\n", p.text(now))
		}
	}
}

// text is where things are.
func (p *progress) text(now apiv1.FeedWork) string {
	part := p.part.Load()
	if part == partServer {
		return p.what + ": " + workText(now)
	}
	verb := "sent"
	if part == partReceiving {
		verb = "received"
	}
	done, total := p.done.Load(), p.total.Load()
	if total < 1 {
		return p.what + ": " + size(done) + " " + verb
	}
	return p.what + ": " + size(min(done, total)) + " of " + size(total) + " " + verb // a tar is a little more than its files
}

// workText is what the server does, in words.
func workText(now apiv1.FeedWork) string {
	var text string
	switch now.Doing {
	case apiv1.FeedFetching:
		text = "the server fetches " + now.Feed
	case apiv1.FeedChecking:
		text = "the server checks " + now.Feed
	case apiv1.FeedWriting:
		text = "the server takes in " + now.Feed
	case apiv1.FeedExporting:
		text = "the server gathers what it knows"
	case apiv1.FeedPacking:
		text = "the server packs and signs"
	default:
		return "the server is at work"
	}
	if now.Of > 1 {
		text += fmt.Sprintf(" (%d of %d)", now.At, now.Of)
	}
	switch {
	case now.Records > 0 && now.About >= now.Records:
		text += fmt.Sprintf(", %d of about %d records", now.Records, now.About)
	case now.Records > 0:
		text += ", " + plural(now.Records, "record")
	}
	return clean(text)
}

// sends gives r and counts what is read of it; where it ends, the server's part begins.
func (p *progress) sends(r io.Reader, total int64) io.Reader {
	p.total.Store(total)
	p.done.Store(0)
	p.part.Store(partSending)
	return &counted{r: r, p: p}
}

// receives counts what is written to w, once the bytes come.
func (p *progress) receives(w io.Writer) (io.Writer, func(size int64)) {
	return &counted{w: w, p: p}, func(size int64) {
		p.total.Store(size)
		p.done.Store(0)
		p.part.Store(partReceiving)
	}
}

type counted struct {
	r io.Reader
	w io.Writer
	p *progress
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.done.Add(int64(n))
	if err != nil {
		c.p.part.Store(partServer)
	}
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.p.done.Add(int64(n))
	return n, err
}

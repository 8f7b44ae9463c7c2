package scan

import (
	"fmt"
	"io"
	"time"
)

// Ways to show progress.
const (
	progressAuto  = "auto"
	progressPlain = "plain"
	progressNone  = "none"
)

// progress tells on standard error what is going on: on a terminal one line that is written over, else a line for each stage.
type progress struct {
	w     io.Writer
	bar   bool
	now   func() time.Time
	turn  int
	last  time.Time
	stage string
	shown bool
}

func (p *progress) tell(what string, count int) {
	if !p.bar {
		if count == 0 {
			_, _ = fmt.Fprintf(p.w, "scan: %s\n", visible(what))
		}
		return
	}
	now := p.now()
	if what == p.stage && now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.stage, p.last, p.shown = what, now, true
	const spinner = `|/-\`
	p.turn++
	text := fmt.Sprintf("%c scan: %s", spinner[p.turn%len(spinner)], visible(what))
	if count > 0 {
		text += fmt.Sprintf(" %d", count)
	}
	_, _ = fmt.Fprintf(p.w, "\r%s\x1b[K", fit(text, width-1, false))
}

// done clears the line, so that what follows does not stand behind it.
func (p *progress) done() {
	if p.shown {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

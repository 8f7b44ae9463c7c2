package scan

import (
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	told := func(bar bool) string {
		var b strings.Builder
		p := &progress{w: &b, bar: bar, now: func() time.Time { return at }}
		p.tell("reading\x1b[2J", 0)
		p.tell("compiling", 0)
		for n := range 1000 {
			p.tell("records", n+1)
			at = at.Add(time.Millisecond)
		}
		p.done()
		return b.String()
	}
	if got := told(false); got != "scan: reading\\u001b[2J\nscan: compiling\n" {
		t.Errorf("plain: %q", got)
	}
	got := told(true)
	if n := strings.Count(got, "\r"); n != 2+10+1 || !strings.HasSuffix(got, "\r\x1b[K") || strings.Contains(got, "\x1b[2J") || !strings.Contains(got, "records 901") {
		t.Errorf("a bar is written %d times: %q", n, got)
	}
}

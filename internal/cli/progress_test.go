package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// shown is what progress wrote, to be read while it goes on writing.
type shown struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (s *shown) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(b)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// waitFor waits until a text is shown.
func (s *shown) waitFor(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(s.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never shown: %q, but\n%q", text, s)
		}
	}
}

// An import shows what is sent and then what the server does with it, an export the other way round: on a terminal in one line, elsewhere
// in lines.
func TestProgressOfBothParts(t *testing.T) {
	t.Parallel()
	for name, bar := range map[string]bool{"terminal": true, "pipe": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out shown
			p := &progress{w: &out, bar: bar, what: "the bundle", draw: time.Millisecond, look: time.Millisecond, work: func(context.Context) (apiv1.FeedWork, error) {
				return apiv1.FeedWork{Doing: apiv1.FeedWriting, Feed: "osv/Debian\x1b[2J", Records: 1200, About: 57000, At: 3, Of: 9}, nil
			}}
			p.begin(t.Context())
			body := p.sends(strings.NewReader(strings.Repeat("x", 3000)), 3000)
			if _, err := io.CopyN(io.Discard, body, 1024); err != nil {
				t.Fatal(err)
			}
			out.waitFor(t, "the bundle: 1.0 KiB of 2.9 KiB sent")
			if _, err := io.Copy(io.Discard, body); err != nil {
				t.Fatal(err)
			}
			out.waitFor(t, `the bundle: the server takes in osv/Debian\x1b[2J (3 of 9), 1200 of about 57000 records`)
			to, begins := p.receives(io.Discard)
			begins(2048)
			if _, err := io.WriteString(to, strings.Repeat("x", 1024)); err != nil {
				t.Fatal(err)
			}
			out.waitFor(t, "the bundle: 1.0 KiB of 2.0 KiB received")
			p.end()
			text := out.String()
			if lines := strings.Contains(text, "\n"); lines == bar || strings.Contains(text, "\r") != bar || strings.HasSuffix(text, "\r\x1b[K") != bar {
				t.Errorf("%q", text)
			}
			time.Sleep(5 * time.Millisecond)
			if out.String() != text {
				t.Error("it goes on after its end")
			}
		})
	}
}

// A server that does not say what it does, as an older one, is at work all the same; and a narrow terminal keeps its one line.
func TestProgressOfAServerThatDoesNotSay(t *testing.T) {
	t.Parallel()
	var out shown
	p := &progress{w: &out, bar: true, width: 20, what: "the bundle", draw: time.Millisecond, look: time.Millisecond, work: func(context.Context) (apiv1.FeedWork, error) {
		return apiv1.FeedWork{}, errors.New("not found")
	}}
	p.begin(t.Context())
	out.waitFor(t, "the bundle: the")
	p.end()
	for line := range strings.SplitSeq(strings.ReplaceAll(out.String(), "\x1b[K", ""), "\r") {
		if columns(line) > 19 {
			t.Errorf("%q", line)
		}
	}
}

func TestWorkInWords(t *testing.T) {
	t.Parallel()
	for want, now := range map[string]apiv1.FeedWork{
		"the server is at work":                                  {},
		"the server fetches kev":                                 {Doing: apiv1.FeedFetching, Feed: "kev"},
		"the server checks osv/Debian, 1 record":                 {Doing: apiv1.FeedChecking, Feed: "osv/Debian", Records: 1},
		"the server gathers what it knows, 5 of about 9 records": {Doing: apiv1.FeedExporting, Records: 5, About: 9},
		"the server packs and signs":                             {Doing: apiv1.FeedPacking},
		"the server takes in kev (2 of 3), 10 records":           {Doing: apiv1.FeedWriting, Feed: "kev", At: 2, Of: 3, Records: 10, About: 9},
	} {
		if got := workText(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

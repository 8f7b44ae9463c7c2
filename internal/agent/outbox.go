package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// Bounds of one delivery; the server takes up to 4 MiB.
const (
	mostReports = 1000
	mostLines   = 1000
	mostBytes   = 1 << 20
	maxEntry    = 3 << 20 // one report: an outcome of 20,000 packages is 2 MB
)

// entry is one report in the outbox. Own names what the run half says only once; From is how far into the root half's reports this one
// reaches. Both are in the same line as the report, so that a crash can neither lose one nor say it twice.
type entry struct {
	Own    string          `json:"own,omitempty"`
	From   int64           `json:"from,omitempty"`
	Report apiv1.RunReport `json:"report"`
}

// outbox keeps what is to be told of a run until the server has it. Report number n is line n of its file. It holds no reports in
// memory, only where they end.
type outbox struct {
	disk disk
	name string
	grew chan struct{} // something was added

	mu     sync.Mutex
	file   *os.File
	ends   []int64
	own    map[string]bool
	from   int64 // how far the root half's reports were taken
	ended  bool  // the outcome is in
	byRoot bool  // and it is the root half's
}

// openOutbox opens or makes an outbox. What a crash left half-written at its end is cut off.
func openOutbox(d disk, name string) (*outbox, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	b := &outbox{disk: d, name: name, grew: make(chan struct{}, 1), file: f, own: map[string]bool{}}
	if err := errors.Join(b.load(), pkgmgr.Sync(filepath.Dir(name))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b.tell()
	return b, nil
}

func (b *outbox) load() error {
	r := bufio.NewReaderSize(b.file, 64<<10)
	end := int64(0)
	for {
		line, length, err := readLine(r, maxEntry+1<<10)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var e entry
		if err != nil || json.Unmarshal(line, &e) != nil {
			break
		}
		end += length
		b.note(e, end)
	}
	return errors.Join(b.file.Truncate(end), b.file.Sync())
}

func (b *outbox) note(e entry, end int64) {
	b.ends = append(b.ends, end)
	if e.Own != "" {
		b.own[e.Own] = true
	}
	b.from = max(b.from, e.From)
	if e.Report.Outcome != nil {
		b.ended, b.byRoot = true, e.From > 0
	}
}

// readLine gives a line with its end, nil when it is longer than limit, and its length in any case. io.EOF: there is no finished line.
func readLine(r *bufio.Reader, limit int) (line []byte, length int64, err error) {
	line = []byte{}
	for {
		part, err := r.ReadSlice('\n')
		if length += int64(len(part)); length > int64(limit) {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, length, err
		}
	}
}

// add appends entries, all of them durable when it returns. After the outcome nothing is added.
func (b *outbox) add(entries ...entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || len(entries) == 0 {
		return nil
	}
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	at, lengths := b.end(), make([]int64, len(entries))
	for i, e := range entries {
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("encode a report: %w", err)
		}
		lengths[i] = int64(data.Len())
	}
	if err := b.disk.append(b.file, at, data.Bytes()); err != nil {
		return err
	}
	for i, e := range entries {
		b.note(e, at+lengths[i])
	}
	b.tell()
	return nil
}

func (b *outbox) end() int64 {
	if len(b.ends) == 0 {
		return 0
	}
	return b.ends[len(b.ends)-1]
}

func (b *outbox) tell() {
	select {
	case b.grew <- struct{}{}:
	default:
	}
}

// said reports whether the run half has said something that it says once.
func (b *outbox) said(own string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.own[own]
}

// state is how many reports there are, whether the outcome is among them and whether that is the root half's, and how far the root
// half's reports were taken.
func (b *outbox) state() (count int64, ended, byRoot bool, from int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.ends)), b.ended, b.byRoot, b.from
}

// batch is the reports after a number, as many as one delivery takes, and at least one if there is one.
func (b *outbox) batch(after int64) ([]apiv1.RunReport, error) {
	b.mu.Lock()
	ends := b.ends[min(after, int64(len(b.ends))):]
	start := int64(0)
	if after > 0 && after <= int64(len(b.ends)) {
		start = b.ends[after-1]
	}
	b.mu.Unlock()
	out := []apiv1.RunReport{}
	lines, bytesRead := 0, int64(0)
	for i, end := range ends {
		line := make([]byte, end-start)
		if _, err := b.file.ReadAt(line, start); err != nil {
			return nil, err
		}
		start = end
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("the outbox %s is damaged: %w", b.name, err)
		}
		lines, bytesRead = lines+len(e.Report.Lines), bytesRead+int64(len(line))
		if len(out) > 0 && (len(out) == mostReports || lines > mostLines || bytesRead > mostBytes) {
			return out, nil
		}
		e.Report.Seq = after + int64(i) + 1
		out = append(out, e.Report)
	}
	return out, nil
}

func (b *outbox) close() error { return b.file.Close() }

package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Bounds on what a run reports of the package manager's words; the wire and the server have their own.
const (
	maxLine      = 2000
	maxLines     = 500    // in one report
	maxLinesRun  = 20_000 // in one run
	reportEvery  = time.Second
	sayAliveOver = 20 * time.Second // the server takes 90 s of silence for trouble
)

// reports is what a run tells, line by line, for the unprivileged half to deliver. Everything in it is durable.
type reports struct {
	file  *os.File
	lines int // of the package manager's, told so far, over all starts
	last  time.Time
	now   func() time.Time
}

// openReports opens or makes the reports of a run; gid may read them.
func openReports(dir string, gid int, now func() time.Time) (*reports, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "reports.jsonl"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	r := &reports{file: f, now: now}
	if err := errors.Join(own(dir, gid), own(f.Name(), gid), r.recover(), syncDir(dir)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// own lets a group read a file or folder of ours; only root can give it away.
func own(name string, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(name, 0, gid)
}

// recover cuts off a report that a crash left half-written, and counts the lines that were told.
func (r *reports) recover() error {
	b, err := io.ReadAll(r.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	for line := range bytes.Lines(b[:whole]) {
		var report apiv1.RunReport
		if json.Unmarshal(line, &report) == nil {
			r.lines += len(report.Lines)
		}
	}
	return r.file.Truncate(int64(whole))
}

func (r *reports) close() error { return r.file.Close() }

func (r *reports) add(report apiv1.RunReport) error {
	report.At = r.now().UTC()
	r.last = report.At
	b, err := json.Marshal(report)
	if err != nil {
		return err
	}
	if _, err := r.file.Write(append(b, '\n')); err != nil {
		return err
	}
	return r.file.Sync()
}

func (r *reports) step(name, state, text string, started time.Time) error {
	s := &apiv1.RunStep{Name: name, State: state, Text: clip(text, 4000), Started: started.UTC()}
	if state != "started" {
		now := r.now().UTC()
		s.Ended = &now
	}
	return r.add(apiv1.RunReport{Step: s})
}

// say reports lines of the package manager, as many as a run may.
func (r *reports) say(lines []string) error {
	for len(lines) > 0 && r.lines < maxLinesRun {
		n := min(len(lines), maxLines, maxLinesRun-r.lines)
		if err := r.add(apiv1.RunReport{Lines: lines[:n]}); err != nil {
			return err
		}
		r.lines += n
		lines = lines[n:]
	}
	return nil
}

// alive says something at least now and then while a long step goes on.
func (r *reports) alive() error {
	if r.now().Sub(r.last) < sayAliveOver {
		return nil
	}
	return r.add(apiv1.RunReport{})
}

// tail follows the log of the package manager, from the first line that was not told yet.
type tail struct {
	name   string
	offset int64
	skip   int // lines at the beginning that were told before
	rest   []byte
}

// read gives the whole lines that have come since; last takes a line without end as well.
func (t *tail) read(last bool) ([]string, error) {
	f, err := os.Open(t.name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.NewSectionReader(f, t.offset, 1<<20)) // the rest comes next time
	if err != nil {
		return nil, err
	}
	t.offset += int64(len(b))
	t.rest = append(t.rest, b...)
	var lines []string
	for {
		line, rest, ok := bytes.Cut(t.rest, []byte("\n"))
		if !ok && (!last || len(t.rest) == 0) && len(t.rest) < 64<<10 {
			return lines, nil
		}
		t.rest = rest
		if t.skip > 0 {
			t.skip--
			continue
		}
		lines = append(lines, clip(string(line), maxLine))
	}
}

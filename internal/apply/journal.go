package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Steps in the order of a run. Each name is also a step of the run's reports.
const (
	stepRecover  = "recover"
	stepStage    = "stage"
	stepSimulate = "simulate"
	stepApply    = "apply"
	stepMarks    = "marks"
	stepRestart  = "restart"
	stepReboot   = "reboot"
	stepVerify   = "verify"
)

// Kinds of record.
const (
	kindIntent  = "intent"  // written before the step touches anything
	kindOutcome = "outcome" // written after it; State says how it went
	kindEnd     = "end"     // the run is over; Data is its apiv1.RunOutcome
)

// record is one line of a run's journal.
type record struct {
	Step  string          `json:"step,omitempty"`
	Kind  string          `json:"kind"`
	State string          `json:"state,omitempty"` // of an outcome: done, failed, skipped
	Text  string          `json:"text,omitempty"`
	At    time.Time       `json:"at"`
	Boot  string          `json:"boot"` // boot id, so that an intent from before a reboot is known as such
	Data  json.RawMessage `json:"data,omitempty"`
}

// errDamaged is a journal with something unreadable before its last line: no crash leaves that, so nothing is guessed from it.
var errDamaged = errors.New("the journal is damaged")

// parseJournal reads a journal and says how many of its bytes are whole records. What follows them is the record that a crash cut off.
func parseJournal(b []byte) (records []record, whole int, err error) {
	for whole < len(b) {
		line, rest, ended := bytes.Cut(b[whole:], []byte("\n"))
		var r record
		bad := json.Unmarshal(line, &r) != nil || !known(r)
		if !ended || bad {
			if len(bytes.Trim(rest, "\x00")) > 0 { // a cut-off append can leave zeros behind, never text
				return nil, 0, fmt.Errorf("%w at byte %d", errDamaged, whole)
			}
			return records, whole, nil
		}
		records = append(records, r)
		whole += len(line) + 1
	}
	return records, whole, nil
}

func known(r record) bool {
	return r.Kind == kindEnd || r.Step != "" && (r.Kind == kindIntent || r.Kind == kindOutcome)
}

// journal is the open journal of one run.
type journal struct {
	file    *os.File
	records []record
	boot    string
	now     func() time.Time
}

// openJournal opens or makes the journal in dir and cuts off what a crash left half-written.
func openJournal(dir, boot string, now func() time.Time) (*journal, error) {
	name := filepath.Join(dir, "journal")
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	records, whole, err := parseJournal(b)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(int64(whole)), f.Sync(), syncDir(dir)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{file: f, records: records, boot: boot, now: now}, nil
}

// add appends a record; it is on the disk when add returns.
func (j *journal) add(r record, data any) error {
	r.At, r.Boot = j.now().UTC(), j.boot
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			return err
		}
		r.Data = b
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	j.records = append(j.records, r)
	return j.file.Sync()
}

func (j *journal) close() error { return j.file.Close() }

// begun counts the starts of the package manager and gives the last: every one has its intent.
func begun(records []record) (n int, last record) {
	for _, r := range records {
		if r.Step == stepApply && r.Kind == kindIntent {
			n, last = n+1, r
		}
	}
	return n, last
}

// first is the first intent of a step: the one that holds what the host was like before.
func first(records []record, step string) (record, bool) {
	for _, r := range records {
		if r.Step == step && r.Kind == kindIntent {
			return r, true
		}
	}
	return record{}, false
}

// settled is the outcome of a step, if it has one.
func settled(records []record, step string) (record, bool) {
	for _, r := range records {
		if r.Step == step && r.Kind == kindOutcome {
			return r, true
		}
	}
	return record{}, false
}

// ended is the end of the run, if it has come.
func ended(records []record) (record, bool) {
	for _, r := range records {
		if r.Kind == kindEnd {
			return r, true
		}
	}
	return record{}, false
}

// syncDir makes names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

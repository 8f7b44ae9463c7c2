package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/staunch-dev/staunch/internal/fault"
)

// spool is the folder in which complete offers are handed to the root half; docs/architecture.md has its layout. What is in "in" is
// whole: it is made in "tmp" and renamed.
type spool struct {
	disk disk
	dir  string
}

// prepare makes the folders.
func (s spool) prepare() error {
	for _, sub := range []string{"tmp", "in", "ack"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o750); err != nil {
			return fault.Wrap(err, fault.Forbidden, "the spool %s cannot be made", s.dir)
		}
	}
	return nil
}

// tmp is where the entry of a run is made.
func (s spool) tmp(runID string) string { return filepath.Join(s.dir, "tmp", runID) }

// making reports whether an entry is being made, and was not handed over yet.
func (s spool) making(runID string) (bool, error) {
	_, err := os.Lstat(s.tmp(runID))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// hand gives an entry to the root half. One that is there already stays.
func (s spool) hand(runID string) error {
	to := filepath.Join(s.dir, "in", runID)
	if _, err := os.Lstat(to); err == nil {
		return s.disk.remove(s.tmp(runID))
	}
	return s.disk.rename(s.tmp(runID), to)
}

// ack tells the root half that the server has the outcome of a run, so that it may forget it.
func (s spool) ack(runID string) error { return s.disk.write(filepath.Join(s.dir, "ack", runID), nil) }

// drop takes an unfinished entry away.
func (s spool) drop(runID string) error { return s.disk.remove(s.tmp(runID)) }

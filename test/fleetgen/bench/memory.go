package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/staunch-dev/staunch/internal/app"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
)

// noRoom is a fleet that does not fit: the bench ends as the server does.
type noRoom struct{ sentence string }

func (e noRoom) Error() string { return e.sentence }
func (noRoom) ExitCode() int   { return app.ExitNoRoom }

// reckon says what the index will need, as a server does before it loads one, and refuses what does not fit.
func (s *server) reckon(ctx context.Context, o options) (assess.Fit, error) {
	counts, err := assess.CountsOf(ctx, s.store)
	if err != nil {
		return assess.Fit{}, err
	}
	if s.fleet != nil && counts.Hosts != int64(s.fleet.Config.Hosts) {
		return assess.Fit{}, fmt.Errorf("the database has %d hosts: give -hosts %d, and -alone if it was made so", counts.Hosts, counts.Hosts)
	}
	if counts.Hosts == 0 {
		return assess.Fit{}, errors.New("the database has no hosts")
	}
	fit := assess.Reckon(counts, app.Memory())
	fmt.Printf("reckoned: %s\n", fit)
	if err := fit.Refusal(); err != nil && !o.anyway {
		return fit, noRoom{fault.Message(err)}
	}
	return fit, nil
}

// forgetMost lets VmHWM begin anew.
func forgetMost() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// status is a line of /proc/self/status, in bytes.
func status(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if words := bytes.Fields(line); len(words) == 3 && string(words[0]) == name {
			kilobytes, err := strconv.ParseInt(string(words[1]), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}

func mib(bytes int64) string { return fmt.Sprintf("%d MiB", bytes>>20) }

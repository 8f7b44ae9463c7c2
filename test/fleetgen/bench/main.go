// Command bench measures the index on a generated fleet, in one process as a server is: SQLite, the follower, the index, the API. It
// prints each figure beside its limit and ends with 1 when one is missed, and with 7 when the fleet does not fit into memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/staunch-dev/staunch/test/fleetgen"
)

func main() {
	var o options
	flag.IntVar(&o.hosts, "hosts", limitedHosts, "hosts of the fleet")
	flag.BoolVar(&o.alone, "alone", false, "share nothing: every host has a package set of its own")
	flag.IntVar(&o.advisories, "advisories", limitedAdvisories, "advisories that are known")
	flag.StringVar(&o.dir, "dir", "", "where the database is made; empty: in a temporary folder")
	flag.StringVar(&o.keep, "keep", "", "measure start-up and memory alone, on the database of this file, which is made when absent and kept")
	flag.BoolVar(&o.make, "make", false, "with -keep: make the database and measure nothing")
	flag.BoolVar(&o.whole, "whole", false, "with -keep: measure everything, on a copy of the file")
	flag.BoolVar(&o.anyway, "anyway", false, "start even when the fleet is reckoned not to fit")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the measurements here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	missed, err := run(ctx, o)
	stop()
	pprof.StopCPUProfile()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code(missed, err))
}

// code is 7, as the server's, when a fleet does not fit.
func code(missed bool, err error) int {
	var own interface{ ExitCode() int }
	switch {
	case errors.As(err, &own):
		return own.ExitCode()
	case missed || err != nil:
		return 1
	}
	return 0
}

// limitedHosts that share package sets, and limitedAdvisories, are what the limits are for; of others the figures are given, without.
const limitedHosts, limitedAdvisories = 100_000, 50_000

type options struct {
	hosts, advisories          int
	alone, make, whole, anyway bool
	dir, keep, profile         string
}

func run(ctx context.Context, o options) (missed bool, err error) {
	temp, err := os.MkdirTemp(o.dir, "fleet")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	path := o.keep
	if path == "" {
		path = filepath.Join(temp, "staunch.db")
	}
	s := &server{}
	config := fleetgen.Of(o.hosts, !o.alone)
	config.Advisories = o.advisories
	_, err = os.Stat(path)
	switch absent := err != nil; {
	case absent:
		if err := s.make(ctx, path, config); err != nil {
			return false, fmt.Errorf("writing the database: %w", err)
		}
	case o.whole:
		s.generate(config)
	}
	if o.make {
		return false, nil
	}
	if o.keep != "" && o.whole {
		path = filepath.Join(temp, "staunch.db")
		say("copying %s to %s", o.keep, path)
		if err := copyFile(path, o.keep); err != nil {
			return false, err
		}
	}
	t := &table{}
	if err := s.measure(ctx, path, o, t); err != nil {
		return false, err
	}
	return t.missed, nil
}

// say tells what comes next, beside the figures.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// progress says every few seconds how far a long phase is.
func progress() fleetgen.Progress {
	next := time.Now().Add(2 * time.Second)
	return func(doing string, done, of int) {
		if now := time.Now(); now.After(next) {
			next = now.Add(10 * time.Second)
			say("  %s: %d of %d", doing, done, of)
		}
	}
}

func copyFile(to, from string) error {
	in, err := os.Open(from) //nolint:gosec // whoever measures says which
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to) //nolint:gosec // in our own folder
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// profileTo writes a CPU profile of what comes next; it is the caller's to end.
func profileTo(path string) error {
	if path == "" {
		return nil
	}
	out, err := os.Create(path) //nolint:gosec // whoever measures says where
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(out)
}

// table prints figures as they come, and knows whether a limit was missed.
type table struct {
	limited, missed bool
}

// within notes a time that has a limit.
func (t *table) within(what string, took, limit time.Duration) {
	t.note(what, short(took), short(limit), took > limit)
}

func (t *table) note(what, figure, limit string, missed bool) {
	if !t.limited {
		limit, missed = "", false
	}
	verdict := ""
	if missed {
		verdict, t.missed = "MISSED", true
	}
	if limit != "" {
		limit = "limit " + limit
	}
	fmt.Printf("%-90s  %-12s  %-15s  %s\n", what, figure, limit, verdict)
}

func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

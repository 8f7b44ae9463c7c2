// Command bench measures the index on a generated fleet, in one process as a server is: SQLite, the follower, the index, the API. It
// prints each figure beside its limit and ends with 1 when one is missed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/staunch-dev/staunch/test/fleetgen"
)

func main() {
	hosts := flag.Int("hosts", 100_000, "hosts of the fleet")
	alone := flag.Bool("alone", false, "share nothing: every host has a package set of its own")
	dir := flag.String("dir", "", "where the database is made; empty: in a temporary folder")
	keep := flag.String("keep", "", "measure start-up and memory alone, on the database of this file, which is made when absent and kept")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the measurements here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	missed, err := run(ctx, options{*hosts, *alone, *dir, *keep, *profile})
	stop()
	pprof.StopCPUProfile()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if missed || err != nil {
		os.Exit(1)
	}
}

// limits are those of a fleet of this size that shares as fleets do; of others the figures are given, without.
const limitedHosts = 100_000

type options struct {
	hosts              int
	alone              bool
	dir, keep, profile string
}

func run(ctx context.Context, o options) (missed bool, err error) {
	path := o.keep
	if path == "" {
		temp, err := os.MkdirTemp(o.dir, "fleet")
		if err != nil {
			return false, err
		}
		defer func() { _ = os.RemoveAll(temp) }()
		path = filepath.Join(temp, "staunch.db")
	}
	f := fleetgen.New(fleetgen.Of(o.hosts, !o.alone))
	s := &server{fleet: f}
	if _, err := os.Stat(path); err != nil {
		fmt.Println(f.Stats())
		began := time.Now()
		if err := s.make(ctx, path); err != nil {
			return false, fmt.Errorf("writing the database: %w", err)
		}
		fmt.Printf("database written in %.0f s\n", time.Since(began).Seconds())
	}
	t := &table{limited: o.hosts <= limitedHosts && !o.alone}
	if err := s.measure(ctx, path, o, t); err != nil {
		return false, err
	}
	return t.missed, nil
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

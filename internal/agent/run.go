package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	"github.com/staunch-dev/staunch/internal/seal"
)

// openRun is one run being carried. One goroutine finds out what there is to report (advance), another delivers it (deliver).
type openRun struct {
	*runs
	rec   record
	box   *outbox
	offer apiv1.RunOffer
	lock  seal.Lock
	until time.Time // end of the grant
}

// errOver is a run that the server no longer wants and of which nothing was begun.
var errOver = errors.New("the offer is over")

// carry goes on with a run until the server has its outcome or ctx ends.
func (r *runs) carry(ctx context.Context, rec record) {
	defer debug.FreeOSMemory() // an idle agent holds nothing of it
	run := &openRun{runs: r, rec: rec}
	err := r.persist(ctx, rec.RunID, func() error { return run.open() })
	if err != nil {
		return
	}
	defer func() { _ = run.box.close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := make(chan struct{})
	go func() {
		defer close(told)
		run.deliver(ctx)
	}()
	err = r.persist(ctx, rec.RunID, func() error { return run.advance(ctx) })
	if errors.Is(err, errOver) {
		cancel()
		<-told
		r.Log.Info("the offer was withdrawn before it was taken", "run", rec.RunID)
		_ = r.persist(context.WithoutCancel(ctx), rec.RunID, func() error { return r.forget(rec.RunID) })
		return
	}
	if err != nil {
		cancel()
	}
	<-told
}

// persist does something until it succeeds, ctx ends or the offer is over: a full disk is no reason to lose a run. Failures are logged
// when they begin.
func (r *runs) persist(ctx context.Context, id string, do func() error) error {
	for failures := 1; ; failures++ {
		err := do()
		if err == nil || errors.Is(err, errOver) || errors.Is(err, errKilled) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failures == 1 {
			r.Log.Error("a run does not get on; it is tried again", "run", id, "error", err)
		}
		if !sleep(ctx, r.Pause(failures)) {
			return ctx.Err()
		}
	}
}

// errKilled stands for the death of the process, in tests alone.
var errKilled = errors.New("killed")

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (r *openRun) open() (err error) {
	if err := r.spool.prepare(); err != nil {
		return err
	}
	if r.rec.Refused == "" {
		var grant seal.Grant
		err = errors.Join(json.Unmarshal(r.rec.Offer, &r.offer), json.Unmarshal(r.offer.Lock, &r.lock), json.Unmarshal(r.offer.Grant, &grant))
		if err != nil {
			return err
		}
		r.until = grant.ExpiresAt
	}
	r.box, err = openOutbox(r.disk, r.outboxName(r.rec.RunID))
	return err
}

// advance does what is to do next, from what the disk says was done, until the outcome is in the outbox.
func (r *openRun) advance(ctx context.Context) error {
	if !r.box.said("accept") {
		if err := r.accept(ctx); err != nil {
			return err
		}
	}
	if _, ended, _, _ := r.box.state(); !ended && !r.box.said("download") {
		if err := r.download(ctx); err != nil {
			return err
		}
	}
	if _, ended, _, _ := r.box.state(); ended {
		return nil
	}
	making, err := r.spool.making(r.rec.RunID)
	if err != nil {
		return err
	}
	if making { // a folder that is gone was handed over
		if err := r.spool.hand(r.rec.RunID); err != nil {
			return err
		}
	}
	return r.follow(ctx)
}

// accept tells the server that the offer is taken. Until it has acknowledged that, nothing is done that is not undone by forgetting:
// otherwise an offer that timed out could be granted elsewhere while this host is at work as well (ROLLOUT §1.6, two-phase start).
func (r *openRun) accept(ctx context.Context) error {
	started := r.Now()
	refused := r.rec.Refused
	if refused == "" {
		if err := r.raiseEpoch(r.rec.Epoch); err != nil {
			return err
		}
		if _, err := r.check(r.rec.RunID, r.offer, r.rec.Epoch-1); err != nil { // it may have lain here since before a crash
			refused = err.Error()
		}
	}
	if err := r.acceptance(ctx); err != nil {
		return err
	}
	if refused != "" {
		return r.box.add(r.step("accept", "accept", "failed", refused, started),
			entry{Report: apiv1.RunReport{At: r.Now().UTC(), Outcome: outcomeOf("refused", "refused", refused)}})
	}
	return r.box.add(r.step("accept", "accept", "done", fmt.Sprintf("%d packages", len(r.lock.Changes)), started))
}

// acceptance asks until there is an answer.
func (r *openRun) acceptance(ctx context.Context) error {
	for failures := 1; ; failures++ {
		err := r.Channel.AcceptRun(ctx, r.rec.RunID, r.rec.Epoch)
		switch fault.KindOf(err) {
		case fault.Conflict, fault.NotFound, fault.Invalid:
			return errOver
		}
		if err == nil {
			return r.disk.at("accepted")
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !sleep(ctx, r.Pause(failures)) {
			return ctx.Err()
		}
	}
}

// step is a report of our own; own makes it said only once.
func (r *openRun) step(own, name, state, text string, started time.Time) entry {
	now := r.Now().UTC()
	s := &apiv1.RunStep{Name: name, State: state, Text: clip(text, 4000), Started: started.UTC()}
	if state != "started" {
		s.Ended = &now
	}
	return entry{Own: own, Report: apiv1.RunReport{At: now, Step: s}}
}

func outcomeOf(result, class, reason string) *apiv1.RunOutcome {
	o := &apiv1.RunOutcome{Result: result, Class: class, Reason: reason}
	bound(o)
	return o
}

// download gets the lock's files and completes the spool entry. It goes on where it was cut off.
func (r *openRun) download(ctx context.Context) error {
	started := r.Now()
	id := r.rec.RunID
	if !r.box.said("download started") {
		if err := r.box.add(r.step("download started", "download", "started", "", started)); err != nil {
			return err
		}
	}
	dir := r.spool.tmp(id)
	if err := os.MkdirAll(filepath.Join(dir, "debs"), 0o750); err != nil {
		return err
	}
	var files []apt.File
	var size int64
	for _, c := range r.lock.Changes {
		if c.Action != "remove" {
			files = append(files, apt.File{Wanted: apt.Wanted{Name: c.Name, Arch: c.Arch, Version: c.To}, SHA256: c.SHA256, Size: c.Size})
			size += c.Size
		}
	}
	limited, cancel := context.WithDeadlineCause(ctx, time.Now().Add(r.until.Sub(started)), errGrantOver)
	defer cancel()
	err := r.Patcher.Stage(limited, dir, files, func(done, total int64) {
		_ = r.box.add(entry{Report: apiv1.RunReport{At: r.Now().UTC(), Lines: []string{fmt.Sprintf("%s of %s downloaded", mebibytes(done), mebibytes(total))}}})
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(context.Cause(limited), errGrantOver) && err != nil {
		err = errGrantOver
	}
	if err != nil {
		return r.failed(err, started)
	}
	// last, so that an entry with an offer in it has everything else
	if err := r.disk.write(filepath.Join(dir, "offer.json"), r.rec.Offer); err != nil {
		return err
	}
	return r.box.add(r.step("download", "download", "done", fmt.Sprintf("%d files, %s", len(files), mebibytes(size)), started))
}

// errGrantOver is a download that took longer than the grant lives: the root half would refuse what comes after.
var errGrantOver = errors.New("the download did not end while the grant was valid")

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// failed ends a run whose files could not be got; nothing was changed on the host. Errors of our own disk are not its end.
func (r *openRun) failed(err error, started time.Time) error {
	result, class := "failed", "download"
	var gone *apt.Gone
	var full *apt.NoSpace
	var path *fs.PathError
	switch {
	case errors.As(err, &gone):
		result, class = "plan_stale", "stale"
	case errors.As(err, &full):
		class = "disk"
	case errors.Is(err, errKilled), errors.As(err, &path):
		return err
	}
	o := outcomeOf(result, class, err.Error())
	of := make([]apt.Wanted, len(r.lock.Changes))
	for i, c := range r.lock.Changes {
		of[i] = apt.Wanted{Name: c.Name, Arch: c.Arch}
	}
	if states, broken, err := r.Patcher.States(of); err == nil {
		o.Installed, o.Broken = states, broken
	}
	bound(o)
	return r.box.add(r.step("download", "download", "failed", err.Error(), started), entry{Report: apiv1.RunReport{At: r.Now().UTC(), Outcome: o}})
}

// readAhead is how much of the root half's reports is taken at once.
const readAhead = 1 << 20

// follow takes over what the root half reports, until its outcome.
func (r *openRun) follow(ctx context.Context) error {
	tick := time.NewTicker(r.LookFor)
	defer tick.Stop()
	for {
		for {
			more, err := r.takeReports()
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		if _, ended, _, _ := r.box.state(); ended {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// takeReports moves some of the root half's reports into the outbox; more says that it got any.
func (r *openRun) takeReports() (more bool, err error) {
	_, _, _, from := r.box.state()
	f, err := os.Open(filepath.Join(r.Out, r.rec.RunID, "reports.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.Size() <= from {
		return false, err
	}
	entries, err := readReports(io.NewSectionReader(f, from, info.Size()-from), from, readAhead)
	if err != nil || len(entries) == 0 {
		return false, err
	}
	return true, r.box.add(entries...)
}

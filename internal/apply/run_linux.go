package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	"github.com/staunch-dev/staunch/internal/seal"
)

var errNoSpace = syscall.ENOSPC

// ending is a run that does not come to its lock. It is an error, so that a step can end its run.
type ending struct {
	Result string `json:"result"` // failed, plan_stale, refused
	Class  string `json:"class"`
	Reason string `json:"reason"`
}

func (e *ending) Error() string { return e.Reason }

// skipped is a step that had nothing to do; its text says why.
type skipped struct{ text string }

func (s *skipped) Error() string { return s.text }

// run is one run at work.
type run struct {
	*applier
	id      string
	dir     string
	plan    seal.Plan
	lock    seal.Lock
	journal *journal
	reports *reports
	log     tail
	damaged error // the journal that was found was no use
}

func (r *run) file(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

// finish brings the run to its end and gives its outcome. An error leaves the run open: the next start goes on.
func (r *run) finish(ctx context.Context) (apiv1.RunOutcome, error) {
	if e, ok := ended(r.journal.records); ok {
		var o apiv1.RunOutcome
		if err := json.Unmarshal(e.Data, &o); err != nil {
			return o, err
		}
		o = whole(o)
		return o, r.reports.add(apiv1.RunReport{Outcome: &o}) // perhaps for the second time: it counts once
	}
	var end *ending
	err := r.damaged
	if err == nil {
		err = r.steps(ctx)
	}
	switch {
	case errors.As(err, &end):
	case ctx.Err() != nil:
		return apiv1.RunOutcome{}, ctx.Err()
	case errors.Is(err, errRebooting):
		return apiv1.RunOutcome{}, err
	case err != nil:
		n, _ := begun(r.journal.records)
		if n > 0 && r.damaged == nil { // the package manager may be at work: only dpkg's own word ends this run
			return apiv1.RunOutcome{}, err
		}
		r.Log.Error("run cannot go on", "run", r.id, "error", err)
		end = &ending{Result: "failed"}
		if end.Class, end.Reason = trouble(err); end.Class == "refused" {
			end.Result = "refused"
		}
	}
	o, err := r.outcome(ctx, end)
	if err != nil {
		return o, err
	}
	if err := r.reports.add(apiv1.RunReport{Outcome: &o}); err != nil {
		return o, err
	}
	return o, r.journal.add(record{Kind: kindEnd}, o)
}

// steps are all steps in their order. What fails before apply has changed nothing; what fails in it is still looked after.
func (r *run) steps(ctx context.Context) error {
	for _, s := range []struct {
		name string
		do   func(context.Context) (string, any, error)
	}{{stepRecover, r.recover}, {stepStage, r.stage}, {stepSimulate, r.simulate}} {
		if err := r.step(ctx, s.name, s.do); err != nil {
			return err
		}
	}
	r.dropEntry()
	var failed *ending
	if err := r.step(ctx, stepApply, r.apply); err != nil && !errors.As(err, &failed) {
		return err
	}
	if err := r.step(ctx, stepMarks, r.marks); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	var later *ending // a service that does not come up is a failure, but the rest is still done
	if err := r.step(ctx, stepRestart, r.restart); err != nil && !errors.As(err, &later) {
		return err
	}
	if later == nil {
		if err := r.step(ctx, stepReboot, r.reboot); err != nil && !errors.As(err, &later) {
			return err
		}
	}
	if err := r.step(ctx, stepVerify, r.verify); err != nil {
		return err
	}
	if later != nil {
		return later
	}
	return nil
}

// step does one step unless its outcome is in the journal already. do gives the words for the report and the data for the journal.
func (r *run) step(ctx context.Context, name string, do func(context.Context) (string, any, error)) error {
	if o, ok := settled(r.journal.records, name); ok {
		if o.State != "failed" {
			return nil
		}
		var e ending
		if err := json.Unmarshal(o.Data, &e); err != nil {
			return err
		}
		return &e
	}
	if _, ok := first(r.journal.records, name); !ok && name != stepApply { // apply writes its own, with what the host is like before
		if err := r.journal.add(record{Step: name, Kind: kindIntent}, nil); err != nil {
			return err
		}
	}
	started := r.Now()
	if err := r.reports.step(name, "started", "", started); err != nil {
		return err
	}
	text, data, err := do(ctx)
	state := "done"
	var end *ending
	var skip *skipped
	switch {
	case errors.As(err, &end):
		state, text, data = "failed", end.Reason, end
	case errors.As(err, &skip):
		state, text = "skipped", skip.text
	case err != nil:
		return err
	}
	if err := r.reports.step(name, state, text, started); err != nil {
		return err
	}
	if err := r.journal.add(record{Step: name, Kind: kindOutcome, State: state, Text: text}, data); err != nil {
		return err
	}
	if end != nil {
		return end
	}
	return nil
}

// recover finds the package database in order, or puts it in order: what somebody else left unpacked is configured first, since nothing
// can be installed before.
func (r *run) recover(ctx context.Context) (string, any, error) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return "", nil, &ending{"failed", "internal", "this host does not run systemd, which a transaction needs"}
	}
	if err := r.awaitFree(ctx); err != nil {
		return "", nil, err
	}
	journal, db, err := r.look(ctx)
	if err != nil {
		return "", nil, err
	}
	if !journal && len(unfinished(db)) == 0 {
		return "", nil, nil
	}
	was := unfinished(db)
	if err := r.transaction(ctx, r.repairUnit(), configure()); err != nil {
		return "", nil, err
	}
	if journal, db, err = r.look(ctx); err != nil {
		return "", nil, err
	}
	if left := unfinished(db); journal || len(left) > 0 {
		return "", nil, &ending{"failed", "broken_pm", "the package database was broken before this run, and dpkg --configure -a does not repair it: " + inWords(left)}
	}
	return "the package database was left unfinished by somebody else and has been put in order: " + inWords(was), nil, nil
}

func inWords(ps []apiv1.PackageState) string {
	var out []string
	for _, p := range ps[:min(len(ps), 20)] {
		out = append(out, p.Name+" "+p.State)
	}
	return strings.Join(out, ", ")
}

// look is what dpkg itself says now.
func (r *run) look(ctx context.Context) (journal bool, db []installed, err error) {
	if journal, err = dpkgJournal(); err != nil {
		return false, nil, err
	}
	db, err = query(ctx)
	return journal, db, err
}

// aptOptions are those of every call of apt for this run: the staged files and nothing else, the host's own configuration otherwise.
func (r *run) aptOptions() []string {
	return []string{
		"-o", "Dir::State::lists=" + r.file("lists"), "-o", "Dir::Cache=" + r.file("cache"), "-o", "Dir::Cache::archives=" + r.file("archives"),
		"-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "APT::Get::AutomaticRemove=false", "-o", "Dpkg::Use-Pty=0",
	}
}

// simulate asks apt what it would do with the staged files. Anything but the lock ends the run, and nothing was changed.
func (r *run) simulate(ctx context.Context) (string, any, error) {
	_, db, err := r.look(ctx)
	if err != nil {
		return "", nil, err
	}
	stale := func(reason string) error { return &ending{"plan_stale", "stale", reason} }
	if h := held(r.lock.Changes, db); len(h) > 0 {
		return "", nil, stale("held by the administrator: " + strings.Join(h, ", "))
	}
	args := append(r.aptOptions(), "-s", "-q", "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-Versions=true")
	if !removes(r.lock.Changes) {
		args = append(args, "--no-remove")
	}
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "apt-get", Args: append(args, arguments(r.lock.Changes)...), Timeout: 10 * time.Minute, Limit: 32 << 20})
	if err != nil {
		return "", nil, err
	}
	sim := apt.ParseSimulation(out.Stdout)
	differs := difference(r.lock.Changes, sim, dpkgArch())
	if out.Code != 0 {
		differs = append([]string{"apt: " + said(out)}, append(sim.Unmet, differs...)...)
	}
	if len(differs) > 0 {
		return "", nil, stale("this host would not install the lock exactly: " + clip(strings.Join(differs[:min(len(differs), 20)], "; "), 3000))
	}
	return fmt.Sprintf("apt would do exactly the %d changes of the lock", len(r.lock.Changes)), nil, nil
}

// before is what the host was like before the transaction; it is in apply's first intent.
type before struct {
	Auto    []string          `json:"auto"`
	Failed  []string          `json:"failed"`
	Stale   map[string]string `json:"stale"`
	Others  []installed       `json:"others"`
	Attempt int               `json:"attempt"`
	Log     int64             `json:"log"` // where this attempt begins in the transaction's log
}

func (r *run) before() before {
	var b before
	if rec, ok := first(r.journal.records, stepApply); ok {
		_ = json.Unmarshal(rec.Data, &b) // we wrote it; without it only comparisons are lost
	}
	return b
}

// marks gives packages that were installed for the sake of others that mark again: apt takes every one that it is told to install for
// wanted.
func (r *run) marks(ctx context.Context) (string, any, error) {
	want := r.before().Auto
	_, db, err := r.look(ctx)
	if err != nil {
		return "", nil, err
	}
	want = slices.DeleteFunc(want, func(name string) bool {
		n, arch, _ := strings.Cut(name, ":")
		_, there := find(db, seal.Change{Name: n, Arch: arch})
		return !there && !slices.ContainsFunc(db, func(p installed) bool { return p.Name == n && p.Arch == "all" && p.onDisk() })
	})
	if len(want) == 0 {
		return "", nil, &skipped{"none of the packages is marked as automatically installed"}
	}
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "apt-mark", Args: append(append(r.aptOptions(), "auto", "--"), want...), Timeout: 10 * time.Minute})
	if err != nil {
		return "", nil, err
	}
	if out.Code != 0 {
		return "these marks could not be set again: " + said(out), nil, nil
	}
	return fmt.Sprintf("%d packages keep the mark of being installed for others", len(want)), nil, nil
}

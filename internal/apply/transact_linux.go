package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/seal"
)

func (r *run) installUnit() string { return "staunch-run-" + r.id + ".service" }
func (r *run) repairUnit() string  { return "staunch-run-" + r.id + "-repair.service" }

// configure finishes what dpkg has unpacked.
func configure() []string {
	return []string{"/usr/bin/dpkg", "--force-confdef", "--force-confold", "--configure", "-a"}
}

// install is the transaction itself (ROLLOUT §2.4).
func (r *run) install(changes []seal.Change, again bool) []string {
	argv := append([]string{"/usr/bin/apt-get", "-y", "-q", "--no-download"}, r.aptOptions()...)
	argv = append(argv, "-o", fmt.Sprintf("DPkg::Lock::Timeout=%d", int(r.LockTimeout/time.Second)),
		"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
	if !removes(r.lock.Changes) {
		argv = append(argv, "--no-remove")
	}
	if again {
		argv = append(argv, "--reinstall")
	}
	return append(argv, arguments(changes)...)
}

// apply brings the lock onto the host. It only ever looks, decides with next, and does that one thing; where it is after a crash follows
// from what it sees.
func (r *run) apply(ctx context.Context) (string, any, error) {
	deadline := r.Now().Add(r.LockTimeout)
	for {
		s, db, err := r.see(ctx)
		if err != nil {
			return "", nil, err
		}
		s.Patient = r.Now().Before(deadline)
		m := next(s)
		r.Log.Debug("transaction", "run", r.id, "move", m, "sight", fmt.Sprintf("%+v", s))
		switch m {
		case moveAttach:
			err = r.watchUnits(ctx)
			deadline = r.Now().Add(r.LockTimeout)
		case moveWait:
			err = r.pause(ctx)
		case moveDone:
			if err := r.tell(true); err != nil {
				return "", nil, err
			}
			return fmt.Sprintf("dpkg-query says that all %d packages are as the lock wants them", len(r.lock.Changes)), nil, nil
		case moveStart:
			if err = r.attempt(ctx, s.Attempts+1, db); err == nil {
				err = r.transaction(ctx, r.installUnit(), r.install(r.lock.Changes, false))
			}
		case moveRepair:
			err = r.repair(ctx, s.Attempts+1, db)
		case moveLocked:
			return "", nil, &ending{"failed", "lock", "somebody else works on the package database and does not stop: " + r.holder()}
		case moveExhausted:
			return "", nil, &ending{"failed", "broken_pm", fmt.Sprintf("interrupted again and again; after %d attempts the packages are not as the lock wants them: %s", s.Attempts, inWords(unfinished(db)))}
		case moveFailed:
			reason, class, _ := logSays(r.attemptLog())
			if reason == "" {
				reason = fmt.Sprintf("apt-get ended with code %d", s.Ended.Code)
			}
			return "", nil, &ending{"failed", class, reason}
		}
		if err != nil {
			return "", nil, err
		}
	}
}

// attempt journals that the package manager is about to be started. The first of a run also keeps what the host is like before.
func (r *run) attempt(ctx context.Context, n int, db []installed) error {
	b := before{Attempt: n}
	if info, err := os.Stat(r.log.name); err == nil {
		b.Log = info.Size()
	}
	if _, again := first(r.journal.records, stepApply); !again {
		extended, err := os.ReadFile("/var/lib/apt/extended_states")
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		b.Auto, b.Stale, b.Others = auto(r.lock.Changes, extended), staleUnits(), db
		if b.Failed, err = failedUnits(ctx); err != nil {
			return err
		}
	}
	return r.journal.add(record{Step: stepApply, Kind: kindIntent, Text: fmt.Sprintf("attempt %d", n)}, b)
}

// repair is ROLLOUT §2.6: configure what is unpacked, then the same lock again. That dpkg runs a configure script a second time which was
// cut off the first time is dpkg's own rule.
func (r *run) repair(ctx context.Context, n int, db []installed) error {
	if err := r.attempt(ctx, n, db); err != nil {
		return err
	}
	if err := r.transaction(ctx, r.repairUnit(), configure()); err != nil {
		return err
	}
	journal, db, err := r.look(ctx)
	if err != nil {
		return err
	}
	if v := judge(r.lock.Changes, db); v.Target && !v.Broken && !journal {
		return nil
	}
	if again := reinstall(r.lock.Changes, db); len(again) > 0 {
		if err := r.transaction(ctx, r.installUnit(), r.install(again, true)); err != nil {
			return err
		}
	}
	return r.transaction(ctx, r.installUnit(), r.install(r.lock.Changes, false))
}

// transaction starts a unit and stays until it has ended. How it ended is for see to find out.
func (r *run) transaction(ctx context.Context, unit string, argv []string) error {
	for _, u := range []string{r.installUnit(), r.repairUnit()} {
		if state, err := showUnit(ctx, u); err != nil {
			return err
		} else if state.Running {
			return r.watch(ctx, u) // it is there already: no second one
		} else if state.Loaded {
			if err := clearUnit(ctx, u); err != nil {
				return err
			}
		}
	}
	if err := startUnit(ctx, unit, r.log.name, "Staunch run "+r.id, argv); err != nil {
		return err
	}
	return r.watch(ctx, unit)
}

// dismiss has systemd forget the units of a run that is over. Until then they stay, with how they ended, and one that failed would make
// the whole host count as degraded.
func (r *run) dismiss(ctx context.Context) error {
	for _, u := range []string{r.installUnit(), r.repairUnit()} {
		state, err := showUnit(ctx, u)
		if err == nil && state.Loaded && !state.Running {
			err = clearUnit(ctx, u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) watchUnits(ctx context.Context) error {
	for _, u := range []string{r.repairUnit(), r.installUnit()} {
		if err := r.watch(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// watch stays until a unit has ended, and tells what it prints meanwhile.
func (r *run) watch(ctx context.Context, unit string) error {
	for {
		u, err := showUnit(ctx, unit)
		if err != nil {
			return err
		}
		if !u.Running {
			return r.tell(false)
		}
		if u.PID == 0 { // systemd is about to notice
			if err := r.pause(ctx); err != nil {
				return err
			}
			continue
		}
		if err := awaitProcess(ctx, u.PID, func() error { return r.tell(false) }); err != nil {
			return err
		}
	}
}

// tell reports what the package manager has printed, and that we are alive.
func (r *run) tell(last bool) error {
	lines, err := r.log.read(last)
	if err != nil {
		return err
	}
	if err := r.reports.say(lines); err != nil {
		return err
	}
	return r.reports.alive()
}

func (r *run) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return r.reports.alive()
	}
}

// see looks at everything that next decides on.
func (r *run) see(ctx context.Context) (sight, []installed, error) {
	var s sight
	for _, u := range []string{r.repairUnit(), r.installUnit()} {
		state, err := showUnit(ctx, u)
		if err != nil {
			return s, nil, err
		}
		s.Running = s.Running || state.Running
		if u == r.installUnit() {
			s.Ended = state.Exit
		}
	}
	if s.Running {
		return s, nil, nil
	}
	holder, err := lockHolder()
	if err != nil {
		return s, nil, err
	}
	orphan, _ := orphans([]string{r.installUnit(), r.repairUnit()})
	s.Busy = holder > 0 || orphan > 0
	s.Attempts, _ = begun(r.journal.records)
	var db []installed
	if s.Journal, db, err = r.look(ctx); err != nil {
		return s, nil, err
	}
	s.Verdict = judge(r.lock.Changes, db)
	if s.Ended != nil && s.Attempts > 0 {
		_, _, s.Ended.Unexpected = logSays(r.attemptLog())
	}
	return s, db, nil
}

// maxAttemptLog is how much of the end of a transaction's log is looked at.
const maxAttemptLog = 1 << 20

// attemptLog is what the last attempt printed.
func (r *run) attemptLog() []byte {
	_, rec := begun(r.journal.records)
	var b before
	_ = json.Unmarshal(rec.Data, &b) // without it the whole log is looked at
	f, err := os.Open(r.log.name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	from := b.Log
	if info, err := f.Stat(); err == nil {
		from = max(from, info.Size()-maxAttemptLog)
	}
	out, _ := io.ReadAll(io.NewSectionReader(f, from, maxAttemptLog))
	return out
}

// awaitFree waits until nobody works on the package database.
func (r *run) awaitFree(ctx context.Context) error {
	deadline := r.Now().Add(r.LockTimeout)
	for {
		pid, err := lockHolder()
		if err != nil || pid == 0 {
			return err
		}
		if !r.Now().Before(deadline) {
			return &ending{"failed", "lock", "somebody else works on the package database; nothing was changed: " + r.holder()}
		}
		if err := r.pause(ctx); err != nil {
			return err
		}
	}
}

// holder is who works on the package database, in words.
func (r *run) holder() string {
	if pid, err := lockHolder(); err == nil && pid > 0 {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return fmt.Sprintf("process %d (%s) holds the lock", pid, clip(strings.TrimSpace(string(comm)), 32))
	}
	if pid, what := orphans([]string{r.installUnit(), r.repairUnit()}); pid > 0 {
		return fmt.Sprintf("process %d (%s) still runs", pid, what)
	}
	return "it is free now"
}

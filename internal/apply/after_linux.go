package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// restarted is what the step restart leaves in the journal.
type restarted struct {
	Restarted []string     `json:"restarted"`
	Left      []string     `json:"left"`
	Reboot    apiv1.Reboot `json:"reboot"`
}

func (r *run) restarted() restarted {
	var d restarted
	if rec, ok := settled(r.journal.records, stepRestart); ok && rec.State == "done" {
		_ = json.Unmarshal(rec.Data, &d) // we wrote it
	}
	return d
}

// restartTime bounds one pass of restarts: systemd's own limits end a service that does not stop or start.
const restartTime = 15 * time.Minute

// restart restarts the services that this run left on replaced files, in one go, so that systemd keeps their order; unless the host is
// about to reboot anyway. A second try after a crash finds only those that were not restarted yet.
func (r *run) restart(ctx context.Context) (string, any, error) {
	todo := decideRestarts(r.before().Stale, staleUnits())
	d := restarted{Restarted: []string{}, Left: todo.Left, Reboot: r.needsReboot(todo)}
	if d.Reboot.Required && r.plan.Reboot == "if-required" {
		return "the reboot brings every service up to date", d, nil
	}
	var begun []string // before a crash; of those, the ones that are not on the list any more have been restarted
	for _, rec := range r.journal.records {
		var units []string
		if rec.Step == stepRestart && rec.Kind == kindIntent && json.Unmarshal(rec.Data, &units) == nil {
			begun = append(begun, units...)
		}
	}
	d.Restarted = slices.Compact(slices.Sorted(slices.Values(append(begun, todo.Restart...))))
	if len(todo.Restart) == 0 {
		return "no service is left on replaced files that may be restarted", d, nil
	}
	if err := r.journal.add(record{Step: stepRestart, Kind: kindIntent}, todo.Restart); err != nil {
		return "", nil, err
	}
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: append([]string{"restart", "--"}, todo.Restart...), Timeout: restartTime})
	if err != nil {
		return "", nil, err
	}
	if out.Code != 0 {
		return "", nil, &ending{"failed", "restart", "the packages are as the lock wants them, but not every service came up again: " + said(out)}
	}
	return "restarted once: " + strings.Join(todo.Restart, ", "), d, nil
}

// needsReboot gathers the evidence.
func (r *run) needsReboot(todo restarts) apiv1.Reboot {
	n := apiv1.Reboot{Packages: []string{}, Reasons: []string{}}
	if _, err := os.Stat("/run/reboot-required"); err == nil {
		n.Reasons = append(n.Reasons, "/run/reboot-required exists")
		b, _ := os.ReadFile("/run/reboot-required.pkgs")
		for line := range strings.Lines(string(b)) {
			if name := clip(strings.TrimSpace(line), 256); name != "" && !slices.Contains(n.Packages, name) && len(n.Packages) < 1000 {
				n.Packages = append(n.Packages, name)
			}
		}
	}
	if _, err := os.Stat("/run/systemd/container"); err != nil { // there the kernel is somebody else's
		for _, c := range r.lock.Changes {
			if c.Action != "remove" && kernelPackage.MatchString(c.Name) {
				n.Reasons = append(n.Reasons, c.Name+" "+c.To+" brings a kernel that does not run yet")
			}
		}
	}
	n.Reasons = append(n.Reasons, todo.Reboot...)
	n.Reasons = n.Reasons[:min(len(n.Reasons), 100)]
	n.Required = len(n.Reasons) > 0
	return n
}

// maxReboots bounds how often one run asks for its one reboot.
const maxReboots = 2

// reboot reboots when the plan allows it and the host needs it. It is done when the boot id is another than that of the first intent.
func (r *run) reboot(ctx context.Context) (string, any, error) {
	need := r.restarted().Reboot
	switch {
	case !need.Required:
		return "", nil, &skipped{"nothing needs a reboot"}
	case r.plan.Reboot != "if-required":
		return "", nil, &skipped{"the plan leaves the reboot to a person: " + strings.Join(need.Reasons, "; ")}
	}
	intent, _ := first(r.journal.records, stepReboot)
	if intent.Boot != r.boot {
		return "the host has booted again", nil, nil
	}
	tried := 0
	for _, rec := range r.journal.records {
		if rec.Step == stepReboot && rec.Text == "asked" {
			tried++
		}
	}
	if tried >= maxReboots {
		return "", nil, &ending{"failed", "reboot", "the host does not reboot though asked twice"}
	}
	if err := r.journal.add(record{Step: stepReboot, Kind: kindIntent, Text: "asked"}, nil); err != nil {
		return "", nil, err
	}
	syscall.Sync()
	r.Log.Info("rebooting", "run", r.id, "reasons", need.Reasons)
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: []string{"reboot", "--check-inhibitors=yes"}})
	if err == nil && out.Code != 0 { // an inhibitor, or a systemctl that does not know the option
		return "", nil, &ending{"failed", "reboot", "systemd does not reboot: " + said(out)}
	}
	if err != nil {
		return "", nil, err
	}
	return "", nil, errRebooting
}

// verify is the last word: dpkg's database, and whether something that ran before does not run now.
func (r *run) verify(ctx context.Context) (string, any, error) {
	journal, db, err := r.look(ctx)
	if err != nil {
		return "", nil, err
	}
	if v := judge(r.lock.Changes, db); !v.Target || v.Broken || journal {
		return "", nil, &ending{"failed", "broken_pm", "the packages are no longer as the lock wants them: " + inWords(unfinished(db))}
	}
	b := r.before()
	failed, err := failedUnits(ctx)
	if err != nil {
		return "", nil, err
	}
	failed = slices.DeleteFunc(failed, func(u string) bool { return slices.Contains(b.Failed, u) })
	if len(failed) > 0 {
		return "", nil, &ending{"failed", "restart", "the packages are as the lock wants them, but these units have failed since: " + strings.Join(failed, ", ")}
	}
	text := fmt.Sprintf("all %d packages are as the lock wants them, and no unit has failed since", len(r.lock.Changes))
	if others := elsewhere(r.lock.Changes, b.Others, db); len(others) > 0 {
		text += "; somebody else changed meanwhile: " + clip(strings.Join(others, ", "), 1000)
	}
	return text, nil, nil
}

// outcome is what the run has come to, by what dpkg says now.
func (r *run) outcome(ctx context.Context, end *ending) (apiv1.RunOutcome, error) {
	db, err := query(ctx)
	if err != nil {
		return apiv1.RunOutcome{}, err
	}
	d := r.restarted()
	o := apiv1.RunOutcome{Result: "succeeded", Installed: states(r.lock.Changes, db), Broken: unfinished(db),
		Restarted: d.Restarted, Stale: d.Left, Reboot: d.Reboot}
	if end != nil {
		o.Result, o.Class, o.Reason = end.Result, end.Class, clip(end.Reason, 4000)
		if n, _ := begun(r.journal.records); n > 0 && len(d.Left) == 0 {
			todo := decideRestarts(r.before().Stale, staleUnits())
			for _, u := range todo.Restart {
				todo.Left = append(todo.Left, u+" runs replaced files and was left, since the run failed")
			}
			o.Stale, o.Reboot = todo.Left, r.needsReboot(todo)
		}
	}
	if _, rebooted := settled(r.journal.records, stepReboot); rebooted && r.rebooted() {
		o.Reboot.Required, o.Stale = false, nil
	}
	if o.Conffiles, err = r.kept(ctx); err != nil {
		return o, err
	}
	o.Stale = o.Stale[:min(len(o.Stale), 1000)]
	o.CPU = cpuSeconds()
	return whole(o), nil
}

// rebooted reports whether this run's reboot has happened.
func (r *run) rebooted() bool {
	rec, ok := settled(r.journal.records, stepReboot)
	return ok && rec.State == "done"
}

// kept are the configuration files of the lock's packages beside which dpkg has put a new version during this run.
func (r *run) kept(ctx context.Context) ([]string, error) {
	intent, ok := first(r.journal.records, stepApply)
	if !ok {
		return nil, nil
	}
	args := []string{"-W", "-f", `${Conffiles}\n`, "--"}
	for _, c := range r.lock.Changes {
		args = append(args, c.Name)
	}
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "dpkg-query", Args: args}) // its code says that some are not installed
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range conffiles(out.Stdout) {
		info, err := os.Lstat(name + ".dpkg-dist")
		if err != nil || len(names) >= 1000 {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && time.Unix(st.Ctim.Unix()).After(intent.At.Add(-time.Second)) {
			names = append(names, clip(name, 1024))
		}
	}
	return names, nil
}

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// errRebooting ends an apply because the host goes down; the run goes on after it has come up.
var errRebooting = errors.New("the host reboots")

// applier is one apply at work.
type applier struct {
	Options
	state *state
	spool *spool
	boot  string
}

// Run finishes what was begun, then carries out what is in the spool, and returns when nothing is left to do. That something was refused
// or failed is reported there and is no error here. fault.NotFound: this host has no trust file; fault.Conflict: another apply is at work.
func Run(ctx context.Context, o Options) (err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &applier{Options: o}
	if a.boot, err = bootID(); err != nil {
		return err
	}
	if a.state, err = openState(o.State); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.state.close()) }()
	if a.spool, err = openSpool(o.Spool); err != nil {
		return err
	}
	if a.spool != nil {
		defer func() { err = errors.Join(err, a.spool.close()) }()
	}
	if err = a.all(ctx); errors.Is(err, errRebooting) {
		err = nil
	}
	return err
}

func (a *applier) all(ctx context.Context) error {
	runs, err := a.state.open()
	if err != nil {
		return err
	}
	for _, id := range runs { // what was begun comes first: on this machine one thing happens at a time
		if err := a.carry(ctx, id); err != nil {
			return err
		}
	}
	if a.spool == nil {
		return nil
	}
	acked := a.spool.acked()
	if err := a.state.prune(acked); err != nil {
		return err
	}
	for _, id := range acked {
		a.spool.forgetAck(id)
	}
	trust, err := ReadTrust(a.Trust, a.Signers)
	if err != nil {
		return err
	}
	for {
		entries, err := a.spool.entries()
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, name := range entries {
			if err := a.take(ctx, trust, name); err != nil {
				return err
			}
		}
	}
}

// take judges one entry of the spool and carries it out. When it returns without error the entry is gone from the folder in.
func (a *applier) take(ctx context.Context, trust seal.Trust, name string) error {
	id, err := a.admit(trust, name)
	var refused *seal.Refusal
	var bad *hostile
	switch {
	case errors.As(err, &refused):
		return a.refuse(name, refused.Code, refused.Text)
	case errors.As(err, &bad):
		return a.refuse(name, seal.Malformed, bad.text)
	case err != nil:
		return err
	case id == "":
		return nil
	}
	return a.carry(ctx, id)
}

// admit proves an entry and makes its run, in this order: the folder with the verified copy of the offer, the epoch, then the work. A
// crash in between finds an open run. The empty id says that there is nothing to carry out: a replay of a finished run.
func (a *applier) admit(trust seal.Trust, name string) (id string, err error) {
	if !runName.MatchString(name) {
		return "", refuseEntry("%q is not the name of a run", name)
	}
	e, err := a.spool.open(name)
	if err != nil {
		return "", entryError(err)
	}
	defer func() { _ = e.close() }()
	raw, err := e.read("offer.json", maxOffer)
	if err != nil {
		return "", entryError(err)
	}
	var o apiv1.RunOffer
	if err := json.Unmarshal(raw, &o); err != nil || o.RunID != name {
		return "", refuseEntry("the offer cannot be read, or is not that of run %q", name)
	}
	if d, ok := a.state.finished(name); ok && d.Grant == seal.Sum(o.Grant) {
		a.Log.Info("replay of a run that is over: its outcome is reported again", "run", name)
		return "", errors.Join(a.again(name, d), a.spool.remove(e, nil))
	}
	last, err := a.state.epoch()
	if err != nil {
		return "", err
	}
	c, err := seal.Check(trust, seal.Offer{Plan: o.Plan, PlanSignatures: o.PlanSignatures, Lock: o.Lock, Grant: o.Grant, GrantSignature: o.GrantSignature}, last, a.Now())
	if err != nil {
		return "", err
	}
	if c.Grant.RunID != name {
		return "", &seal.Refusal{Code: seal.OtherPlan, Text: "the grant is for another run"}
	}
	if _, known := a.state.finished(name); known {
		return "", &seal.Refusal{Code: seal.Replayed, Text: "this run is over on this host"}
	}
	if err := expected(e, c.Lock); err != nil {
		return "", err
	}
	if err := a.state.begin(name, raw); err != nil {
		return "", err
	}
	return name, a.state.raiseEpoch(c.Grant.Epoch)
}

// entryError takes what cannot be opened for what it is: not an entry of an honest run half.
func entryError(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return refuseEntry("the entry is not whole: %v", err)
	}
	return err
}

// expected checks that an entry holds what it should and nothing else.
func expected(e *entry, lock seal.Lock) error {
	top, err := e.dir.Readdirnames(10)
	if err != nil {
		return err
	}
	for _, n := range top {
		if !slices.Contains([]string{"offer.json", "debs", "lists"}, n) {
			return refuseEntry("the entry also holds %q", n)
		}
	}
	debs, err := names(e.dir, "debs", len(lock.Changes))
	if err != nil {
		return entryError(err)
	}
	want := map[string]bool{}
	for _, c := range lock.Changes {
		if c.Action != "remove" {
			want[debFile(c)] = true
		}
	}
	for _, d := range debs {
		if !want[d] {
			return refuseEntry("the entry holds %q, which is not in the lock", d)
		}
		delete(want, d)
	}
	for missing := range want {
		return refuseEntry("the entry lacks %q", missing)
	}
	return nil
}

// refuse moves an entry away, says so once in the log, and reports it. A run that is open or over keeps its own reports.
func (a *applier) refuse(name, code, text string) error {
	a.Log.Warn("offer refused; nothing was changed", "entry", clip(name, 100), "code", code, "reason", text)
	_, open := os.Stat(a.state.path("runs", name))
	_, over := a.state.finished(name)
	var err error
	if runName.MatchString(name) && open != nil && !over {
		err = a.again(name, done{Outcome: apiv1.RunOutcome{Result: "refused", Class: "refused", Reason: code + ": " + text}})
	}
	if e := a.spool.reject(name); !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// again reports an outcome without any work.
func (a *applier) again(id string, d done) error {
	r, err := openReports(a.state.path("out", id), int(a.spool.gid), a.Now)
	if err != nil {
		return err
	}
	o := whole(d.Outcome)
	return errors.Join(r.add(apiv1.RunReport{Outcome: &o}), r.close())
}

// whole gives an outcome empty lists for those it lacks: the wire wants them.
func whole(o apiv1.RunOutcome) apiv1.RunOutcome {
	for _, l := range []*[]apiv1.PackageState{&o.Installed, &o.Broken} {
		if *l == nil {
			*l = []apiv1.PackageState{}
		}
	}
	for _, l := range []*[]string{&o.Restarted, &o.Stale, &o.Conffiles, &o.Reboot.Packages, &o.Reboot.Reasons} {
		if *l == nil {
			*l = []string{}
		}
	}
	return o
}

// carry carries out an open run, from wherever it stands, to its end.
func (a *applier) carry(ctx context.Context, id string) (err error) {
	offer, checked, err := a.state.offer(id)
	if err != nil {
		return err
	}
	if err := a.state.raiseEpoch(checked.Grant.Epoch); err != nil {
		return err
	}
	gid := 0
	if a.spool != nil {
		gid = int(a.spool.gid)
	}
	r := &run{applier: a, id: id, dir: a.state.path("runs", id), plan: checked.Plan, lock: checked.Lock}
	r.journal, err = openJournal(r.dir, a.boot, a.Now)
	if errors.Is(err, errDamaged) { // what was done is still known from dpkg; nothing more is done
		r.damaged = err
		if err = os.Rename(r.file("journal"), r.file("journal.damaged")); err == nil {
			r.journal, err = openJournal(r.dir, a.boot, a.Now)
		}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.journal.close()) }()
	if r.reports, err = openReports(a.state.path("out", id), gid, a.Now); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.reports.close()) }()
	r.log = tail{name: r.file("transaction.log"), skip: r.reports.lines}
	outcome, err := r.finish(ctx)
	if err != nil {
		return err
	}
	if err := r.dismiss(ctx); err != nil { // they cost little and say nothing that is not written down
		a.Log.Warn("units of a run that is over stay loaded", "run", id, "error", err)
	}
	a.Log.Info("run is over", "run", id, "result", outcome.Result, "class", outcome.Class, "reason", outcome.Reason)
	return a.state.finish(id, done{Grant: seal.Sum(offer.Grant), Epoch: checked.Grant.Epoch, Outcome: outcome})
}

// trouble gives an error of ours to the log, and to the report no more than its class.
func trouble(err error) (class, reason string) {
	var bad *hostile
	var un *unsigned
	switch {
	case errors.As(err, &bad):
		return "refused", bad.text
	case errors.As(err, &un):
		return "refused", un.text
	case errors.Is(err, errNoSpace):
		return "disk", "there is not enough free space for the packages"
	}
	if k := fault.KindOf(err); k != fault.Internal {
		return "internal", fault.Message(err)
	}
	return "internal", clip(err.Error(), 1000)
}

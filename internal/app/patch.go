package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/seal"
)

// connectPatch makes what plans, rolls out and decides. The plan key and the people who may approve are read here once, so that a
// server that could approve nothing does not start.
func (a *App) connectPatch() error {
	cfg, now, log, w := a.cfg, time.Now, a.log, a.wire
	key, err := access.OpenPlanKey(cfg.Data)
	if err != nil {
		return err
	}
	w.planKey, w.signer = access.PlanKeyLine(key), key
	signers := func() ([]seal.Signer, error) { return access.AllowedSigners(cfg.Data) }
	people, err := signers()
	if err != nil {
		return err
	}
	if n := distinct(people); n < cfg.Approvals {
		return fault.New(fault.Invalid, "approvals: %d people must sign a plan, and %s/allowed_signers names %d", cfg.Approvals, cfg.Data, n)
	}
	w.plans = plan.NewService(plan.Config{
		Store: w.store, Candidates: candidates{w.assess}, Presence: w.presence, Key: key, Approvals: cfg.Approvals, Signers: signers, Log: log, Now: now,
	})
	w.runs = run.NewService(run.Config{
		Store: w.store, Plans: w.store, Inventory: w.store, Packages: w.inventory, Presence: w.presence, Log: log, Now: now,
	})
	w.rollouts = rollout.NewService(rollout.Config{
		Store: w.store, Seq: w.store.Seq, Plans: w.store, Runs: w.runs, Presence: w.presence, Key: key, Log: log, Now: now,
	})
	w.decider = &decider{follower: w.follower, log: log, ticks: []func(context.Context) error{w.plans.Tick, w.runs.Tick, w.rollouts.Tick}}
	return nil
}

// candidates gives plan what assess knows of hosts, in plan's own words.
type candidates struct{ assess *assess.Service }

func (c candidates) Candidates(ctx context.Context, selector fleet.Selector) ([]plan.Candidate, error) {
	found, err := c.assess.Candidates(ctx, selector)
	out := make([]plan.Candidate, 0, len(found))
	for _, f := range found {
		out = append(out, plan.Candidate(f))
	}
	return out, err
}

func distinct(signers []seal.Signer) int {
	names := map[string]bool{}
	for _, s := range signers {
		names[s.Principal] = true
	}
	return len(names)
}

// decideEvery is how soon what follows from time alone is noticed.
const decideEvery = time.Second

// decider runs every decision about plans, runs and rollouts in one goroutine, after each change and every second. It keeps nothing:
// what a tick does not get done, the next one finds in the rows.
type decider struct {
	follower *event.Follower
	ticks    []func(context.Context) error
	log      *slog.Logger

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// Start begins to decide. The follower must run already.
func (d *decider) Start(ctx context.Context) error {
	changes, unsubscribe := d.follower.Subscribe(64)
	ctx, cancel := context.WithCancel(ctx)
	d.mu.Lock()
	d.cancel, d.done = cancel, make(chan struct{})
	d.mu.Unlock()
	go func() {
		defer close(d.done)
		defer unsubscribe()
		d.follow(ctx, changes)
	}()
	return nil
}

// Stop ends deciding. It may be called twice, and before Start.
func (d *decider) Stop() {
	d.mu.Lock()
	cancel, done := d.cancel, d.done
	d.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

func (d *decider) follow(ctx context.Context, changes <-chan event.Change) {
	tick := time.NewTicker(decideEvery)
	defer tick.Stop()
	var failing string
	for {
		err := d.decide(ctx)
		if text := describe(err); text != failing && ctx.Err() == nil { // once, not every second
			if failing = text; err != nil {
				d.log.ErrorContext(ctx, "deciding about plans and rollouts; will keep trying", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case _, open := <-changes:
			if !open {
				return
			}
			for len(changes) > 0 {
				<-changes
			}
		}
	}
}

func (d *decider) decide(ctx context.Context) error {
	var errs []error
	for _, tick := range d.ticks {
		errs = append(errs, tick(ctx))
	}
	return errors.Join(errs...)
}

func describe(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

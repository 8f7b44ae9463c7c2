package app

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/api"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/jobs"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/report"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/web"
)

const (
	openWithin    = time.Minute // the database, migrations included
	presenceGrace = time.Minute // a host counts as online that long after its poll
	readyWithin   = 2 * time.Second
)

// wire is every part of the server.
type wire struct {
	store     *store.Store
	ca        *access.CA
	serving   *access.Serving
	access    *access.Service
	fleet     *fleet.Service
	presence  *fleet.Presence
	inventory *inventory.Service
	follower  *event.Follower
	assess    *assess.Service
	totals    *report.Totals
	feed      *feed.Service
	planKey   string     // what agents pin
	signer    ssh.Signer // its other half
	plans     *plan.Service
	runs      *run.Service
	rollouts  *rollout.Service
	decider   *decider
	jobs      jobs.Port
	memory    *memoryWatch
	meters    *meters
	api       *api.API
}

// connect makes every part, in the order in which each needs the ones before it.
func (a *App) connect() (err error) {
	cfg, now, log := a.cfg, time.Now, a.log
	w := &wire{}
	a.wire = w

	unlock, err := openData(cfg.Data)
	if err != nil {
		return err
	}
	a.later("lock", func(context.Context) error { return unlock() })

	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	database := store.Config{Path: filepath.Join(cfg.Data, "staunch.db"), Log: log}
	if cfg.Database != "" {
		database = store.Config{URL: cfg.Database, Log: log}
	}
	if w.store, err = store.Open(ctx, database); err != nil {
		return err
	}
	a.later("store", func(context.Context) error { return w.store.Close() })

	if w.ca, err = access.OpenCA(cfg.Data, now()); err != nil {
		return err
	}
	if w.serving, err = w.ca.NewServing(cfg.Names, now); err != nil {
		return err
	}
	w.access = access.NewService(w.store, log, now, func() {
		if err := forgetFirstLogin(cfg.Data); err != nil {
			log.Error("remove the first login", "error", err)
		}
	})

	w.fleet = fleet.NewService(w.store, w.ca, log)
	w.presence = fleet.NewPresence(presenceGrace)
	w.inventory = inventory.NewService(w.store, log, now)
	w.follower = event.NewFollower(w.store, log)
	w.presence.OnChange(func(hostID string) {
		w.follower.Tell(event.Change{At: now(), Kind: event.ChangePresence, Ref: hostID})
	})
	w.assess = assess.NewService(w.store, func(at time.Time) assess.PastReader { return w.store.At(at) }, w.follower, w.presence, log, now)
	room := assess.NewRoom(cfg.Memory, goHeap)
	w.assess.Within(room)
	w.totals = report.NewTotals(w.store, w.assess, now)

	if err := a.connectPatch(); err != nil {
		return err
	}
	base, offline := cfg.Feeds, cfg.Feeds == noFeeds
	if offline {
		base = ""
	}
	if err := feed.RemoveLeftovers(cfg.Data); err != nil {
		log.Warn("what an import that was cut off has left cannot be removed", "error", err.Error())
	}
	w.feed = feed.NewService(w.store, feed.Config{
		Base: base, Offline: offline, Interval: cfg.FeedInterval, Without: cfg.FeedsWithout, Temp: cfg.Data,
		Releases: func(ctx context.Context) ([]apiv1.NameCount, error) { return w.assess.Releases(ctx), nil },
		Due:      func(ctx context.Context) { a.nudge(ctx, jobFeeds) },
		Key:      w.signer,
		Trusted:  func() ([]seal.Signer, error) { return access.BundleSigners(cfg.Data) },
	}, nil, log, now)
	reports := report.NewService(w.store, w.assess, now)
	reports.Within(room)
	if w.jobs, err = newJobs(cfg, w, log); err != nil {
		return err
	}

	w.memory = &memoryWatch{memory: cfg.Memory, room: room, log: log}
	w.meters = newMeters()
	w.meters.registry.MustRegister(newFleetMeter(w.assess.Overview, w.feed.Status, w.store.Stats, now))
	w.api = api.New(api.Deps{
		Access: w.access, CA: w.ca, Fleet: w.fleet, Certs: w.store, Presence: w.presence, Inventory: w.inventory, Assess: w.assess,
		Plans: w.plans, Rollouts: w.rollouts, Runs: w.runs, PlanKey: w.planKey,
		Feed: w.feed, Follower: w.follower, Events: w.store, Reports: reports, Totals: w.totals, Log: log, Now: now, Version: cfg.Version, AgentURL: a.agentURL,
		Console: console(), Ready: a.ready, Metrics: w.meters.handler(), Meters: w.meters,
	})
	return nil
}

func console() fs.FS {
	files, built := web.Dist()
	if !built {
		return nil
	}
	return files
}

// ready says why requests cannot be answered well yet.
func (a *App) ready() error {
	if !a.wire.assess.Ready() {
		return errors.New("the index is not loaded")
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	return a.wire.store.Ping(ctx)
}

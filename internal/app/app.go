package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
)

// App is one server process.
type App struct {
	cfg  Config
	log  *slog.Logger
	wire *wire

	mu       sync.Mutex
	cleanups []cleanup // run in reverse by Stop
	failed   chan error

	people, agents *room
	entrances      []*entrance // the last is the one that agents call
}

// cleanup undoes one step of New or Start.
type cleanup struct {
	name string
	run  func(context.Context) error
}

// New opens the data folder and wires everything; nothing runs yet. Stop releases what it took, also when New failed half-way.
func New(cfg Config, log *slog.Logger) (*App, error) {
	if err := cfg.complete(machineNames); err != nil {
		return nil, err
	}
	if cfg.Memory == nil {
		cfg.Memory = Memory
	}
	a := &App{cfg: cfg, log: log, failed: make(chan error, 2)}
	if err := a.connect(); err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		return nil, errors.Join(err, a.Stop(ctx))
	}
	return a, nil
}

// later registers what Stop does; the last registered goes first.
func (a *App) later(name string, run func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cleanups = append(a.cleanups, cleanup{name, run})
}

// Start reckons whether the fleet fits into memory, makes the first administrator, starts what runs in the background, and serves. The index is loaded before the first request
// is answered.
func (a *App) Start(ctx context.Context) error {
	w := a.wire
	// What runs in the background ends in Stop, in its order, and not with ctx: a stop drains first.
	ctx = context.WithoutCancel(ctx)
	if err := a.room(ctx); err != nil {
		return err
	}
	if err := a.firstLogin(ctx); err != nil {
		return err
	}
	if err := a.listen(); err != nil {
		return err
	}
	for _, s := range []struct {
		name  string
		start func(context.Context) error
		stop  func(context.Context) error
	}{
		{"follower", w.follower.Start, bare(w.follower.Stop)},
		{"inventory", w.inventory.Start, bare(w.inventory.Stop)},
		{"assess", w.assess.Start, bare(w.assess.Stop)},
		{"decisions", w.decider.Start, bare(w.decider.Stop)},
		{"jobs", w.jobs.Start, w.jobs.Stop},
		{"memory", w.memory.Start, bare(w.memory.Stop)},
	} {
		if err := s.start(ctx); err != nil {
			return err
		}
		a.later(s.name, s.stop)
	}
	for _, r := range []*room{a.people, a.agents} {
		r.serve()
		a.later("requests", r.stop)
	}
	a.later("live views and polls", bare(w.api.Stop))
	for _, e := range a.entrances {
		e.open(a.failed)
		a.later("address", e.close)
	}
	_, err := w.store.AppendEvent(ctx, event.Event{At: time.Now(), Kind: event.ServerStarted, Actor: "server", Text: "server " + a.cfg.Version + " started"})
	a.log.Info("serving", "url", a.URL(), "agents", a.agentURL(), "ca", a.Fingerprint(), "version", a.cfg.Version)
	return err
}

func bare(stop func()) func(context.Context) error {
	return func(context.Context) error { stop(); return nil }
}

// firstLogin makes the first administrator. The password is on disk before the account exists, so that no crash loses it; once it has
// been shown on a terminal it leaves the disk.
func (a *App) firstLogin(ctx context.Context) error {
	var name, password string
	created, err := a.wire.access.EnsureAdmin(ctx, func(n, p string) error {
		name, password = n, p
		return keepFirstLogin(a.cfg.Data, n, p)
	})
	if err != nil || name == "" {
		return err
	}
	if !created { // another process on the same database was first
		return forgetFirstLogin(a.cfg.Data)
	}
	if a.cfg.Welcome != nil && a.cfg.Welcome(name, password, firstLoginPath(a.cfg.Data)) {
		return forgetFirstLogin(a.cfg.Data)
	}
	return nil
}

// listen takes the addresses; nobody is let in before open.
func (a *App) listen() error {
	a.people = newRoom(a.wire.api.Handler(), a.log, "h2", "http/1.1")
	a.agents = newRoom(a.wire.api.AgentHandler(), a.log)
	shared := a.cfg.AgentListen == ""
	all, agents := tlsConfigs(a.wire.serving.Certificate, shared)
	if err := a.enter(a.cfg.Listen, all, func(protocol string) *inbox {
		if protocol == apiv1.AgentALPN {
			return a.agents.inbox
		}
		return a.people.inbox
	}); err != nil || shared {
		return err
	}
	return a.enter(a.cfg.AgentListen, agents, func(protocol string) *inbox {
		if protocol == apiv1.AgentALPN {
			return a.agents.inbox
		}
		return nil
	})
}

func (a *App) enter(addr string, config *tls.Config, inbox func(string) *inbox) error {
	e, err := newEntrance(addr, config, a.log, inbox)
	if err != nil {
		return err
	}
	a.entrances = append(a.entrances, e)
	a.later("address", e.close)
	return nil
}

// Stop drains in reverse: live views and polls end, requests finish, the background ends, the database closes, the lock goes. ctx
// bounds it. It may be called twice, and on an App that was not started.
func (a *App) Stop(ctx context.Context) error {
	a.mu.Lock()
	cleanups := a.cleanups
	a.cleanups = nil
	a.mu.Unlock()
	var errs []error
	for _, c := range slices.Backward(cleanups) {
		if err := c.run(ctx); err != nil {
			a.log.Error("stopping", "part", c.name, "error", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Failed gives the error of a listener that ended by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Fingerprint is the CA's: what clients and agents pin.
func (a *App) Fingerprint() string { return a.wire.ca.Fingerprint() }

// URL is where the console and the API are.
func (a *App) URL() string {
	return "https://" + net.JoinHostPort(a.cfg.Names[0], a.entrances[0].port())
}

// agentURL is what agents are told to call.
func (a *App) agentURL() string {
	if a.cfg.AgentURL != "" {
		return a.cfg.AgentURL
	}
	return "https://" + net.JoinHostPort(a.cfg.Names[0], a.entrances[len(a.entrances)-1].port())
}

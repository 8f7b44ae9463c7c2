package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Host is what the loop wants to know of the machine it runs on; collect.Collector says it.
type Host interface {
	Collect(ctx context.Context, now time.Time) (collect.Snapshot, error)
	Refresh(ctx context.Context, now time.Time) error
	NextRefresh() time.Time
	Watched() []string
}

// Config is what a Loop needs. Host, Now and Share are for tests; their zero values are this machine, the clock and real
// randomness.
type Config struct {
	StateDir     string
	Version      string
	Log          *slog.Logger
	RefreshEvery time.Duration
	FetchTimeout time.Duration
	WatchEvery   time.Duration // how often to look whether the host has changed, 5 s
	Host         Host          // this machine
	Patcher      Patcher       // this machine; nil when Host is none: it takes no part in plans
	Spool        string        // where offers are handed to the root half; empty: spool in StateDir, if the unit that looks there is active
	Out          string        // where the root half reports, /var/lib/staunch-apply/out
	Trust        string        // what the root half believes, /etc/staunch/trust.json
	Signers      string        // /etc/staunch/allowed_signers
	Now          func() time.Time
	Share        func() float64 // in [0,1)
}

// Loop is the running agent: one goroutine that does one thing after another, and one more while package lists are refreshed.
type Loop struct {
	cfg       Config
	log       *slog.Logger
	identity  Identity
	client    *client.Agent
	host      Host
	watch     watcher
	p         progress
	status    Status
	sent      *apiv1.Vitals // the last vitals that the server accepted
	sentAt    time.Time
	refused   map[string]string // section to the digest that the server would not take: not sent again
	refreshed chan error        // a refresh has ended
	accepted  map[string]string // section to digest, as the server accepted them last
	runs      *runs
}

// NewLoop makes a Loop of an enrolled agent. fault.NotFound: it is not enrolled.
func NewLoop(cfg Config) (*Loop, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Share == nil {
		cfg.Share = rand.Float64
	}
	if cfg.WatchEvery == 0 {
		cfg.WatchEvery = settle
	}
	id, err := Load(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	if err := prepareState(cfg.StateDir, geteuid()); err != nil {
		return nil, err
	}
	cert, err := id.Current.parse()
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the certificate cannot be read")
	}
	c, err := client.NewAgent(client.AgentConfig{URL: id.Server, CAPEM: []byte(id.CA), Certificate: cert, UserAgent: userAgent(cfg.Version)})
	if err != nil {
		return nil, err
	}
	if cfg.Host == nil {
		cfg.Host = collect.New(collect.Options{StateDir: cfg.StateDir, Log: cfg.Log, RefreshEvery: cfg.RefreshEvery, FetchTimeout: cfg.FetchTimeout,
			OldCode: newLooker(cfg.StateDir).oldCode})
	}
	l := &Loop{
		cfg: cfg, log: cfg.Log, identity: id, client: c, host: cfg.Host,
		watch:   watcher{paths: cfg.Host.Watched()},
		p:       progress{life: lifeOf(cert), refreshAt: cfg.Host.NextRefresh()},
		status:  Status{Server: id.Server, HostID: id.HostID, Version: cfg.Version, CertificateExpires: cert.Leaf.NotAfter},
		refused: map[string]string{}, refreshed: make(chan error, 1),
	}
	l.preparePatching()
	return l, nil
}

// Run goes on until ctx ends, which is a graceful stop and no error. fault.Expired: only a new enrollment helps.
func (l *Loop) Run(ctx context.Context) error {
	defer l.client.Close()
	l.log.Info("agent started", "version", l.cfg.Version, "server", l.identity.Server, "host", l.identity.HostID)
	defer l.awaitRefresh()
	if err := l.runs.start(ctx); err != nil {
		return err
	}
	defer l.runs.wait()
	for ctx.Err() == nil {
		now := l.cfg.Now()
		do, until := next(l.p, now)
		if do == stepLost {
			l.tell(StateLost, "")
			return fault.New(fault.Expired, "the certificate expired more than 30 days ago: run staunch-agent enroll again")
		}
		l.outcome(ctx, do, l.do(ctx, do, until))
	}
	l.log.Info("agent stopped")
	return nil
}

// do carries out one step.
func (l *Loop) do(ctx context.Context, do step, until time.Time) error {
	switch do {
	case stepSleep:
		l.idle(ctx, until)
	case stepRenew:
		return l.renew(ctx)
	case stepRefresh:
		l.startRefresh(ctx)
	case stepCheckin:
		return l.checkin(ctx)
	case stepWait:
		return l.wait(ctx, until)
	case stepLost:
	}
	return nil
}

// outcome learns from a step: how long to stay away after a failure, and what to tell people, once for each change.
func (l *Loop) outcome(ctx context.Context, do step, err error) {
	if ctx.Err() != nil || do == stepSleep || do == stepRefresh {
		return
	}
	now := l.cfg.Now()
	if err == nil {
		l.p.failures, l.p.retryAt = 0, time.Time{}
		if do != stepRenew { // renewal is open to hosts that may do nothing else
			l.confirmed()
			l.tell(StateConnected, "")
		}
		return
	}
	if errors.Is(err, client.ErrPending) {
		l.p.retryAt = now.Add(pendingEvery*9/10 + time.Duration(l.cfg.Share()*float64(pendingEvery)/5))
		l.p.checkinAt = time.Time{}
		l.confirmed()
		l.tell(StatePending, "")
		return
	}
	if fault.KindOf(err) == fault.Expired { // the server's clock is ahead of ours
		l.p.life.to = earliest(now, l.p.life.to)
		l.p.life.from = l.p.life.to
	}
	if fault.KindOf(err) == fault.Unauthorized {
		l.swap()
	}
	l.p.failures++
	l.p.checkinAt = time.Time{} // a check-in is answered at once, so it shows first whether the server is back
	l.p.retryAt = now.Add(backoff(l.p.failures, l.cfg.Share()))
	state := StateUnreachable
	switch fault.KindOf(err) {
	case fault.Unauthorized, fault.Forbidden:
		state = StateRefused
	case fault.Unavailable, fault.TooMany:
	default:
		state = StateFailing
	}
	l.tell(state, reasonOf(err))
}

// reasonOf is for the host's own log and status, so it may say more than a user of the server is told; no error of ours holds a secret.
func reasonOf(err error) string {
	if fault.KindOf(err) == fault.Internal {
		return err.Error()
	}
	return fault.Message(err)
}

// idle waits without a connection.
func (l *Loop) idle(ctx context.Context, until time.Time) {
	timer := time.NewTimer(until.Sub(l.cfg.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// startRefresh refreshes package lists beside the loop, since that takes minutes on a slow line and the host is present meanwhile.
func (l *Loop) startRefresh(ctx context.Context) {
	l.p.refreshes = true
	now := l.cfg.Now()
	go func() { l.refreshed <- l.host.Refresh(ctx, now) }()
}

func (l *Loop) refreshEnded(err error) {
	l.p.refreshes = false
	l.p.refreshAt = l.host.NextRefresh()
	l.p.checkinAt = time.Time{}
	if err != nil { // our own folder is at fault: do not try in a circle
		l.p.refreshAt = l.cfg.Now().Add(nextDefault)
		l.log.Warn("package lists cannot be refreshed", "error", err)
	}
	debug.FreeOSMemory()
}

func (l *Loop) awaitRefresh() {
	if l.p.refreshes {
		_ = <-l.refreshed // its error was of a ctx that has ended
	}
}

// wait is the long poll. It ends early when the host has changed or a refresh has ended.
func (l *Loop) wait(ctx context.Context, until time.Time) error {
	poll, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		work apiv1.Work
		ok   bool
		err  error
	}
	got := make(chan answer, 1)
	d := until.Sub(l.cfg.Now())
	if d < time.Second { // a poll of less is not worth its bytes
		l.idle(ctx, until)
		return nil
	}
	go func() {
		work, ok, err := l.client.Wait(poll, d)
		got <- answer{work, ok, err}
	}()
	look := time.NewTicker(l.cfg.WatchEvery)
	defer look.Stop()
	interrupted := false
	for {
		select {
		case a := <-got:
			switch {
			case interrupted && !a.ok:
				return nil // it is our own doing
			case a.err != nil:
				return a.err
			case a.ok:
				return l.work(ctx, a.work)
			}
			return nil
		case err := <-l.refreshed:
			l.refreshEnded(err)
			interrupted = true
			cancel()
		case <-l.runs.ended:
			l.p.checkinAt = time.Time{} // the inventory is the proof
			interrupted = true
			cancel()
		case <-look.C:
			if l.look(); settled(l.p, l.cfg.Now()) {
				interrupted = true
				cancel()
			}
		}
	}
}

// look notices changes on the host.
func (l *Loop) look() {
	if now := l.cfg.Now(); l.watch.moved() {
		l.p.moved = now
		if l.p.changed.IsZero() {
			l.p.changed = now
		}
	}
}

// work carries out what the server asks for; a verb that is not known is said and left alone.
func (l *Loop) work(ctx context.Context, w apiv1.Work) error {
	switch w.Kind {
	case apiv1.WorkSimulate:
		return l.simulate(ctx, w.ID)
	case apiv1.WorkRun:
		return l.runs.offered(ctx, w.ID)
	case apiv1.WorkCollect:
		l.p.checkinAt = time.Time{}
	case apiv1.WorkRefresh:
		l.p.refreshAt = time.Time{}
	default:
		l.log.Warn("the server asks for something this agent does not know: update the agent", "kind", w.Kind, "id", w.ID)
	}
	return nil
}

// use makes a pair the one that is presented.
func (l *Loop) use(c tls.Certificate) {
	l.client.SetCertificate(c)
	l.p.life = lifeOf(c)
	l.status.CertificateExpires = c.Leaf.NotAfter
}

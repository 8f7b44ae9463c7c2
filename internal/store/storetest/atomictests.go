package storetest

import (
	"context"
	"database/sql"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/store"
)

// state is everything that can be read back, for comparing before and after.
type state struct {
	Seq        int64
	Events     []event.Event
	Changes    []event.Change
	Tokens     []fleet.EnrollToken
	Hosts      []fleet.Host
	Sections   map[string]inventory.Interval
	Packages   []inventory.Package
	Feeds      []advisory.FeedState
	Advisories []advisory.Advisory
	Overlays   []advisory.Overlay
	Users      int
	APITokens  []access.Token
	Plans      []plan.Plan
	PlanHosts  []plan.Host
	Signatures []plan.Signature
	Questions  []plan.Simulation
	Rollouts   []rollout.Rollout
	Runs       []run.Run
	Steps      []run.Step
	Log        []string
	Claims     map[string]string
	Stats      store.Stats
}

func snapshot(t testing.TB, s *store.Store) state {
	t.Helper()
	ctx := t.Context()
	log, _, err := s.LogLines(ctx, "run1-ro", 0, 0)
	must(t, err)
	return state{
		Plans:      get(s.Plans(ctx, "", 0))(t),
		PlanHosts:  get(s.PlanHosts(ctx, "p2"))(t),
		Signatures: get(s.Signatures(ctx, "p5"))(t),
		Questions:  get(s.Simulations(ctx, "p2"))(t),
		Rollouts:   get(s.Rollouts(ctx, "", 0))(t),
		Runs:       get(s.RunsOf(ctx, "ro"))(t),
		Steps:      get(s.Steps(ctx, "run1-ro"))(t),
		Log:        log,
		Claims:     get(s.Claims(ctx))(t),
		Seq:        get(s.Seq(ctx))(t),
		Events:     get(s.EventsAfter(ctx, 0, 0))(t),
		Changes:    get(s.ChangesAfter(ctx, 0, 0))(t),
		Tokens:     get(s.EnrollTokens(ctx))(t),
		Hosts:      get(s.Hosts(ctx))(t),
		Sections:   get(s.OpenSections(ctx, "h1"))(t),
		Packages:   get(s.AllPackages(ctx, 0, 0))(t),
		Feeds:      get(s.FeedStates(ctx))(t),
		Advisories: get(currentAdvisories(ctx, s))(t),
		Overlays:   get(currentOverlays(ctx, s))(t),
		Users:      get(s.UserCount(ctx))(t),
		APITokens:  get(s.Tokens(ctx, ""))(t),
		Stats:      s.Stats(),
	}
}

// failedWrites: the event is the last thing a write does, so one that is refused comes after everything else was written.
func failedWrites(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	must(t, s.CreateUser(ctx, user("ann"), ev("user.created", "")))
	must(t, s.CreateToken(ctx, apiToken("k1", "ann"), ev(event.TokenCreated, "")))
	must(t, s.CreateSession(ctx, session("s1", "ann"), ev(event.UserLogin, "")))
	must(t, s.CreateEnrollToken(ctx, token("t2", 1), ev(event.EnrollCreated, "")))
	rolling(t, s)
	u := working(t, s)
	p2, hosts, sims := planOf("p2")
	must(t, second(s.CreatePlan(ctx, p2, hosts, sims, ev(event.PlanCreated, ""))))
	ready, settledHosts, locks := settled(t, "p2")
	approved(t, s, "p3")
	ro3, runs3 := rolloutOf(t, "ro3", "p3")
	p5, hosts5, sims5 := planOf("p5")
	must(t, second(s.CreatePlan(ctx, p5, hosts5, sims5, ev(event.PlanCreated, ""))))
	p5, hosts5, locks5 := settled(t, "p5")
	must(t, second(s.SettlePlan(ctx, p5, hosts5, locks5, ev(event.PlanSettled, ""))))
	before := snapshot(t, s)
	bad := event.Event{At: start()}
	badGrant := grantOf(t, s, "run2-ro", "h2")
	badGrant.Event = bad
	badRecord := ended(u, run.Failed)
	badRecord.Steps, badRecord.Lines = []run.Step{{RunID: u.ID, Name: "verify", State: "done", Started: start()}}, []string{"a line"}
	badRecord.Events = []event.Event{ev(event.RunEnded, "h1"), bad}
	p4, hosts4, sims4 := planOf("p4")
	badEnrollment := enrollment("t2", "h2")
	badEnrollment.Event = bad
	badSection := acceptPackages("h1", "x", packages(3, 3), start())
	badSection.Events = []event.Event{ev(event.HostRebooted, "h1"), bad}
	for name, err := range map[string]error{
		"append event":        second(s.AppendEvent(ctx, bad)),
		"create enroll-token": s.CreateEnrollToken(ctx, token("t3", 1), bad),
		"revoke enroll-token": s.RevokeEnrollToken(ctx, "t2", start(), bad),
		"enroll":              second(s.Enroll(ctx, badEnrollment)),
		"set host state":      second(s.SetHostState(ctx, "h1", []fleet.State{fleet.Approved}, fleet.Revoked, "x", start(), bad)),
		"set host labels":     second(s.SetHostLabels(ctx, "h1", nil, bad)),
		"delete host":         second(s.DeleteHost(ctx, "h1", start(), bad)),
		"accept section":      second(s.AcceptSection(ctx, badSection)),
		"create user":         s.CreateUser(ctx, user("bob"), bad),
		"set password":        s.SetPassword(ctx, "u-ann", "$new", start(), "", bad),
		"create session":      s.CreateSession(ctx, session("s2", "ann"), bad),
		"create token":        s.CreateToken(ctx, apiToken("k2", "ann"), bad),
		"revoke token":        s.RevokeToken(ctx, "k1", start(), bad),
		"create plan":         second(s.CreatePlan(ctx, p4, hosts4, sims4, bad)),
		"settle plan":         second(s.SettlePlan(ctx, ready, settledHosts, locks, bad)),
		"sign plan":           second(s.SignPlan(ctx, "p5", p5.Hash, []plan.Signature{signature("p5", "ann")}, true, "x", start(), start(), bad)),
		"cancel plan":         s.CancelPlan(ctx, "p2", bad),
		"create rollout":      second(s.CreateRollout(ctx, ro3, runs3, bad)),
		"set rollout":         second(s.SetRollout(ctx, "ro", before.Rollouts[0].Version, rollout.Aborted, "x", []string{"run2-ro"}, start(), bad)),
		"grant run":           second(s.GrantRun(ctx, badGrant)),
		"record run":          second(s.RecordRun(ctx, badRecord)),
		"set run state":       second(s.SetRunState(ctx, u.ID, []run.State{run.Preparing}, run.Lost, "x", start(), bad)),
	} {
		if fault.KindOf(err) != fault.Internal || err == nil {
			t.Errorf("%s: %v, want an internal fault", name, err)
		}
	}
	same(t, "after all of them", snapshot(t, s), before)
	if _, _, err := s.SessionUser(ctx, "s1", start()); err != nil {
		t.Errorf("the session is gone: %v", err)
	}
}

// readsDuringWrite: while a feed import holds the write lock, consoles read; other writes wait and give up when their time is over.
func readsDuringWrite(t *testing.T, s *store.Store) {
	ctx := t.Context()
	enroll(t, s, "h1")
	in := importOf("osv/Debian", start(), nil, nil)
	in.Advisories = func(yield func(advisory.Advisory) error) error {
		must(t, yield(advisoryOf("A", "1")))
		if hosts := get(s.Hosts(ctx))(t); len(hosts) != 1 {
			t.Errorf("%d hosts", len(hosts))
		}
		if as := get(currentAdvisories(ctx, s))(t); len(as) != 0 {
			t.Errorf("what is not committed is read: %v", as)
		}
		brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if _, err := s.SetHostLabels(brief, "h1", nil, ev(event.HostLabels, "h1")); err == nil {
			t.Error("a second write did not wait for the first")
		}
		return nil
	}
	must(t, second(s.ImportFeed(ctx, in)))
	must(t, second(s.SetHostLabels(ctx, "h1", nil, ev(event.HostLabels, "h1"))))
	VerifyChain(t, s)
}

func startedTogether(t *testing.T, cfg store.Config) {
	if cfg.Path != "" {
		s := Reopen(t, cfg) // one process owns a file; two that make it at the same instant are not supported
		must(t, s.Close())
	}
	var starters sync.WaitGroup
	for range 3 {
		starters.Go(func() {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.AppendEvent(t.Context(), ev(event.ServerStarted, "")); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	starters.Wait()
	if all := VerifyChain(t, Reopen(t, cfg)); len(all) != 3 {
		t.Errorf("%d events, want 3", len(all))
	}
}

// everyMethod calls every method of every Store interface on one connection, under a deadline: one that asked for a second connection
// from within its own transaction would wait for itself for ever. The list must name every method.
func everyMethod(t *testing.T, cfg store.Config) {
	cfg.MaxConns = 1
	s := Reopen(t, cfg)
	enroll(t, s, "h1", "h2")
	must(t, s.CreateUser(t.Context(), user("ann"), ev("user.created", "")))
	calls := methodCalls(t, s)
	called := map[string]bool{}
	for _, c := range calls {
		called[c.name] = true
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if err := c.call(ctx); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		cancel()
	}
	for _, of := range []reflect.Type{reflect.TypeFor[event.Store](), reflect.TypeFor[fleet.Store](), reflect.TypeFor[inventory.Store](),
		reflect.TypeFor[advisory.Store](), reflect.TypeFor[access.Store](), reflect.TypeFor[plan.Store](), reflect.TypeFor[run.Store](),
		reflect.TypeFor[rollout.Store](), reflect.TypeFor[*store.Store]()} {
		for i := range of.NumMethod() {
			if name := of.Method(i).Name; !called[name] {
				t.Errorf("%s: method %s is not called by this test", of, name)
			}
		}
	}
}

func newerSchema(t *testing.T, cfg store.Config) {
	must(t, Reopen(t, cfg).Close())
	driver, source := "sqlite", cfg.Path
	if cfg.URL != "" {
		driver, source = "pgx", cfg.URL
	}
	db := get(sql.Open(driver, source))(t)
	must(t, second(db.ExecContext(t.Context(), `INSERT INTO schema_version (version_id, is_applied) VALUES (99999, true)`)))
	must(t, db.Close())
	_, err := store.Open(t.Context(), cfg)
	mustBe(t, fault.Conflict, err)
	if text := fault.Message(err); !strings.Contains(text, "99999") {
		t.Errorf("the refusal does not say which version: %s", text)
	}
}

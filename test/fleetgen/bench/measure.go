package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/api"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/feed"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/test/fleetgen"
)

// server is a server's parts, as far as questions about the fleet go through them.
type server struct {
	fleet    *fleetgen.Fleet
	store    *store.Store
	follower *event.Follower
	assess   *assess.Service
	http     *httptest.Server
	token    string
	imports  int
	fit      assess.Fit
}

// generate makes the fleet, without its database.
func (s *server) generate(c fleetgen.Config) {
	say("making a fleet of %d hosts with %d package sets", c.Hosts, c.Sets)
	s.fleet = fleetgen.New(c)
	fmt.Println(s.fleet.Stats())
}

// make writes a fleet and its advisories to a database.
func (s *server) make(ctx context.Context, path string, c fleetgen.Config) (err error) {
	s.generate(c)
	began := time.Now()
	say("writing it to %s", path)
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path)) // half a fleet is none
		}
	}()
	if err := s.fleet.Write(ctx, path, progress()); err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, store.Config{Path: path}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	say("importing %d advisories", c.Advisories)
	if _, err := s.importWhole(ctx, 0); err != nil {
		return err
	}
	if _, err = s.store.ImportFeed(ctx, s.in("kev", nil, nil, s.fleet.KEV())); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Printf("database of %d MiB written in %.0f s\n", info.Size()>>20, time.Since(began).Seconds())
	return nil
}

func (s *server) measure(ctx context.Context, path string, o options, t *table) error {
	var err error
	if s.store, err = store.Open(ctx, store.Config{Path: path}); err != nil {
		return err
	}
	defer func() { _ = s.store.Close() }()
	if s.fit, err = s.reckon(ctx, o); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s.follower = event.NewFollower(s.store, log)
	presence := fleet.NewPresence(time.Minute)
	s.assess = assess.NewService(s.store, func(at time.Time) assess.PastReader { return s.store.At(at) }, s.follower, presence, log, fleetgen.Now)
	if err := s.start(ctx, o.profile, t); err != nil {
		return err
	}
	defer s.follower.Stop()
	defer s.assess.Stop()
	if s.fleet == nil || o.keep != "" && !o.whole {
		return nil
	}
	say("putting the API in front, and asking")
	if err := s.serve(ctx, presence, log); err != nil {
		return err
	}
	defer s.http.Close()
	for _, step := range []func(context.Context, *table) error{s.oneAdvisory, s.questions, s.changingHosts, s.wholeFeed} {
		if err := step(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// start measures start-up, and the memory that it takes.
func (s *server) start(ctx context.Context, profile string, t *table) error {
	say("starting: the index of %d hosts is loaded", s.fit.Hosts)
	debug.FreeOSMemory()
	before, held := heap(), status("VmRSS:")
	forgetMost()
	if err := profileTo(profile); err != nil {
		return err
	}
	began, spent := time.Now(), cpu()
	if err := s.follower.Start(ctx); err != nil {
		return err
	}
	if err := s.assess.Start(ctx); err != nil {
		s.follower.Stop()
		return err
	}
	t.within("start-up: database to ready", time.Since(began), 20*time.Second)
	t.note("  of it processor time, of all cores", short(cpu()-spent), "", false)
	t.note("memory: resident at the most while it started (reckoned: "+mib(s.fit.Usual)+", and "+mib(s.fit.Loading)+" where it is scarce)", mib(status("VmHWM:")-held), "", false)
	used := int64(heap() - before) //nolint:gosec // less than an int holds
	if at := os.Getenv("HEAPPROFILE"); at != "" {
		out, err := os.Create(at) //nolint:gosec // whoever measures says where
		if err != nil {
			return err
		}
		if err := errors.Join(pprof.WriteHeapProfile(out), out.Close()); err != nil {
			return err
		}
	}
	t.note("memory: heap of the whole index after GC, a host", fmt.Sprintf("%d B", used/s.fit.Hosts), "2048 B", used/s.fit.Hosts > 2048)
	t.note("  all of it (reckoned: "+mib(s.fit.Index)+")", mib(used), "", false)
	return nil
}

// cpu is the processor time that this process has taken.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// in is an import of a feed.
func (s *server) in(name string, ecosystems []string, advisories []advisory.Advisory, overlays []advisory.Overlay) advisory.Import {
	s.imports++
	at := fleetgen.Now().Add(time.Duration(s.imports) * time.Second)
	return advisory.Import{
		State: advisory.FeedState{Name: name, SHA256: fmt.Sprint(s.imports), Records: len(advisories) + len(overlays), Ecosystems: ecosystems, AsOf: at, ChangedAt: at, AttemptedAt: at, NextDue: at.Add(time.Hour)},
		At:    at,
		Advisories: func(yield func(advisory.Advisory) error) error {
			for _, a := range advisories {
				if err := yield(a); err != nil {
					return err
				}
			}
			return nil
		},
		Overlays: func(yield func(advisory.Overlay) error) error {
			for _, o := range overlays {
				if err := yield(o); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// importWhole imports every feed in an edition, and gives the seq of the last.
func (s *server) importWhole(ctx context.Context, edition int) (seq int64, err error) {
	byFeed := map[string][]advisory.Advisory{}
	for _, a := range s.fleet.Advisories(edition) {
		byFeed[a.Feed] = append(byFeed[a.Feed], a)
	}
	for _, state := range s.fleet.Feeds() {
		out, err := s.store.ImportFeed(ctx, s.in(state.Name, state.Ecosystems, byFeed[state.Name], nil))
		if err != nil {
			return 0, err
		}
		seq = out.Seq
	}
	return seq, nil
}

// serve puts the API in front.
func (s *server) serve(ctx context.Context, presence *fleet.Presence, log *slog.Logger) error {
	now := time.Now()
	u := access.User{ID: "user_bench", Name: "bench", Role: access.Admin, PasswordHash: "none", CreatedAt: now, ChangedAt: now}
	if err := s.store.CreateUser(ctx, u, event.Event{At: now, Kind: event.UserCreated, Actor: "server"}); err != nil {
		return err
	}
	accounts := access.NewService(s.store, log, time.Now, func() {})
	var err error
	if _, s.token, err = accounts.CreateToken(ctx, u, "bench", time.Hour); err != nil {
		return err
	}
	feeds := feed.NewService(s.store, feed.Config{Offline: true, Ecosystems: func(ctx context.Context) ([]string, error) { return s.assess.Ecosystems(ctx), nil }}, nil, log, time.Now)
	s.http = httptest.NewServer(api.New(api.Deps{Access: accounts, Assess: s.assess, Feed: feeds, Presence: presence, Follower: s.follower, Events: s.store, Log: log, Now: time.Now, Version: "bench"}).Handler())
	return nil
}

// get asks the API and gives how long the answer took to come.
func (s *server) get(ctx context.Context, path string, into any) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	began := time.Now()
	answer, err := s.http.Client().Do(r)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(answer.Body)
	took := time.Since(began)
	_ = answer.Body.Close()
	if err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s: %s", path, answer.Status, body)
	}
	return took, json.Unmarshal(body, into)
}

// median asks n times.
func (s *server) median(ctx context.Context, n int, path string, into any) (time.Duration, error) {
	var all []time.Duration
	for range n {
		took, err := s.get(ctx, path, into)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[n/2], nil
}

// oneAdvisory imports advisories about what every host of a release has, one after the other, and asks which hosts are affected. The
// first is not counted: it warms up what a server that runs has warm.
func (s *server) oneAdvisory(ctx context.Context, t *table) error {
	var alone, among []time.Duration
	for n := range 8 {
		a := s.fleet.Base(1_000_000+n, n)
		a.Feed = "osv/fresh"
		began := time.Now()
		out, err := s.store.ImportFeed(ctx, s.in(a.Feed, nil, []advisory.Advisory{a}, nil))
		if err != nil {
			return err
		}
		if err := s.answered(ctx, out.Seq, a); err != nil {
			return err
		}
		if n > 0 {
			alone = append(alone, time.Since(began))
		}
	}
	whole := map[string][]advisory.Advisory{}
	for _, a := range s.fleet.Advisories(0) {
		whole[a.Feed] = append(whole[a.Feed], a)
	}
	for n := range 3 {
		a := s.fleet.Base(2_000_000+n, n)
		state := s.fleet.Feeds()[0]
		list := append(slices.Clip(whole[a.Feed]), a)
		began := time.Now()
		out, err := s.store.ImportFeed(ctx, s.in(a.Feed, state.Ecosystems, list, nil))
		if err != nil {
			return err
		}
		if err := s.answered(ctx, out.Seq, a); err != nil {
			return err
		}
		among = append(among, time.Since(began))
	}
	slices.Sort(alone)
	slices.Sort(among)
	t.within("one new advisory: import, durable, to affected hosts answered", alone[len(alone)/2], 100*time.Millisecond)
	t.note("  the worst of seven", short(alone[len(alone)-1]), "", false)
	t.note(fmt.Sprintf("  the same in a feed of %d that is imported whole", len(whole[s.fleet.Feeds()[0].Name])), short(among[len(among)/2]), "", false)
	return nil
}

// answered waits until answers include a change and an advisory is among them.
func (s *server) answered(ctx context.Context, seq int64, a advisory.Advisory) error {
	var detail apiv1.VulnDetail
	if _, err := s.get(ctx, fmt.Sprintf("/api/v1/vulnerabilities/%s?limit=1&min_seq=%d", a.CVEs[0], seq), &detail); err != nil {
		return err
	}
	if detail.Hosts.Total == 0 {
		return errors.New("a new advisory about what every host has affects none")
	}
	return nil
}

// questions asks what people ask.
func (s *server) questions(ctx context.Context, t *table) error {
	var page apiv1.VulnPage
	if _, err := s.get(ctx, "/api/v1/vulnerabilities?sort=hosts&desc=true&limit=1", &page); err != nil {
		return err
	}
	var detail apiv1.VulnDetail
	count, err := s.median(ctx, 101, "/api/v1/vulnerabilities/"+page.Items[0].ID+"?limit=1", &detail)
	if err != nil {
		return err
	}
	t.within(fmt.Sprintf("CVE to hosts through the API: count (of %d)", detail.Hosts.Total), count, time.Millisecond)
	first, err := s.median(ctx, 101, "/api/v1/vulnerabilities/"+page.Items[0].ID, &detail)
	if err != nil {
		return err
	}
	t.within("CVE to hosts through the API: first page of 100", first, 5*time.Millisecond)
	for _, selector := range []string{"", "env=prod", "role=role07", "exposure=internet,criticality=high", "env!=prod,site in (site01,site02,site03)", "host.os=ubuntu:24.04", "host.metadata=stale",
		"host.online=no", "host.name=" + fleetgen.HostName(7)} {
		var overview apiv1.Overview
		took, err := s.median(ctx, 11, "/api/v1/overview?selector="+url.QueryEscape(selector), &overview)
		if err != nil {
			return err
		}
		t.within(fmt.Sprintf("dashboard of %q (%d hosts)", selector, overview.Hosts), took, 50*time.Millisecond)
	}
	for what, path := range map[string]string{"list of hosts, first page": "/api/v1/hosts", "list of findings, first page": "/api/v1/findings", "list of vulnerabilities, first page": "/api/v1/vulnerabilities"} {
		var list map[string]any
		took, err := s.median(ctx, 5, path, &list)
		if err != nil {
			return err
		}
		t.note(what, short(took), "", false)
	}
	return nil
}

// changingHosts gives some hosts the package set of another, and one in ten a new one.
func (s *server) changingHosts(ctx context.Context, t *table) error {
	const hosts = 200
	f := s.fleet
	var seq int64
	began := time.Now()
	for n := range hosts {
		set := f.Sets[f.SetOf((n*17+5)%f.Config.Hosts)]
		body := inventory.Body{Section: apiv1.SectionPackages, Digest: fleetgen.SetDigest(f.SetOf(n*17 + 5))}
		if n%10 == 0 {
			body.Digest = fleetgen.Digest("changed", n)
			for _, id := range set.IDs()[3:] {
				body.Packages = append(body.Packages, f.Packages[id-1])
			}
		}
		out, err := s.store.AcceptSection(ctx, inventory.Accept{HostID: f.Host(n % f.Config.Hosts).ID, At: fleetgen.Now(), Body: body, Events: nil})
		if err != nil {
			return err
		}
		seq = max(seq, out.Seq)
	}
	stored := time.Since(began)
	if err := s.assess.WaitSeq(ctx, seq); err != nil {
		return err
	}
	t.note(fmt.Sprintf("a host changes: stored and in answers (5 %% of the fleet in an hour is one every %s)", short(time.Hour*20/time.Duration(f.Config.Hosts))),
		fmt.Sprintf("%s, of it %s after the last was stored", short(time.Since(began)/hosts), short((time.Since(began)-stored)/hosts)), "", false)
	return nil
}

// wholeFeed changes every advisory and asks all the while.
func (s *server) wholeFeed(ctx context.Context, t *table) error {
	s.fleet.Advisories(1) // made before the clock runs
	done := make(chan struct{})
	var longest time.Duration
	var failed error
	asked := 0
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for {
			select {
			case <-done:
				return
			default:
			}
			var o apiv1.Overview
			took, err := s.get(ctx, "/api/v1/overview", &o)
			if err == nil && (o.Hosts != s.fleet.Config.Hosts || o.Findings.Total == 0 || !o.Findings.Assessed) {
				err = fmt.Errorf("an answer while feeds come in is not whole: %d hosts, %d findings", o.Hosts, o.Findings.Total)
			}
			if err != nil {
				failed = err
				return
			}
			longest = max(longest, took)
			asked++
			time.Sleep(100 * time.Millisecond)
		}
	}()
	began := time.Now()
	seq, err := s.importWhole(ctx, 1)
	if err != nil {
		return err
	}
	imported := time.Since(began)
	if err := s.assess.WaitSeq(ctx, seq); err != nil {
		return err
	}
	took := time.Since(began)
	close(done)
	<-finished
	t.within(fmt.Sprintf("whole feeds of %d advisories, all changed: import and re-match", s.fleet.Config.Advisories), took, 5*time.Second)
	t.note("  of it import", short(imported), "", false)
	t.note(fmt.Sprintf("  the longest of %d dashboards meanwhile", asked), short(longest), "", false)
	return failed
}

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
	if _, err := s.importWhole(ctx, s.fleet.Advisories(0)); err != nil {
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
	t.limited = s.fit.Hosts == limitedHosts && s.fit.Sets < limitedHosts/2 && s.fit.Advisories == limitedAdvisories
	if !t.limited {
		fmt.Printf("limits are for %d hosts that share package sets, and %d advisories: of this fleet the figures are given without\n", limitedHosts, limitedAdvisories)
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
	if err := s.serve(ctx, presence, log); err != nil {
		return err
	}
	defer s.http.Close()
	for _, step := range []struct {
		doing string
		run   func(context.Context, *table) error
	}{{"importing one advisory at a time", s.oneAdvisory}, {"asking what people ask", s.questions}, {"changing hosts", s.changingHosts}, {"changing every advisory", s.wholeFeed}} {
		say("%s", step.doing)
		if err := step.run(ctx, t); err != nil {
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

// importWhole imports every feed, of advisories that are made, and gives the seq of the last.
func (s *server) importWhole(ctx context.Context, all []advisory.Advisory) (seq int64, err error) {
	byFeed := map[string][]advisory.Advisory{}
	for _, a := range all {
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
	feeds := feed.NewService(s.store, feed.Config{Offline: true, Releases: func(ctx context.Context) ([]apiv1.NameCount, error) { return s.assess.Releases(ctx), nil }}, nil, log, time.Now)
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

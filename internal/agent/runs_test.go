package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/ed25519"
	"crypto/rand"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	serverrun "github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/seal"
)

const (
	testHost = "host_a"
	testRun  = "run_0123456789abcdefghjkmnpqrs"
)

// site is a server for one run: the real decider about reports, over memory that outlives the agent's deaths.
type site struct {
	key   ssh.Signer
	offer apiv1.RunOffer

	mu       sync.Mutex
	run      serverrun.Run
	reports  []apiv1.RunReport // as taken, each once
	accepted int
	away     bool
	lose     func() bool // the answer gets lost on its way
}

func newSite(t testing.TB) *site {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{key: key, run: serverrun.Run{ID: testRun, HostID: testHost, State: serverrun.Offered, Epoch: 5}}
	s.offer = s.sign(t, seal.Grant{Version: 1, RunID: testRun, HostID: testHost, Epoch: 5, IssuedAt: time.Now().Add(-time.Minute), ExpiresAt: time.Now().Add(10 * time.Minute)})
	return s
}

func (s *site) sign(t testing.TB, g seal.Grant) apiv1.RunOffer {
	t.Helper()
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	o := apiv1.RunOffer{RunID: g.RunID}
	o.Lock = must(seal.Encode(seal.Lock{Version: 1, Manager: "apt", Changes: []seal.Change{
		{Name: "app", Arch: "all", Action: "upgrade", From: "1:1.0", To: "1:2.0", SHA256: strings.Repeat("a", 64), Size: 10},
		{Name: "lib", Arch: "amd64", Action: "upgrade", From: "1.0", To: "2.0", SHA256: strings.Repeat("b", 64), Size: 10},
	}}))
	leaf := seal.Leaf(testHost, seal.Sum(o.Lock))
	root := seal.Root([]seal.Hash{leaf})
	o.Plan = must(seal.Encode(seal.Plan{Version: 1, ID: "plan_x", Kind: "patch", CreatedAt: time.Now(), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		HostsRoot: hex.EncodeToString(root[:]), Hosts: 1, Locks: []string{seal.Sum(o.Lock)}, Reboot: "never"}))
	g.PlanSHA256, g.LockSHA256 = seal.Sum(o.Plan), seal.Sum(o.Lock)
	o.Grant = must(seal.Encode(g))
	o.PlanSignatures = []string{string(must(signature(s.key, seal.NamespacePlan, o.Plan)))}
	o.GrantSignature = string(must(signature(s.key, seal.NamespaceGrant, o.Grant)))
	return o
}

func signature(key ssh.Signer, namespace string, b []byte) ([]byte, error) {
	sig, err := seal.Sign(key, namespace, b)
	return []byte(sig), err
}

func (s *site) Offer(context.Context, string) (apiv1.RunOffer, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return apiv1.RunOffer{}, nil, fault.New(fault.Unavailable, "away")
	}
	raw, err := json.Marshal(s.offer)
	return s.offer, raw, err
}

func (s *site) AcceptRun(_ context.Context, _ string, epoch int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.away:
		return fault.New(fault.Unavailable, "away")
	case epoch != s.run.Epoch || s.run.State == serverrun.Pending:
		return fault.New(fault.Conflict, "no such offer")
	case s.run.State == serverrun.Offered:
		s.run.State = serverrun.Preparing
		s.accepted++
	}
	return s.answer()
}

func (s *site) answer() error {
	if s.lose != nil && s.lose() {
		return fault.New(fault.Unavailable, "the answer was lost")
	}
	return nil
}

func (s *site) ReportRun(_ context.Context, _ string, batch apiv1.RunReports) (apiv1.RunAck, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return apiv1.RunAck{}, fault.New(fault.Unavailable, "away")
	}
	rec, err := serverrun.Advance(s.run, batch, time.Now())
	if err != nil {
		return apiv1.RunAck{}, err
	}
	for _, r := range batch.Reports {
		if r.Seq > s.run.Acked {
			s.reports = append(s.reports, r)
		}
	}
	s.run.Acked, s.run.State, s.run.Step, s.run.Outcome, s.run.Reason = rec.Acked, rec.State, rec.Step, rec.Outcome, rec.Reason
	return apiv1.RunAck{Acked: rec.Acked}, s.answer()
}

func (s *site) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *site) state() serverrun.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run.State
}

// told is what the server has of a run: steps as "name state", lines, and the result.
func (s *site) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, r := range s.reports {
		if r.Step != nil {
			out = append(out, r.Step.Name+" "+r.Step.State)
		}
		out = append(out, r.Lines...)
		if r.Outcome != nil {
			out = append(out, "= "+r.Outcome.Result+" "+r.Outcome.Class)
		}
	}
	return out
}

// bench is a machine: folders that outlive the agent, a package manager, and a root half that reports what it is told to.
type bench struct {
	t     testing.TB
	dir   string
	fetch func(ctx context.Context, dir string) error // in place of a mirror
	root  []string                                    // the lines that the root half writes, the last of them its outcome
}

func newBench(t testing.TB, root ...string) *bench {
	t.Helper()
	return &bench{t: t, dir: t.TempDir(), root: root}
}

func (b *bench) Simulate(context.Context, []apiv1.SimulateEntry) (apiv1.SimulateAnswer, error) {
	return apiv1.SimulateAnswer{}, errors.New("not asked here")
}

func (b *bench) Stage(ctx context.Context, dir string, files []apt.File, _ func(done, total int64)) error {
	if b.fetch != nil {
		if err := b.fetch(ctx, dir); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, "debs", f.Base()), []byte("0123456789"), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(dir, "lists"), 0o700)
}

func (b *bench) States(of []apt.Wanted) (states, broken []apiv1.PackageState, err error) {
	for _, w := range of {
		states = append(states, apiv1.PackageState{Name: w.Name, Arch: w.Arch, State: "installed 1.0"})
	}
	return states, nil, nil
}

func (b *bench) path(parts ...string) string {
	return filepath.Join(append([]string{b.dir}, parts...)...)
}

// rootHalf does what the root half does with a whole entry: takes it out of the spool, then reports, n more bytes each time it is called.
// It writes without regard for the ends of lines, as a reader sees a writer at work.
func (b *bench) rootHalf(n int) {
	b.t.Helper()
	in, out := b.path("spool", "in", testRun), b.path("out", testRun)
	if _, err := os.Stat(out); err != nil {
		entries, err := os.ReadDir(in)
		if err != nil {
			return
		}
		names := []string{}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if diff := cmp.Diff([]string{"debs", "lists", "offer.json"}, names); diff != "" {
			b.t.Errorf("the entry that was handed over: %s", diff)
		}
		if err := errors.Join(os.MkdirAll(out, 0o700), os.RemoveAll(in)); err != nil {
			b.t.Error(err)
		}
	}
	all := strings.Join(b.root, "\n") + "\n"
	name := filepath.Join(out, "reports.jsonl")
	have, _ := os.ReadFile(name)
	if err := os.WriteFile(name, []byte(all[:min(len(all), len(have)+n)]), 0o600); err != nil {
		b.t.Error(err)
	}
}

// agentRuns is a started run half on this machine.
func (b *bench) runs(s *site, d disk, log *logBook) *runs {
	return newRuns(runsConfig{
		StateDir: b.path("state"), Spool: b.path("spool"), Out: b.path("out"), Channel: s, Patcher: b, Now: time.Now,
		Trust:   func() (seal.Trust, error) { return seal.Trust{HostID: testHost, PlanKey: s.key.PublicKey()}, nil },
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Pause:   func(int) time.Duration { return time.Millisecond },
		LookFor: time.Millisecond, Gather: time.Millisecond, disk: d,
	})
}

var rootLines = []string{
	`{"step":{"name":"apply","state":"started","started":"2026-11-21T00:00:00Z"}}`,
	`{"lines":["Unpacking app","Setting up app"]}`,
	`{"lines":["Setting up lib"]}`,
	`{"step":{"name":"apply","state":"done","started":"2026-11-21T00:00:00Z"}}`,
	`{"outcome":{"result":"succeeded","installed":[],"broken":[],"restarted":[],"stale":[],"conffiles":[],"reboot":{"required":false,"packages":[],"reasons":[]}}}`,
}

var wholeStory = []string{
	"accept done", "download started", "download done", "apply started", "Unpacking app", "Setting up app", "Setting up lib", "apply done", "= succeeded ",
}

// until carries on until the run is over or the agent was killed; each round the root half writes n bytes more.
func (b *bench) until(r *runs, n int, over func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for ; !over(); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			b.t.Fatal("the run does not end")
		}
		b.rootHalf(n)
	}
}

func TestARunIsCarriedFromItsOfferToTheAcknowledgedOutcome(t *testing.T) {
	t.Parallel()
	s, b, log := newSite(t), newBench(t, rootLines...), &logBook{}
	r := b.runs(s, disk{}, log)
	ctx, cancel := context.WithCancel(t.Context())
	if err := errors.Join(r.start(ctx), r.offered(ctx, testRun)); err != nil {
		t.Fatal(err)
	}
	b.until(r, 7, func() bool { return !r.isOpen(testRun) })
	select {
	case <-r.ended:
	default:
		t.Error("the loop is not told that the inventory is due")
	}
	cancel()
	r.wait()
	if diff := cmp.Diff(wholeStory, s.told()); diff != "" {
		t.Error(diff)
	}
	b.nothingLeft()
	if _, err := os.Stat(b.path("spool", "ack", testRun)); err != nil {
		t.Error("the root half is not told that the outcome is safe:", err)
	}
	if n := log.count("level=WARN") + log.count("level=ERROR"); n != 0 {
		t.Errorf("%d warnings: %s", n, log.text.String())
	}
	// The same grant again is refused: the server's own record ends as it is, and nothing is done.
	s.set(func() { s.run.State, s.run.Acked, s.reports = serverrun.Offered, 0, nil })
	ctx2, cancel2 := context.WithCancel(t.Context())
	defer cancel2()
	r = b.runs(s, disk{}, log)
	if err := r.offered(ctx2, testRun); err != nil {
		t.Fatal(err)
	}
	b.until(r, 0, func() bool { return !r.isOpen(testRun) })
	if diff := cmp.Diff([]string{"accept failed", "= refused refused"}, s.told()); diff != "" {
		t.Error(diff)
	}
	if n := log.count("offer refused"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func (b *bench) nothingLeft() {
	b.t.Helper()
	for _, dir := range []string{b.path("state", "outbox"), b.path("spool", "tmp"), b.path("spool", "in")} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			b.t.Errorf("left behind in %s: %v, %v", dir, entries, err)
		}
	}
}

// death kills the agent at the nth point, or at the nth point of a name: from then on nothing reaches the disk or the server.
type death struct {
	nth  int
	name string // empty: of any name
	mu   sync.Mutex
	dead bool
	seen map[string]int
	last string
}

func (d *death) point(at string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errKilled
	}
	if d.seen == nil {
		d.seen = map[string]int{}
	}
	d.last = at
	d.seen[at]++
	d.seen[""]++
	if d.seen[d.name] == d.nth && (d.name == "" || d.name == at) {
		d.dead = true
		return errKilled
	}
	return nil
}

func (d *death) happened() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// Whatever the point at which the agent is killed, the server receives everything exactly once and in order, and nothing is left over.
func TestKilledAtEveryPointNothingIsLostOrTwice(t *testing.T) {
	t.Parallel()
	alive := &death{}
	newBench(t, rootLines...).story(newSite(t), 40, alive)
	for _, name := range []string{"tear", "before append", "after append", "before rename", "after rename", "before write .json", "after write .json",
		"before write ", "after write ", "before remove .json", "after remove .json", "before remove .jsonl", "after remove .jsonl", "accepted", "post", "posted"} {
		if alive.seen[name] == 0 {
			t.Errorf("a run passes no point %q, but %v", name, alive.seen)
		}
	}
	for name, count := range alive.seen {
		for nth := 1; nth <= count && name != ""; nth++ {
			t.Run(fmt.Sprintf("%s %d", name, nth), func(t *testing.T) {
				t.Parallel()
				d := &death{nth: nth, name: name}
				newBench(t, rootLines...).story(newSite(t), 40, d)
				if nth == 1 && !d.happened() { // how many deliveries there are depends on time
					t.Errorf("it was never killed: %v", d.seen)
				}
			})
		}
	}
}

// story runs a whole run with deaths of the agent, restarting it after each, and checks what the server was told.
func (b *bench) story(s *site, bytesEach int, deaths ...*death) {
	b.t.Helper()
	log := &logBook{}
	for _, d := range append(deaths, &death{}) {
		r := b.runs(s, disk{point: d.point}, log)
		ctx, cancel := context.WithCancel(context.Background())
		if err := r.start(ctx); err != nil {
			b.t.Fatal(err)
		}
		ended := func() bool { return s.state().Ended() && !r.isOpen(testRun) }
		b.until(r, bytesEach, func() bool {
			if d.happened() {
				return true
			}
			if !r.isOpen(testRun) && !s.state().Ended() { // the server's long poll tells of it again
				if err := r.offered(ctx, testRun); err != nil && !errors.Is(err, errKilled) {
					b.t.Error(err)
				}
			}
			return ended()
		})
		cancel()
		r.wait()
		if !d.happened() {
			break
		}
	}
	if diff := cmp.Diff(wholeStory, slices.DeleteFunc(s.told(), func(l string) bool { return strings.Contains(l, "downloaded") })); diff != "" {
		b.t.Errorf("the server was told: %s\nkilled at %s\n%s", diff, at(deaths), log.text.String())
	}
	b.nothingLeft()
	if b.t.Failed() {
		b.t.FailNow()
	}
}

func at(deaths []*death) (where []string) {
	for _, d := range deaths {
		if d.happened() {
			where = append(where, fmt.Sprintf("point %d: %s", d.seen[""], d.last))
		}
	}
	return where
}

// Whatever the interleaving of our own reports, the root half's lines, lost answers and any number of deaths.
func TestEveryInterleavingDeliversExactlyOnceInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b, s := newBench(t, rootLines...), newSite(t)
		lost := rapid.SliceOfN(rapid.Bool(), 0, 6).Draw(rt, "lost answers")
		s.lose = func() bool {
			if len(lost) == 0 {
				return false
			}
			lose := lost[0]
			lost = lost[1:]
			return lose
		}
		var deaths []*death
		for range rapid.IntRange(0, 4).Draw(rt, "deaths") {
			deaths = append(deaths, &death{nth: rapid.IntRange(1, 40).Draw(rt, "at")})
		}
		b.story(s, rapid.IntRange(1, 400).Draw(rt, "bytes"), deaths...)
	})
}

func TestOffersThatDoNotHoldAreRefusedLoggedOnceAndChangeNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(t *testing.T, s *site, b *bench)
		code string
	}{
		"forged_plan": {func(_ *testing.T, s *site, _ *bench) {
			s.offer.Plan = bytes.Replace(s.offer.Plan, []byte("never"), []byte("NEVER"), 1)
		}, seal.ForgedPlan},
		"forged_grant": {func(_ *testing.T, s *site, _ *bench) { s.offer.GrantSignature = s.offer.PlanSignatures[0] }, seal.ForgedGrant},
		"another_host": {func(t *testing.T, s *site, _ *bench) {
			s.offer = s.sign(t, grantWith(func(g *seal.Grant) { g.HostID = "host_b" }))
		}, seal.OtherHost},
		"another_run": {func(t *testing.T, s *site, _ *bench) {
			o := s.sign(t, grantWith(func(g *seal.Grant) { g.RunID = "run_other" }))
			o.RunID = testRun
			s.offer = o
		}, seal.OtherPlan},
		"expired_grant": {func(t *testing.T, s *site, _ *bench) {
			s.offer = s.sign(t, grantWith(func(g *seal.Grant) {
				g.ExpiresAt = time.Now().Add(-time.Second)
				g.IssuedAt = time.Now().Add(-time.Minute)
			}))
		}, seal.Expired},
		"other_lock": {func(_ *testing.T, s *site, _ *bench) {
			s.offer.Lock = bytes.Replace(s.offer.Lock, []byte("2.0"), []byte("2.1"), 1)
		}, seal.LockMismatch},
		"lower_epoch": {func(t *testing.T, _ *site, b *bench) {
			if err := errors.Join(os.MkdirAll(b.path("state"), 0o700), os.WriteFile(b.path("state", "epoch"), []byte("5\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}, seal.Replayed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, log := newSite(t), newBench(t), &logBook{}
			c.edit(t, s, b)
			r := b.runs(s, disk{}, log)
			for range 2 { // the server tells of it again
				if err := r.offered(t.Context(), testRun); err != nil {
					t.Fatal(err)
				}
				b.until(r, 0, func() bool { return !r.isOpen(testRun) })
				if diff := cmp.Diff([]string{"accept failed", "= refused refused"}, s.told()); diff != "" || !strings.Contains(s.run.Reason, c.code) {
					t.Errorf("%s %q", diff, s.run.Reason)
				}
			}
			if n := log.count("offer refused"); n != 1 {
				t.Errorf("logged %d times", n)
			}
			b.nothingLeft()
		})
	}
}

func grantWith(edit func(*seal.Grant)) seal.Grant {
	g := seal.Grant{Version: 1, RunID: testRun, HostID: testHost, Epoch: 5, IssuedAt: time.Now().Add(-time.Minute), ExpiresAt: time.Now().Add(10 * time.Minute)}
	edit(&g)
	return g
}

// Nothing is fetched or handed over before the server has acknowledged the acceptance, and an offer that it took back is forgotten.
func TestNothingHappensBeforeTheServerKnows(t *testing.T) {
	t.Parallel()
	s, b, log := newSite(t), newBench(t), &logBook{}
	b.fetch = func(context.Context, string) error { t.Error("something was fetched"); return nil }
	r := b.runs(s, disk{}, log)
	asked := make(chan struct{}, 100)
	s.lose = func() bool { return true }
	r.Pause = func(int) time.Duration { asked <- struct{}{}; return time.Millisecond }
	if err := r.offered(t.Context(), testRun); err != nil {
		t.Fatal(err)
	}
	<-asked
	<-asked
	s.set(func() { s.run.State, s.run.Epoch = serverrun.Pending, 6 })
	go func() {
		for range asked { //nolint:revive // it must not block
		}
	}()
	b.until(r, 0, func() bool { return !r.isOpen(testRun) })
	b.nothingLeft()
	if got := s.told(); len(got) != 0 {
		t.Errorf("told %q", got)
	}
}

func TestDownloadsThatFailEndTheRunWithTheirClass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"version_gone": {&apt.Gone{Reason: "gone"}, "= plan_stale stale"},
		"disk_full":    {&apt.NoSpace{Need: 2 << 20, Free: 1 << 20}, "= failed disk"},
		"mirror_away":  {errors.New("connection refused"), "= failed download"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := newSite(t), newBench(t)
			b.fetch = func(context.Context, string) error { return c.err }
			r := b.runs(s, disk{}, &logBook{})
			if err := r.offered(t.Context(), testRun); err != nil {
				t.Fatal(err)
			}
			b.until(r, 0, func() bool { return !r.isOpen(testRun) })
			if diff := cmp.Diff([]string{"accept done", "download started", "download failed", c.want}, s.told()); diff != "" {
				t.Error(diff)
			}
			if o := s.reports[len(s.reports)-1].Outcome; len(o.Installed) != 2 || o.Installed[0].State != "installed 1.0" {
				t.Errorf("the packages' states are not in the outcome: %+v", o)
			}
			b.nothingLeft()
			if _, err := os.Stat(b.path("spool", "ack", testRun)); err == nil {
				t.Error("the root half is told of a run that it never saw")
			}
		})
	}
}

// A download that outlives its grant ends as that: the root half would refuse it.
func TestADownloadEndsWithItsGrant(t *testing.T) {
	t.Parallel()
	s, b := newSite(t), newBench(t)
	s.offer = s.sign(t, grantWith(func(g *seal.Grant) { g.ExpiresAt = time.Now().Add(300 * time.Millisecond) }))
	b.fetch = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
	r := b.runs(s, disk{}, &logBook{})
	if err := r.offered(t.Context(), testRun); err != nil {
		t.Fatal(err)
	}
	b.until(r, 0, func() bool { return !r.isOpen(testRun) })
	if got := s.told(); got[len(got)-1] != "= failed download" || !strings.Contains(s.run.Reason, "grant") {
		t.Errorf("%q %q", got, s.run.Reason)
	}
}

// The outcome is kept as long as the server is away, through restarts, and costs one line in the log.
func TestTheOutcomeWaitsForTheServer(t *testing.T) {
	t.Parallel()
	s, b, log := newSite(t), newBench(t, rootLines...), &logBook{}
	r := b.runs(s, disk{}, log)
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.offered(ctx, testRun); err != nil {
		t.Fatal(err)
	}
	b.until(r, 0, func() bool { return len(s.told()) > 2 })
	s.set(func() { s.away = true })
	b.until(r, 1000, func() bool { return log.count("cannot be delivered") > 0 })
	cancel()
	r.wait()
	r = b.runs(s, disk{}, log)
	if err := r.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until(r, 1000, func() bool { return log.count("cannot be delivered") > 1 })
	if n := log.count("cannot be delivered"); n != 2 {
		t.Errorf("logged %d times, want once for each start", n)
	}
	s.set(func() { s.away = false })
	b.until(r, 0, func() bool { return !r.isOpen(testRun) })
	if diff := cmp.Diff(wholeStory, s.told()); diff != "" {
		t.Error(diff)
	}
}

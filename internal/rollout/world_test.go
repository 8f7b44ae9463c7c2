package rollout_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/internal/store"
	"github.com/staunch-dev/staunch/internal/store/storetest"
)

var begin = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// world is a server's part in patching, on a real database that outlives it, and the hosts that outlive the server too.
type world struct {
	t   *testing.T
	cfg store.Config
	key ssh.Signer
	at  time.Time

	approvals int
	signers   []seal.Signer
	found     []plan.Candidate
	hosts     map[string]*host
	here      *presence

	rows     *dying
	plans    *plan.Service
	runs     *run.Service
	rollouts *rollout.Service
	invent   *inventory.Service
}

// presence is who is there, as the test says; nudges only matter for speed.
type presence struct {
	mu   sync.Mutex
	away map[string]bool
}

func (p *presence) Online(hostID string, _ time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.away[hostID]
}

func (p *presence) Nudge(string, string) {}

func (p *presence) set(hostID string, here bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away[hostID] = !here
}

func key(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// newWorld has hosts of these names, each with an openssl to upgrade; names that begin alike share an inventory: web1 and web2 do.
func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w := &world{t: t, cfg: storetest.SQLite(t), key: key(t), at: begin, hosts: map[string]*host{}, here: &presence{away: map[string]bool{}}}
	w.open()
	for _, name := range names {
		h := &host{w: w, id: "host_" + name, name: name, from: "3.0.16-1", epochs: 0}
		w.hosts[name] = h
		w.enroll(h)
		w.found = append(w.found, h.candidate())
	}
	return w
}

// open starts the server anew on the same database.
func (w *world) open() {
	s := storetest.Reopen(w.t, w.cfg)
	w.rows = &dying{Store: s, left: -1}
	now := func() time.Time { return w.at }
	log := slog.New(slog.DiscardHandler)
	w.invent = inventory.NewService(s, log, now)
	w.plans = plan.NewService(plan.Config{Store: w.rows, Candidates: w, Presence: w.here, Key: w.key, Approvals: w.approvals,
		Signers: func() ([]seal.Signer, error) { return w.signers, nil }, Log: log, Now: now})
	w.runs = run.NewService(run.Config{Store: w.rows, Plans: s, Inventory: s, Packages: w.invent, Presence: w.here, Log: log, Now: now})
	w.rollouts = rollout.NewService(rollout.Config{Store: w.rows, Seq: s.Seq, Plans: s, Runs: w.runs, Presence: w.here, Key: w.key, Log: log, Now: now})
}

// reopen is a server that was killed and started again.
func (w *world) reopen() {
	w.t.Helper()
	w.must(w.rows.Close())
	w.open()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) mustBe(kind fault.Kind, err error) {
	w.t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		w.t.Fatalf("got %v, want a fault %q", err, kind)
	}
}

func (w *world) enroll(h *host) {
	ctx := w.t.Context()
	token := "t-" + h.id
	w.must(w.rows.CreateEnrollToken(ctx, fleet.EnrollToken{ID: token, SecretHash: "0", Uses: 1, UsesLeft: 1, CreatedAt: w.at, ExpiresAt: w.at.Add(time.Hour)},
		event.Event{At: w.at, Kind: event.EnrollCreated}))
	_, err := w.rows.Enroll(ctx, fleet.Enrollment{TokenID: token, Host: fleet.Host{ID: h.id, Name: h.name, State: fleet.Approved, TokenID: token, EnrolledAt: w.at},
		Certificate: fleet.Certificate{Serial: "c-" + h.id, IssuedAt: w.at, NotAfter: w.at.Add(time.Hour)}, Event: event.Event{At: w.at, Kind: event.HostEnrolled, Host: h.id}})
	w.must(err)
	h.report()
}

// Candidates is for plan.Config.
func (w *world) Candidates(context.Context, fleet.Selector) ([]plan.Candidate, error) {
	return w.found, nil
}

// tick is one decision about everything.
func (w *world) tick() {
	w.t.Helper()
	w.must(w.tryTick())
}

func (w *world) tryTick() error {
	ctx := w.t.Context()
	return errors.Join(w.plans.Tick(ctx), w.runs.Tick(ctx), w.rollouts.Tick(ctx))
}

// ready makes a plan that all hosts have answered.
func (w *world) ready(req apiv1.CreatePlan) apiv1.Plan {
	w.t.Helper()
	p, err := w.plans.Create(w.t.Context(), "user:ann", req)
	w.must(err)
	for _, h := range w.hosts {
		w.must(h.answer())
	}
	w.tick()
	p, err = w.plans.Plan(w.t.Context(), p.ID)
	w.must(err)
	if p.State != apiv1.PlanReady {
		w.t.Fatalf("plan is %s", p.State)
	}
	return p
}

// rolling starts the rollout of an approved plan of all hosts.
func (w *world) rolling(most int) apiv1.Rollout {
	w.t.Helper()
	p := w.ready(apiv1.CreatePlan{})
	p, err := w.plans.Approve(w.t.Context(), "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	w.must(err)
	r, err := w.rollouts.Begin(w.t.Context(), "user:ann", apiv1.StartRollout{Plan: p.ID, MaxConcurrent: most})
	w.must(err)
	w.tick()
	return w.rollout(r.ID)
}

func (w *world) rollout(id string) apiv1.Rollout {
	w.t.Helper()
	r, err := w.rollouts.Rollout(w.t.Context(), id)
	w.must(err)
	return r
}

// states are the run states of a rollout by host.
func (w *world) states(id string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, u := range w.rollout(id).Runs {
		out[u.Host] = u.State
	}
	return out
}

// kinds counts events.
func (w *world) kinds() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, e := range storetest.VerifyChain(w.t, w.rows.Store) {
		out[e.Kind]++
	}
	return out
}

// host is an agent of few words: what it must not lose, it keeps here, whatever becomes of the server.
type host struct {
	w        *world
	id, name string
	from     string // installed version of openssl
	epochs   int64  // highest seen, as the root half keeps it
	run      string // accepted
	epoch    int64
	outbox   []apiv1.RunReport
	acked    int64
	did      int // how often openssl was upgraded
	script   func(*host) []apiv1.RunReport
	edit     func(*apiv1.SimulateAnswer)
}

const to = "3.0.17-1"

func (h *host) group() string { return strings.TrimRight(h.name, "0123456789") }

func (h *host) sections() map[string]string {
	return map[string]string{apiv1.SectionPackages: h.group() + h.from, apiv1.SectionUpdates: "updates", apiv1.SectionRepositories: "repositories"}
}

func (h *host) candidate() plan.Candidate {
	return plan.Candidate{HostID: h.id, HostName: h.name, Digests: h.sections(), Fixes: map[string][]string{"openssl": {"CVE-2026-1"}},
		Updates: apiv1.Updates{Known: true, Updates: []apiv1.Update{
			{Name: "openssl", Arch: "amd64", Action: apiv1.ActionUpgrade, From: h.from, To: to, State: apiv1.UpdateInstallable, Security: true}}}}
}

// report gives the server the packages that the host has.
func (h *host) report() {
	text, err := json.Marshal(apiv1.Packages{Ecosystem: "Debian:12", Packages: []apiv1.Package{{Name: "openssl", Arch: "amd64", Version: h.from}}})
	h.w.must(err)
	sum := sha256.Sum256(text)
	_, err = h.w.invent.PutSection(h.w.t.Context(), h.id, apiv1.SectionPackages, hex.EncodeToString(sum[:]), text)
	h.w.must(err)
}

// answer answers what it is asked, if it is asked something.
func (h *host) answer() error {
	ctx := h.w.t.Context()
	sim, err := h.w.plans.Work(ctx, h.id)
	if err != nil || sim == "" {
		return err
	}
	req, err := h.w.plans.Simulation(ctx, h.id, sim)
	if err != nil {
		return err
	}
	a := apiv1.SimulateAnswer{Known: true, Able: true, Sections: h.sections(), Changes: []apiv1.LockChange{}}
	for _, p := range req.Packages {
		a.Changes = append(a.Changes, apiv1.LockChange{Name: p.Name, Arch: p.Arch, Action: "upgrade", From: h.from, To: p.Version,
			SHA256: strings.Repeat("a", 64), Size: 100, Archive: "bookworm-security", Origin: "Debian"})
	}
	if h.edit != nil {
		h.edit(&a)
	}
	return h.w.plans.Answer(ctx, h.id, sim, a)
}

// trust is what the host pinned.
func (h *host) trust() seal.Trust {
	return seal.Trust{HostID: h.id, PlanKey: h.w.key.PublicKey(), Signers: h.w.signers, Threshold: h.w.approvals}
}

// take takes an offer when there is one: checks it as the root half would, accepts it, and does the work once it is acknowledged.
func (h *host) take() error {
	ctx := h.w.t.Context()
	runID, err := h.w.runs.Work(ctx, h.id)
	if err != nil || runID == "" {
		return err
	}
	if runID == h.run { // told again before it was heard of
		return nil
	}
	offer, err := h.w.runs.Offer(ctx, h.id, runID)
	if err != nil {
		return err
	}
	c, err := seal.Check(h.trust(), seal.Offer{Plan: offer.Plan, PlanSignatures: offer.PlanSignatures, Lock: offer.Lock, Grant: offer.Grant, GrantSignature: offer.GrantSignature}, h.epochs, h.w.at)
	if err != nil {
		return fmt.Errorf("%s refuses the offer: %w", h.name, err)
	}
	return h.accept(runID, c.Grant.Epoch)
}

func (h *host) accept(runID string, epoch int64) error {
	if err := h.w.runs.Accept(h.w.t.Context(), h.id, runID, epoch); err != nil {
		return err
	}
	if h.run == runID && h.epoch == epoch {
		return nil
	}
	h.run, h.epoch, h.epochs, h.outbox, h.acked = runID, epoch, epoch, nil, 0
	reports := h.script
	if reports == nil {
		reports = good
	}
	h.outbox = reports(h)
	return nil
}

// good upgrades openssl.
func good(h *host) []apiv1.RunReport {
	h.did++
	h.from = to
	return []apiv1.RunReport{step(1, "download", "done"), step(2, "apply", "started"), lines(3, "Unpacking openssl", "Setting up openssl"), step(4, "apply", "done"),
		outcome(5, "succeeded", "")}
}

// bad has a package whose postinst fails.
func bad(h *host) []apiv1.RunReport {
	h.did++
	return []apiv1.RunReport{step(1, "apply", "started"), lines(2, "dpkg: error processing package openssl"), step(3, "apply", "failed"), outcome(4, "failed", "openssl is half-configured")}
}

func step(seq int64, name, state string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, At: begin, Step: &apiv1.RunStep{Name: name, State: state, Started: begin.Add(time.Duration(seq) * time.Second)}}
}

func lines(seq int64, text ...string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, At: begin, Lines: text}
}

func outcome(seq int64, result, reason string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, At: begin, Outcome: &apiv1.RunOutcome{Result: result, Reason: reason, Installed: []apiv1.PackageState{}, Broken: []apiv1.PackageState{}}}
}

// send delivers what is not acknowledged, at most n reports.
func (h *host) send(n int) error {
	left := h.outbox[h.acked:]
	if len(left) == 0 {
		return nil
	}
	ack, err := h.w.runs.Report(h.w.t.Context(), h.id, h.run, apiv1.RunReports{Epoch: h.epoch, Reports: left[:min(n, len(left))]})
	if err != nil {
		return err
	}
	h.acked = ack.Acked
	if h.acked == int64(len(h.outbox)) {
		h.report()
	}
	return nil
}

// work is a whole run at once.
func (h *host) work() {
	h.w.t.Helper()
	h.w.must(h.take())
	h.w.must(h.send(100))
}

var errDead = errors.New("the server is dead")

// dying is a store whose process dies at a write: before it is committed, or after, when nobody learns of it any more.
type dying struct {
	*store.Store
	left  int  // writes until it dies; negative: never
	after bool // the last write is committed
	dead  bool
	count int
}

func (d *dying) write(fn func() (int64, error)) (int64, error) {
	if d.dead {
		return 0, errDead
	}
	d.count++
	if d.left > 0 {
		d.left--
	}
	if d.left != 0 {
		return fn()
	}
	d.dead = true
	if d.after {
		_, _ = fn()
	}
	return 0, errDead
}

func (d *dying) CreatePlan(ctx context.Context, p plan.Plan, hosts []plan.Host, sims []plan.Simulation, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.CreatePlan(ctx, p, hosts, sims, e) })
}

func (d *dying) AnswerSimulation(ctx context.Context, id string, answer []byte, at time.Time) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.AnswerSimulation(ctx, id, answer, at) })
}

func (d *dying) AskAnother(ctx context.Context, id, hostID string, at time.Time) error {
	_, err := d.write(func() (int64, error) { return 0, d.Store.AskAnother(ctx, id, hostID, at) })
	return err
}

func (d *dying) SettlePlan(ctx context.Context, p plan.Plan, hosts []plan.Host, locks []plan.Lock, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.SettlePlan(ctx, p, hosts, locks, e) })
}

func (d *dying) SignPlan(ctx context.Context, planID, hash string, sigs []plan.Signature, approve bool, by string, at, notAfter time.Time, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.SignPlan(ctx, planID, hash, sigs, approve, by, at, notAfter, e) })
}

func (d *dying) CreateRollout(ctx context.Context, r rollout.Rollout, runs []run.Run, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.CreateRollout(ctx, r, runs, e) })
}

func (d *dying) GrantRun(ctx context.Context, g rollout.GrantWrite) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.GrantRun(ctx, g) })
}

func (d *dying) SetRollout(ctx context.Context, id string, version int64, to rollout.State, reason string, cancel []string, at time.Time, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.SetRollout(ctx, id, version, to, reason, cancel, at, e) })
}

func (d *dying) AcceptRun(ctx context.Context, id string, epoch int64, at time.Time, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.AcceptRun(ctx, id, epoch, at, e) })
}

func (d *dying) RecordRun(ctx context.Context, r run.Record) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.RecordRun(ctx, r) })
}

func (d *dying) SetRunState(ctx context.Context, id string, from []run.State, to run.State, reason string, at time.Time, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.SetRunState(ctx, id, from, to, reason, at, e) })
}

func (d *dying) ProveRun(ctx context.Context, id string, at time.Time, e event.Event) (int64, error) {
	return d.write(func() (int64, error) { return d.Store.ProveRun(ctx, id, at, e) })
}

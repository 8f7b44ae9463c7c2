package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr/apt"
	"github.com/staunch-dev/staunch/internal/seal"
)

// channel is what a run needs of its server; client.Agent has it.
type channel interface {
	Offer(ctx context.Context, runID string) (offer apiv1.RunOffer, raw []byte, err error)
	AcceptRun(ctx context.Context, runID string, epoch int64) error
	ReportRun(ctx context.Context, runID string, reports apiv1.RunReports) (apiv1.RunAck, error)
}

// Patcher is what simulations and runs need of the machine; collect.Collector has it.
type Patcher interface {
	Simulate(ctx context.Context, packages []apiv1.SimulateEntry) (apiv1.SimulateAnswer, error)
	Stage(ctx context.Context, dir string, files []apt.File, say func(done, total int64)) error
	States(of []apt.Wanted) (states, broken []apiv1.PackageState, err error)
}

// runsConfig is what the runs of a host need.
type runsConfig struct {
	StateDir string // outbox and epoch are kept there
	Spool    string
	Out      string // where the root half writes its reports: OUT/<run id>/reports.jsonl
	Trust    func() (seal.Trust, error)
	Channel  channel
	Patcher  Patcher
	Log      *slog.Logger
	Now      func() time.Time
	Pause    func(failures int) time.Duration // after so many failures in a row
	LookFor  time.Duration                    // how often the root half's reports are looked at while a run is open
	Gather   time.Duration                    // how long reports gather before they go out together
	disk     disk
}

// runs carries runs from their offer to the acknowledged outcome, each in a goroutine of its own while it is open; between runs there is
// none, and nothing is looked at. What it knows is on the disk: after a crash at any point, start goes on.
type runs struct {
	runsConfig
	spool spool
	ended chan struct{} // an outcome was acknowledged: the inventory is now the proof

	wg      sync.WaitGroup
	mu      sync.Mutex
	open    map[string]bool
	refused map[string]bool // offers that were refused for good before they became runs; only spares the log
}

// mostOpen bounds the runs that are open at once: one at work, and those whose outcome the server does not have yet.
const mostOpen = 8

// runName is the grammar of a run id, which becomes part of paths.
var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func newRuns(cfg runsConfig) *runs {
	return &runs{
		runsConfig: cfg, spool: spool{cfg.disk, cfg.Spool}, ended: make(chan struct{}, 1),
		open: map[string]bool{}, refused: map[string]bool{},
	}
}

// record is an open run as the disk knows it. Refused is why it is not carried out, or empty.
type record struct {
	RunID   string `json:"run_id"`
	Epoch   int64  `json:"epoch"`
	Refused string `json:"refused,omitempty"`
	Offer   []byte `json:"offer"` // exactly as it was received
}

func (r *runs) recordName(id string) string {
	return filepath.Join(r.StateDir, "outbox", id+".json")
}
func (r *runs) outboxName(id string) string { return filepath.Join(r.StateDir, "outbox", id+".jsonl") }

// start goes on with the runs that the disk knows. They end with ctx; wait for that with wait.
func (r *runs) start(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(r.StateDir, "outbox"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Internal, "the outbox cannot be read")
	}
	for _, e := range entries {
		id, isRecord := strings.CutSuffix(e.Name(), ".json")
		if !isRecord || !runName.MatchString(id) {
			continue
		}
		var rec record
		b, err := os.ReadFile(r.recordName(id))
		if err == nil {
			err = json.Unmarshal(b, &rec)
		}
		if err != nil || rec.RunID != id {
			r.Log.Error("an open run cannot be read and is left alone", "run", id, "error", err)
			continue
		}
		r.begin(ctx, rec)
	}
	for _, e := range entries { // what a crash left of a run that is over
		if id, ok := strings.CutSuffix(e.Name(), ".jsonl"); ok && !r.isOpen(id) {
			if _, err := os.Stat(r.recordName(id)); errors.Is(err, fs.ErrNotExist) {
				_ = os.Remove(r.outboxName(id))
			}
		}
	}
	unfinished, _ := os.ReadDir(filepath.Join(r.Spool, "tmp"))
	for _, e := range unfinished {
		if !r.isOpen(e.Name()) {
			_ = os.RemoveAll(r.spool.tmp(e.Name()))
		}
	}
	return nil
}

func (r *runs) wait() { r.wg.Wait() }

func (r *runs) isOpen(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[id]
}

// begin carries a run in a goroutine of its own, unless it is open already.
func (r *runs) begin(ctx context.Context, rec record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[rec.RunID] {
		return
	}
	r.open[rec.RunID] = true
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.open, rec.RunID)
		}()
		r.carry(ctx, rec)
	}()
}

// offered takes up work: fetches the offer, judges it and makes it a run. The error is that the server could not be asked, or our own
// disk; an offer that is refused is none, it becomes a run whose outcome is the refusal.
func (r *runs) offered(ctx context.Context, id string) error {
	r.mu.Lock()
	open, count := r.open[id], len(r.open)
	r.mu.Unlock()
	if open {
		return nil
	}
	if !runName.MatchString(id) || count >= mostOpen {
		r.Log.Warn("an offer is passed over: it has no proper id, or too many runs are open", "run", clip(id, 100), "open", count)
		return nil
	}
	offer, raw, err := r.Channel.Offer(ctx, id)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Conflict) {
		r.Log.Debug("an offer is no longer there", "run", id)
		return nil
	}
	if err != nil {
		return err
	}
	rec, err := r.judge(id, offer, raw)
	if err != nil || rec.RunID == "" {
		return err
	}
	if err := r.keep(rec); err != nil {
		return err
	}
	r.begin(ctx, rec)
	return nil
}

// judge checks an offer against what this host believes. The zero record: it is refused, and nobody can be told so.
func (r *runs) judge(id string, offer apiv1.RunOffer, raw []byte) (record, error) {
	last, err := r.epoch()
	if err != nil {
		return record{}, err
	}
	rec := record{RunID: id, Offer: raw}
	checked, err := r.check(id, offer, last)
	if err == nil {
		rec.Epoch = checked.Grant.Epoch
		return rec, nil
	}
	var claimed seal.Grant // unproven: good for nothing but to tell the server which of its grants we refuse
	_ = json.Unmarshal(offer.Grant, &claimed)
	rec.Epoch, rec.Refused = claimed.Epoch, err.Error()
	if key := id + " " + strconv.FormatInt(rec.Epoch, 10); !r.refused[key] {
		r.refused[key] = len(r.refused) < 10_000
		r.Log.Warn("offer refused; nothing was changed", "run", id, "epoch", rec.Epoch, "reason", rec.Refused)
	}
	if rec.Epoch < 1 {
		return record{}, nil
	}
	return rec, nil
}

// check is seal.Check, and that the offer is for this run.
func (r *runs) check(id string, offer apiv1.RunOffer, last int64) (seal.Checked, error) {
	trust, err := r.Trust()
	if err != nil {
		return seal.Checked{}, fmt.Errorf("this host does not know whose plans to carry out: %s", reasonOf(err))
	}
	checked, err := seal.Check(trust, seal.Offer{
		Plan: offer.Plan, PlanSignatures: offer.PlanSignatures, Lock: offer.Lock, Grant: offer.Grant, GrantSignature: offer.GrantSignature,
	}, last, r.Now())
	var refusal *seal.Refusal
	switch {
	case errors.As(err, &refusal):
		return checked, fmt.Errorf("%s: %w", refusal.Code, refusal)
	case err != nil:
		return checked, err
	case offer.RunID != id || checked.Grant.RunID != id:
		return checked, fmt.Errorf("%s: the grant is for another run", seal.OtherPlan)
	}
	return checked, nil
}

// keep makes a run known to the disk, and its epoch the highest seen, before anybody is told that it was taken.
func (r *runs) keep(rec record) error {
	if err := os.MkdirAll(filepath.Join(r.StateDir, "outbox"), 0o700); err != nil {
		return fault.Wrap(err, fault.Internal, "the outbox cannot be made")
	}
	b, err := json.Marshal(rec)
	if err == nil {
		err = r.disk.write(r.recordName(rec.RunID), b)
	}
	if err == nil && rec.Refused == "" {
		err = r.raiseEpoch(rec.Epoch)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the run cannot be stored")
	}
	return nil
}

func (r *runs) epochName() string { return filepath.Join(r.StateDir, "epoch") }

// epoch is the highest seen. A file that is there and cannot be read is an error: 0 would let every old grant in.
func (r *runs) epoch() (int64, error) {
	b, err := os.ReadFile(r.epochName())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var n int64
	if err == nil {
		n, err = strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	}
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "%s is damaged", r.epochName())
	}
	return n, nil
}

func (r *runs) raiseEpoch(to int64) error {
	now, err := r.epoch()
	if err != nil || to <= now {
		return err
	}
	return r.disk.write(r.epochName(), []byte(strconv.FormatInt(to, 10)+"\n"))
}

// forget takes everything of a run away: the record first, for without it the rest is nothing that anybody goes on with.
func (r *runs) forget(id string) error {
	return errors.Join(r.disk.remove(r.recordName(id)), r.disk.remove(r.outboxName(id)), r.spool.drop(id))
}

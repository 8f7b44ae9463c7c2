package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Prefix of ids of runs.
const Prefix = "run"

// Bounds of what one run may leave on the server. An upgrade of a whole release writes some 30,000 lines.
const (
	maxLines     = 50_000
	maxLineBytes = 2000
	maxTextBytes = 4000
	detailLines  = 500
)

// wordEvery is how often an unchanged run's last word is written; a third of what makes a run uncertain.
const wordEvery = 25 * time.Second

// Plans is what a run needs of its plan.
type Plans interface {
	Plan(ctx context.Context, id string) (plan.Plan, error)
	Signatures(ctx context.Context, planID string) ([]plan.Signature, error)
	Locks(ctx context.Context, hashes []string) ([]plan.Lock, error)
}

// Inventory is what a host says it has.
type Inventory interface {
	OpenSections(ctx context.Context, hostID string) (map[string]inventory.Interval, error)
}

// Packages is what is installed on a host.
type Packages interface {
	PackagesOf(ctx context.Context, hostID string) (apiv1.HostPackages, error)
}

// Presence knows which hosts are there, and tells them to look.
type Presence interface {
	Online(hostID string, now time.Time) bool
	Nudge(hostID, kind string)
}

// Config is what a Service works with; all of it is required.
type Config struct {
	Store     Store
	Plans     Plans
	Inventory Inventory
	Packages  Packages
	Presence  Presence
	Log       *slog.Logger
	Now       func() time.Time
}

// Service gives runs to their hosts and takes what they report.
type Service struct {
	Config

	mu     sync.Mutex
	looked map[string]string // run to the packages digest that did not prove it: only spares looking again
}

// NewService makes the service; it has nothing to start or stop.
func NewService(c Config) *Service { return &Service{Config: c, looked: map[string]string{}} }

// Work is the run that is offered to a host, or "". A run that was accepted and of which nothing was heard since counts too: the host
// may not have learned that its acceptance was taken, and have begun nothing.
func (s *Service) Work(ctx context.Context, hostID string) (string, error) {
	open, err := s.Store.OpenRuns(ctx, hostID)
	if err != nil {
		return "", err
	}
	now := s.Now()
	for _, r := range open {
		unheard := (r.State == Preparing || r.State == Uncertain) && r.Acked == 0
		if unheard || r.State == Offered && !now.After(expiryOf(r)) {
			return r.ID, nil
		}
	}
	return "", nil
}

// own is a run of this host. fault.NotFound when it is another's, or nobody's.
func (s *Service) own(ctx context.Context, hostID, runID string) (Run, error) {
	r, err := s.Store.Run(ctx, runID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return r, err
	}
	if err != nil || r.HostID != hostID {
		return r, fault.New(fault.NotFound, "this host has no run %q", clip(runID, 64))
	}
	return r, nil
}

// Offer is everything that a run consists of, for its host, from the grant to the end of the run; an agent may have lost it.
func (s *Service) Offer(ctx context.Context, hostID, runID string) (apiv1.RunOffer, error) {
	r, err := s.own(ctx, hostID, runID)
	if err != nil {
		return apiv1.RunOffer{}, err
	}
	if r.Grant == nil || r.State.Ended() {
		return apiv1.RunOffer{}, fault.New(fault.Conflict, "run %s is %s: there is no offer", r.ID, r.State)
	}
	p, err := s.Plans.Plan(ctx, r.PlanID)
	if err != nil {
		return apiv1.RunOffer{}, err
	}
	sigs, err := s.Plans.Signatures(ctx, r.PlanID)
	if err != nil {
		return apiv1.RunOffer{}, err
	}
	lock, err := s.lock(ctx, r)
	if err != nil {
		return apiv1.RunOffer{}, err
	}
	offer := apiv1.RunOffer{RunID: r.ID, Plan: p.Bytes, PlanSignatures: []string{}, Lock: lock.Bytes, Grant: r.Grant, GrantSignature: r.GrantSig}
	for _, sig := range sigs {
		offer.PlanSignatures = append(offer.PlanSignatures, sig.Armored)
	}
	return offer, nil
}

func (s *Service) lock(ctx context.Context, r Run) (plan.Lock, error) {
	locks, err := s.Plans.Locks(ctx, []string{r.Lock})
	if err != nil {
		return plan.Lock{}, err
	}
	if len(locks) != 1 {
		return plan.Lock{}, fault.New(fault.Internal, "run %s: its lock %s is not there", r.ID, r.Lock)
	}
	return locks[0], nil
}

// Accept notes that the host took its offer; doing so again is no error. fault.Conflict when the offer is over: until an acceptance is
// acknowledged the host changes nothing.
func (s *Service) Accept(ctx context.Context, hostID, runID string, epoch int64) error {
	r, err := s.own(ctx, hostID, runID)
	if err != nil {
		return err
	}
	now := s.Now()
	if r.State == Offered && r.Epoch == epoch && now.After(expiryOf(r)) {
		return fault.New(fault.Conflict, "the offer of run %s has expired", r.ID)
	}
	_, err = s.Store.AcceptRun(ctx, r.ID, epoch, now, s.event(event.RunAccepted, "host:"+hostID, r, fmt.Sprintf("%s accepted run %s", r.HostName, r.ID)))
	return err
}

// Report takes a batch of reports and says up to which everything is durable. See Advance for what is refused.
func (s *Service) Report(ctx context.Context, hostID, runID string, batch apiv1.RunReports) (apiv1.RunAck, error) {
	for range 3 { // another delivery of the same batch may be quicker
		r, err := s.own(ctx, hostID, runID)
		if err != nil {
			return apiv1.RunAck{}, err
		}
		rec, err := Advance(r, batch, s.Now())
		if err != nil {
			return apiv1.RunAck{}, err
		}
		if rec.Acked == r.Acked && rec.State == r.State && (r.State.Ended() || rec.At.Sub(r.LastWord) < wordEvery) {
			return apiv1.RunAck{Acked: r.Acked}, nil // nothing new
		}
		err = s.record(ctx, r, rec)
		if err == nil {
			return apiv1.RunAck{Acked: rec.Acked}, nil
		}
		if fault.KindOf(err) != fault.Conflict {
			return apiv1.RunAck{}, err
		}
	}
	return apiv1.RunAck{}, fault.New(fault.Unavailable, "run %q is reported from several sides at once: try again", clip(runID, 64))
}

func (s *Service) record(ctx context.Context, r Run, rec Record) error {
	if err := s.bound(ctx, &rec); err != nil {
		return err
	}
	ends := rec.State.Ended() && rec.State != r.State
	if ends {
		rec.Events = append(rec.Events, s.ended(r, "host:"+r.HostID, rec.State, rec.Reason))
	}
	if _, err := s.Store.RecordRun(ctx, rec); err != nil {
		return err
	}
	if ends {
		s.Presence.Nudge(r.HostID, apiv1.WorkCollect) // its inventory is the proof
	}
	return nil
}

// bound cuts what a host may write: long lines, long texts, and a log that never ends.
func (s *Service) bound(ctx context.Context, rec *Record) error {
	rec.Reason = clip(rec.Reason, maxTextBytes)
	for i := range rec.Steps {
		rec.Steps[i].Text = clip(rec.Steps[i].Text, maxTextBytes)
	}
	if len(rec.Lines) == 0 {
		return nil
	}
	size, err := s.Store.LogSize(ctx, rec.RunID)
	if err != nil {
		return err
	}
	if room := maxLines - size; int64(len(rec.Lines)) > room {
		rec.Lines = rec.Lines[:max(room, 0)]
		if room > 0 {
			rec.Lines[room-1] = fmt.Sprintf("… the log is longer than %d lines; the rest is on the host", maxLines)
		}
	}
	for i, line := range rec.Lines {
		rec.Lines[i] = clip(line, maxLineBytes)
	}
	return nil
}

// Withdraw takes back an offer that was not accepted yet. fault.Conflict when it was.
func (s *Service) Withdraw(ctx context.Context, r Run, reason string) error {
	_, err := s.Store.SetRunState(ctx, r.ID, []State{Offered}, Pending, reason, s.Now(),
		s.event(event.RunReturned, "server", r, fmt.Sprintf("the offer of run %s to %s is withdrawn: %s", r.ID, r.HostName, reason)))
	return err
}

// Tick does what follows from time alone, and proves what inventories show.
func (s *Service) Tick(ctx context.Context) error {
	open, err := s.Store.OpenRuns(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range open {
		if err := s.silence(ctx, r); err != nil && fault.KindOf(err) != fault.Conflict { // a conflict: it spoke, or someone else did it
			errs = append(errs, fmt.Errorf("run %s: %w", r.ID, err))
		}
	}
	return errors.Join(append(errs, s.prove(ctx))...)
}

func (s *Service) silence(ctx context.Context, r Run) error {
	now := s.Now()
	to, reason := Silence(r, expiryOf(r), s.Presence.Online(r.HostID, now), now)
	var e event.Event
	switch to {
	case "":
		return nil
	case Pending:
		e = s.event(event.RunReturned, "server", r, fmt.Sprintf("the offer of run %s to %s is back: %s", r.ID, r.HostName, reason))
	case Uncertain:
		e = s.event(event.RunUncertain, "server", r, fmt.Sprintf("run %s on %s is uncertain: %s", r.ID, r.HostName, reason))
	default:
		e = s.ended(r, "server", to, reason)
	}
	_, err := s.Store.SetRunState(ctx, r.ID, []State{r.State}, to, reason, now, e)
	return err
}

// prove looks for succeeded runs whose host now shows every version of the lock.
func (s *Service) prove(ctx context.Context) error {
	unproven, err := s.Store.UnprovenRuns(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range unproven {
		if err := s.proveOne(ctx, r); err != nil && fault.KindOf(err) != fault.Conflict {
			errs = append(errs, fmt.Errorf("proving run %s: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) proveOne(ctx context.Context, r Run) error {
	open, err := s.Inventory.OpenSections(ctx, r.HostID)
	if err != nil {
		return err
	}
	digest := open[apiv1.SectionPackages].Digest
	if digest == "" || s.lookedAt(r.ID, digest) {
		return nil
	}
	lock, err := s.lock(ctx, r)
	if err != nil {
		return err
	}
	has, err := s.Packages.PackagesOf(ctx, r.HostID)
	if err != nil {
		return err
	}
	if !Proves(lock.Lock, has.Packages) {
		return nil
	}
	_, err = s.Store.ProveRun(ctx, r.ID, s.Now(), s.event(event.RunProven, "host:"+r.HostID, r, fmt.Sprintf("the inventory of %s shows what run %s installed", r.HostName, r.ID)))
	return err
}

// lookedAt notes that a run was held against an inventory, and says whether it had been before.
func (s *Service) lookedAt(runID, digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked[runID] == digest {
		return true
	}
	if len(s.looked) > 10_000 {
		clear(s.looked)
	}
	s.looked[runID] = digest
	return false
}

// Proves reports whether an inventory shows exactly what a lock asks for.
func Proves(lock seal.Lock, packages []apiv1.Package) bool {
	type key struct{ name, arch string }
	has := map[key]map[string]bool{}
	for _, p := range packages {
		k := key{p.Name, p.Arch}
		if has[k] == nil {
			has[k] = map[string]bool{}
		}
		has[k][p.Version] = true
	}
	for _, c := range lock.Changes {
		versions := has[key{c.Name, c.Arch}]
		if c.Action == apiv1.ActionRemove && len(versions) > 0 || c.Action != apiv1.ActionRemove && !versions[c.To] {
			return false
		}
	}
	return true
}

func (s *Service) ended(r Run, actor string, to State, reason string) event.Event {
	text := fmt.Sprintf("run %s on %s %s", r.ID, r.HostName, to)
	if reason != "" {
		text += ": " + clip(reason, 500)
	}
	e := s.event(event.RunEnded, actor, r, text)
	e.Data["state"] = string(to)
	return e
}

func (s *Service) event(kind, actor string, r Run, text string) event.Event {
	return event.Event{At: s.Now(), Kind: kind, Actor: actor, Host: r.HostID, Text: text,
		Data: map[string]string{"run": r.ID, "rollout": r.RolloutID, "plan": r.PlanID}}
}

// expiryOf is until when an offer can be accepted, as its own grant says; zero when there is none.
func expiryOf(r Run) time.Time {
	var g seal.Grant
	if json.Unmarshal(r.Grant, &g) != nil {
		return time.Time{}
	}
	return g.ExpiresAt
}

func clip(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}

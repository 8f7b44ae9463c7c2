package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Prefix of ids of rollouts.
const Prefix = "rollout"

// grantLife is how long an offer may be accepted; hosts refuse more than 15 minutes.
const grantLife = 10 * time.Minute

// Plans is what a rollout needs of its plan.
type Plans interface {
	Plan(ctx context.Context, id string) (plan.Plan, error)
	PlanHosts(ctx context.Context, planID string) ([]plan.Host, error)
}

// Runs is what single runs do.
type Runs interface {
	Withdraw(ctx context.Context, r run.Run, reason string) error
	Detail(ctx context.Context, runID string) (apiv1.RunDetail, error)
}

// Presence knows which hosts are there, and tells them to look.
type Presence interface {
	Online(hostID string, now time.Time) bool
	Nudge(hostID, kind string)
}

// Config is what a Service works with; all of it is required.
type Config struct {
	Store    Store
	Seq      func(ctx context.Context) (int64, error) // the newest change
	Plans    Plans
	Runs     Runs
	Presence Presence
	Key      ssh.Signer // the server's plan key
	Log      *slog.Logger
	Now      func() time.Time
}

// Service starts and aborts rollouts, and carries out what Decide says. Nothing is decided from memory but who is there.
type Service struct {
	Config
}

// NewService makes the service; it has nothing to start or stop.
func NewService(c Config) *Service { return &Service{c} }

// Begin starts the rollout of an approved plan. fault.Conflict when it is not approved, too old, or being carried out.
func (s *Service) Begin(ctx context.Context, actor string, req apiv1.StartRollout) (apiv1.Rollout, error) {
	p, err := s.Plans.Plan(ctx, req.Plan)
	if err != nil {
		return apiv1.Rollout{}, err
	}
	now := s.Now()
	if p.State == plan.Approved && now.After(p.NotAfter) {
		return apiv1.Rollout{}, fault.New(fault.Conflict, "the approval of plan %s expired on %s: create it again", p.ID, p.NotAfter.Format(time.RFC3339))
	}
	hosts, err := s.Plans.PlanHosts(ctx, p.ID)
	if err != nil {
		return apiv1.Rollout{}, err
	}
	r := Rollout{ID: id.New(Prefix, now), PlanID: p.ID, State: Running, MaxConcurrent: max(req.MaxConcurrent, 1), StartedAt: now, StartedBy: actor}
	var runs []run.Run
	for i, h := range plan.Members(hosts) {
		runs = append(runs, run.Run{ID: id.New(run.Prefix, now), RolloutID: r.ID, PlanID: p.ID, HostID: h.HostID, HostName: h.HostName, Lock: h.Lock, LeafIndex: i})
	}
	e := s.event(event.RolloutStarted, actor, r, fmt.Sprintf("rollout %s of plan %s started on %d hosts, %d at a time", r.ID, p.ID, len(runs), r.MaxConcurrent))
	if _, err := s.Store.CreateRollout(ctx, r, runs, e); err != nil {
		return apiv1.Rollout{}, err
	}
	return s.Rollout(ctx, r.ID)
}

// Abort starts nothing more; what runs is finished. Aborting again changes nothing. fault.Conflict when the rollout has ended.
func (s *Service) Abort(ctx context.Context, actor, rolloutID string) (apiv1.Rollout, error) {
	for range 5 { // the version moves with every run
		r, err := s.Store.Rollout(ctx, rolloutID)
		if err != nil {
			return apiv1.Rollout{}, err
		}
		switch r.State {
		case Aborting:
			return s.Rollout(ctx, rolloutID)
		case Aborted, Completed:
			return apiv1.Rollout{}, fault.New(fault.Conflict, "rollout %s is %s", r.ID, r.State)
		}
		reason := "aborted by " + strings.TrimPrefix(actor, "user:")
		if r.Reason != "" {
			reason = r.Reason + "; " + reason
		}
		_, err = s.Store.SetRollout(ctx, r.ID, r.Version, Aborting, reason, nil, s.Now(), s.event(event.RolloutAborting, actor, r, fmt.Sprintf("rollout %s is being aborted", r.ID)))
		if err == nil {
			return s.Rollout(ctx, rolloutID)
		}
		if fault.KindOf(err) != fault.Conflict {
			return apiv1.Rollout{}, err
		}
	}
	return apiv1.Rollout{}, fault.New(fault.Unavailable, "rollout %q moves too fast: try again", rolloutID)
}

// Tick decides about every open rollout, and carries out what was decided.
func (s *Service) Tick(ctx context.Context) error {
	open, err := s.Store.OpenRollouts(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range open {
		if err := s.advance(ctx, r); err != nil && fault.KindOf(err) != fault.Conflict { // a conflict: decided from old rows; look again
			errs = append(errs, fmt.Errorf("rollout %s: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) advance(ctx context.Context, r Rollout) error {
	now := s.Now()
	snapshot, p, err := s.snapshot(ctx, r, now)
	if err != nil {
		return err
	}
	if r.State == Halted || r.State == Aborting {
		return s.withdraw(ctx, snapshot, now)
	}
	return s.carryOut(ctx, snapshot, p, Decide(snapshot, now), now)
}

// snapshot reads the rollout's rows. r was read first: its version vouches for everything that is read after it.
func (s *Service) snapshot(ctx context.Context, r Rollout, now time.Time) (Snapshot, plan.Plan, error) {
	out := Snapshot{Rollout: r, Online: map[string]bool{}}
	p, err := s.Plans.Plan(ctx, r.PlanID)
	if err != nil {
		return out, p, err
	}
	out.NotAfter = p.NotAfter
	if out.Runs, err = s.Store.RunsOf(ctx, r.ID); err != nil {
		return out, p, err
	}
	for _, u := range out.Runs {
		out.Online[u.HostID] = s.Presence.Online(u.HostID, now)
	}
	out.Claimed, err = s.Store.Claims(ctx)
	return out, p, err
}

// withdraw takes back what was offered and not accepted when a rollout stops, so that nothing begins after it; then it decides.
func (s *Service) withdraw(ctx context.Context, snapshot Snapshot, now time.Time) error {
	for _, u := range snapshot.Runs {
		if u.State != run.Offered {
			continue
		}
		if err := s.Runs.Withdraw(ctx, u, "the rollout is "+string(snapshot.Rollout.State)); err != nil && fault.KindOf(err) != fault.Conflict {
			return err
		}
	}
	r, err := s.Store.Rollout(ctx, snapshot.Rollout.ID)
	if err != nil {
		return err
	}
	snapshot, p, err := s.snapshot(ctx, r, now)
	if err != nil {
		return err
	}
	return s.carryOut(ctx, snapshot, p, Decide(snapshot, now), now)
}

func (s *Service) carryOut(ctx context.Context, snapshot Snapshot, p plan.Plan, c Change, now time.Time) error {
	r := snapshot.Rollout
	if c.To != "" {
		kind := map[State]string{Halted: event.RolloutHalted, Aborted: event.RolloutAborted, Completed: event.RolloutCompleted}[c.To]
		_, err := s.Store.SetRollout(ctx, r.ID, r.Version, c.To, c.Reason, c.Cancel, now, s.event(kind, "server", r, fmt.Sprintf("rollout %s %s: %s", r.ID, c.To, c.Reason)))
		return err
	}
	if len(c.Grant) == 0 {
		return nil
	}
	hosts, err := s.Plans.PlanHosts(ctx, p.ID)
	if err != nil {
		return err
	}
	members := plan.Members(hosts)
	byID := map[string]run.Run{}
	for _, u := range snapshot.Runs {
		byID[u.ID] = u
	}
	for i, runID := range c.Grant {
		// Each grant raises the version by one; if anything else did too, the rows that were decided from are old.
		if err := s.grant(ctx, r, r.Version+int64(i), p, members, byID[runID], now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) grant(ctx context.Context, r Rollout, version int64, p plan.Plan, members []plan.Host, u run.Run, now time.Time) error {
	e := s.event(event.RunGranted, "server", r, fmt.Sprintf("run %s granted to %s", u.ID, u.HostName))
	e.Host, e.Data["run"] = u.HostID, u.ID
	_, err := s.Store.GrantRun(ctx, GrantWrite{
		RolloutID: r.ID, Version: version, RunID: u.ID, HostID: u.HostID, At: now, Event: e,
		Sign: func(epoch int64) ([]byte, string, error) {
			e.Data["epoch"] = fmt.Sprint(epoch) // the event is appended after this, in the same transaction
			return s.sign(p, members, u, epoch, now)
		},
	})
	if err != nil {
		return err
	}
	s.Presence.Nudge(u.HostID, apiv1.WorkRun)
	return nil
}

func (s *Service) sign(p plan.Plan, members []plan.Host, u run.Run, epoch int64, now time.Time) ([]byte, string, error) {
	text, err := seal.Encode(seal.Grant{
		Version: 1, RunID: u.ID, HostID: u.HostID, PlanSHA256: p.Hash, LockSHA256: u.Lock, Epoch: epoch,
		IssuedAt: now.UTC(), ExpiresAt: now.Add(grantLife).UTC(), LeafIndex: u.LeafIndex, Proof: plan.ProofFor(members, u.LeafIndex),
	})
	if err != nil {
		return nil, "", fmt.Errorf("encoding the grant of run %s: %w", u.ID, err)
	}
	signature, err := seal.Sign(s.Key, seal.NamespaceGrant, text)
	return text, signature, err
}

func (s *Service) event(kind, actor string, r Rollout, text string) event.Event {
	return event.Event{At: s.Now(), Kind: kind, Actor: actor, Text: text, Data: map[string]string{"rollout": r.ID, "plan": r.PlanID}}
}

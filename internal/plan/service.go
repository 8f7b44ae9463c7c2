package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/seal"
)

// Prefixes of ids that plan makes.
const (
	Prefix           = "plan"
	simulationPrefix = "sim"
)

const (
	answerWithin = time.Minute      // hosts that have not answered a new plan by then are not simulated
	silentAfter  = 20 * time.Second // then another host with the same inventory is asked
)

// Candidates lists approved hosts with what decides their part. It is assess that knows; plan does not import it, because the store
// implements plan.Store and assess is tested on the store.
type Candidates interface {
	Candidates(ctx context.Context, selector fleet.Selector) ([]Candidate, error)
}

// Presence knows which hosts are there, and tells them to look.
type Presence interface {
	Online(hostID string, now time.Time) bool
	Nudge(hostID, kind string)
}

// Config is what a Service works with; all of it is required but Approvals and Signers.
type Config struct {
	Store      Store
	Candidates Candidates
	Presence   Presence
	Key        ssh.Signer                    // the server's plan key
	Approvals  int                           // signatures of people that a plan needs beside the server's; 0: none
	Signers    func() ([]seal.Signer, error) // whose signatures count; asked each time
	Log        *slog.Logger
	Now        func() time.Time
}

// Service makes plans, asks hosts about them, and approves them. Nothing about a plan is kept in memory: Tick decides from rows.
type Service struct {
	Config
}

// NewService makes the service; it has nothing to start or stop.
func NewService(c Config) *Service { return &Service{c} }

// Create asks every selected host, or one for all with the same inventory, what it would do. fault.Invalid when no host is selected or
// none has anything of it to do.
func (s *Service) Create(ctx context.Context, actor string, req apiv1.CreatePlan) (apiv1.Plan, error) {
	spec := specOf(req)
	if err := spec.Validate(); err != nil {
		return apiv1.Plan{}, err
	}
	selector, err := fleet.ParseSelector(spec.Selector)
	if err != nil {
		return apiv1.Plan{}, err
	}
	found, err := s.Candidates.Candidates(ctx, selector)
	if err != nil {
		return apiv1.Plan{}, err
	}
	if len(found) == 0 {
		return apiv1.Plan{}, fault.New(fault.Invalid, "no approved host matches %q", spec.Selector)
	}
	now := s.Now()
	p := Plan{ID: id.New(Prefix, now), State: Simulating, Spec: spec, CreatedAt: now, CreatedBy: actor, Deadline: now.Add(answerWithin)}
	hosts, sims, err := Draft(p, s.present(found, now), func() string { return id.New(simulationPrefix, now) })
	if err != nil {
		return apiv1.Plan{}, err
	}
	if len(sims) == 0 {
		return apiv1.Plan{}, fault.New(fault.Invalid, "%s", nothingToDo(hosts))
	}
	if _, err := s.Store.CreatePlan(ctx, p, hosts, sims, s.event(event.PlanCreated, actor, p.ID, fmt.Sprintf("plan %s created: %s, %d hosts", p.ID, summary(spec), len(hosts)))); err != nil {
		return apiv1.Plan{}, err
	}
	for _, sim := range sims {
		s.Presence.Nudge(sim.HostID, apiv1.WorkSimulate)
	}
	return s.Plan(ctx, p.ID)
}

func specOf(req apiv1.CreatePlan) Spec {
	spec := Spec{Selector: req.Selector, Security: req.Security, Packages: req.Packages, Exclude: req.Exclude, Fixes: req.Fixes,
		AllowRemovals: req.AllowRemovals, AllowNew: req.AllowNew, Reboot: req.Reboot}
	if spec.Reboot == "" {
		spec.Reboot = "never"
	}
	return spec
}

// present puts hosts that are there first, so that the question to a group goes to one that can answer.
func (s *Service) present(found []Candidate, now time.Time) []Candidate {
	var here, away []Candidate
	for _, c := range found {
		if s.Presence.Online(c.HostID, now) {
			here = append(here, c)
		} else {
			away = append(away, c)
		}
	}
	return append(here, away...)
}

func nothingToDo(hosts []Host) string {
	unknown := 0
	for _, h := range hosts {
		if h.State == NotSimulated {
			unknown++
		}
	}
	text := fmt.Sprintf("nothing that was asked for is pending on any of %d hosts", len(hosts))
	if unknown > 0 {
		text = fmt.Sprintf("nothing that was asked for is known to be pending on any of %d hosts; of %d the updates are not known", len(hosts), unknown)
	}
	return text
}

// Tick does what time and answers ask for: another host is asked where one stays silent, and plans whose answers are in are settled.
func (s *Service) Tick(ctx context.Context) error {
	plans, err := s.Store.SimulatingPlans(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range plans {
		if err := s.advance(ctx, p); err != nil && fault.KindOf(err) != fault.Conflict { // a conflict: someone else did it, or cancelled
			errs = append(errs, fmt.Errorf("plan %s: %w", p.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) advance(ctx context.Context, p Plan) error {
	now := s.Now()
	sims, err := s.Store.Simulations(ctx, p.ID)
	if err != nil {
		return err
	}
	hosts, err := s.Store.PlanHosts(ctx, p.ID)
	if err != nil {
		return err
	}
	if !Done(p, sims, now) {
		return s.askOthers(ctx, hosts, sims, now)
	}
	settled, hosts, locks, err := Settle(p, hosts, sims, now)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("plan %s is ready: %d of %d hosts would change, in %d cohorts", p.ID, len(Members(hosts)), len(hosts), len(locks))
	_, err = s.Store.SettlePlan(ctx, settled, hosts, locks, s.event(event.PlanSettled, "server", p.ID, text))
	return err
}

// askOthers puts questions that stay unanswered to the next host that shares them, at once when the one that was asked is not there.
func (s *Service) askOthers(ctx context.Context, hosts []Host, sims []Simulation, now time.Time) error {
	for _, sim := range sims {
		if sim.Answer != nil {
			continue
		}
		next := s.next(hosts, sim, now)
		if next == "" || (now.Sub(sim.AskedAt) < silentAfter && s.Presence.Online(sim.HostID, now)) {
			continue
		}
		if err := s.Store.AskAnother(ctx, sim.ID, next, now); err != nil {
			return err
		}
		s.Presence.Nudge(next, apiv1.WorkSimulate)
	}
	return nil
}

// next is the host after the one that was asked, round the ones that share the question and are there; empty when there is none.
func (s *Service) next(hosts []Host, sim Simulation, now time.Time) string {
	var sharing []string
	for _, h := range hosts {
		if h.Simulation == sim.ID && (h.HostID == sim.HostID || s.Presence.Online(h.HostID, now)) {
			sharing = append(sharing, h.HostID)
		}
	}
	slices.Sort(sharing)
	i := slices.Index(sharing, sim.HostID)
	if len(sharing) < 2 && i >= 0 || len(sharing) == 0 {
		return ""
	}
	return sharing[(i+1)%len(sharing)]
}

// Work is the question that waits for a host, or "".
func (s *Service) Work(ctx context.Context, hostID string) (string, error) {
	open, err := s.Store.OpenSimulations(ctx, hostID)
	if err != nil || len(open) == 0 {
		return "", err
	}
	return open[0].ID, nil
}

// Simulation is a question to a host. fault.NotFound when there is none, or it is put to another host.
func (s *Service) Simulation(ctx context.Context, hostID, simulationID string) (apiv1.SimulateRequest, error) {
	sim, err := s.asked(ctx, hostID, simulationID)
	if err != nil {
		return apiv1.SimulateRequest{}, err
	}
	var req apiv1.SimulateRequest
	if err := json.Unmarshal(sim.Request, &req); err != nil {
		return req, fmt.Errorf("reading simulation %s: %w", sim.ID, err)
	}
	req.ID = sim.ID
	return req, nil
}

func (s *Service) asked(ctx context.Context, hostID, simulationID string) (Simulation, error) {
	sim, err := s.Store.Simulation(ctx, simulationID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return sim, err
	}
	if err != nil || sim.HostID != hostID {
		return sim, fault.New(fault.NotFound, "this host is asked nothing under %q", clip(simulationID, 64))
	}
	return sim, nil
}

// Answer takes a host's answer; only the first one counts, and only while the plan waits for it.
func (s *Service) Answer(ctx context.Context, hostID, simulationID string, answer apiv1.SimulateAnswer) error {
	sim, err := s.asked(ctx, hostID, simulationID)
	if err != nil {
		return err
	}
	for i := range answer.Changes { // shown, but in no lock, so nothing else checks them
		c := &answer.Changes[i]
		c.Archive, c.Origin = clip(c.Archive, 128), clip(c.Origin, 128)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encoding the answer to %s: %w", sim.ID, err)
	}
	_, err = s.Store.AnswerSimulation(ctx, sim.ID, text, s.Now())
	return err
}

// Cancel ends a plan; fault.Conflict while a rollout carries it out.
func (s *Service) Cancel(ctx context.Context, actor, planID string) error {
	return s.Store.CancelPlan(ctx, planID, s.event(event.PlanCanceled, actor, planID, fmt.Sprintf("plan %s cancelled", clip(planID, 64))))
}

func (s *Service) event(kind, actor, planID, text string) event.Event {
	return event.Event{At: s.Now(), Kind: kind, Actor: actor, Text: text, Data: map[string]string{"plan": planID}}
}

func clip(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}

package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/id"
)

// whole is a plan with everything that is shown of it.
type whole struct {
	plan  Plan
	hosts []Host
	sims  []Simulation
	locks []Lock
	sigs  []Signature
}

func (s *Service) read(ctx context.Context, p Plan) (w whole, err error) {
	w.plan = p
	if w.hosts, err = s.Store.PlanHosts(ctx, p.ID); err != nil {
		return w, err
	}
	if w.sims, err = s.Store.Simulations(ctx, p.ID); err != nil {
		return w, err
	}
	if w.locks, err = s.locks(ctx, w.hosts); err != nil {
		return w, err
	}
	w.sigs, err = s.Store.Signatures(ctx, p.ID)
	return w, err
}

// locks are those of the hosts that would change.
func (s *Service) locks(ctx context.Context, hosts []Host) ([]Lock, error) {
	var hashes []string
	for _, h := range Members(hosts) {
		hashes = append(hashes, h.Lock)
	}
	return s.Store.Locks(ctx, hashes)
}

// Plan is one plan as it is shown; Rollouts is left empty. fault.NotFound.
func (s *Service) Plan(ctx context.Context, planID string) (apiv1.Plan, error) {
	p, err := s.Store.Plan(ctx, planID)
	if err != nil {
		return apiv1.Plan{}, err
	}
	w, err := s.read(ctx, p)
	if err != nil {
		return apiv1.Plan{}, err
	}
	return w.show(s.Approvals, s.Now())
}

func (w whole) show(required int, now time.Time) (apiv1.Plan, error) {
	p := w.plan
	out := apiv1.Plan{
		ID: p.ID, State: string(p.State), Spec: p.Spec.wire(), CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy, ApprovedAt: optional(p.ApprovedAt),
		ApprovedBy: p.ApprovedBy, NotAfter: optional(p.NotAfter), Hash: p.Hash, Required: required,
		Signatures: []apiv1.PlanSignature{}, Hosts: []apiv1.PlanHost{}, Cohorts: []apiv1.PlanCohort{}, Rollouts: []string{},
		Changes: Overview(w.hosts, w.locks), Blockers: Blockers(p, w.hosts, now),
	}
	out.Asked = len(w.sims)
	for _, sim := range w.sims {
		if sim.Answer != nil {
			out.Answered++
		}
	}
	if out.Blockers == nil {
		out.Blockers = []string{}
	}
	out.Approvable = p.State == Ready && len(out.Blockers) == 0
	for _, sig := range w.sigs {
		out.Signatures = append(out.Signatures, apiv1.PlanSignature{Principal: sig.Principal, Fingerprint: sig.Fingerprint, At: sig.At})
	}
	for _, h := range w.hosts {
		out.Hosts = append(out.Hosts, apiv1.PlanHost{HostID: h.HostID, Host: h.HostName, State: string(h.State), Reason: h.Reason, Cohort: h.Lock})
	}
	slices.SortFunc(out.Hosts, func(a, b apiv1.PlanHost) int { return strings.Compare(a.Host+"\x00"+a.HostID, b.Host+"\x00"+b.HostID) })
	if err := w.cohorts(&out); err != nil {
		return out, err
	}
	w.worth(out.Changes)
	return out, nil
}

// cohorts fills in the groups of like hosts and what is summed over them. A reboot is expected where any answer with that lock says so.
func (w whole) cohorts(out *apiv1.Plan) error {
	hosts, answers := map[string]int{}, map[string]apiv1.SimulateAnswer{}
	of := map[string]string{} // simulation to lock
	for _, h := range Members(w.hosts) {
		hosts[h.Lock]++
		of[h.Simulation] = h.Lock
	}
	for _, sim := range w.sims {
		lock := of[sim.ID]
		if lock == "" {
			continue
		}
		var a apiv1.SimulateAnswer
		if err := json.Unmarshal(sim.Answer, &a); err != nil {
			return fmt.Errorf("reading the answer to %s: %w", sim.ID, err)
		}
		a.Reboot = a.Reboot || answers[lock].Reboot
		answers[lock] = a
	}
	for _, l := range w.locks {
		from := map[[2]string]apiv1.LockChange{}
		for _, c := range answers[l.Hash].Changes {
			from[[2]string{c.Name, c.Arch}] = c
		}
		c := apiv1.PlanCohort{Lock: l.Hash, Hosts: hosts[l.Hash], Changes: l.Wire(), Reboot: answers[l.Hash].Reboot, Restarts: []string{}}
		for i := range c.Changes {
			said := from[[2]string{c.Changes[i].Name, c.Changes[i].Arch}]
			c.Changes[i].Archive, c.Changes[i].Origin = said.Archive, said.Origin
			c.Download += c.Changes[i].Size
		}
		out.Cohorts = append(out.Cohorts, c)
		out.Download += c.Download * int64(c.Hosts)
		if c.Reboot {
			out.Reboots += c.Hosts
		}
	}
	slices.SortStableFunc(out.Cohorts, func(a, b apiv1.PlanCohort) int { return b.Hosts - a.Hosts })
	return nil
}

// Wire is what a lock changes.
func (l Lock) Wire() []apiv1.LockChange {
	out := make([]apiv1.LockChange, 0, len(l.Lock.Changes))
	for _, c := range l.Lock.Changes {
		out = append(out, apiv1.LockChange{Name: c.Name, Arch: c.Arch, Action: c.Action, From: c.From, To: c.To, SHA256: c.SHA256, Size: c.Size})
	}
	return out
}

// worth says of each change what it is good for, as was known when the plan was made.
func (w whole) worth(changes []apiv1.PlanChange) {
	for i := range changes {
		c := &changes[i]
		for _, sim := range w.sims {
			fix, ok := sim.Fixes[c.Name]
			if !ok || fix.To != c.To {
				continue
			}
			c.Security = c.Security || fix.Security
			for _, v := range fix.Fixes {
				if !slices.Contains(c.Fixes, v) {
					c.Fixes = append(c.Fixes, v)
				}
			}
			c.FixCount = max(c.FixCount, fix.Count, len(c.Fixes))
		}
		c.Fixes = c.Fixes[:min(len(c.Fixes), mostFixes)]
	}
}

func (s Spec) wire() apiv1.CreatePlan {
	return apiv1.CreatePlan{Selector: s.Selector, Security: s.Security, Packages: s.Packages, Exclude: s.Exclude, Fixes: s.Fixes,
		AllowRemovals: s.AllowRemovals, AllowNew: s.AllowNew, Reboot: s.Reboot}
}

// Plans is a page of plans, newest first. fault.Invalid for a cursor that is none.
func (s *Service) Plans(ctx context.Context, cursor string, limit int) (apiv1.PlanPage, error) {
	page := apiv1.PlanPage{Items: []apiv1.PlanRow{}}
	if cursor != "" && !id.Valid(Prefix, cursor) {
		return page, fault.New(fault.Invalid, "cursor %q is not one that this list gave", clip(cursor, 64))
	}
	plans, err := s.Store.Plans(ctx, cursor, limit)
	if err != nil {
		return page, err
	}
	for _, p := range plans {
		hosts, err := s.Store.PlanHosts(ctx, p.ID)
		if err != nil {
			return page, err
		}
		locks, err := s.locks(ctx, hosts)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, apiv1.PlanRow{ID: p.ID, State: string(p.State), CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy,
			Hosts: len(hosts), Changes: len(Overview(hosts, locks)), Summary: summary(p.Spec)})
	}
	if len(plans) == limit {
		page.Next = plans[len(plans)-1].ID
	}
	return page, nil
}

// summary is what was asked for, in words.
func summary(s Spec) string {
	what := "all updates"
	if s.Security {
		what = "security updates"
	}
	if len(s.Packages) > 0 {
		what += " of " + list(slices.Clone(s.Packages))
	}
	if len(s.Fixes) > 0 {
		what += " that fix " + list(slices.Clone(s.Fixes))
	}
	if len(s.Exclude) > 0 {
		what += " but " + list(slices.Clone(s.Exclude))
	}
	if s.Selector == "" {
		return what + " on every host"
	}
	return what + " on hosts with " + s.Selector
}

// Bytes is what an approver signs, with every lock that the bytes name. fault.Conflict before the plan is ready.
func (s *Service) Bytes(ctx context.Context, planID string) (apiv1.PlanBytes, error) {
	out := apiv1.PlanBytes{Locks: [][]byte{}}
	p, err := s.Store.Plan(ctx, planID)
	if err != nil {
		return out, err
	}
	if p.Bytes == nil {
		return out, fault.New(fault.Conflict, "plan %s is %s: there is nothing to sign yet", p.ID, p.State)
	}
	out.Bytes, out.Hash = p.Bytes, p.Hash
	hosts, err := s.Store.PlanHosts(ctx, planID)
	if err != nil {
		return out, err
	}
	locks, err := s.locks(ctx, hosts)
	for _, l := range locks {
		out.Locks = append(out.Locks, l.Bytes)
	}
	return out, err
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

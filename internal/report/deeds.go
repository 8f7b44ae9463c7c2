package report

import (
	"context"
	"fmt"
	"slices"

	"github.com/staunch-dev/staunch/internal/run"
)

// serverPrincipal is how a plan's own signature by the server is listed: it approves nothing by itself.
const serverPrincipal = "server"

// deeds are what runs of a host set out to do; runs that never began did nothing.
func (p *past) deeds(ctx context.Context, hostID string) ([]Deed, error) {
	runs, err := p.store.RunsOfHost(ctx, hostID, rowPage)
	if err != nil {
		return nil, fmt.Errorf("reading runs: %w", err)
	}
	var out []Deed
	for _, r := range runs {
		if r.AcceptedAt.IsZero() || r.State == run.Stale {
			continue
		}
		d := Deed{Run: r.ID, Rollout: r.RolloutID, Plan: r.PlanID, State: string(r.State), Accepted: r.AcceptedAt, Ended: r.EndedAt}
		if d.Brings, err = p.brings(ctx, r.Lock); err != nil {
			return nil, err
		}
		a, err := p.approval(ctx, r.PlanID)
		if err != nil {
			return nil, err
		}
		d.ApprovedBy, d.ApprovedAt = a.by, a.at
		out = append(out, d)
	}
	return out, nil
}

// brings is a lock as what each package is afterwards.
func (p *past) brings(ctx context.Context, hash string) (map[Package]string, error) {
	if known, ok := p.locks[hash]; ok {
		return known, nil
	}
	locks, err := p.store.Locks(ctx, []string{hash})
	if err != nil {
		return nil, fmt.Errorf("reading lock %s: %w", hash, err)
	}
	out := map[Package]string{}
	for _, l := range locks {
		for _, c := range l.Lock.Changes {
			out[Package{c.Name, c.Arch}] = c.To
		}
	}
	p.locks[hash] = out
	return out, nil
}

// approval is who approved a plan: the account that did, and the people whose signatures it carries.
func (p *past) approval(ctx context.Context, planID string) (approval, error) {
	if known, ok := p.plans[planID]; ok {
		return known, nil
	}
	found, err := p.store.Plan(ctx, planID)
	if err != nil {
		return approval{}, fmt.Errorf("reading plan %s: %w", planID, err)
	}
	signatures, err := p.store.Signatures(ctx, planID)
	if err != nil {
		return approval{}, fmt.Errorf("reading signatures of plan %s: %w", planID, err)
	}
	a := approval{at: found.ApprovedAt}
	if found.ApprovedBy != "" {
		a.by = append(a.by, found.ApprovedBy)
	}
	for _, s := range signatures {
		if s.Principal != serverPrincipal && !slices.Contains(a.by, s.Principal) {
			a.by = append(a.by, s.Principal)
		}
	}
	p.plans[planID] = a
	return a, nil
}

package plan

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// serverPrincipal is whose the server's own signature is.
const serverPrincipal = "server"

// Approve approves a plan for someone who saw the hash in req. Where the site asks for signatures of people, it adds one, and the last
// that is needed approves; then the server signs too. fault.Conflict when the plan is not the one that was seen, or cannot be approved;
// fault.Invalid and fault.Forbidden for signatures that do not count.
func (s *Service) Approve(ctx context.Context, actor, planID string, req apiv1.ApprovePlan) (apiv1.Plan, error) {
	p, err := s.Store.Plan(ctx, planID)
	if err != nil {
		return apiv1.Plan{}, err
	}
	hosts, err := s.Store.PlanHosts(ctx, planID)
	if err != nil {
		return apiv1.Plan{}, err
	}
	now := s.Now()
	if err := CheckApproval(p, hosts, req.Hash, now); err != nil {
		return apiv1.Plan{}, err
	}
	had, err := s.Store.Signatures(ctx, planID)
	if err != nil {
		return apiv1.Plan{}, err
	}
	sigs, people, err := s.signatures(p, had, req.Signature)
	if err != nil {
		return apiv1.Plan{}, err
	}
	enough := len(people) >= s.Approvals
	e := s.event(event.PlanSigned, actor, planID, fmt.Sprintf("plan %s signed: %d of %d", planID, len(people), s.Approvals))
	if enough {
		own, err := s.sign(p)
		if err != nil {
			return apiv1.Plan{}, err
		}
		sigs = append(sigs, own)
		e = s.event(event.PlanApproved, actor, planID, fmt.Sprintf("plan %s approved for %d hosts", planID, len(Members(hosts))))
	}
	e.Data["hash"] = p.Hash
	if len(people) > 0 {
		e.Data["signers"] = fmt.Sprint(people)
	}
	if _, err := s.Store.SignPlan(ctx, planID, p.Hash, sigs, enough, actor, now, p.NotAfter, e); err != nil {
		return apiv1.Plan{}, err
	}
	return s.Plan(ctx, planID)
}

// signatures gives the new signature, if there is one, and everybody whose signature counts with it.
func (s *Service) signatures(p Plan, had []Signature, armored string) (sigs []Signature, people []string, err error) {
	if armored == "" {
		if s.Approvals > 0 {
			return nil, nil, fault.New(fault.Invalid, "this site asks for the signatures of %d people: approve with an SSH key of allowed_signers", s.Approvals)
		}
		return nil, nil, nil
	}
	signers, err := s.Signers()
	if err != nil {
		return nil, nil, err
	}
	now := s.Now()
	key, err := seal.Verify(armored, seal.NamespacePlan, p.Bytes)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "the signature is none over this plan, in namespace %s: %v", seal.NamespacePlan, err)
	}
	who := seal.Approvers(signers, p.Bytes, []string{armored}, now)
	if len(who) == 0 {
		return nil, nil, fault.New(fault.Forbidden, "the key %s may not approve: the server's allowed_signers does not name it for plans now", ssh.FingerprintSHA256(key))
	}
	all := []string{}
	for _, sig := range had {
		all = append(all, sig.Armored)
	}
	before := seal.Approvers(signers, p.Bytes, all, now)
	people = seal.Approvers(signers, p.Bytes, append(all, armored), now)
	if len(people) == len(before) && slices.Contains(before, who[0]) {
		return nil, nil, fault.New(fault.Conflict, "%s has signed this plan already; %d of %d have", who[0], len(before), s.Approvals)
	}
	return []Signature{{PlanID: p.ID, Principal: who[0], Fingerprint: ssh.FingerprintSHA256(key), Armored: armored, At: now}}, people, nil
}

func (s *Service) sign(p Plan) (Signature, error) {
	armored, err := seal.Sign(s.Key, seal.NamespacePlan, p.Bytes)
	if err != nil {
		return Signature{}, fmt.Errorf("signing plan %s: %w", p.ID, err)
	}
	return Signature{PlanID: p.ID, Principal: serverPrincipal, Fingerprint: ssh.FingerprintSHA256(s.Key.PublicKey()), Armored: armored, At: s.Now()}, nil
}

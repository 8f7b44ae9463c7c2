package plan

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

// approvalLife is how long a plan may be started after it settled: an approval older than a week was given for another world (ROLLOUT §1.6).
const approvalLife = 7 * 24 * time.Hour

// Done reports whether a plan can be settled: every question has its answer, or the time for answers is up.
func Done(p Plan, sims []Simulation, now time.Time) bool {
	return !now.Before(p.Deadline) || !slices.ContainsFunc(sims, func(s Simulation) bool { return s.Answer == nil })
}

// Settle turns answers into the final preview: what each host would do, the locks of its cohorts, and the plan's exact bytes. It is pure.
// A host without a usable answer is not in the bytes, so it cannot be approved with them.
func Settle(p Plan, hosts []Host, sims []Simulation, now time.Time) (Plan, []Host, []Lock, error) {
	answers := make(map[string]verdict, len(sims))
	locks := map[string]Lock{}
	for _, sim := range sims {
		v, err := judge(p.Spec, sim)
		if err != nil {
			return p, nil, nil, err
		}
		if v.lock.Hash != "" {
			locks[v.lock.Hash] = v.lock
		}
		answers[sim.ID] = v
	}
	hosts = slices.Clone(hosts)
	for i, h := range hosts {
		if h.State == Waiting {
			v := answers[h.Simulation]
			hosts[i].State, hosts[i].Reason, hosts[i].Lock = v.state, v.reason, v.lock.Hash
		}
	}
	slices.SortFunc(hosts, func(a, b Host) int { return strings.Compare(a.HostID, b.HostID) })
	p.State = Ready
	document := seal.Plan{
		Version: 1, ID: p.ID, Kind: "patch", CreatedAt: p.CreatedAt.UTC(), CreatedBy: p.CreatedBy,
		NotBefore: p.CreatedAt.UTC(), NotAfter: now.Add(approvalLife).UTC(),
		Reboot: p.Spec.Reboot, AllowRemovals: p.Spec.AllowRemovals, AllowNew: p.Spec.AllowNew,
	}
	members := Members(hosts)
	root := seal.Root(leaves(members))
	document.HostsRoot, document.Hosts = hex.EncodeToString(root[:]), len(members)
	out := make([]Lock, 0, len(locks))
	for _, l := range locks {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Lock) int { return strings.Compare(a.Hash, b.Hash) })
	for _, l := range out {
		document.Locks = append(document.Locks, l.Hash)
	}
	bytes, err := seal.Encode(document)
	if err != nil {
		return p, nil, nil, fmt.Errorf("encoding plan %s: %w", p.ID, err)
	}
	p.Bytes, p.Hash, p.NotAfter = bytes, seal.Sum(bytes), document.NotAfter
	return p, hosts, out, nil
}

// Members are the hosts that a plan's bytes name, in the order of its Merkle tree: by host id.
func Members(hosts []Host) []Host {
	members := slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return h.State != Simulated })
	slices.SortFunc(members, func(a, b Host) int { return strings.Compare(a.HostID, b.HostID) })
	return members
}

func leaves(members []Host) []seal.Hash {
	out := make([]seal.Hash, len(members))
	for i, h := range members {
		out[i] = seal.Leaf(h.HostID, h.Lock)
	}
	return out
}

// ProofFor is the inclusion proof of member i, as a grant carries it.
func ProofFor(members []Host, i int) []string {
	var out []string
	for _, h := range seal.Proof(leaves(members), i) {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

// verdict is what one answer means for the hosts that share it.
type verdict struct {
	state  HostState
	reason string
	lock   Lock
}

// judge reads one answer. Everything in it came from a host and is checked as strictly as the root half will check the lock.
func judge(spec Spec, sim Simulation) (verdict, error) {
	if sim.Answer == nil {
		return verdict{state: NotSimulated, reason: "no answer in time"}, nil
	}
	var a apiv1.SimulateAnswer
	var request apiv1.SimulateRequest
	if err := json.Unmarshal(sim.Request, &request); err != nil {
		return verdict{}, fmt.Errorf("reading simulation %s: %w", sim.ID, err)
	}
	if err := json.Unmarshal(sim.Answer, &a); err != nil {
		return verdict{state: NotSimulated, reason: "its answer cannot be read"}, nil
	}
	switch {
	case !a.Known:
		return verdict{state: NotSimulated, reason: "its package manager could not say: " + unknown(a.Problem)}, nil
	case stale(sim, a):
		return verdict{state: NotSimulated, reason: "its inventory changed while it was asked; create the plan again"}, nil
	case !a.Able:
		return verdict{state: Refused, reason: "it cannot be patched: " + unknown(a.Unable)}, nil
	}
	if reason := unwanted(spec, request, a); reason != "" {
		return verdict{state: Refused, reason: reason}, nil
	}
	document := seal.Lock{Version: 1, Manager: "apt"}
	for _, c := range a.Changes {
		document.Changes = append(document.Changes, seal.Change{
			Name: c.Name, Arch: c.Arch, Action: c.Action, From: c.From, To: c.To, SHA256: c.SHA256, Size: c.Size,
		})
	}
	bytes, err := seal.Encode(document)
	if err != nil {
		return verdict{}, fmt.Errorf("encoding the lock of simulation %s: %w", sim.ID, err)
	}
	document = seal.Lock{}                                   // decoding into a slice that is there would keep fields that its JSON leaves out
	if err := json.Unmarshal(bytes, &document); err != nil { // sorted now
		return verdict{}, fmt.Errorf("reading the lock of simulation %s: %w", sim.ID, err)
	}
	if err := document.Validate(seal.Plan{AllowRemovals: spec.AllowRemovals, AllowNew: spec.AllowNew}); err != nil {
		return verdict{state: Refused, reason: err.Error()}, nil
	}
	return verdict{state: Simulated, lock: Lock{Hash: seal.Sum(bytes), Bytes: bytes, Lock: document}}, nil
}

// unwanted says why what a host would do is not what was asked for, or "".
func unwanted(spec Spec, request apiv1.SimulateRequest, a apiv1.SimulateAnswer) string {
	var removed, added []string
	got := map[[2]string]string{}
	for _, c := range a.Changes {
		switch c.Action {
		case apiv1.ActionRemove:
			removed = append(removed, c.Name)
		case apiv1.ActionInstall:
			added = append(added, c.Name)
		}
		got[[2]string{c.Name, c.Arch}] = c.To
	}
	if len(removed) > 0 && !spec.AllowRemovals {
		return "it would remove " + list(removed) + "; allow removals if that is meant"
	}
	if len(added) > 0 && !spec.AllowNew {
		return "it would add " + list(added) + "; allow new packages if that is meant"
	}
	for _, want := range request.Packages {
		if to := got[[2]string{want.Name, want.Arch}]; to != want.Version {
			return fmt.Sprintf("its package manager would not bring %s to %s", want.Name, want.Version)
		}
	}
	return ""
}

// list names the first five and counts the rest.
func list(names []string) string {
	slices.Sort(names)
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

// Blockers are the reasons why a plan cannot be approved; none means that it can.
func Blockers(p Plan, hosts []Host, now time.Time) []string {
	var out []string
	switch {
	case p.State == Simulating:
		out = append(out, "hosts are still being asked")
	case p.State == Canceled:
		out = append(out, "it was cancelled")
	case p.State == Ready && len(Members(hosts)) == 0:
		out = append(out, "no host would do anything that may be approved")
	case p.State == Ready && now.After(p.NotAfter):
		out = append(out, "it is older than a week; create it again")
	}
	return out
}

// CheckApproval says whether an approver who saw hash may approve p now.
func CheckApproval(p Plan, hosts []Host, hash string, now time.Time) error {
	if p.Hash != hash && p.State != Simulating {
		return fault.New(fault.Conflict, "the plan is not the one that you saw: look at it again")
	}
	if p.State == Approved {
		return fault.New(fault.Conflict, "the plan is approved already")
	}
	if b := Blockers(p, hosts, now); len(b) > 0 {
		return fault.New(fault.Conflict, "the plan cannot be approved: %s", strings.Join(b, "; "))
	}
	return nil
}

// Overview sums a settled plan's locks over its hosts, most widespread change first.
func Overview(hosts []Host, locks []Lock) []apiv1.PlanChange {
	weight := map[string]int{}
	for _, h := range Members(hosts) {
		weight[h.Lock]++
	}
	type key struct{ name, action, to string }
	sum := map[key]*apiv1.PlanChange{}
	for _, l := range locks {
		for _, c := range l.Lock.Changes {
			k := key{c.Name, c.Action, c.To}
			if sum[k] == nil {
				sum[k] = &apiv1.PlanChange{Name: c.Name, Action: c.Action, To: c.To, From: []string{}, Fixes: []string{}}
			}
			sum[k].Hosts += weight[l.Hash]
			if c.From != "" && !slices.Contains(sum[k].From, c.From) {
				sum[k].From = append(sum[k].From, c.From)
			}
		}
	}
	out := make([]apiv1.PlanChange, 0, len(sum))
	for _, c := range sum {
		slices.Sort(c.From)
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b apiv1.PlanChange) int {
		return cmp.Or(cmp.Compare(b.Hosts, a.Hosts), strings.Compare(a.Name, b.Name), strings.Compare(a.To, b.To))
	})
	return out
}

package seal

import (
	"encoding/hex"
	"fmt"
	"slices"
)

// Member is a host of a plan with the lock that it gets.
type Member struct{ HostID, Lock string }

// Reviewed is a plan whose documents fit each other.
type Reviewed struct {
	Plan  Plan
	Hash  string          // of the plan's bytes: what an approval is for
	Locks map[string]Lock // by hash
}

// Review is what an approver's own program checks before it approves, so that it need not believe the server's summary: the plan can be
// read in full, is the one that was asked for, names exactly these locks, each of which does only what the plan allows, and is for
// exactly these hosts. The error is safe to show.
func Review(id string, plan []byte, locks [][]byte, members []Member) (Reviewed, error) {
	r := Reviewed{Hash: Sum(plan), Locks: map[string]Lock{}}
	if len(plan) > MaxPlanBytes {
		return r, refuse(Malformed, "the plan is larger than %d MiB", MaxPlanBytes>>20)
	}
	if err := decode(plan, &r.Plan); err != nil {
		return r, refuse(Malformed, "the plan cannot be read: %v", err)
	}
	if r.Plan.Version != 1 || r.Plan.Kind != "patch" {
		return r, refuse(Malformed, "the plan is of a kind or version that is not known here")
	}
	if r.Plan.ID != id {
		return r, refuse(OtherPlan, "the bytes are those of plan %q, not of %q", r.Plan.ID, id)
	}
	for _, text := range locks {
		if err := r.lock(text); err != nil {
			return r, err
		}
	}
	for _, hash := range r.Plan.Locks {
		if _, ok := r.Locks[hash]; !ok {
			return r, refuse(LockMismatch, "the plan names lock %.12s…, which is not here", hash)
		}
	}
	return r, r.hosts(members)
}

func (r Reviewed) lock(text []byte) error {
	hash := Sum(text)
	if !slices.Contains(r.Plan.Locks, hash) {
		return refuse(LockMismatch, "the plan does not name lock %.12s…", hash)
	}
	var l Lock
	if len(text) > MaxPlanBytes {
		return refuse(Malformed, "lock %.12s… is larger than %d MiB", hash, MaxPlanBytes>>20)
	}
	if err := decode(text, &l); err != nil {
		return refuse(Malformed, "lock %.12s… cannot be read: %v", hash, err)
	}
	if err := l.Validate(r.Plan); err != nil {
		return fmt.Errorf("lock %.12s…: %w", hash, err)
	}
	r.Locks[hash] = l
	return nil
}

// hosts compares the members with the plan's root: the order is that of host ids.
func (r Reviewed) hosts(members []Member) error {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b Member) int {
		switch {
		case a.HostID < b.HostID:
			return -1
		case a.HostID > b.HostID:
			return 1
		}
		return 0
	})
	leaves := make([]Hash, len(members))
	for i, m := range members {
		if _, ok := r.Locks[m.Lock]; !ok {
			return refuse(LockMismatch, "host %s gets lock %.12s…, which the plan does not name", m.HostID, m.Lock)
		}
		leaves[i] = Leaf(m.HostID, m.Lock)
	}
	root := Root(leaves)
	if len(members) != r.Plan.Hosts || hex.EncodeToString(root[:]) != r.Plan.HostsRoot {
		return refuse(OtherHost, "the plan is not for the %d hosts that are listed", len(members))
	}
	return nil
}

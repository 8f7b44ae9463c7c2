package plan

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
)

var now = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func update(name, to string, security bool, state string) apiv1.Update {
	return apiv1.Update{Name: name, Arch: "amd64", Action: apiv1.ActionUpgrade, From: "1.0", To: to, Security: security, State: state}
}

func candidate(id string, digest string, updates ...apiv1.Update) Candidate {
	return Candidate{
		HostID: id, HostName: id, Updates: apiv1.Updates{Known: true, Updates: updates},
		Digests: map[string]string{apiv1.SectionPackages: digest, apiv1.SectionUpdates: "u", apiv1.SectionRepositories: "r"},
		Fixes:   map[string][]string{"openssl": {"CVE-2026-1"}},
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	c := candidate("a", "d",
		update("openssl", "1.1", true, apiv1.UpdateInstallable), update("vim", "2", false, apiv1.UpdateInstallable),
		update("linux-image-amd64", "6", true, apiv1.UpdateHeld), update("bash", "2", true, apiv1.UpdatePhased),
		apiv1.Update{Name: "new", Arch: "amd64", Action: apiv1.ActionInstall, To: "1", State: apiv1.UpdateInstallable})
	for name, tc := range map[string]struct {
		spec Spec
		want []string
	}{
		"everything that can be installed": {Spec{}, []string{"openssl", "vim"}},
		"security":                         {Spec{Security: true}, []string{"openssl"}},
		"by glob":                          {Spec{Packages: []string{"v*"}}, []string{"vim"}},
		"all but":                          {Spec{Exclude: []string{"open*"}}, []string{"vim"}},
		"by vulnerability":                 {Spec{Fixes: []string{"CVE-2026-1"}}, []string{"openssl"}},
		"vulnerability that is not there":  {Spec{Fixes: []string{"CVE-2026-2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range Choose(tc.spec, c) {
				got = append(got, e.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateNamesTheBadGlob(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec Spec
		ok   bool
	}{
		"good":       {Spec{Packages: []string{"linux-*"}, Reboot: "never"}, true},
		"open class": {Spec{Packages: []string{"[a"}, Reboot: "never"}, false},
		"empty":      {Spec{Exclude: []string{""}, Reboot: "never"}, false},
		"reboot":     {Spec{Reboot: "now"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tc.spec.Validate(); (err == nil) != tc.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// draft makes a plan of two like hosts, one unlike, one with nothing to do and one whose updates are not known.
func draft(t *testing.T, spec Spec) (Plan, []Host, []Simulation) {
	t.Helper()
	up := update("openssl", "1.1", true, apiv1.UpdateInstallable)
	broken := candidate("e", "d")
	broken.Updates = apiv1.Updates{Problem: "dpkg was interrupted"}
	p := Plan{ID: "plan_1", State: Simulating, Spec: spec, CreatedAt: now, CreatedBy: "user:admin", Deadline: now.Add(time.Minute)}
	n := 0
	hosts, sims, err := Draft(p, []Candidate{candidate("b", "same", up), candidate("a", "same", up), candidate("c", "other", up), candidate("d", "same"), broken},
		func() string { n++; return fmt.Sprintf("sim_%d", n) })
	if err != nil {
		t.Fatal(err)
	}
	return p, hosts, sims
}

func TestDraftAsksOncePerDistinctInventory(t *testing.T) {
	t.Parallel()
	_, hosts, sims := draft(t, Spec{})
	if len(sims) != 2 || sims[0].HostID != "b" || sims[1].HostID != "c" {
		t.Errorf("questions %+v, want one to b (for a too) and one to c", sims)
	}
	got := map[string]HostState{}
	for _, h := range hosts {
		got[h.HostID] = h.State
	}
	if diff := cmp.Diff(map[string]HostState{"a": Waiting, "b": Waiting, "c": Waiting, "d": Nothing, "e": NotSimulated}, got); diff != "" {
		t.Error(diff)
	}
	if hosts[0].Simulation != hosts[1].Simulation || hosts[0].Simulation == hosts[2].Simulation {
		t.Error("a and b share a simulation, c has its own")
	}
}

// A host that has never sent its repositories answers with none; that is no change.
func TestAMissingSectionIsNoChange(t *testing.T) {
	t.Parallel()
	c := candidate("a", "d")
	delete(c.Digests, apiv1.SectionRepositories)
	sim := Simulation{Key: simulationKey(c, []apiv1.SimulateEntry{{Name: "x", Arch: "amd64", Version: "1"}})}
	same := apiv1.SimulateAnswer{Sections: map[string]string{apiv1.SectionPackages: "d", apiv1.SectionUpdates: "u"}}
	if stale(sim, same) {
		t.Error("the same inventory counts as changed")
	}
	same.Sections[apiv1.SectionRepositories] = "new"
	if !stale(sim, same) {
		t.Error("repositories that came meanwhile count as no change")
	}
}

func answer(t *testing.T, packagesDigest string, edit func(*apiv1.SimulateAnswer)) []byte {
	t.Helper()
	a := apiv1.SimulateAnswer{Known: true, Able: true,
		Sections: map[string]string{apiv1.SectionPackages: packagesDigest, apiv1.SectionUpdates: "u", apiv1.SectionRepositories: "r"},
		Changes:  []apiv1.LockChange{{Name: "openssl", Arch: "amd64", Action: "upgrade", From: "1.0", To: "1.1", SHA256: strings.Repeat("a", 64), Size: 10}}}
	if edit != nil {
		edit(&a)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSettle(t *testing.T) {
	t.Parallel()
	extra := func(action string) func(*apiv1.SimulateAnswer) {
		return func(a *apiv1.SimulateAnswer) {
			c := apiv1.LockChange{Name: "zlib", Arch: "amd64", Action: action, To: "1", SHA256: strings.Repeat("b", 64), Size: 1}
			if action == "remove" {
				c = apiv1.LockChange{Name: "zlib", Arch: "amd64", Action: action, From: "1"}
			}
			a.Changes = append(a.Changes, c)
		}
	}
	for name, tc := range map[string]struct {
		spec   Spec
		edit   func(*apiv1.SimulateAnswer)
		state  HostState
		reason string
	}{
		"simulated":           {Spec{}, nil, Simulated, ""},
		"removal":             {Spec{}, extra("remove"), Refused, "it would remove zlib"},
		"removal allowed":     {Spec{AllowRemovals: true}, extra("remove"), Simulated, ""},
		"new package":         {Spec{}, extra("install"), Refused, "it would add zlib"},
		"new package allowed": {Spec{AllowNew: true}, extra("install"), Simulated, ""},
		"new package that sorts first": {Spec{AllowNew: true}, func(a *apiv1.SimulateAnswer) {
			a.Changes = append(a.Changes, apiv1.LockChange{Name: "adduser", Arch: "amd64", Action: "install", To: "1", SHA256: strings.Repeat("b", 64), Size: 1})
		}, Simulated, ""},
		"another version": {Spec{}, func(a *apiv1.SimulateAnswer) { a.Changes[0].To = "1.2" }, Refused, "would not bring openssl to 1.1"},
		"not able":        {Spec{}, func(a *apiv1.SimulateAnswer) { a.Able, a.Unable = false, "no systemd" }, Refused, "cannot be patched: no systemd"},
		"could not say":   {Spec{}, func(a *apiv1.SimulateAnswer) { a.Known, a.Problem = false, "broken" }, NotSimulated, "could not say: broken"},
		"inventory moved": {Spec{}, func(a *apiv1.SimulateAnswer) { a.Sections[apiv1.SectionPackages] = "new" }, NotSimulated, "changed while it was asked"},
		"no hash":         {Spec{}, func(a *apiv1.SimulateAnswer) { a.Changes[0].SHA256 = "" }, Refused, "lacks a version, a sha256 or a size"},
		"hostile name": {Spec{}, func(a *apiv1.SimulateAnswer) {
			a.Changes = append(a.Changes, apiv1.LockChange{Name: "-o", Arch: "x", Action: "upgrade"})
		}, Refused, "not a package name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.spec.Reboot = "never"
			p, hosts, sims := draft(t, tc.spec)
			sims[0].Answer = answer(t, "same", tc.edit)
			sims[1].Answer = answer(t, "other", nil)
			got, hosts, locks, err := Settle(p, hosts, sims, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range hosts[:2] { // a and b share the answer
				if h.State != tc.state || !strings.Contains(h.Reason, tc.reason) {
					t.Errorf("%s is %q (%q), want %q (%q)", h.HostID, h.State, h.Reason, tc.state, tc.reason)
				}
			}
			checkProofs(t, got, hosts, locks)
		})
	}
}

// checkProofs holds the plan's bytes against what a root half would check.
func checkProofs(t *testing.T, p Plan, hosts []Host, locks []Lock) {
	t.Helper()
	var document seal.Plan
	if err := json.Unmarshal(p.Bytes, &document); err != nil {
		t.Fatal(err)
	}
	members := Members(hosts)
	if document.Hosts != len(members) || len(document.Locks) != len(locks) || p.Hash != seal.Sum(p.Bytes) {
		t.Fatalf("plan names %d hosts and %d locks; there are %d and %d", document.Hosts, len(document.Locks), len(members), len(locks))
	}
	hash := func(text string) (h seal.Hash) {
		if _, err := hex.Decode(h[:], []byte(text)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	for i, m := range members {
		var path []seal.Hash
		for _, text := range ProofFor(members, i) {
			path = append(path, hash(text))
		}
		if !seal.Includes(hash(document.HostsRoot), seal.Leaf(m.HostID, m.Lock), i, len(members), path) {
			t.Errorf("the proof of %s does not hold", m.HostID)
		}
	}
}

func TestUnansweredHostsAreNotInThePlan(t *testing.T) {
	t.Parallel()
	p, hosts, sims := draft(t, Spec{Reboot: "never"})
	if Done(p, sims, now) {
		t.Error("done before anyone has answered")
	}
	sims[0].Answer = answer(t, "same", nil)
	if Done(p, sims, now) || !Done(p, sims, p.Deadline) {
		t.Error("done when one answer is missing, or not done at the deadline")
	}
	p, hosts, _, err := Settle(p, hosts, sims, p.Deadline)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(Members(hosts)); got != 2 {
		t.Errorf("%d hosts in the plan, want a and b", got)
	}
	if err := CheckApproval(p, hosts, p.Hash, now); err != nil {
		t.Errorf("approval: %v", err)
	}
	if err := CheckApproval(p, hosts, strings.Repeat("0", 64), now); err == nil {
		t.Error("approved with a hash that nobody saw")
	}
	if err := CheckApproval(p, hosts, p.Hash, now.Add(8*24*time.Hour)); err == nil {
		t.Error("approved after a week")
	}
}

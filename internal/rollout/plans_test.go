package rollout_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/seal"
)

func hostStates(p apiv1.Plan) map[string]string {
	out := map[string]string{}
	for _, h := range p.Hosts {
		out[h.Host] = h.State
	}
	return out
}

func TestAPlanIsWhatHostsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "web1", "web2", "db1", "old1", "new1", "lame1")
	w.hosts["old1"].edit = func(a *apiv1.SimulateAnswer) { a.Sections[apiv1.SectionPackages] = "another" }
	w.hosts["new1"].edit = func(a *apiv1.SimulateAnswer) {
		a.Changes = append(a.Changes, apiv1.LockChange{Name: "zlib1g", Arch: "amd64", Action: "install", To: "1", SHA256: strings.Repeat("b", 64), Size: 1})
	}
	w.hosts["lame1"].edit = func(a *apiv1.SimulateAnswer) { a.Able, a.Unable = false, "the root half is not installed" }
	w.hosts["db1"].edit = func(a *apiv1.SimulateAnswer) { a.Reboot = true; a.Changes[0].SHA256 = strings.Repeat("c", 64) }
	p := w.ready(apiv1.CreatePlan{Fixes: []string{"CVE-2026-1"}})
	if diff := cmp.Diff(map[string]string{"web1": apiv1.PlanHostSimulated, "web2": apiv1.PlanHostSimulated, "db1": apiv1.PlanHostSimulated,
		"old1": apiv1.PlanHostNotSimulated, "new1": apiv1.PlanHostRefused, "lame1": apiv1.PlanHostRefused}, hostStates(p)); diff != "" {
		t.Error(diff)
	}
	if !p.Approvable || len(p.Cohorts) != 2 || p.Cohorts[0].Hosts != 2 || p.Download != 300 || p.Reboots != 1 || p.Cohorts[0].Reboot {
		t.Errorf("plan %+v", p)
	}
	want := []apiv1.PlanChange{{Name: "openssl", Action: "upgrade", From: []string{"3.0.16-1"}, To: to, Hosts: 3, Security: true, Fixes: []string{"CVE-2026-1"}, FixCount: 1}}
	if diff := cmp.Diff(want, p.Changes); diff != "" {
		t.Error(diff)
	}
	if c := p.Cohorts[0].Changes[0]; c.Origin != "Debian" || c.Archive != "bookworm-security" || c.Size != 100 {
		t.Errorf("change %+v", c)
	}
	b, err := w.plans.Bytes(t.Context(), p.ID)
	w.must(err)
	var document seal.Plan
	w.must(json.Unmarshal(b.Bytes, &document))
	if document.Hosts != 3 || len(b.Locks) != 2 || seal.Sum(b.Locks[0]) != document.Locks[0] || seal.Sum(b.Bytes) != p.Hash {
		t.Errorf("bytes %+v", document)
	}
	page, err := w.plans.Plans(t.Context(), "", 1)
	w.must(err)
	if len(page.Items) != 1 || page.Next != p.ID || page.Items[0].Changes != 1 || page.Items[0].Hosts != 6 || page.Items[0].Summary != "all updates that fix CVE-2026-1 on every host" {
		t.Errorf("page %+v", page)
	}
}

func TestPlansThatAskForNothingAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "web1")
	for name, req := range map[string]apiv1.CreatePlan{
		"nothing pending": {Packages: []string{"vim"}}, "bad glob": {Packages: []string{"[a"}}, "bad selector": {Selector: "a in ("}, "bad reboot": {Reboot: "now"},
	} {
		if _, err := w.plans.Create(t.Context(), "user:ann", req); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.found = nil
	_, err := w.plans.Create(t.Context(), "user:ann", apiv1.CreatePlan{Selector: "env=none"})
	w.mustBe(fault.Invalid, err)
	if n := w.rows.count; n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestASilentHostIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "web1", "web2", "db1")
	ctx := t.Context()
	p, err := w.plans.Create(ctx, "user:ann", apiv1.CreatePlan{})
	w.must(err)
	asked := func(name string) string {
		id, err := w.plans.Work(ctx, w.hosts[name].id)
		w.must(err)
		return id
	}
	web := asked("web1")
	if web == "" || asked("web2") != "" || asked("db1") == "" {
		t.Fatal("web1 is asked for both web hosts, db1 for itself")
	}
	_, err = w.plans.Simulation(ctx, w.hosts["db1"].id, web)
	w.mustBe(fault.NotFound, err)
	w.mustBe(fault.NotFound, w.plans.Answer(ctx, w.hosts["db1"].id, web, apiv1.SimulateAnswer{}))

	w.at = w.at.Add(19 * time.Second)
	w.tick()
	if asked("web1") != web {
		t.Error("moved before its time")
	}
	w.at = w.at.Add(2 * time.Second)
	w.tick()
	if asked("web2") != web || asked("web1") != "" {
		t.Error("another host of the same inventory is asked after 20 s")
	}
	w.mustBe(fault.NotFound, w.plans.Answer(ctx, w.hosts["web1"].id, web, apiv1.SimulateAnswer{})) // too late: it is asked no more
	w.here.set(w.hosts["web2"].id, false)
	w.tick()
	if asked("web1") != web {
		t.Error("a host that has gone is not waited for")
	}
	w.must(w.hosts["db1"].answer())
	w.at = begin.Add(time.Minute)
	w.tick()
	p, err = w.plans.Plan(ctx, p.ID)
	w.must(err)
	if diff := cmp.Diff(map[string]string{"web1": apiv1.PlanHostNotSimulated, "web2": apiv1.PlanHostNotSimulated, "db1": apiv1.PlanHostSimulated}, hostStates(p)); diff != "" {
		t.Error(diff)
	}
	if !p.Approvable { // without the silent ones
		t.Errorf("blockers %v", p.Blockers)
	}
	var document seal.Plan
	b, err := w.plans.Bytes(ctx, p.ID)
	w.must(err)
	w.must(json.Unmarshal(b.Bytes, &document))
	if document.Hosts != 1 {
		t.Errorf("%d hosts in the bytes", document.Hosts)
	}
}

func TestOnlyWhatWasSeenIsApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "web1")
	ctx := t.Context()
	p, err := w.plans.Create(ctx, "user:ann", apiv1.CreatePlan{})
	w.must(err)
	_, err = w.plans.Approve(ctx, "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	w.mustBe(fault.Conflict, err) // hosts are being asked
	_, err = w.plans.Bytes(ctx, p.ID)
	w.mustBe(fault.Conflict, err)
	_, err = w.rollouts.Begin(ctx, "user:ann", apiv1.StartRollout{Plan: p.ID})
	w.mustBe(fault.Conflict, err)
	w.must(w.hosts["web1"].answer())
	w.tick()
	_, err = w.plans.Approve(ctx, "user:ann", p.ID, apiv1.ApprovePlan{Hash: strings.Repeat("0", 64)})
	w.mustBe(fault.Conflict, err)
	p, err = w.plans.Plan(ctx, p.ID)
	w.must(err)
	w.at = p.NotAfter.Add(time.Second)
	_, err = w.plans.Approve(ctx, "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	w.mustBe(fault.Conflict, err)
	w.at = begin.Add(time.Minute)
	p, err = w.plans.Approve(ctx, "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	w.must(err)
	if p.State != apiv1.PlanApproved || p.ApprovedBy != "user:ann" || len(p.Signatures) != 1 || p.Signatures[0].Principal != "server" || p.Approvable {
		t.Errorf("approved %+v", p)
	}
	_, err = w.plans.Approve(ctx, "user:ann", p.ID, apiv1.ApprovePlan{Hash: p.Hash})
	w.mustBe(fault.Conflict, err)
	w.at = p.NotAfter.Add(time.Second)
	_, err = w.rollouts.Begin(ctx, "user:ann", apiv1.StartRollout{Plan: p.ID})
	w.mustBe(fault.Conflict, err)
	w.must(w.plans.Cancel(ctx, "user:ann", p.ID))
	w.mustBe(fault.Conflict, w.plans.Cancel(ctx, "user:ann", p.ID))
}

// Two of three people must sign; a host that knows them takes the plan, and one that asks for three does not.
func TestTwoPeopleSign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "web1")
	people := map[string]ssh.Signer{}
	file := "# who may approve\n"
	for _, name := range []string{"ann", "bob", "eve"} {
		people[name] = key(t)
		line := name + ` namespaces="staunch-plan" ` + string(ssh.MarshalAuthorizedKey(people[name].PublicKey()))
		if name == "eve" {
			line = name + ` namespaces="git" ` + string(ssh.MarshalAuthorizedKey(people[name].PublicKey()))
		}
		file += line
	}
	var err error
	w.signers, err = seal.ParseAllowedSigners([]byte(file))
	w.must(err)
	w.approvals = 2
	w.reopen()
	p := w.ready(apiv1.CreatePlan{})
	if p.Required != 2 {
		t.Errorf("%d signatures are asked for", p.Required)
	}
	b, err := w.plans.Bytes(t.Context(), p.ID)
	w.must(err)
	sign := func(by ssh.Signer, namespace string, message []byte) string {
		text, err := seal.Sign(by, namespace, message)
		w.must(err)
		return text
	}
	approve := func(signature string) (apiv1.Plan, error) {
		return w.plans.Approve(t.Context(), "user:x", p.ID, apiv1.ApprovePlan{Hash: p.Hash, Signature: signature})
	}
	for name, tc := range map[string]struct {
		signature string
		kind      fault.Kind
	}{
		"none":               {"", fault.Invalid},
		"garbage":            {"hello", fault.Invalid},
		"of other bytes":     {sign(people["ann"], seal.NamespacePlan, []byte("x")), fault.Invalid},
		"for another use":    {sign(people["ann"], "git", b.Bytes), fault.Invalid},
		"of a stranger":      {sign(key(t), seal.NamespacePlan, b.Bytes), fault.Forbidden},
		"of one who may not": {sign(people["eve"], seal.NamespacePlan, b.Bytes), fault.Forbidden},
		"of the server":      {sign(w.key, seal.NamespacePlan, b.Bytes), fault.Forbidden},
	} {
		if _, err := approve(tc.signature); fault.KindOf(err) != tc.kind {
			t.Errorf("%s: %v, want %s", name, err, tc.kind)
		}
	}
	got, err := approve(sign(people["ann"], seal.NamespacePlan, b.Bytes))
	w.must(err)
	if got.State != apiv1.PlanReady || len(got.Signatures) != 1 || got.Signatures[0].Principal != "ann" {
		t.Errorf("after one: %+v", got)
	}
	_, err = approve(sign(people["ann"], seal.NamespacePlan, b.Bytes))
	w.mustBe(fault.Conflict, err)
	_, err = w.rollouts.Begin(t.Context(), "user:x", apiv1.StartRollout{Plan: p.ID})
	w.mustBe(fault.Conflict, err)
	got, err = approve(sign(people["bob"], seal.NamespacePlan, b.Bytes))
	w.must(err)
	if got.State != apiv1.PlanApproved || len(got.Signatures) != 3 {
		t.Errorf("after two: %+v", got)
	}
	r, err := w.rollouts.Begin(t.Context(), "user:x", apiv1.StartRollout{Plan: p.ID})
	w.must(err)
	w.tick()
	w.approvals = 3
	if err := w.hosts["web1"].take(); err == nil || !strings.Contains(err.Error(), "2 of 3 required people") {
		t.Errorf("a host that asks for three: %v", err)
	}
	w.approvals = 2
	w.hosts["web1"].work()
	w.tick()
	if s := w.rollout(r.ID).State; s != apiv1.RolloutCompleted {
		t.Errorf("rollout is %s", s)
	}
}

func TestAHostileAnswerChangesOnlyItsOwnGroup(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*apiv1.SimulateAnswer){
		"option for a name": func(a *apiv1.SimulateAnswer) { a.Changes[0].Name = "--allow-downgrades" },
		"many changes": func(a *apiv1.SimulateAnswer) {
			for i := range 20_001 {
				a.Changes = append(a.Changes, apiv1.LockChange{Name: fmt.Sprint("p", i), Arch: "amd64", Action: "upgrade", From: "1", To: "2", SHA256: strings.Repeat("a", 64), Size: 1})
			}
		},
		"twice the same": func(a *apiv1.SimulateAnswer) { a.Changes = append(a.Changes, a.Changes[0]) },
		"a downgrade":    func(a *apiv1.SimulateAnswer) { a.Changes[0].From = "9" },
		"a long archive": func(a *apiv1.SimulateAnswer) {
			a.Changes[0].Size = -1
			a.Changes[0].Archive = strings.Repeat("x", 1<<20)
		},
		"NUL": func(a *apiv1.SimulateAnswer) { a.Able, a.Unable = false, "\x00" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "web1", "evil1")
			w.hosts["evil1"].edit = edit
			p := w.ready(apiv1.CreatePlan{})
			if got := hostStates(p); got["web1"] != string(plan.Simulated) || got["evil1"] != string(plan.Refused) {
				t.Errorf("states %v", got)
			}
		})
	}
}

package app

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/id"
	"github.com/staunch-dev/staunch/internal/seal"
)

const (
	openssl    = "3.0.15-1~deb12u1"
	opensslFix = "3.0.17-1~deb12u1"
)

// patchable is a host that has a hole, and an agent that knows how to close it.
type patchable struct {
	*agent
	sections map[string][]byte
	trust    seal.Trust
}

func (s *server) patchable() *patchable {
	s.t.Helper()
	a := &patchable{agent: s.agent(), sections: bodies(s.t)}
	var got apiv1.EnrollResponse
	if code := a.enroll(s.enrollToken(1), &got); code != 200 {
		s.t.Fatalf("enroll: %d", code)
	}
	a.hostID = got.HostID
	a.use(got.Certificate)
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(got.PlanKey))
	if err != nil {
		s.t.Fatalf("the plan key to pin: %v", err)
	}
	a.trust = seal.Trust{HostID: a.hostID, PlanKey: key}
	a.sections[apiv1.SectionUpdates] = encode(s.t, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{
		{Name: "libssl3", Arch: "amd64", Action: apiv1.ActionUpgrade, From: openssl, To: opensslFix, Archive: "bookworm-security", Origin: "Debian", Security: true, State: apiv1.UpdateInstallable},
		{Name: "openssl", Arch: "amd64", Action: apiv1.ActionUpgrade, From: openssl, To: opensslFix, Archive: "bookworm-security", Origin: "Debian", Security: true, State: apiv1.UpdateInstallable},
	}})
	a.report(a.sections)
	a.poll(0)
	return a
}

// poll is one long poll.
func (a *patchable) poll(seconds int) apiv1.Work {
	a.s.t.Helper()
	var w apiv1.Work
	if code := a.call("GET", fmt.Sprintf("%s?wait=%d", apiv1.PathWork, seconds), nil, &w); code != 200 && code != 204 {
		a.s.t.Fatalf("work: %d", code)
	}
	return w
}

func (a *patchable) simulate(simulation string) apiv1.SimulateAnswer {
	a.s.t.Helper()
	var req apiv1.SimulateRequest
	if code := a.call("GET", apiv1.PathSimulations+simulation, nil, &req); code != 200 || req.ID != simulation {
		a.s.t.Fatalf("simulation: %d %+v", code, req)
	}
	answer := apiv1.SimulateAnswer{Known: true, Able: true, Changes: []apiv1.LockChange{}, Sections: map[string]string{}}
	for name, body := range a.sections {
		answer.Sections[name] = digest(body)
	}
	for _, p := range req.Packages {
		answer.Changes = append(answer.Changes, apiv1.LockChange{Name: p.Name, Arch: p.Arch, Action: apiv1.ActionUpgrade, From: openssl, To: p.Version,
			SHA256: strings.Repeat("a", 64), Size: 1000, Archive: "bookworm-security", Origin: "Debian"})
	}
	return answer
}

// take fetches an offer and checks it with what was pinned at enrollment.
func (a *patchable) take(runID string) seal.Checked {
	a.s.t.Helper()
	var o apiv1.RunOffer
	if code := a.call("GET", apiv1.PathRuns+runID, nil, &o); code != 200 || o.RunID != runID {
		a.s.t.Fatalf("offer: %d", code)
	}
	c, err := seal.Check(a.trust, seal.Offer{Plan: o.Plan, PlanSignatures: o.PlanSignatures, Lock: o.Lock, Grant: o.Grant, GrantSignature: o.GrantSignature}, 0, time.Now())
	if err != nil {
		a.s.t.Fatalf("the offer does not hold: %v", err)
	}
	return c
}

func reports(epoch int64, all ...apiv1.RunReport) apiv1.RunReports {
	for i := range all {
		all[i].At = time.Now()
	}
	return apiv1.RunReports{Epoch: epoch, Reports: append([]apiv1.RunReport{}, all...)}
}

func stepReport(seq int64, name, state string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, Step: &apiv1.RunStep{Name: name, State: state, Started: time.Now()}}
}

func endReport(seq int64, result, reason string) apiv1.RunReport {
	return apiv1.RunReport{Seq: seq, Outcome: &apiv1.RunOutcome{Result: result, Reason: reason, Installed: []apiv1.PackageState{}, Broken: []apiv1.PackageState{},
		Restarted: []string{}, Stale: []string{}, Conffiles: []string{}, Reboot: apiv1.Reboot{Packages: []string{}, Reasons: []string{}}}}
}

// upgraded is what the host has after its run.
func (a *patchable) upgraded() {
	a.s.t.Helper()
	a.sections[apiv1.SectionPackages] = bytes.ReplaceAll(a.sections[apiv1.SectionPackages], []byte(openssl), []byte(opensslFix))
	a.sections[apiv1.SectionUpdates] = encode(a.s.t, apiv1.Updates{Manager: "apt", Known: true, Updates: []apiv1.Update{}})
	a.report(a.sections)
}

// as is the server as seen by a user with a role.
func (s *server) as(role access.Role) *server {
	s.t.Helper()
	u := access.User{ID: id.New("user", time.Now()), Name: string(role), Role: role, CreatedAt: time.Now(), ChangedAt: time.Now()}
	if err := s.wire.store.CreateUser(s.t.Context(), u, event.Event{At: time.Now(), Kind: event.UserCreated, Actor: "server", Text: "x"}); err != nil {
		s.t.Fatal(err)
	}
	_, secret, err := s.wire.access.CreateToken(s.t.Context(), u, "test", time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	other := *s
	other.token = secret
	return &other
}

func (s *server) must(code, want int, what string) {
	s.t.Helper()
	if code != want {
		s.t.Fatalf("%s: %d, want %d", what, code, want)
	}
}

func (s *server) knowledge() {
	s.t.Helper()
	s.must(s.call("POST", "/api/v1/feeds/import?name="+url.QueryEscape("osv/Debian"), archive(s.t, map[string]string{"DEBIAN-CVE-2026-0001.json": advisoryJSON}), nil), 200, "import")
}

// ready makes a plan, has the host that is asked answer it, and waits until it is ready; others are asked nothing and told nothing.
func (s *server) ready(hosts ...*patchable) apiv1.Plan {
	s.t.Helper()
	var p apiv1.Plan
	s.must(s.call("POST", "/api/v1/plans", apiv1.CreatePlan{Fixes: []string{"CVE-2026-0001"}}, &p), 201, "create plan")
	if p.State != apiv1.PlanSimulating || len(p.Hosts) != len(hosts) || p.Approvable {
		s.t.Fatalf("plan %+v", p)
	}
	asked := 0
	for _, h := range hosts {
		w := h.poll(0)
		if w.Kind != apiv1.WorkSimulate {
			continue
		}
		asked++
		answer := h.simulate(w.ID)
		for _, other := range hosts {
			if other != h {
				s.must(other.call("GET", apiv1.PathSimulations+w.ID, nil, nil), 404, "the question of another host")
				s.must(other.call("POST", apiv1.PathSimulations+w.ID, answer, nil), 404, "an answer for another host")
			}
		}
		for range 2 {
			s.must(h.call("POST", apiv1.PathSimulations+w.ID, answer, nil), 204, "answer")
		}
	}
	if asked != 1 {
		s.t.Fatalf("%d hosts are asked, want one for all: they are the same", asked)
	}
	await(s.t, func() error {
		if code := s.call("GET", "/api/v1/plans/"+p.ID, nil, &p); code != 200 || p.State != apiv1.PlanReady {
			return fmt.Errorf("%d, plan is %s", code, p.State)
		}
		return nil
	})
	return p
}

// next is the host that is offered a run.
func next(t *testing.T, hosts ...*patchable) (*patchable, string) {
	t.Helper()
	var found *patchable
	var runID string
	await(t, func() error {
		for _, h := range hosts {
			if w := h.poll(0); w.Kind == apiv1.WorkRun {
				found, runID = h, w.ID
				return nil
			}
		}
		return errors.New("nobody is offered a run")
	})
	return found, runID
}

func (s *server) rollout(rolloutID string) apiv1.Rollout {
	s.t.Helper()
	var r apiv1.Rollout
	s.must(s.call("GET", "/api/v1/rollouts/"+rolloutID, nil, &r), 200, "rollout")
	return r
}

func TestFromAVulnerabilityToProof(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	s := start(t, cfg)
	s.knowledge()
	hosts := []*patchable{s.patchable(), s.patchable()}
	viewer, operator := s.as(access.Viewer), s.as(access.Operator)
	s.must(viewer.call("POST", "/api/v1/plans", apiv1.CreatePlan{}, nil), 403, "a viewer's plan")
	s.must(s.call("POST", "/api/v1/plans", apiv1.CreatePlan{Fixes: []string{"CVE-2026-0002"}}, nil), 422, "nothing fixes it")

	p := s.ready(hosts...)
	if len(p.Cohorts) != 1 || p.Cohorts[0].Hosts != 2 || len(p.Changes) != 2 || !slices.Equal(p.Changes[0].Fixes, []string{"CVE-2026-0001"}) || !p.Changes[0].Security ||
		p.Download != 4000 || !p.Approvable || len(p.Blockers) != 0 {
		t.Errorf("plan %+v", p)
	}
	approve := "/api/v1/plans/" + p.ID + "/approve"
	s.must(s.call("POST", approve, apiv1.ApprovePlan{Hash: strings.Repeat("0", 64)}, nil), 409, "another plan's hash")
	s.must(viewer.call("POST", approve, apiv1.ApprovePlan{Hash: p.Hash}, nil), 403, "a viewer's approval")
	s.must(s.call("POST", "/api/v1/rollouts", apiv1.StartRollout{Plan: p.ID}, nil), 409, "a rollout of what nobody approved")
	s.must(operator.call("POST", approve, apiv1.ApprovePlan{Hash: p.Hash}, &p), 200, "approve")
	if p.State != apiv1.PlanApproved || p.ApprovedBy != "user:operator" {
		t.Errorf("approved: %+v", p)
	}
	var r apiv1.Rollout
	s.must(viewer.call("POST", "/api/v1/rollouts", apiv1.StartRollout{Plan: p.ID}, nil), 403, "a viewer's rollout")
	s.must(operator.call("POST", "/api/v1/rollouts", apiv1.StartRollout{Plan: p.ID}, &r), 201, "rollout")
	s.must(viewer.call("POST", "/api/v1/rollouts/"+r.ID+"/abort", nil, nil), 403, "a viewer's abort")

	first, runID := next(t, hosts...)
	other := hosts[1-slices.Index(hosts, first)]
	s.hostileReports(first, other, runID)
	if w := other.poll(0); w.Kind == apiv1.WorkRun {
		t.Error("two at a time, and one was allowed")
	}
	s.finish(first, runID)
	first.upgraded()

	// The server is stopped and started again in the middle; hosts call the same server with the same certificates and keys.
	s.shut()
	again := launch(t, cfg)
	again.token = s.token
	for _, h := range hosts {
		h.s = again
	}
	second, secondRun := next(t, hosts...)
	if second != other {
		t.Fatal("the same host twice")
	}
	c := second.take(secondRun)
	again.must(second.call("POST", apiv1.PathRuns+secondRun+"/accept", apiv1.AcceptRun{Epoch: c.Grant.Epoch}, nil), 204, "accept")
	again.finish(second, secondRun)
	second.upgraded()

	await(t, func() error {
		got := again.rollout(r.ID)
		if got.State != apiv1.RolloutCompleted || !got.Runs[0].Proven || !got.Runs[1].Proven {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	if page := get[apiv1.FindingPage](again, "/api/v1/findings"); page.Total != 0 {
		t.Errorf("%d findings are left", page.Total)
	}
	again.checkRecord(p.ID, r.ID, runID)
}

// hostileReports is everything that must not count, around what does; it ends with one step reported.
func (s *server) hostileReports(h, other *patchable, runID string) {
	s.t.Helper()
	c := h.take(runID)
	path := apiv1.PathRuns + runID
	s.must(other.call("GET", path, nil, nil), 404, "another host's run")
	s.must(other.call("POST", path+"/accept", apiv1.AcceptRun{Epoch: c.Grant.Epoch}, nil), 404, "accepting for another")
	s.must(other.call("POST", path+"/reports", reports(c.Grant.Epoch), nil), 404, "reporting for another")
	s.must(h.call("POST", path+"/reports", reports(c.Grant.Epoch, stepReport(1, "download", "started")), nil), 409, "before accepting")
	s.must(h.call("POST", path+"/accept", apiv1.AcceptRun{Epoch: c.Grant.Epoch + 1}, nil), 409, "another epoch")
	for range 2 {
		s.must(h.call("POST", path+"/accept", apiv1.AcceptRun{Epoch: c.Grant.Epoch}, nil), 204, "accept")
	}
	for range 2 {
		var ack apiv1.RunAck
		s.must(h.call("POST", path+"/reports", reports(c.Grant.Epoch, stepReport(1, "download", "started"), apiv1.RunReport{Seq: 2, Lines: []string{"Get:1 openssl"}}), &ack), 200, "reports")
		if ack.Acked != 2 {
			s.t.Errorf("acknowledged %d", ack.Acked)
		}
	}
	s.must(h.call("POST", path+"/reports", reports(c.Grant.Epoch, stepReport(4, "apply", "started")), nil), 409, "a gap")
	s.must(h.call("POST", path+"/reports", reports(c.Grant.Epoch+1, stepReport(3, "apply", "started")), nil), 409, "another epoch")
	s.must(h.call("POST", path+"/reports", reports(c.Grant.Epoch, apiv1.RunReport{Seq: 3, Lines: []string{strings.Repeat("x", 5<<20)}}), nil), 413, "a huge report")
	s.must(h.call("POST", path+"/reports", reports(c.Grant.Epoch, apiv1.RunReport{Seq: 3, Lines: make([]string, 1001)}), nil), 422, "too many lines")
	s.must(h.call("GET", apiv1.PathRuns+"run_' OR 1=1", nil, nil), 404, "an id that is none")
}

// finish reports the end of a run that was accepted.
func (s *server) finish(h *patchable, runID string) {
	s.t.Helper()
	var d apiv1.RunDetail
	s.must(s.call("GET", "/api/v1/runs/"+runID, nil, &d), 200, "run")
	seq := int64(1)
	if len(d.Steps) > 0 {
		seq = 3
	}
	var ack apiv1.RunAck
	s.must(h.call("POST", apiv1.PathRuns+runID+"/reports", reports(d.Run.Epoch, stepReport(seq, "apply", "started"),
		apiv1.RunReport{Seq: seq + 1, Lines: []string{"Setting up openssl"}}, stepReport(seq+2, "apply", "done"), endReport(seq+3, "succeeded", "")), &ack), 200, "the end")
	if ack.Acked != seq+3 {
		s.t.Errorf("acknowledged %d", ack.Acked)
	}
}

// checkRecord looks at what is left to be read of it all.
func (s *server) checkRecord(planID, rolloutID, runID string) {
	s.t.Helper()
	var d apiv1.RunDetail
	s.must(s.call("GET", "/api/v1/runs/"+runID, nil, &d), 200, "run")
	if d.Outcome == nil || !slices.Equal(d.Log, []string{"Get:1 openssl", "Setting up openssl"}) || len(d.Steps) != 2 || len(d.Changes) != 2 {
		s.t.Errorf("run %+v", d)
	}
	var log apiv1.RunLog
	s.must(s.call("GET", "/api/v1/runs/"+runID+"/log?after=1", nil, &log), 200, "log")
	if !slices.Equal(log.Lines, []string{"Setting up openssl"}) || log.Last != 2 || !log.Ended {
		s.t.Errorf("log %+v", log)
	}
	var p apiv1.Plan
	s.must(s.call("GET", "/api/v1/plans/"+planID, nil, &p), 200, "plan")
	if !slices.Equal(p.Rollouts, []string{rolloutID}) {
		s.t.Errorf("rollouts of the plan: %v", p.Rollouts)
	}
	var plans apiv1.PlanPage
	var rollouts apiv1.RolloutPage
	s.must(s.call("GET", "/api/v1/plans?limit=1", nil, &plans), 200, "plans")
	s.must(s.call("GET", "/api/v1/rollouts", nil, &rollouts), 200, "rollouts")
	if len(plans.Items) != 1 || len(rollouts.Items) != 1 || rollouts.Items[0].Hosts != 2 {
		s.t.Errorf("%+v %+v", plans, rollouts)
	}
	var events apiv1.EventPage
	s.must(s.call("GET", "/api/v1/events?limit=1000", nil, &events), 200, "events")
	kinds := map[string]int{}
	for _, e := range events.Items {
		kinds[e.Kind]++
	}
	for kind, n := range map[string]int{event.PlanCreated: 1, event.PlanSettled: 1, event.PlanApproved: 1, event.RolloutStarted: 1, event.RunGranted: 2,
		event.RunAccepted: 2, event.RunEnded: 2, event.RunProven: 2, event.RolloutCompleted: 1} {
		if kinds[kind] != n {
			s.t.Errorf("%d events %s, want %d", kinds[kind], kind, n)
		}
	}
}

func TestAFailedHostStopsTheRollout(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	s.knowledge()
	hosts := []*patchable{s.patchable(), s.patchable()}
	p := s.ready(hosts...)
	s.must(s.call("POST", "/api/v1/plans/"+p.ID+"/approve", apiv1.ApprovePlan{Hash: p.Hash}, nil), 200, "approve")
	var r apiv1.Rollout
	s.must(s.call("POST", "/api/v1/rollouts", apiv1.StartRollout{Plan: p.ID}, &r), 201, "rollout")
	h, runID := next(t, hosts...)
	c := h.take(runID)
	s.must(h.call("POST", apiv1.PathRuns+runID+"/accept", apiv1.AcceptRun{Epoch: c.Grant.Epoch}, nil), 204, "accept")
	s.must(h.call("POST", apiv1.PathRuns+runID+"/reports", reports(c.Grant.Epoch, stepReport(1, "apply", "failed"), endReport(2, "failed", "openssl is half-configured")), nil), 200, "the end")
	await(t, func() error {
		if got := s.rollout(r.ID); got.State != apiv1.RolloutHalted || got.Reason == "" {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	other := hosts[1-slices.Index(hosts, h)]
	if w := other.poll(2); w.Kind == apiv1.WorkRun {
		t.Error("another host is offered a run after a failure")
	}
	s.must(s.call("POST", "/api/v1/rollouts/"+r.ID+"/abort", nil, &r), 200, "abort")
	await(t, func() error {
		got := s.rollout(r.ID)
		if got.State != apiv1.RolloutAborted || got.Counts[0].Name != apiv1.RunFailed || got.Counts[1].Name != apiv1.RunCanceled {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	if page := get[apiv1.FindingPage](s, "/api/v1/findings"); page.Total != 2 {
		t.Errorf("%d findings, want both still open", page.Total)
	}
}

func TestApprovalsNeedTheirPeopleAtStart(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.Approvals = 1
	if _, err := New(cfg, nil); err == nil || !strings.Contains(err.Error(), "allowed_signers names 0") {
		t.Errorf("a server that could approve nothing starts: %v", err)
	}
}

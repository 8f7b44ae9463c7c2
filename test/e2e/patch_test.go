//go:build linux && e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// patched is three booted hosts with the agent's real package, their mirrors, and a server.
type patched struct {
	s     *server
	hosts []*lab.Host
	feeds string
}

// TestPatch is one story on three hosts, from their enrollment to a report; its parts build on each other and run in this order.
func TestPatch(t *testing.T) {
	p := newPatched(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"the_package_starts_both_halves", p.started},
		{"enrollment_pins_the_plan_key", p.enrolled},
		{"security_updates_from_plan_to_proof", p.security},
		{"from_a_vulnerability_to_its_end_in_two_commands", p.twoCommands},
		{"a_failing_package_stops_the_rollout", p.failing},
		{"killed_in_mid_transaction", p.killed},
		{"another_key_is_not_obeyed", p.otherKey},
		{"removed_and_purged", p.removed},
	} {
		if !t.Run(part.name, part.run) {
			for _, h := range p.hosts {
				log, _ := h.Sh(t.Context(), "journalctl --no-pager -u 'staunch-*' | tail -n 40")
				t.Logf("agent's journal on %s:\n%s", h.Name, log)
			}
			t.Logf("server's log:\n%s", tail(p.s.log(t), 40))
			return
		}
	}
}

func newPatched(t *testing.T) *patched {
	t.Helper()
	repo, err := lab.NewDebRepo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	suites, old := patchSuites()
	frozen, synthetic := serve(t, lab.FrozenMirror(), "8400"), serve(t, repo.Dir, "8401")
	sources := lab.FrozenSources(frozen, false)
	for _, s := range suites {
		if err := repo.Publish(s); err != nil {
			t.Fatal(err)
		}
		sources += repo.Sources(synthetic, "/etc/apt/lab.gpg", s.Name)
	}
	layer := patchLayer(t, repo, sources, old)
	p := &patched{feeds: t.TempDir()}
	for _, name := range []string{"patch1", "patch2", "patch3"} {
		p.hosts = append(p.hosts, boot(t, name, layer))
	}
	writeFeeds(t, p.feeds, nil)
	p.s = startServer(t, "8402", "--feeds", p.feeds)
	return p
}

func (p *patched) started(t *testing.T) {
	const units = "staunch-agent-apply.path staunch-agent-look.path staunch-agent.service"
	for _, h := range p.hosts {
		if got := strings.Fields(sh(t, h, "systemctl is-enabled "+units)); !cmp.Equal(got, []string{"enabled", "enabled", "enabled"}) {
			t.Errorf("%s: enabled: %v", h.Name, got)
		}
		// the agent itself has nothing to do before it is enrolled, and that is no failure
		if got := strings.Fields(sh(t, h, "systemctl is-active "+units+" || true")); !cmp.Equal(got, []string{"active", "active", "inactive"}) {
			t.Errorf("%s: active: %v", h.Name, got)
		}
	}
}

func (p *patched) enrolled(t *testing.T) {
	token := strings.TrimSpace(p.s.must(t, "enroll-token", "create", "--uses", "3", "--labels", "env=prod", "--approve", "yes"))
	for _, h := range p.hosts {
		if err := enroll(t, p.s, h, token); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range p.hosts {
		if got := sh(t, h, "stat -c '%U %a' /etc/staunch/trust.json"); got != "root 644\n" {
			t.Errorf("%s: the trust file is %q", h.Name, got)
		}
		waitReported(t, p.s, h.Name)
		sh(t, h, "apt-get -qq update") // for the test's own questions to apt: the agent has lists of its own
	}
}

// vulnerable publishes a feed in which every security update that is pending on the first host fixes something.
func (p *patched) vulnerable(t *testing.T) {
	t.Helper()
	var vulns []vulnerability
	for _, src := range pendingSecurity(t, p.hosts[0]) {
		cve := fmt.Sprintf("CVE-2026-93%03d", len(vulns))
		if src.name == "lab-hole" {
			cve = "CVE-2026-92002"
		}
		vulns = append(vulns, vulnerability{cve, "Debian:12", src.name, src.version, src.name == "lab-fix"})
	}
	writeFeeds(t, p.feeds, vulns)
	p.s.must(t, "feed", "update")
	for _, h := range p.hosts {
		eventually(t, 30*time.Second, h.Name+" has a finding for each", func() error {
			if n := len(p.open(t, h)); n != len(vulns) {
				return fmt.Errorf("%d of %d", n, len(vulns))
			}
			return nil
		})
	}
}

// open are the open findings of a host.
func (p *patched) open(t *testing.T, h *lab.Host) []string {
	t.Helper()
	var out []string
	for _, f := range get[apiv1.FindingPage](t, p.s, "/api/v1/hosts/"+h.Name+"/findings?limit=1000").Items {
		out = append(out, f.Vulnerability)
	}
	slices.Sort(out)
	return out
}

func (p *patched) installedOn(t *testing.T) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for _, h := range p.hosts {
		out[h.Name] = installed(t, h)
	}
	return out
}

// rolloutOf is the newest rollout of a plan.
func (p *patched) rolloutOf(t *testing.T, planID string) apiv1.Rollout {
	t.Helper()
	ids := get[apiv1.Plan](t, p.s, "/api/v1/plans/"+planID).Rollouts
	if len(ids) != 1 {
		t.Fatalf("plan %s has the rollouts %v", planID, ids)
	}
	return get[apiv1.Rollout](t, p.s, "/api/v1/rollouts/"+ids[0])
}

// proven waits until a rollout's hosts have shown in their inventories what their runs claim.
func (p *patched) proven(t *testing.T, planID string) apiv1.Rollout {
	t.Helper()
	var r apiv1.Rollout
	eventually(t, time.Minute, "every run is proven", func() error {
		r = p.rolloutOf(t, planID)
		for _, run := range r.Runs {
			if run.State != apiv1.RunSucceeded || !run.Proven {
				return fmt.Errorf("%s: %s, proven %t: %s", run.Host, run.State, run.Proven, run.Reason)
			}
		}
		return nil
	})
	return r
}

// create makes a plan as an operator does, who asks again when a host says that it has changed while it was asked.
func (p *patched) create(t *testing.T, args ...string) apiv1.Plan {
	t.Helper()
	var e ended
	for range 3 {
		e = p.s.staunch(t, append([]string{"plan", "create", "-o", "json"}, args...)...)
		if e.code == 0 || !strings.Contains(e.out, "create the plan again") {
			break
		}
		t.Logf("asked again: %s", e.err)
	}
	var created apiv1.Plan
	if err := json.Unmarshal([]byte(e.out), &created); err != nil || e.code != 0 || !created.Approvable || created.State != apiv1.PlanReady {
		t.Fatalf("plan create %v ended with %d: %s: %v\n%s", args, e.code, e.err, err, e.out)
	}
	return created
}

func (p *patched) security(t *testing.T) {
	p.vulnerable(t)
	created := p.create(t, "-l", "env=prod", "--security", "--exclude", "lab-hole")
	before, fixed := p.installedOn(t), map[string][]string{}
	for _, h := range p.hosts {
		var arguments []string
		for name := range pendingSecurity(t, h) {
			if name != "lab-hole" {
				arguments = append(arguments, name)
			}
		}
		want := plan(sh(t, h, "apt-get -s install "+strings.Join(slices.Sorted(slices.Values(arguments)), " ")))
		if d := cmp.Diff(want, previewOf(t, created, h.Name)); d != "" || len(want) == 0 {
			t.Errorf("%s, preview (-apt +plan):\n%s", h.Name, d)
		}
		fixed[h.Name] = slices.DeleteFunc(p.open(t, h), func(cve string) bool { return cve == "CVE-2026-92002" })
	}
	t.Logf("%d changes on each host: %v", len(created.Changes), slices.Sorted(maps.Keys(previewOf(t, created, "patch1"))))

	if e := p.s.staunch(t, "rollout", "start", created.ID); e.code == 0 {
		t.Error("a plan that nobody has approved was started")
	}
	p.s.must(t, "plan", "approve", created.ID, "--yes")
	start := time.Now()
	watched := p.s.must(t, "rollout", "start", created.ID, "--max-concurrent", "2", "--watch")
	t.Logf("rolled out in %s:\n%s", time.Since(start).Round(time.Second), watched)

	after := p.installedOn(t)
	for _, h := range p.hosts {
		if d := cmp.Diff(asLock(before[h.Name], changesOf(t, created, h.Name)), after[h.Name]); d != "" {
			t.Errorf("%s (-lock +dpkg-query):\n%s", h.Name, d)
		}
		if !strings.Contains(watched, h.Name) {
			t.Errorf("what was watched does not name %s", h.Name)
		}
	}
	r := p.proven(t, created.ID)
	for _, h := range p.hosts {
		renew(t, p.s, h, "CVE-2026-92002")
		eventually(t, time.Minute, h.Name+" has nothing left of what was fixed", func() error {
			if left := p.open(t, h); !cmp.Equal(left, []string{"CVE-2026-92002"}) {
				return fmt.Errorf("it has %v", left)
			}
			return nil
		})
		run := get[apiv1.RunDetail](t, p.s, "/api/v1/runs/"+runOn(t, r, h.Name).ID)
		if run.Outcome == nil || run.Outcome.Result != "succeeded" || len(run.Outcome.Broken) != 0 || len(run.Log) == 0 {
			t.Errorf("%s: outcome %+v, %d lines of log", h.Name, run.Outcome, len(run.Log))
			continue
		}
		t.Logf("%s: the root half took %.2f s of CPU; restarted %v", h.Name, run.Outcome.CPU, run.Outcome.Restarted)
	}
	if most := concurrent(r); most > 2 {
		t.Errorf("%d hosts were at work at the same time, want at most 2", most)
	}
	p.report(t, r, fixed)
}

// concurrent is how many runs of a rollout were at work at the same time.
func concurrent(r apiv1.Rollout) int {
	most := 0
	for _, a := range r.Runs {
		n := 0
		for _, b := range r.Runs {
			if !b.GrantedAt.After(*a.GrantedAt) && b.EndedAt.After(*a.GrantedAt) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// report checks that the compliance report says of each fixed finding by which rollout and with whose approval, and that the log of
// events is whole.
func (p *patched) report(t *testing.T, r apiv1.Rollout, fixed map[string][]string) {
	t.Helper()
	c := decode[apiv1.ComplianceReport](t, p.s, "report", "compliance", "-l", "env=prod")
	if len(c.Hosts) != 3 || c.Outside != 0 {
		t.Errorf("%d hosts, %d fixed outside", len(c.Hosts), c.Outside)
	}
	for _, h := range c.Hosts {
		var got []string
		for _, f := range h.Fixed {
			got = append(got, f.Vulnerability)
			if f.By != apiv1.FixedByRollout || f.Rollout != r.ID || f.Plan != r.Plan || !slices.ContainsFunc(f.ApprovedBy, func(who string) bool { return strings.Contains(who, "admin") }) {
				t.Errorf("%s on %s: by %s %s of plan %s, approved by %v", f.Vulnerability, h.Host, f.By, f.Rollout, f.Plan, f.ApprovedBy)
			}
		}
		if slices.Sort(got); !cmp.Equal(fixed[h.Host], got) {
			t.Errorf("%s (-was open +reported as fixed):\n%s", h.Host, cmp.Diff(fixed[h.Host], got))
		}
		if len(h.Open) != 1 || h.Open[0].Vulnerability != "CVE-2026-92002" {
			t.Errorf("%s: open %+v", h.Host, h.Open)
		}
	}
	if v := decode[apiv1.EventVerification](t, p.s, "events", "verify"); !v.Whole || v.Events == 0 {
		t.Errorf("events: %+v", v)
	}
}

func (p *patched) twoCommands(t *testing.T) {
	out := p.s.must(t, "plan", "create", "--fixes", "CVE-2026-92002")
	i := strings.Index(out, "plan_")
	if i < 0 {
		t.Fatalf("no plan in %s", out)
	}
	id := strings.FieldsFunc(out[i:], func(c rune) bool { return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') })[0]
	used := map[string]time.Duration{}
	for _, h := range p.hosts {
		used[h.Name] = cpuTime(t, agentPID(t, h))
	}
	p.s.must(t, "rollout", "start", id, "--approve", "--yes", "--max-concurrent", "3")
	r := p.proven(t, id)
	for _, h := range p.hosts {
		p.cheap(t, h, r, used[h.Name])
		if left := p.open(t, h); len(left) != 0 {
			t.Errorf("%s still has %v", h.Name, left)
		}
		if got := installed(t, h)["lab-hole:all"]; got != "installed 1.1" {
			t.Errorf("%s: lab-hole is %q", h.Name, got)
		}
	}
}

// cheap checks what both halves of the agent themselves used for a run, beside apt and dpkg: at most 1 s of CPU, and 25 MB.
func (p *patched) cheap(t *testing.T, h *lab.Host, r apiv1.Rollout, before time.Duration) {
	t.Helper()
	pid := agentPID(t, h)
	unprivileged, resident := cpuTime(t, pid)-before, residentBytes(t, pid)
	o := get[apiv1.RunDetail](t, p.s, "/api/v1/runs/"+runOn(t, r, h.Name).ID).Outcome
	if o == nil || o.CPU <= 0 {
		t.Fatalf("%s: the outcome does not say what the root half used: %+v", h.Name, o)
	}
	root := time.Duration(o.CPU * float64(time.Second))
	t.Logf("%s: CPU of the unprivileged half %s, of the root half %s; the unprivileged half holds %.1f MB", h.Name, unprivileged.Round(time.Millisecond), root, float64(resident)/1e6)
	if unprivileged+root > time.Second || resident > 25e6 {
		t.Errorf("%s: that is more than 1 s or 25 MB", h.Name)
	}
}

func (p *patched) failing(t *testing.T) {
	before := p.installedOn(t)
	created := p.create(t, "-l", "env=prod", "--package", "lab-bad")
	e := p.s.staunch(t, "rollout", "start", created.ID, "--approve", "--yes", "--watch")
	if e.code != 1 || !strings.Contains(e.err, apiv1.RolloutHalted) {
		t.Errorf("ended with %d: %s", e.code, e.err)
	}
	r := p.rolloutOf(t, created.ID)
	if r.State != apiv1.RolloutHalted {
		t.Errorf("the rollout is %s", r.State)
	}
	after, failed := p.installedOn(t), 0
	for _, h := range p.hosts {
		run := runOn(t, r, h.Name)
		if run.State != apiv1.RunFailed {
			if run.GrantedAt != nil || run.State == apiv1.RunSucceeded || run.Proven {
				t.Errorf("%s: %+v", h.Name, run)
			}
			if d := cmp.Diff(before[h.Name], after[h.Name]); d != "" {
				t.Errorf("%s was touched:\n%s", h.Name, d)
			}
			continue
		}
		failed++
		o := get[apiv1.RunDetail](t, p.s, "/api/v1/runs/"+run.ID).Outcome
		if o == nil || o.Result != "failed" || o.Class != "package" || !slices.ContainsFunc(o.Installed, func(s apiv1.PackageState) bool { return s.Name == "lab-bad" && s.State == "half-configured 1.1" }) {
			t.Errorf("%s: outcome %+v", h.Name, o)
		}
		want := maps.Clone(before[h.Name])
		want["lab-bad:all"] = "half-configured 1.1"
		if d := cmp.Diff(want, after[h.Name]); d != "" || run.Proven {
			t.Errorf("%s, proven %t (-want +dpkg-query):\n%s", h.Name, run.Proven, d)
		}
		unitsGo(t, h)
		sh(t, h, "dpkg --force-all -P lab-bad >/dev/null 2>&1")
	}
	if failed != 1 {
		t.Errorf("%d hosts failed, want 1", failed)
	}
}

// otherKey makes a host's root half trust another server: the grant of this one must come to nothing there.
func (p *patched) otherKey(t *testing.T) {
	h := p.hosts[1]
	before := installed(t, h)
	sh(t, h, "cp -p /etc/staunch/trust.json /root/trust.json")
	other := strings.TrimSpace(otherPlanKey(t))
	sh(t, h, fmt.Sprintf(`sed -i 's#"plan_key": "[^"]*"#"plan_key": %q#' /etc/staunch/trust.json`, other))
	defer sh(t, h, "cp -p /root/trust.json /etc/staunch/trust.json")
	e := p.s.staunch(t, "plan", "create", "-l", "host.name="+h.Name, "--package", slowPackage("server"))
	if e.code == 0 || !strings.Contains(e.out+e.err, "plan key") {
		t.Errorf("a host that trusts another server is in a plan (%d): %s %s", e.code, e.out, e.err)
	}
	if d := cmp.Diff(before, installed(t, h)); d != "" {
		t.Errorf("something was changed:\n%s", d)
	}
}

var errNotYet = errors.New("not yet")

// unitsGo waits until nothing of a run is loaded any more: the outcome reaches the server a moment before.
func unitsGo(t *testing.T, h *lab.Host) {
	t.Helper()
	eventually(t, 30*time.Second, h.Name+" has no unit of a run left", func() error {
		if units := runUnits(t, h); units != "" {
			return errors.New(units)
		}
		return nil
	})
}

//go:build linux && e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// fleet is three booted hosts, their mirrors, and a server.
type fleet struct {
	s     *server
	hosts []*lab.Host
	feeds string
}

// TestFleet is one story on three hosts; its parts build on each other and run in this order.
func TestFleet(t *testing.T) {
	f := newFleet(t)
	parts := []struct {
		name string
		run  func(*testing.T)
	}{
		{"operator_signs_in", f.operatorSignsIn},
		{"single_use_token_approves_at_once", f.singleUse},
		{"token_for_many_waits_for_approval", f.manyUse},
		{"packages_are_those_of_dpkg", f.packages},
		{"updates_are_those_of_apt", f.updates},
		{"updates_not_taken_say_why", f.reasons},
		{"facts", f.facts},
		{"findings_of_the_fixture", f.findings},
		{"work_reaches_the_agent_within_a_second", f.nudge},
		{"upgrading_closes_findings", f.upgrade},
		{"reboot_required_and_broken_packages_show", f.states},
		{"lost_mirror_is_named", f.lostMirror},
		{"nothing_lost_over_restart_and_kill", f.kill},
		{"agent_survives_power_cut", f.powerCut},
		{"revoked_host_is_refused", f.revoke},
		{"history_tells_the_story", f.history},
	}
	for _, p := range parts {
		if !t.Run(p.name, p.run) {
			for _, h := range f.hosts {
				log, _ := h.Sh(t.Context(), "journalctl --no-pager -u staunch-agent | tail -n 40")
				t.Logf("agent's journal on %s:\n%s", h.Name, log)
			}
			t.Logf("server's log:\n%s", tail(f.s.log(t), 60))
			return
		}
	}
}

func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	repo, err := publish(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	frozen, synthetic := serve(t, lab.FrozenMirror(), "8000"), serve(t, repo.Dir, "8001")
	const key = "/etc/apt/lab.gpg"
	packages := packagesLayer(t, repo, lab.FrozenSources(frozen, true)+repo.Sources(synthetic, key, suiteVendor)+repo.Sources(synthetic, key, suiteSecurity))
	agent := agentLayer(t, "")
	f := &fleet{feeds: t.TempDir()}
	for _, name := range []string{"web1", "web2", "db1"} {
		f.hosts = append(f.hosts, boot(t, name, agent, packages))
	}
	writeFeeds(t, f.feeds, nil)
	f.s = startServer(t, "8443", "--feeds", f.feeds)
	return f
}

func (f *fleet) operatorSignsIn(t *testing.T) {
	if out, err := f.s.tryCLI(t, "login", f.s.url(), "--username", "admin", "--ca-fingerprint", strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), "fingerprint") {
		t.Errorf("signing in to a server with another CA: %s %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(f.s.dir, "data", "first-login")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the first password was changed and its file is still there: %v", err)
	}
	if out := f.s.cli(t, "hosts", "-o", "csv"); !strings.HasPrefix(out, "id,name,") {
		t.Errorf("staunch hosts -o csv prints %q", out)
	}
}

func (f *fleet) singleUse(t *testing.T) {
	token := strings.TrimSpace(f.s.cli(t, "enroll-token", "create", "--labels", "env=prod,role=web", "--ttl", "1h"))
	if err := enroll(t, f.s, f.hosts[0], token); err != nil {
		t.Fatal(err)
	}
	d := waitReported(t, f.s, "web1")
	if want := map[string]string{"env": "prod", "role": "web"}; d.Host.State != apiv1.HostApproved || !cmp.Equal(d.Host.Labels, want) {
		t.Errorf("web1 is %s with labels %v, want approved with %v", d.Host.State, d.Host.Labels, want)
	}
	if err := enroll(t, f.s, f.hosts[1], token); err == nil {
		t.Error("a used token was accepted again")
	}
}

func (f *fleet) manyUse(t *testing.T) {
	token := strings.TrimSpace(f.s.cli(t, "enroll-token", "create", "--uses", "2", "--labels", "env=test"))
	for _, h := range f.hosts[1:] {
		if err := enroll(t, f.s, h, token); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range f.hosts[1:] {
		eventually(t, 2*time.Minute, h.Name+" has called and was told to wait", func() error {
			log := sh(t, h, "journalctl --no-pager -u staunch-agent")
			if !strings.Contains(log, "waiting for approval") {
				return errors.New(tail(log, 5))
			}
			return nil
		})
		d := detail(t, f.s, h.Name)
		if d.Host.State != apiv1.HostPending || d.Facts != nil || len(d.Since) != 0 {
			t.Errorf("%s is %s and the server has stored %v", h.Name, d.Host.State, d.Since)
		}
		f.s.post(t, "/api/v1/hosts/"+h.Name+"/approve")
	}
	for _, h := range f.hosts[1:] {
		waitReported(t, f.s, h.Name)
	}
}

func (f *fleet) packages(t *testing.T) {
	for _, h := range f.hosts {
		want := map[string]string{}
		for line := range strings.Lines(sh(t, h, `dpkg-query -W -f '${db:Status-Status} ${Package} ${Architecture} ${Version} ${source:Package} ${source:Version}\n'`)) {
			w := strings.Fields(line)
			if w[0] != "not-installed" && w[0] != "config-files" {
				want[w[1]+":"+w[2]] = strings.Join(w[3:], " ")
			}
		}
		got := map[string]string{}
		answer := get[apiv1.HostPackages](t, f.s, "/api/v1/hosts/"+h.Name+"/packages")
		for _, p := range answer.Packages {
			src, srcVersion := p.Source, p.SourceVersion
			if src == "" {
				src = p.Name
			}
			if srcVersion == "" {
				srcVersion = p.Version
			}
			got[p.Name+":"+p.Arch] = strings.Join([]string{p.Version, src, srcVersion}, " ")
		}
		if d := cmp.Diff(want, got); d != "" || answer.Ecosystem != "Debian:12" {
			t.Errorf("%s, %s (-dpkg-query +server):\n%s", h.Name, answer.Ecosystem, d)
		}
	}
}

// updatesOf is what the server says a host's package manager would do, in the form of plan.
func (f *fleet) updatesOf(t *testing.T, host string) (installable map[string]string, others map[string]apiv1.Update) {
	t.Helper()
	installable, others = map[string]string{}, map[string]apiv1.Update{}
	for _, u := range get[apiv1.HostUpdates](t, f.s, "/api/v1/hosts/"+host+"/updates").Updates.Updates {
		switch {
		case u.State != apiv1.UpdateInstallable:
			others[u.Name] = u
		case u.Action == apiv1.ActionRemove:
			installable[u.Name] = fmt.Sprintf("remove %s %s", u.Name, u.From)
		default:
			installable[u.Name] = strings.Join([]string{u.Action, u.Name, u.Arch, u.From, u.To}, " ")
		}
	}
	return installable, others
}

func (f *fleet) updates(t *testing.T) {
	for _, h := range f.hosts {
		want := plan(sh(t, h, "apt-get -qq update; apt-get -s dist-upgrade"))
		got, _ := f.updatesOf(t, h.Name)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-apt-get -s dist-upgrade +server):\n%s", h.Name, d)
		}
		if len(want) < 6 {
			t.Errorf("only %v pending: the fixture is not what this test needs", slices.Sorted(maps.Keys(want)))
		}
	}
	shown := get[apiv1.HostUpdates](t, f.s, "/api/v1/hosts/web1/updates").Updates.Updates
	for name, src := range pendingSecurity(t, f.hosts[0]) {
		i := slices.IndexFunc(shown, func(u apiv1.Update) bool { return u.Name == name && u.Security && u.Origin == "Debian" })
		if i < 0 {
			t.Errorf("web1: %s (%s) is not shown as a security update of Debian", name, src.name)
		}
	}
}

func (f *fleet) reasons(t *testing.T) {
	_, others := f.updatesOf(t, "web1")
	for name, want := range map[string]struct{ state, reason string }{
		"lab-held":   {apiv1.UpdateHeld, ""},
		"lab-kept":   {apiv1.UpdateKeptBack, "lab-missing"},
		"lab-pinned": {apiv1.UpdateKeptBack, "pin"},
		"lab-phased": {apiv1.UpdatePhased, "0"},
	} {
		if u := others[name]; u.State != want.state || u.To != "1.1" || !strings.Contains(u.Reason, want.reason) {
			t.Errorf("%s is %+v, want %s to 1.1 with a reason that names %q", name, u, want.state, want.reason)
		}
	}
	if len(others) != 4 {
		t.Errorf("not installable: %v", slices.Sorted(maps.Keys(others)))
	}
}

func (f *fleet) facts(t *testing.T) {
	for _, h := range f.hosts {
		d := detail(t, f.s, h.Name)
		if want := strings.TrimSpace(sh(t, h, "cat /proc/sys/kernel/random/boot_id")); d.Facts.BootID != want {
			t.Errorf("%s: boot id %q, want %q", h.Name, d.Facts.BootID, want)
		}
		if want := strings.TrimSpace(sh(t, h, "uname -r")); d.Facts.Kernel.Running != want {
			t.Errorf("%s: running kernel %q, want %q", h.Name, d.Facts.Kernel.Running, want)
		}
		if d.Facts.OS.ID != "debian" || d.Facts.OS.VersionID != "12" || d.Facts.Hostname != h.Name || d.Facts.Reboot.Required {
			t.Errorf("%s: %+v, reboot %+v", h.Name, d.Facts.OS, d.Facts.Reboot)
		}
		if !slices.ContainsFunc(d.Facts.Units, func(u apiv1.Unit) bool { return u.Name == "staunch-agent.service" && u.Enabled == "enabled" }) {
			t.Errorf("%s: its units do not include the agent's own", h.Name)
		}
		if !slices.ContainsFunc(d.Hardware.NICs, func(n apiv1.NIC) bool {
			return n.Name == "eth0" && strings.Contains(strings.Join(n.Addresses, " "), h.IP)
		}) {
			t.Errorf("%s: its network interfaces %+v do not have %s", h.Name, d.Hardware.NICs, h.IP)
		}
		if d.Hardware.MemoryBytes < 1<<28 || d.Hardware.CPU.Threads < 1 {
			t.Errorf("%s: memory %d, CPU %+v", h.Name, d.Hardware.MemoryBytes, d.Hardware.CPU)
		}
		if len(d.Repositories) != 5 {
			t.Errorf("%s: repositories %+v", h.Name, d.Repositories)
		}
		eventually(t, 2*time.Minute, "the lists are known to be current", func() error { // moving values are written every 5 s
			if m := detail(t, f.s, h.Name).Host.Metadata; m.Stale || m.AsOf == nil {
				return fmt.Errorf("%+v", m)
			}
			return nil
		})
		if !d.Host.Online || d.Host.FailedUnits != 0 {
			t.Errorf("%s: online %t, %d failed units", h.Name, d.Host.Online, d.Host.FailedUnits)
		}
	}
}

// fixtureFindings are what the fixture must give on web1, as "cve source installed fixed".
func (f *fleet) findings(t *testing.T) {
	if d := detail(t, f.s, "web1"); d.Host.Findings.Assessed {
		t.Errorf("without an advisory for its release web1 counts as assessed: %+v", d.Host.Findings)
	}
	vulns := []vulnerability{
		{"CVE-2026-90001", "Debian:12", "lab-fix", "1.1", true},
		{"CVE-2026-90002", "Debian:12", "lab-vendor", "1.1", false}, // the vendor's package: not the distribution's to judge
		{"CVE-2026-90003", "Debian:13", "lab-fix", "1.1", false},    // another release
		{"CVE-2026-90004", "Debian:12", "lab-fix", "1.0", false},    // already fixed
	}
	want := map[string]string{"CVE-2026-90001": "lab-fix 1.0 1.1 urgent"}
	n := 0
	for bin, src := range pendingSecurity(t, f.hosts[0]) {
		if bin == "lab-fix" {
			continue
		}
		n++
		cve := fmt.Sprintf("CVE-2026-91%03d", n)
		installed := strings.TrimSpace(sh(t, f.hosts[0], `dpkg-query -W -f '${source:Version}' `+bin))
		vulns = append(vulns, vulnerability{cve, "Debian:12", src.name, src.version, false})
		want[cve] = fmt.Sprintf("%s %s %s normal", src.name, installed, src.version)
	}
	t.Logf("%d findings are of updates that are really pending", n)
	writeFeeds(t, f.feeds, vulns)
	f.s.cli(t, "feed", "update")
	eventually(t, 2*time.Minute, "web1 has the findings of the fixture", func() error {
		if d := cmp.Diff(want, f.findingsOf(t, "web1")); d != "" {
			return errors.New(d)
		}
		return nil
	})
	if c := detail(t, f.s, "web1").Host.Findings; !c.Assessed || c.Total != len(want) || c.Urgent != 1 {
		t.Errorf("counts of web1: %+v, want %d, one of them urgent", c, len(want))
	}
	if out := f.s.cli(t, "cve", "CVE-2026-90001", "-o", "csv"); strings.Count(out, "lab-fix") < 3 || !strings.Contains(out, "db1") {
		t.Errorf("staunch cve does not name the three hosts:\n%s", out)
	}
	if out := f.s.cli(t, "findings", "-l", "env=prod", "-o", "csv"); strings.Contains(out, "db1") || !strings.Contains(out, "web1") {
		t.Errorf("staunch findings -l env=prod:\n%s", out)
	}
}

func (f *fleet) findingsOf(t *testing.T, host string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, x := range get[apiv1.FindingPage](t, f.s, "/api/v1/hosts/"+host+"/findings?limit=1000").Items {
		out[x.Vulnerability] = strings.Join([]string{x.Source, x.Installed, x.Fixed, x.Priority}, " ")
		if !strings.Contains(x.Explanation, x.Fixed) || !strings.Contains(x.Explanation, x.Source) {
			t.Errorf("%s does not explain itself: %q", x.Vulnerability, x.Explanation)
		}
	}
	return out
}

func (f *fleet) nudge(t *testing.T) {
	h := f.hosts[1]
	reported := func() error {
		for _, p := range get[apiv1.HostPackages](t, f.s, "/api/v1/hosts/web2/packages").Packages {
			if p.Name == "lab-later" {
				return nil
			}
		}
		return errors.New("lab-later is not in the inventory")
	}
	sh(t, h, "DEBIAN_FRONTEND=noninteractive apt-get -qqy install lab-later")
	eventually(t, 2*time.Minute, "the agent has nothing to do", func() error { // it has noticed the installation by itself
		if err := reported(); err != nil {
			return err
		}
		return idling(agentPID(t, h))
	})
	sh(t, h, "DEBIAN_FRONTEND=noninteractive apt-get -qqy remove lab-later")
	pid := agentPID(t, h)
	f.s.post(t, "/api/v1/hosts/web2/refresh")
	reached := eventually(t, 5*time.Second, "the agent has begun to refresh", func() error {
		if idling(pid) == nil {
			return errors.New("it runs nothing")
		}
		return nil
	})
	if reached > time.Second {
		t.Errorf("work took %s to reach the agent, want within 1 s", reached)
	}
	shown := eventually(t, 2*time.Minute, "the removal is shown", func() error {
		if reported() == nil {
			return errors.New("lab-later is still in the inventory")
		}
		return nil
	})
	t.Logf("work reached the agent after %s; the removal was shown %s later", reached, shown)
}

// upgrade upgrades everything that can be on web1, for real.
func (f *fleet) upgrade(t *testing.T) {
	h := f.hosts[0]
	sh(t, h, "DEBIAN_FRONTEND=noninteractive apt-get -qqy dist-upgrade")
	f.s.post(t, "/api/v1/hosts/web1/refresh")
	renew(t, f.s, h)
	took := eventually(t, 2*time.Minute, "web1 has no findings", func() error {
		if left := f.findingsOf(t, "web1"); len(left) > 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	t.Logf("closed after %s", took)
	eventually(t, 2*time.Minute, "web1 has nothing to upgrade", func() error { // apt's answer comes in a section of its own
		if left, _ := f.updatesOf(t, "web1"); len(left) > 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	if c := detail(t, f.s, "web1").Host.Findings; !c.Assessed || c.Total != 0 {
		t.Errorf("counts of web1: %+v, want assessed and none", c)
	}
	if left := f.findingsOf(t, "db1"); len(left) == 0 {
		t.Error("db1, which was not upgraded, has lost its findings too")
	}
	f.packages(t)
}

func (f *fleet) states(t *testing.T) {
	h := f.hosts[2]
	sh(t, h, "DEBIAN_FRONTEND=noninteractive apt-get -qqy install lab-kernel")
	sh(t, h, "DEBIAN_FRONTEND=noninteractive apt-get -qqy install lab-broken 2>/dev/null || true")
	f.s.post(t, "/api/v1/hosts/db1/refresh")
	eventually(t, 2*time.Minute, "db1 says what state it is in", func() error {
		facts := detail(t, f.s, "db1").Facts
		broken := slices.ContainsFunc(facts.PackageManager.Broken, func(p apiv1.PackageState) bool { return p.Name == "lab-broken" && p.State == "half-configured" })
		if !facts.Reboot.Required || !slices.Contains(facts.Reboot.Packages, "lab-kernel") || !broken {
			return fmt.Errorf("reboot %+v, broken %+v", facts.Reboot, facts.PackageManager.Broken)
		}
		return nil
	})
	if o := get[apiv1.Overview](t, f.s, "/api/v1/overview"); o.RebootRequired != 1 || o.Hosts != 3 {
		t.Errorf("overview: %d of %d hosts require a reboot, want 1 of 3", o.RebootRequired, o.Hosts)
	}
	sh(t, h, "dpkg --purge --force-all lab-broken")
}

// lostMirror takes one mirror away from db1: that is said, and what the other mirrors offer stays.
func (f *fleet) lostMirror(t *testing.T) {
	h := f.hosts[2]
	before, _ := f.updatesOf(t, "db1")
	sh(t, h, "sed -i.bak s/:8001/:8009/ /etc/apt/sources.list")
	f.s.post(t, "/api/v1/hosts/db1/refresh")
	eventually(t, 2*time.Minute, "db1 names the repositories that it cannot read", func() error {
		d := detail(t, f.s, "db1")
		lost := 0
		for _, m := range d.Vitals.Metadata {
			if strings.Contains(m.Repository, ":8009") && m.Error != "" {
				lost++
			}
		}
		if lost != 2 || d.Vitals.RefreshError == "" || !d.Host.Updates.Known {
			return fmt.Errorf("%d lost, refresh error %q, updates %+v", lost, d.Vitals.RefreshError, d.Host.Updates)
		}
		return nil
	})
	eventually(t, 2*time.Minute, "what the other mirrors offer is still shown", func() error {
		if left, _ := f.updatesOf(t, "db1"); left["libssl3"] != before["libssl3"] || left["lab-fix"] != "" {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	sh(t, h, "mv /etc/apt/sources.list.bak /etc/apt/sources.list")
	f.s.post(t, "/api/v1/hosts/db1/refresh")
	eventually(t, 2*time.Minute, "db1's lists are whole again", func() error {
		if after, _ := f.updatesOf(t, "db1"); !cmp.Equal(before, after) {
			return errors.New(cmp.Diff(before, after))
		}
		if d := detail(t, f.s, "db1"); d.Vitals.RefreshError != "" {
			return errors.New(d.Vitals.RefreshError)
		}
		return nil
	})
}

// answers are what must be the same after any restart of the server.
func (f *fleet) answers(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, h := range f.hosts {
		d := detail(t, f.s, h.Name)
		out[h.Name+" facts"], out[h.Name+" hardware"], out[h.Name+" since"], out[h.Name+" labels"] = d.Facts, d.Hardware, d.Since, d.Host.Labels
		out[h.Name+" packages"] = get[apiv1.HostPackages](t, f.s, "/api/v1/hosts/"+h.Name+"/packages")
		out[h.Name+" findings"] = f.findingsOf(t, h.Name)
		out[h.Name+" updates"], _ = f.updatesOf(t, h.Name)
	}
	for _, e := range get[apiv1.EventPage](t, f.s, "/api/v1/events?limit=1000").Items {
		if e.Host != "" { // a start of the server is an event too
			out[fmt.Sprintf("event %d", e.Seq)] = e
		}
	}
	return out
}

func (f *fleet) kill(t *testing.T) {
	before := f.answers(t)
	for _, end := range []struct {
		name string
		stop func(*testing.T)
	}{{"SIGTERM", f.s.stop}, {"kill -9", f.s.kill}} {
		end.stop(t)
		f.s.start(t)
		for _, h := range f.hosts {
			eventually(t, 2*time.Minute, h.Name+" is online again", func() error {
				if !detail(t, f.s, h.Name).Host.Online {
					return errors.New("offline")
				}
				return nil
			})
		}
		if d := cmp.Diff(before, f.answers(t)); d != "" {
			t.Errorf("after %s (-before +after):\n%s", end.name, d)
		}
	}
}

func (f *fleet) powerCut(t *testing.T) {
	h := f.hosts[2]
	before := detail(t, f.s, "db1")
	if err := h.PowerCut(); err != nil {
		t.Fatal(err)
	}
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, "db1 reports its new boot", func() error {
		d := detail(t, f.s, "db1")
		if d.Facts.BootID == before.Facts.BootID || d.Facts.Reboot.Required || d.Host.ID != before.Host.ID {
			return fmt.Errorf("boot id %s, reboot %+v", d.Facts.BootID, d.Facts.Reboot)
		}
		return nil
	})
	pid := agentPID(t, h)
	sh(t, h, "systemctl kill -s KILL --kill-whom=main staunch-agent")
	eventually(t, 2*time.Minute, "systemd has started the agent again and it is online", func() error {
		if sh(t, h, "systemctl is-active staunch-agent || true") != "active\n" || agentPID(t, h) == pid {
			return errors.New("not yet")
		}
		if !detail(t, f.s, "db1").Host.Online {
			return errors.New("offline")
		}
		return nil
	})
}

func (f *fleet) revoke(t *testing.T) {
	before := detail(t, f.s, "web2")
	f.s.post(t, "/api/v1/hosts/web2/revoke")
	sh(t, f.hosts[1], "touch /run/reboot-required; systemctl restart staunch-agent || true")
	eventually(t, 2*time.Minute, "the revoked agent says that it is refused", func() error {
		if log := sh(t, f.hosts[1], "journalctl --no-pager -u staunch-agent | tail -n 5"); !strings.Contains(log, "revoked") {
			return errors.New(log)
		}
		return nil
	})
	if d := detail(t, f.s, "web2"); d.Host.State != apiv1.HostRevoked || !cmp.Equal(d.Since, before.Since) {
		t.Errorf("web2 is %s; sections since %v, before %v", d.Host.State, d.Since, before.Since)
	}
	if code := f.s.do(t, http.MethodPost, "/api/v1/hosts/web2/refresh", nil, nil); code != http.StatusConflict {
		t.Errorf("asking a revoked host to refresh: %d, want 409", code)
	}
}

func (f *fleet) history(t *testing.T) {
	h := get[apiv1.HistoryPage](t, f.s, "/api/v1/hosts/web1/history?limit=1000")
	fixed := slices.ContainsFunc(h.Items, func(e apiv1.HistoryEntry) bool {
		return slices.ContainsFunc(e.Changes, func(c apiv1.PackageChange) bool { return c.Name == "lab-fix" && c.From == "1.0" && c.To == "1.1" })
	})
	if !fixed {
		t.Errorf("web1's history does not say that lab-fix went from 1.0 to 1.1: %+v", h.Items)
	}
	data := filepath.Join(f.s.dir, "data")
	if out, err := lab.Output("find", data, "-not", "-name", "ca.pem", "-perm", "/077"); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("readable by others in the data folder: %s %v", out, err)
	}
}

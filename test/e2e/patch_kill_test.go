//go:build linux && e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// killed kills, with SIGKILL and while a postinst runs, each of what takes part in a run. Every time the run must end by itself, say what
// dpkg says, and have done nothing twice.
func (p *patched) killed(t *testing.T) {
	h := p.hosts[2]
	for _, victim := range interruptions {
		t.Run(victim, func(t *testing.T) { p.kill(t, h, victim) })
	}
}

func (p *patched) kill(t *testing.T, h *lab.Host, victim string) {
	name, before := slowPackage(victim), installed(t, h)
	created := p.create(t, "-l", "host.name="+h.Name, "--package", name)
	p.s.must(t, "rollout", "start", created.ID, "--approve", "--yes")
	scripts := func() string {
		return sh(t, h, "grep -F ' "+name+" 1.1 postinst configure' /var/log/lab-scripts || true")
	}
	eventually(t, time.Minute, "the postinst runs", func() error {
		if !strings.Contains(scripts(), "begin") {
			return errNotYet
		}
		return nil
	})
	switch victim {
	case "server":
		p.s.kill(t)
	case "run":
		sh(t, h, "systemctl kill -s KILL --kill-whom=main staunch-agent.service")
	case "apply":
		sh(t, h, "systemctl kill -s KILL --kill-whom=main staunch-agent-apply.service")
	default:
		killInRun(t, h, victim)
	}
	if s, state := scripts(), installed(t, h)[name+":all"]; strings.Contains(s, "end") || state == "installed 1.1" || state == before[name+":all"] {
		t.Errorf("it was not killed in mid-transaction: the package is %q, its scripts: %s", state, s)
	}
	if victim == "server" {
		p.s.start(t)
	}
	r := p.proven(t, created.ID)
	if r.State != apiv1.RolloutCompleted {
		eventually(t, 10*time.Second, "the rollout is completed", func() error {
			if r = p.rolloutOf(t, created.ID); r.State != apiv1.RolloutCompleted {
				return fmt.Errorf("it is %s", r.State)
			}
			return nil
		})
	}
	if d := cmp.Diff(asLock(before, changesOf(t, created, h.Name)), installed(t, h)); d != "" {
		t.Errorf("(-lock +dpkg-query):\n%s", d)
	}
	begun, done := strings.Count(scripts(), "begin"), strings.Count(scripts(), "end")
	// a script that dpkg was cut off in is run again: that is dpkg's own rule
	if most := map[string]int{"apt-get": 2, "dpkg": 2}[victim]; done != 1 && !(most == 2 && done <= 2) || begun > max(most, 1) {
		t.Errorf("the postinst began %d times and ended %d times", begun, done)
	}
	detail := get[apiv1.RunDetail](t, p.s, "/api/v1/runs/"+runOn(t, r, h.Name).ID)
	for _, s := range detail.Steps {
		if s.State == "started" {
			t.Errorf("step %s was never ended", s.Name)
		}
	}
	if n := strings.Count(strings.Join(detail.Log, "\n"), "Unpacking "+name); n != 1 {
		t.Errorf("it was unpacked %d times by its log", n)
	}
	unitsGo(t, h)
	t.Logf("the postinst began %d times and ended %d times", begun, done)
}

// killInRun kills the oldest process of that name in a run's own unit.
func killInRun(t *testing.T, h *lab.Host, name string) {
	t.Helper()
	sh(t, h, `for p in $(ls /proc | grep -x '[0-9]*' | sort -n); do
		if [ "$(cat /proc/$p/comm 2>/dev/null)" = `+name+` ] && grep -q staunch-run- /proc/$p/cgroup; then kill -KILL $p; exit 0; fi
	done
	echo 'no `+name+` runs' >&2; exit 1`)
}

// runUnits are the units of runs that systemd knows.
func runUnits(t *testing.T, h *lab.Host) string {
	t.Helper()
	return sh(t, h, "systemctl list-units --all --plain --no-legend 'staunch-run-*'")
}

// otherPlanKey is the public half of a key that no server here has.
func otherPlanKey(t *testing.T) string {
	t.Helper()
	return string(ssh.MarshalAuthorizedKey(strangersKey(t).PublicKey()))
}

// removed takes the packages away again: removed, they leave their state; purged, nothing.
func (p *patched) removed(t *testing.T) {
	h := p.hosts[0]
	deb := debFile(t, "staunch-server")
	p.install(t, h, deb)
	eventually(t, 20*time.Second, "the packaged server answers", func() error {
		_, err := h.Sh(t.Context(), "systemctl is-active --quiet staunch-server && test -e /var/lib/staunch/ca.pem")
		return err
	})
	if got := sh(t, h, "stat -c '%U %a' /var/lib/staunch"); got != "staunch 700\n" {
		t.Errorf("the server's folder is %q", got)
	}
	for name, c := range map[string]struct{ units, state, program string }{
		"staunch-server": {"staunch-server.service", "/var/lib/staunch/ca.pem", "/usr/bin/staunch"},
		"staunch-agent":  {"staunch-agent.service staunch-agent-apply.path staunch-agent-look.path", "/var/lib/staunch-agent/identity.json /var/lib/staunch-apply/epoch /etc/staunch/trust.json", "/usr/bin/staunch-agent"},
	} {
		sh(t, h, "dpkg -r "+name)
		sh(t, h, "for f in "+c.state+"; do test -e $f; done; test ! -e "+c.program)
		if out := sh(t, h, "systemctl is-active "+c.units+" || true"); strings.Contains(strings.ReplaceAll(out, "inactive", ""), "active") {
			t.Errorf("%s is removed and runs: %s", name, out)
		}
		if name == "staunch-agent" { // with its state it goes on where it was
			p.install(t, h, debFile(t, name))
			eventually(t, 20*time.Second, name+" runs again", func() error {
				_, err := h.Sh(t.Context(), "for u in "+c.units+"; do systemctl is-active --quiet $u; done")
				return err
			})
		}
		sh(t, h, "dpkg -P "+name)
		sh(t, h, "for f in "+c.state+"; do test ! -e $f; done")
		if left := sh(t, h, "find /etc/systemd /usr/lib/systemd /var/lib/systemd -name 'staunch-*' | grep -F '"+name+"' || true"); left != "" {
			t.Errorf("%s is purged and leaves %s", name, left)
		}
	}
	if failed := sh(t, h, "systemctl --failed --plain --no-legend"); failed != "" {
		t.Errorf("failed units: %s", failed)
	}
}

// install puts a package's file on a host and installs it there.
func (p *patched) install(t *testing.T, h *lab.Host, deb string) {
	t.Helper()
	if out, err := lab.Output("cp", deb, h.Root+"/root/package.deb"); err != nil {
		t.Fatal(err, out)
	}
	sh(t, h, "dpkg -i /root/package.deb")
}

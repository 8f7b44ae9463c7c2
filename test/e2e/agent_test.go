//go:build linux && e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// agentLayer is the layer that a package of the agent would make, without its root half: the program, its units and its user. The units are the
// packaged ones; what a test needs otherwise is a drop-in, as an administrator would write it.
func agentLayer(t *testing.T, dropIn string) string {
	t.Helper()
	files := map[string]string{}
	for from, to := range map[string]string{
		binary("staunch-agent"):                              "usr/bin/staunch-agent",
		"../../packaging/systemd/staunch-agent.service":      "usr/lib/systemd/system/staunch-agent.service",
		"../../packaging/systemd/staunch-agent-look.service": "usr/lib/systemd/system/staunch-agent-look.service",
		"../../packaging/systemd/staunch-agent-look.path":    "usr/lib/systemd/system/staunch-agent-look.path",
		"../../packaging/sysusers.d/staunch-agent.conf":      "usr/lib/sysusers.d/staunch-agent.conf",
	} {
		body, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files[to] = string(body)
	}
	if dropIn != "" {
		files["etc/systemd/system/staunch-agent.service.d/lab.conf"] = dropIn
	}
	dir, err := lab.Layer(t.Context(), "agent-"+t.Name(), nil, files, "chmod 755 /usr/bin/staunch-agent; systemd-sysusers; systemctl -q enable staunch-agent-look.path staunch-agent")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// boot makes and boots a host whose agent has nothing to do yet.
func boot(t *testing.T, name string, layers ...string) *lab.Host {
	t.Helper()
	h, err := lab.NewHost(name, layers...)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// renew brings what runs up to date with what is installed, as an administrator does who need not reboot: of the first process, the log and their
// like apt and a run leave the old libraries in memory, and findings of those stay open as old code. Nothing else must be left, but for what is
// open on purpose.
func renew(t *testing.T, s *server, h *lab.Host, open ...string) {
	t.Helper()
	eventually(t, time.Minute, h.Name+" has nothing left that is not old code in memory", func() error {
		for _, f := range get[apiv1.FindingPage](t, s, "/api/v1/hosts/"+h.Name+"/findings?limit=1000").Items {
			if f.Status != apiv1.StatusOldCode && !slices.Contains(open, f.Vulnerability) {
				return fmt.Errorf("%s of %s is %s", f.Vulnerability, f.Source, f.Status)
			}
		}
		return nil
	})
	restart := map[string]bool{}
	for _, old := range detail(t, s, h.Name).Facts.OldCode {
		for _, unit := range old.Units {
			restart[unit] = unit != "init.scope"
		}
	}
	t.Logf("%s: old code in %v", h.Name, slices.Sorted(maps.Keys(restart)))
	script := "systemctl daemon-reexec"
	for unit, itself := range restart {
		if itself {
			script += "; systemctl restart " + unit
		}
	}
	sh(t, h, script)
	s.post(t, "/api/v1/hosts/"+h.Name+"/refresh")
}

// enroll enrolls a host the way the console's paste-on-the-host command does, and starts the agent.
func enroll(t *testing.T, s *server, h *lab.Host, token string) error {
	t.Helper()
	if _, err := h.ExecInput(t.Context(), token+"\n", "staunch-agent", "enroll", "--server", s.url(), "--token-file", "-"); err != nil {
		return err
	}
	_, err := h.Exec(t.Context(), "systemctl", "restart", "staunch-agent")
	return err
}

// agentPID is the agent's process id in the test's namespace.
func agentPID(t *testing.T, h *lab.Host) int {
	t.Helper()
	inside := strings.TrimSpace(sh(t, h, "systemctl show -P MainPID staunch-agent"))
	pid1, err := h.PID1()
	if err != nil {
		t.Fatal(err)
	}
	// the process below this host's systemd whose innermost process id is the one that systemd names
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid1, pid1))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Fields(string(children)) {
		status, _ := os.ReadFile(filepath.Join("/proc", c, "status"))
		ids := strings.Fields(field(strings.ReplaceAll(string(status), ":\t", ": "), "NSpid"))
		if len(ids) > 0 && ids[len(ids)-1] == inside {
			n, err := strconv.Atoi(c)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s: no agent is running: %s", h.Name, sh(t, h, "systemctl status --no-pager staunch-agent || true"))
	return 0
}

// idling is nil when the agent runs no program of apt's.
func idling(pid int) error {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(tasks) == 0 {
		return fmt.Errorf("no process %d", pid)
	}
	for _, f := range tasks {
		if children, err := os.ReadFile(f); err == nil && len(children) > 0 {
			return fmt.Errorf("it runs %s", children)
		}
	}
	return nil
}

// residentBytes and cpuTime are the kernel's own figures of a process.
func residentBytes(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kb int64
	if _, err := fmt.Sscan(field(strings.ReplaceAll(string(status), ":\t", ": "), "VmRSS"), &kb); err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no tasks of %d: %v", pid, err)
	}
	var sum int64
	for _, f := range tasks {
		body, err := os.ReadFile(f)
		if err != nil {
			continue // a thread that has just ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(body), &ns); err != nil {
			t.Fatal(err)
		}
		sum += ns
	}
	return time.Duration(sum)
}

// detail, packages, updates and findings are what the API says of a host, by name.
func detail(t *testing.T, s *server, host string) apiv1.HostDetail {
	t.Helper()
	return get[apiv1.HostDetail](t, s, "/api/v1/hosts/"+host)
}

// waitReported returns when the server has all sections of a host.
func waitReported(t *testing.T, s *server, host string) apiv1.HostDetail {
	t.Helper()
	var d apiv1.HostDetail
	eventually(t, 2*time.Minute, host+" has reported every section", func() error {
		d = detail(t, s, host)
		for _, section := range apiv1.SectionNames() {
			if _, ok := d.Since[section]; !ok {
				return fmt.Errorf("no %s yet", section)
			}
		}
		if !d.Host.Updates.Known {
			return fmt.Errorf("updates are not known: %s", d.Host.Updates.Problem)
		}
		return nil
	})
	return d
}

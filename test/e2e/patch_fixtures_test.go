//go:build linux && e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// interruptions are what is killed in mid-transaction, each on a package of its own whose postinst takes its time.
var interruptions = []string{"server", "run", "apply", "apt-get", "dpkg"}

func slowPackage(victim string) string { return "lab-slow-" + strings.ReplaceAll(victim, "-", "") }

// patchSuites are a vendor's suite and one of the distribution's security archive, both with the old versions too.
func patchSuites() (suites []lab.DebSuite, old []lab.Deb) {
	vendor := []lab.Deb{{Name: "lab-bad", Version: "1.1", Scripts: map[string]string{"postinst": "echo lab-bad cannot be configured >&2\nexit 1"}}}
	vendorOld := []lab.Deb{{Name: "lab-bad", Version: "1.0"}}
	for _, victim := range interruptions {
		slow := scripted(slowPackage(victim), "1.1", "", "0")
		slow.Scripts["postinst"] = strings.Replace(slow.Scripts["postinst"], "sleep 0", "sleep 3", 1)
		vendor, vendorOld = append(vendor, slow), append(vendorOld, lab.Deb{Name: slow.Name, Version: "1.0"})
	}
	security := []lab.Deb{{Name: "lab-fix", Version: "1.1"}, {Name: "lab-hole", Version: "1.1"}}
	securityOld := []lab.Deb{{Name: "lab-fix", Version: "1.0"}, {Name: "lab-hole", Version: "1.0"}}
	return []lab.DebSuite{
		{Name: suiteVendor, Origin: "Lab", Label: "Lab", Debs: slices.Concat(vendorOld, vendor)},
		{Name: suiteSecurity, Origin: "Debian", Label: "Debian-Security", Debs: slices.Concat(securityOld, security)},
	}, slices.Concat(vendorOld, securityOld)
}

// debFile is the package that make packages has built.
func debFile(t *testing.T, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(lab.RunDir(), "dist", name+"_*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages of %s: %v %v", name, found, err)
	}
	return found[0]
}

// patchLayer is a layer with the real package of the agent installed, the old synthetic packages, and the sources of the new ones.
func patchLayer(t *testing.T, repo *lab.DebRepo, sources string, old []lab.Deb) string {
	t.Helper()
	files := map[string]string{"etc/apt/sources.list": sources}
	read := func(from, to string) {
		t.Helper()
		body, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files[to] = string(body)
	}
	read(repo.Key, "etc/apt/lab.gpg")
	read(debFile(t, "staunch-agent"), "root/debs/staunch-agent.deb")
	for _, d := range old {
		read(repo.DebFile(d), "root/debs/"+d.Name+".deb")
	}
	dir, err := lab.Layer(t.Context(), "patched", nil, files, "dpkg -i /root/debs/*.deb\nrm -r /root/debs")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// patience bounds one command of the operator's that waits for hosts.
const patience = 3 * time.Minute

// ended is how a command ended.
type ended struct {
	out, err string
	code     int
}

// staunch runs an operator's command to its end, whatever that is.
func (s *server) staunch(t *testing.T, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	home := filepath.Join(s.dir, "home")
	cmd := exec.CommandContext(ctx, binary("staunch"), args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "STAUNCH_CA_FINGERPRINT=")
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("staunch %s: %v", strings.Join(args, " "), err)
	}
	return ended{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must is staunch for what has to succeed; gives its standard output.
func (s *server) must(t *testing.T, args ...string) string {
	t.Helper()
	e := s.staunch(t, args...)
	if e.code != 0 {
		t.Fatalf("staunch %s ended with %d: %s\n%s", strings.Join(args, " "), e.code, e.err, e.out)
	}
	return e.out
}

// decode is must for a command with -o json.
func decode[T any](t *testing.T, s *server, args ...string) T {
	t.Helper()
	out := s.must(t, append(args, "-o", "json")...)
	var v T
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("staunch %s: %v in %.500s", strings.Join(args, " "), err, out)
	}
	return v
}

// installed is what dpkg-query says of every package on a host: "state version" by name.
func installed(t *testing.T, h *lab.Host) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(sh(t, h, `dpkg-query -W -f '${Package}:${Architecture} ${db:Status-Status} ${Version}\n'`)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[name] = rest
	}
	return out
}

// asLock is what installed must say after a lock is carried out: before, with the lock's changes.
func asLock(before map[string]string, changes []apiv1.LockChange) map[string]string {
	after := map[string]string{}
	for name, state := range before {
		after[name] = state
	}
	for _, c := range changes {
		if c.Action == apiv1.ActionRemove {
			delete(after, c.Name+":"+c.Arch)
			continue
		}
		after[c.Name+":"+c.Arch] = "installed " + c.To
	}
	return after
}

// changesOf are the changes of a plan on one host, by name.
func changesOf(t *testing.T, p apiv1.Plan, host string) []apiv1.LockChange {
	t.Helper()
	i := slices.IndexFunc(p.Hosts, func(h apiv1.PlanHost) bool { return h.Host == host })
	if i < 0 || p.Hosts[i].State != apiv1.PlanHostSimulated {
		t.Fatalf("%s is not simulated in plan %s: %+v", host, p.ID, p.Hosts)
	}
	for _, c := range p.Cohorts {
		if c.Lock == p.Hosts[i].Cohort {
			return c.Changes
		}
	}
	t.Fatalf("plan %s has no cohort %s", p.ID, p.Hosts[i].Cohort)
	return nil
}

// previewOf is a host's part of a plan in the form of plan.
func previewOf(t *testing.T, p apiv1.Plan, host string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, c := range changesOf(t, p, host) {
		if c.Action == apiv1.ActionRemove {
			out[c.Name] = fmt.Sprintf("remove %s %s", c.Name, c.From)
		} else {
			out[c.Name] = strings.Join([]string{c.Action, c.Name, c.Arch, c.From, c.To}, " ")
		}
	}
	return out
}

// runOn is a host's run of a rollout.
func runOn(t *testing.T, r apiv1.Rollout, host string) apiv1.Run {
	t.Helper()
	i := slices.IndexFunc(r.Runs, func(x apiv1.Run) bool { return x.Host == host })
	if i < 0 {
		t.Fatalf("rollout %s has no run on %s", r.ID, host)
	}
	return r.Runs[i]
}

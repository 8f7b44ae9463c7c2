//go:build linux && e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/test/lab"
)

// patchHost is a booted host whose root half is driven directly, with offers that a key of the test has signed: no server, no agent.
type patchHost struct {
	*lab.Host
	repo  *lab.DebRepo
	key   ssh.Signer
	epoch int64
	uid   int // of staunch-agent
}

const (
	applySpool = "var/lib/staunch-agent/spool"
	applyState = "var/lib/staunch-apply"
	applyHost  = "host_lab"
)

// scripted is a package whose maintainer scripts write down when they begin and end and with which arguments, and take their time.
func scripted(name, version, control string, seconds string) lab.Deb {
	d := lab.Deb{Name: name, Version: version, Control: control, Scripts: map[string]string{}}
	for _, s := range []string{"preinst", "postinst", "prerm", "postrm"} {
		d.Scripts[s] = fmt.Sprintf("echo \"begin %s %s %s $*\" >> /var/log/lab-scripts\nsleep %s\necho \"end %s %s %s $*\" >> /var/log/lab-scripts", name, version, s, seconds, name, version, s)
	}
	return d
}

// chain are eight packages, each depending on the one before, as old and as new versions.
func chain() (old, fresh []lab.Deb) {
	for i := range 8 {
		name, depends := fmt.Sprintf("lab-chain%d", i), ""
		if i > 0 {
			depends = fmt.Sprintf("lab-chain%d", i-1)
		}
		field := func(version string) string {
			if depends == "" {
				return ""
			}
			return "Depends: " + depends + " (>= " + version + ")"
		}
		old = append(old, lab.Deb{Name: name, Version: "1.0", Control: field("1.0")})
		fresh = append(fresh, scripted(name, "1.1", field("1.1"), "0.05"))
	}
	return old, fresh
}

// newPatchHost boots a host with old installed from a signed repository that offers fresh.
func newPatchHost(t *testing.T, name, port string, old, fresh []lab.Deb, script string) *patchHost {
	t.Helper()
	repo, err := lab.NewDebRepo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	if err := repo.Publish(lab.DebSuite{Name: "lab", Origin: "Lab", Label: "Lab", Debs: append(append([]lab.Deb{}, old...), fresh...)}); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	read := func(from, to string) {
		body, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files[to] = string(body)
	}
	read(repo.Key, "etc/apt/lab.gpg")
	files["etc/apt/sources.list"] = repo.Sources(serve(t, repo.Dir, port), "/etc/apt/lab.gpg", "lab")
	read(binary("staunch-agent"), "usr/bin/staunch-agent")
	for _, unit := range []string{"staunch-agent-apply.service", "staunch-agent-apply.path"} {
		read("../../packaging/systemd/"+unit, "usr/lib/systemd/system/"+unit)
	}
	read("../../packaging/sysusers.d/staunch-agent.conf", "usr/lib/sysusers.d/staunch-agent.conf")
	for _, d := range old {
		read(repo.DebFile(d), "root/old/"+d.Name+".deb")
	}
	h := &patchHost{repo: repo}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if h.key, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	trust, err := json.Marshal(map[string]any{"host_id": applyHost, "plan_key": string(ssh.MarshalAuthorizedKey(h.key.PublicKey())), "threshold": 0})
	if err != nil {
		t.Fatal(err)
	}
	files["etc/staunch/trust.json"] = string(trust)
	installOld := ""
	if len(old) > 0 {
		installOld = "dpkg -i /root/old/*.deb\n"
	}
	layer, err := lab.Layer(t.Context(), name, nil, files, "chmod 755 /usr/bin/staunch-agent\nsystemd-sysusers\n"+installOld+script)
	if err != nil {
		t.Fatal(err)
	}
	h.Host = boot(t, name, layer)
	sh(t, h.Host, "install -d -o staunch-agent -g staunch-agent -m 750 /var/lib/staunch-agent /"+applySpool+" /"+applySpool+"/in /"+applySpool+"/tmp; apt-get -qq update")
	if _, err := fmt.Sscan(sh(t, h.Host, "id -u staunch-agent"), &h.uid); err != nil {
		t.Fatal(err)
	}
	return h
}

// reset brings the old versions back and forgets what scripts wrote.
func (h *patchHost) reset(t *testing.T) {
	t.Helper()
	sh(t, h.Host, "dpkg --force-all -i /root/old/*.deb >/dev/null 2>&1 || dpkg --force-all --configure -a; rm -f /var/log/lab-scripts; dpkg --audit | grep . && exit 1 || true")
}

// change is a line of a lock.
func (h *patchHost) change(t *testing.T, d lab.Deb, from string) seal.Change {
	t.Helper()
	body, err := os.ReadFile(h.repo.DebFile(d))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	c := seal.Change{Name: d.Name, Arch: "all", Action: "upgrade", From: from, To: d.Version, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(body))}
	if from == "" {
		c.Action = "install"
	}
	return c
}

func (h *patchHost) lock(t *testing.T, debs ...lab.Deb) seal.Lock {
	t.Helper()
	l := seal.Lock{Version: 1, Manager: "apt"}
	for _, d := range debs {
		l.Changes = append(l.Changes, h.change(t, d, "1.0"))
	}
	return l
}

// offer signs everything a run needs. edit may change the plan before.
func (h *patchHost) offer(t *testing.T, lock seal.Lock, edit func(*seal.Plan)) apiv1.RunOffer {
	t.Helper()
	h.epoch++
	o := apiv1.RunOffer{RunID: fmt.Sprintf("run_%s%04d", strings.ReplaceAll(h.Name, "-", ""), h.epoch)}
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	o.Lock = must(seal.Encode(lock))
	leaf := seal.Leaf(applyHost, seal.Sum(o.Lock))
	now := time.Now().UTC().Truncate(time.Second)
	plan := seal.Plan{Version: 1, ID: "plan_lab", Kind: "patch", CreatedAt: now, CreatedBy: "user:test", NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		HostsRoot: hex.EncodeToString(leaf[:]), Hosts: 1, Locks: []string{seal.Sum(o.Lock)}, Reboot: "never"}
	if edit != nil {
		edit(&plan)
	}
	o.Plan = must(seal.Encode(plan))
	o.Grant = must(seal.Encode(seal.Grant{Version: 1, RunID: o.RunID, HostID: applyHost, PlanSHA256: seal.Sum(o.Plan), LockSHA256: seal.Sum(o.Lock),
		Epoch: h.epoch, IssuedAt: now.Add(-time.Minute), ExpiresAt: now.Add(10 * time.Minute), Proof: []string{}}))
	sign := func(namespace string, b []byte) string {
		s, err := seal.Sign(h.key, namespace, b)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	o.PlanSignatures, o.GrantSignature = []string{sign(seal.NamespacePlan, o.Plan)}, sign(seal.NamespaceGrant, o.Grant)
	return o
}

// put lays an offer into the spool the way the unprivileged half does: made beside, renamed when whole.
func (h *patchHost) put(t *testing.T, o apiv1.RunOffer, debs ...lab.Deb) {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"offer.json": raw}
	for _, d := range debs {
		body, err := os.ReadFile(h.repo.DebFile(d))
		if err != nil {
			t.Fatal(err)
		}
		files["debs/"+d.Name+"_"+strings.ReplaceAll(d.Version, ":", "%3a")+"_all.deb"] = body
	}
	lists, err := filepath.Glob(filepath.Join(h.Root, "var/lib/apt/lists/*_*"))
	if err != nil || len(lists) == 0 {
		t.Fatalf("no lists: %v", err)
	}
	for _, l := range lists {
		body, err := os.ReadFile(l)
		if err != nil {
			t.Fatal(err)
		}
		files["lists/"+filepath.Base(l)] = body
	}
	tmp := filepath.Join(h.Root, applySpool, "tmp", o.RunID)
	for name, body := range files {
		path := filepath.Join(tmp, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := lab.Output("chown", "-R", fmt.Sprint(h.uid), tmp); err != nil {
		t.Fatal(err, out)
	}
	if err := os.Rename(tmp, filepath.Join(h.Root, applySpool, "in", o.RunID)); err != nil {
		t.Fatal(err)
	}
}

// apply runs the root half to its end.
func (h *patchHost) apply(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.tryApply(t.Context(), args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func (h *patchHost) tryApply(ctx context.Context, args ...string) (string, error) {
	cmd, err := h.Command(ctx, append([]string{"staunch-agent", "apply", "--log-level", "debug"}, args...)...)
	if err != nil {
		return "", err
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err = cmd.Run()
	return log.String(), err
}

// reports are all reports of a run so far.
func (h *patchHost) reports(t *testing.T, id string) []apiv1.RunReport {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.Root, applyState, "out", id, "reports.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out []apiv1.RunReport
	for line := range bytes.Lines(b) {
		var r apiv1.RunReport
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("report %q: %v", line, err)
		}
		out = append(out, r)
	}
	return out
}

// outcome is the last outcome of a run's reports; the test fails without one.
func (h *patchHost) outcome(t *testing.T, id string) apiv1.RunOutcome {
	t.Helper()
	var o *apiv1.RunOutcome
	for _, r := range h.reports(t, id) {
		if r.Outcome != nil {
			o = r.Outcome
		}
	}
	if o == nil {
		t.Fatalf("run %s has no outcome", id)
	}
	return *o
}

// versions is what dpkg-query says of the synthetic packages: "name state version".
func (h *patchHost) versions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(sh(t, h.Host, `dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\n' 'lab-*'`)) {
		if f := strings.Fields(line); len(f) >= 2 {
			out[f[0]] = strings.Join(f[1:], " ")
		}
	}
	return out
}

// agrees fails the test when an outcome says of a package what dpkg-query does not.
func (h *patchHost) agrees(t *testing.T, o apiv1.RunOutcome) {
	t.Helper()
	now := h.versions(t)
	for _, p := range o.Installed {
		if got := now[p.Name]; strings.ReplaceAll(p.State, " reinstreq", "") != got && !(p.State == "not installed" && got == "") {
			t.Errorf("the outcome says that %s is %q, dpkg-query says %q", p.Name, p.State, got)
		}
	}
}

//go:build linux && e2e && nightly

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/test/lab"
)

// What the root half costs beside the bare apt-get of the same transaction: real pending updates of Debian, with all of Debian's lists,
// on two hosts that are alike.
func TestApplyOverhead(t *testing.T) {
	const maxCPU, maxResident = time.Second, 25 << 20
	base := serve(t, lab.FrozenMirror(), "8303")
	with, bare := newPatchHost(t, "with", "8304", nil, nil, ""), newPatchHost(t, "bare", "8305", nil, nil, "")
	var lock seal.Lock
	var argv []string
	for _, h := range []*patchHost{with, bare} {
		if err := lab.WriteFiles(h.Root, map[string]string{"etc/apt/sources.list": lab.FrozenSources(base, true)}); err != nil {
			t.Fatal(err)
		}
		sh(t, h.Host, "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qqy -d dist-upgrade >/dev/null")
	}
	lock, argv = pending(t, with)
	o := with.offer(t, lock, func(p *seal.Plan) { p.AllowNew = true })
	with.putCached(t, o, lock)

	start, err := with.CPU()
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := with.Command(t.Context(), "staunch-agent", "apply")
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- cmd.Wait() }()
	resident := int64(0)
	for done := false; !done; {
		select {
		case err := <-end:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		case <-time.After(2 * time.Millisecond):
			for _, pid := range with.victims()[killApply] {
				status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
				var kb int64
				if _, err := fmt.Sscan(field(strings.ReplaceAll(string(status), ":\t", ": "), "VmHWM"), &kb); err == nil {
					resident = max(resident, kb<<10)
				}
			}
		}
	}
	after, err := with.CPU()
	if err != nil {
		t.Fatal(err)
	}
	got := with.outcome(t, o.RunID)
	if got.Result != "succeeded" {
		t.Fatalf("outcome %+v", got)
	}
	whole := after - start + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()

	if start, err = bare.CPU(); err != nil {
		t.Fatal(err)
	}
	alone, err := bare.Command(t.Context(), append([]string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "--no-download", "-o", "Dpkg::Use-Pty=0", "install"}, argv...)...)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := alone.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if after, err = bare.CPU(); err != nil {
		t.Fatal(err)
	}
	apt := after - start + alone.ProcessState.UserTime() + alone.ProcessState.SystemTime()
	own := time.Duration(got.CPU * float64(time.Second))
	t.Logf("%d packages: apt-get alone %.2f s of CPU, with all around it %.2f s (%+.2f s), of that the agent itself %.2f s; it was at most %.1f MB resident",
		len(lock.Changes), apt.Seconds(), whole.Seconds(), (whole - apt).Seconds(), own.Seconds(), float64(resident)/(1<<20))
	if resident == 0 || resident > maxResident {
		t.Errorf("%d bytes resident, at most %d are allowed", resident, int64(maxResident))
	}
	if own > maxCPU || whole-apt > maxCPU {
		t.Errorf("%v of CPU around apt-get, of that its own %v: at most %v is allowed", whole-apt, own, maxCPU)
	}
}

// pending is the lock of everything that a host would upgrade, of packages that it has downloaded, and the same as apt-get's arguments.
func pending(t *testing.T, h *patchHost) (seal.Lock, []string) {
	t.Helper()
	lock := seal.Lock{Version: 1, Manager: "apt"}
	var argv []string
	for _, line := range plan(sh(t, h.Host, "apt-get -s dist-upgrade")) {
		f := strings.Fields(line) // action name arch [from] to
		if f[0] == "remove" {
			t.Fatalf("a dist-upgrade that removes: %s", line)
		}
		c := seal.Change{Action: f[0], Name: f[1], Arch: f[2], To: f[len(f)-1]}
		if c.Action == "upgrade" {
			c.From = f[3]
		}
		body, err := os.ReadFile(filepath.Join(h.Root, "var/cache/apt/archives", cachedName(c)))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		c.SHA256, c.Size = hex.EncodeToString(sum[:]), int64(len(body))
		lock.Changes = append(lock.Changes, c)
		argv = append(argv, c.Name+"="+c.To)
	}
	if len(lock.Changes) == 0 {
		t.Fatal("nothing is pending")
	}
	return lock, argv
}

func cachedName(c seal.Change) string {
	return c.Name + "_" + strings.ReplaceAll(c.To, ":", "%3a") + "_" + c.Arch + ".deb"
}

// putCached lays an offer into the spool with packages from the host's own cache.
func (h *patchHost) putCached(t *testing.T, o apiv1.RunOffer, lock seal.Lock) {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	tmp := "/" + applySpool + "/tmp/" + o.RunID
	if err := lab.WriteFiles(h.Root, map[string]string{tmp + "/offer.json": string(raw)}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range lock.Changes {
		names = append(names, cachedName(c))
	}
	sh(t, h.Host, "mkdir "+tmp+"/debs "+tmp+"/lists; cp /var/lib/apt/lists/*_* "+tmp+"/lists/; cd /var/cache/apt/archives; cp "+strings.Join(names, " ")+" "+tmp+"/debs/; chown -R staunch-agent "+tmp+"; mv "+tmp+" /"+applySpool+"/in/")
}

//go:build linux && e2e

package lab_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/test/lab"
)

func TestMain(m *testing.M) {
	os.Exit(lab.Main(m, func(context.Context, string) error { return nil }))
}

// What the end-to-end tests stand on: hosts boot, reach the controller and nothing else, survive a power cut, have real
// updates pending from the frozen mirror and synthetic ones from a signed repository.
func TestHostsBootAndHavePendingUpdates(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	repo, err := lab.NewDebRepo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	old, fixed := lab.Deb{Name: "lab-fix", Version: "1.0"}, lab.Deb{Name: "lab-fix", Version: "1.1", Control: "Depends: dpkg"}
	if err := repo.Publish(lab.DebSuite{Name: "lab", Origin: "Lab", Label: "Lab", Debs: []lab.Deb{old, fixed}}); err != nil {
		t.Fatal(err)
	}
	frozen := serve(t, lab.FrozenMirror(), "8000")
	synthetic := serve(t, repo.Dir, "8001")

	deb, err := os.ReadFile(repo.DebFile(old))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(repo.Key)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := lab.Layer(ctx, "fix", nil, map[string]string{
		"root/fix.deb":         string(deb),
		"etc/apt/lab.gpg":      string(key),
		"etc/apt/sources.list": lab.FrozenSources(frozen, true) + repo.Sources(synthetic, "/etc/apt/lab.gpg", "lab"),
	}, "dpkg -i /root/fix.deb; rm /root/fix.deb")
	if err != nil {
		t.Fatal(err)
	}
	h, err := lab.NewHost("first", layer)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := h.Boot(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("booted in %v", time.Since(start))

	mustExec(t, h, "apt-get -qq update")
	plan := mustExec(t, h, "apt-get -s dist-upgrade")
	if !strings.Contains(plan, "Inst lab-fix [1.0] (1.1 Lab:lab [all])") {
		t.Errorf("the synthetic update is not pending:\n%s", plan)
	}
	t.Logf("%d updates pending, %d of them Debian's security updates", strings.Count(plan, "\nInst "), strings.Count(plan, "Debian-Security"))
	mustExec(t, h, "DEBIAN_FRONTEND=noninteractive apt-get -qqy dist-upgrade")
	if left := mustExec(t, h, "apt-get -s dist-upgrade"); strings.Contains(left, "\nInst ") {
		t.Errorf("after the upgrade there is still something to do:\n%s", left)
	}

	boot := mustExec(t, h, "cat /proc/sys/kernel/random/boot_id")
	if err := h.PowerCut(); err != nil {
		t.Fatal(err)
	}
	if err := h.Boot(ctx); err != nil {
		t.Fatal(err)
	}
	if again := mustExec(t, h, "cat /proc/sys/kernel/random/boot_id"); again == boot {
		t.Error("the boot id did not change over a power cut")
	}
	if v := mustExec(t, h, "dpkg-query -W -f '${Version}' lab-fix"); v != "1.1" {
		t.Errorf("after the power cut lab-fix is %q, want 1.1", v)
	}
	if cpu, err := h.CPU(); err != nil || cpu <= 0 {
		t.Errorf("CPU = %v, %v", cpu, err)
	}
	if err := h.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func mustExec(t *testing.T, h *lab.Host, script string) string {
	t.Helper()
	out, err := h.Sh(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func serve(t *testing.T, dir, port string) string {
	t.Helper()
	srv := &http.Server{Addr: lab.ControllerIP + ":" + port, Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.ListenAndServe() }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + srv.Addr
}

// A package is the same bytes whenever it is built: a lock names its sha256, and a test may publish it again seconds later.
func TestAPackageIsBuiltTheSameAgain(t *testing.T) {
	repo, err := lab.NewDebRepo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	d := lab.Deb{Name: "lab-same", Version: "1.0", Files: map[string]string{"etc/lab/same": "same\n"}, Scripts: map[string]string{"postinst": "true"}}
	var built [2][]byte
	for i := range built {
		if i > 0 {
			time.Sleep(1100 * time.Millisecond) // the formats inside count whole seconds
		}
		if err := repo.Publish(lab.DebSuite{Name: "lab", Origin: "Lab", Label: "Lab", Debs: []lab.Deb{d}}); err != nil {
			t.Fatal(err)
		}
		if built[i], err = os.ReadFile(repo.DebFile(d)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(built[0], built[1]) {
		t.Error("the second build differs from the first")
	}
}

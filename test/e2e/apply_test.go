//go:build linux && e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/test/lab"
)

// The root half alone on a booted host: what it does with good offers, with offers that no longer fit, and with packages that fail.
func TestApply(t *testing.T) {
	old, fresh := chain()
	library, err := os.ReadFile("/usr/lib/x86_64-linux-gnu/libm.so.6")
	if err != nil {
		t.Skipf("no library to make a package of: %v", err)
	}
	service := "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/lab/liblab.so.1\nExecStartPre=/bin/sh -c 'echo started >> /run/%n.starts'\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
	bad := scripted("lab-bad", "1.1", "", "0")
	bad.Scripts["postinst"] += "\necho this package does not want to be configured >&2\nexit 1"
	conf := lab.Deb{Name: "lab-conf", Version: "1.1", Files: map[string]string{"etc/lab-conf.conf": "new default\n"}}
	lib := lab.Deb{Name: "lab-lib", Version: "1.1", Files: map[string]string{"usr/lib/lab/liblab.so.1": string(library) + "1.1"}}
	boots := lab.Deb{Name: "lab-boot", Version: "1.1", Scripts: map[string]string{"postinst": "touch /run/reboot-required; echo lab-boot > /run/reboot-required.pkgs"}}
	slow := lab.Deb{Name: "lab-slow", Version: "1.1", Scripts: map[string]string{"postinst": "touch /run-slow\nwhile [ ! -e /go-slow ]; do sleep 0.05; done\nrm /run-slow /go-slow"}}
	added := lab.Deb{Name: "lab-added", Version: "1.1"}
	wants := lab.Deb{Name: "lab-wants", Version: "1.1", Control: "Depends: lab-added"}
	old = append(old, lab.Deb{Name: "lab-bad", Version: "1.0"}, lab.Deb{Name: "lab-boot", Version: "1.0"}, lab.Deb{Name: "lab-wants", Version: "1.0"},
		lab.Deb{Name: "lab-conf", Version: "1.0", Files: map[string]string{"etc/lab-conf.conf": "old default\n"}},
		lab.Deb{Name: "lab-lib", Version: "1.0", Files: map[string]string{"usr/lib/lab/liblab.so.1": string(library) + "1.0",
			"usr/lib/systemd/system/lab-web.service": service, "usr/lib/systemd/system/autofs.service": service}})
	lib.Files["usr/lib/systemd/system/lab-web.service"], lib.Files["usr/lib/systemd/system/autofs.service"] = service, service
	h := newPatchHost(t, "applied", "8300", old, append(fresh, bad, conf, lib, boots, added, wants, slow), "systemctl -q enable lab-web autofs")

	t.Run("a good lock is installed exactly, marks stay, nothing is fetched", func(t *testing.T) {
		sh(t, h.Host, "apt-mark auto lab-chain0 lab-chain3 lab-chain5 >/dev/null")
		if _, err := lab.Output("ip", "-n", h.Name, "link", "set", "eth0", "down"); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = lab.Output("ip", "-n", h.Name, "link", "set", "eth0", "up") }()
		marks := sh(t, h.Host, "apt-mark showauto; echo --; apt-mark showmanual")
		o := h.offer(t, h.lock(t, fresh...), nil)
		h.put(t, o, fresh...)
		log := h.apply(t)
		got := h.outcome(t, o.RunID)
		if got.Result != "succeeded" || len(got.Broken) != 0 {
			t.Fatalf("outcome %+v\n%s", got, log)
		}
		h.agrees(t, got)
		for _, d := range fresh {
			if v := h.versions(t)[d.Name]; v != "installed 1.1" {
				t.Errorf("%s is %q", d.Name, v)
			}
		}
		if diff := cmp.Diff(marks, sh(t, h.Host, "apt-mark showauto; echo --; apt-mark showmanual")); diff != "" {
			t.Errorf("marks changed (-before +after):\n%s", diff)
		}
		if n := strings.Count(sh(t, h.Host, "cat /var/log/lab-scripts"), "end lab-chain0 1.1 postinst configure 1.0"); n != 1 {
			t.Errorf("lab-chain0 was configured %d times", n)
		}
		if left, _ := os.ReadDir(filepath.Join(h.Root, applySpool, "in")); len(left) != 0 {
			t.Errorf("the spool still holds %v", left)
		}
		var steps []string
		lines := 0
		for _, r := range h.reports(t, o.RunID) {
			if lines += len(r.Lines); r.Step != nil && r.Step.State != "started" {
				steps = append(steps, r.Step.Name+" "+r.Step.State)
			}
		}
		if diff := cmp.Diff([]string{"recover done", "stage done", "simulate done", "apply done", "marks done", "restart done", "reboot skipped", "verify done"}, steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if lines < 8 {
			t.Errorf("%d lines of the package manager were told", lines)
		}

		t.Run("its replay reports the stored outcome and does nothing", func(t *testing.T) {
			before := sh(t, h.Host, "cat /var/log/lab-scripts; cat /var/log/dpkg.log")
			h.put(t, o, fresh...)
			h.apply(t)
			if diff := cmp.Diff(got, h.outcome(t, o.RunID), ignoreUnexported); diff != "" {
				t.Errorf("outcome (-first +again):\n%s", diff)
			}
			if after := sh(t, h.Host, "cat /var/log/lab-scripts; cat /var/log/dpkg.log"); after != before {
				t.Error("the replay did something")
			}
		})
	})

	t.Run("a lower epoch is refused", func(t *testing.T) {
		h.reset(t)
		h.epoch -= 2
		o := h.offer(t, h.lock(t, fresh[0]), nil)
		o.RunID += "" // the same epoch as before, another run
		h.epoch += 2
		h.refused(t, seal.Replayed, o.RunID, func() { h.put(t, o, fresh[0]) })
	})

	t.Run("a failing postinst is a failure with the exact states, and nothing else is touched", func(t *testing.T) {
		h.reset(t)
		o := h.offer(t, h.lock(t, bad, fresh[0]), nil)
		h.put(t, o, bad, fresh[0])
		h.apply(t)
		got := h.outcome(t, o.RunID)
		if got.Result != "failed" || got.Class != "package" || !strings.Contains(got.Reason, "lab-bad") {
			t.Errorf("outcome %+v", got)
		}
		h.agrees(t, got)
		if v := h.versions(t)["lab-bad"]; v != "half-configured 1.1" {
			t.Errorf("lab-bad is %q", v)
		}
		if v := h.versions(t)["lab-chain1"]; v != "installed 1.0" {
			t.Errorf("lab-chain1, which is not in the lock, is %q", v)
		}
		if n := strings.Count(sh(t, h.Host, "cat /var/log/lab-scripts"), "begin lab-bad 1.1 postinst configure"); n != 1 {
			t.Errorf("the postinst that fails ran %d times", n)
		}
		t.Run("and the next run says that it found the database broken", func(t *testing.T) {
			o := h.offer(t, h.lock(t, fresh[0]), nil)
			h.put(t, o, fresh[0])
			h.apply(t)
			if got := h.outcome(t, o.RunID); got.Result != "failed" || got.Class != "broken_pm" || !strings.Contains(got.Reason, "lab-bad") {
				t.Errorf("outcome %+v", got)
			}
		})
	})

	t.Run("what no longer fits is stale and changes nothing", func(t *testing.T) {
		for name, c := range map[string]struct{ before, after, reason string }{
			"a package has changed since": {"dpkg -i /root/chain0.deb >/dev/null", "true", "lab-chain0"},
			"a package is held":           {"apt-mark hold lab-chain1 >/dev/null", "apt-mark unhold lab-chain1 >/dev/null", "held"},
			"a package is gone":           {"dpkg --force-depends -r lab-chain7 >/dev/null", "true", "lab-chain7"},
		} {
			t.Run(name, func(t *testing.T) {
				h.reset(t)
				body, err := os.ReadFile(h.repo.DebFile(fresh[0]))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(h.Root, "root/chain0.deb"), body, 0o600); err != nil {
					t.Fatal(err)
				}
				sh(t, h.Host, c.before)
				defer sh(t, h.Host, c.after)
				before := h.versions(t)
				o := h.offer(t, h.lock(t, fresh...), nil)
				h.put(t, o, fresh...)
				h.apply(t)
				if got := h.outcome(t, o.RunID); got.Result != "plan_stale" || !strings.Contains(got.Reason, c.reason) {
					t.Errorf("outcome %+v", got)
				}
				if diff := cmp.Diff(before, h.versions(t)); diff != "" {
					t.Errorf("something was changed:\n%s", diff)
				}
			})
		}
	})

	t.Run("a lock that somebody holds is waited for, and is a failure when it stays", func(t *testing.T) {
		h.reset(t)
		before := h.versions(t)
		other, err := h.Command(t.Context(), "apt-get", "-y", "-o", "Dpkg::Use-Pty=0", "install", "lab-slow") // the administrator's own
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		waitFile(t, filepath.Join(h.Root, "run-slow"))
		o := h.offer(t, h.lock(t, fresh[0]), nil)
		h.put(t, o, fresh[0])
		h.apply(t, "--lock-timeout", "2s")
		if got := h.outcome(t, o.RunID); got.Result != "failed" || got.Class != "lock" || !strings.Contains(got.Reason, "(apt-get) holds the lock") {
			t.Errorf("outcome %+v", got)
		}
		after := h.versions(t)
		delete(after, "lab-slow")
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("something was changed:\n%s", diff)
		}
		o = h.offer(t, h.lock(t, fresh[0]), nil)
		h.put(t, o, fresh[0])
		end := make(chan string, 1)
		go func() { out, err := h.tryApply(t.Context()); end <- fmt.Sprint(out, err) }()
		select {
		case out := <-end:
			t.Errorf("it did not wait: %s", out)
		case <-time.After(2 * time.Second):
		}
		sh(t, h.Host, "touch /go-slow")
		<-end
		if err := other.Wait(); err != nil {
			t.Errorf("the administrator's apt-get: %v", err)
		}
		if got := h.outcome(t, o.RunID); got.Result != "succeeded" {
			t.Errorf("outcome %+v", got)
		}
	})

	t.Run("an edited conffile is kept and reported", func(t *testing.T) {
		h.reset(t)
		sh(t, h.Host, "echo mine > /etc/lab-conf.conf")
		o := h.offer(t, h.lock(t, conf), nil)
		h.put(t, o, conf)
		h.apply(t)
		got := h.outcome(t, o.RunID)
		if got.Result != "succeeded" || !slices.Equal(got.Conffiles, []string{"/etc/lab-conf.conf"}) {
			t.Errorf("outcome %+v", got)
		}
		if body := sh(t, h.Host, "cat /etc/lab-conf.conf /etc/lab-conf.conf.dpkg-dist"); body != "mine\nnew default\n" {
			t.Errorf("the files are %q", body)
		}
	})

	t.Run("a service on a replaced library is restarted once, a denied one is listed", func(t *testing.T) {
		h.reset(t)
		sh(t, h.Host, "systemctl restart lab-web autofs")
		pids := func() []string {
			return strings.Fields(sh(t, h.Host, "systemctl show -P MainPID lab-web; systemctl show -P MainPID autofs"))
		}
		before, starts := pids(), strings.Count(sh(t, h.Host, "cat /run/lab-web.service.starts"), "started")
		o := h.offer(t, h.lock(t, lib), nil)
		h.put(t, o, lib)
		h.apply(t)
		got, after := h.outcome(t, o.RunID), pids()
		if got.Result != "succeeded" || !slices.Equal(got.Restarted, []string{"lab-web.service"}) || len(got.Stale) != 1 || !strings.HasPrefix(got.Stale[0], "autofs.service ") {
			t.Errorf("outcome %+v", got)
		}
		if before[0] == after[0] || before[1] != after[1] {
			t.Errorf("process ids before %v, after %v", before, after)
		}
		if n := strings.Count(sh(t, h.Host, "cat /run/lab-web.service.starts"), "started"); n != starts+1 {
			t.Errorf("lab-web was started %d times by the run", n-starts)
		}
	})

	t.Run("a new package needs the plan's leave and comes as automatically installed", func(t *testing.T) {
		h.reset(t)
		lock := h.lock(t, wants)
		lock.Changes = append([]seal.Change{h.change(t, added, "")}, lock.Changes...)
		o := h.offer(t, lock, nil)
		h.refused(t, seal.Malformed, o.RunID, func() { h.put(t, o, wants, added) })
		o = h.offer(t, lock, func(p *seal.Plan) { p.AllowNew = true })
		h.put(t, o, wants, added)
		h.apply(t)
		if got := h.outcome(t, o.RunID); got.Result != "succeeded" {
			t.Fatalf("outcome %+v", got)
		}
		if auto := sh(t, h.Host, "apt-mark showauto lab-added lab-wants"); strings.TrimSpace(auto) != "lab-added" {
			t.Errorf("automatically installed: %q", auto)
		}
		sh(t, h.Host, "dpkg --force-depends -P lab-added >/dev/null")
	})

	t.Run("lists that are not signed, and bytes that the signed list does not name, are refused", func(t *testing.T) {
		h.reset(t)
		before := h.versions(t)
		spoil := func(pattern, from, to string) func(string) {
			return func(id string) {
				files, _ := filepath.Glob(filepath.Join(h.Root, applySpool, "in", id, pattern))
				if len(files) == 0 {
					t.Fatalf("no %s", pattern)
				}
				for _, f := range files {
					b, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					if !strings.Contains(string(b), from) {
						t.Fatalf("%s does not contain %q", f, from)
					}
					if err := os.WriteFile(f, []byte(strings.ReplaceAll(string(b), from, to)), 0o640); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		other := h.lock(t, fresh[0]) // what a stolen server would sign: its own bytes under a known name
		evil := h.build(t, lab.Deb{Name: fresh[0].Name, Version: fresh[0].Version, Files: map[string]string{"usr/bin/evil": "evil\n"}})
		for name, c := range map[string]struct {
			lock  seal.Lock
			spoil func(id string)
			want  string
		}{
			"package list changed": {h.lock(t, fresh[0]), spoil("lists/*Packages", "Depends", "Suggests"), "not the list that its repository has signed"},
			"index changed":        {h.lock(t, fresh[0]), spoil("lists/*InRelease", "Label: Lab", "Label: Bal"), "signed"},
			"package changed":      {h.lock(t, fresh[0]), spoil("debs/*", "control", "c0ntrol"), "sha256"},
			"the lock names other bytes": {other, func(id string) {
				if err := os.WriteFile(filepath.Join(h.Root, applySpool, "in", id, "debs", fresh[0].Name+"_1.1_all.deb"), evil, 0o640); err != nil {
					t.Fatal(err)
				}
			}, "no list that is signed"},
		} {
			t.Run(name, func(t *testing.T) {
				if name == "the lock names other bytes" {
					c.lock.Changes[0] = sized(c.lock.Changes[0], evil)
				}
				o := h.offer(t, c.lock, nil)
				h.put(t, o, fresh[0])
				c.spoil(o.RunID)
				h.apply(t)
				if got := h.outcome(t, o.RunID); got.Result != "refused" || !strings.Contains(got.Reason, c.want) {
					t.Errorf("outcome %+v", got)
				}
				if diff := cmp.Diff(before, h.versions(t)); diff != "" {
					t.Errorf("something was changed:\n%s", diff)
				}
			})
		}
	})

	t.Run("lists that apt keeps compressed do as well", func(t *testing.T) {
		h.reset(t)
		sh(t, h.Host, `echo 'Acquire::GzipIndexes "true";' > /etc/apt/apt.conf.d/98gzip; rm -r /var/lib/apt/lists/*; apt-get -qq update; ls /var/lib/apt/lists/*_Packages.*`)
		o := h.offer(t, h.lock(t, fresh[0]), nil)
		h.put(t, o, fresh[0])
		h.apply(t)
		if got := h.outcome(t, o.RunID); got.Result != "succeeded" {
			t.Errorf("outcome %+v", got)
		}
	})

	t.Run("the reboot that a plan allows happens, and the run goes on after it by itself", func(t *testing.T) {
		h.reset(t)
		sh(t, h.Host, "systemctl -q enable --now staunch-agent-apply.path")
		boot := sh(t, h.Host, "cat /proc/sys/kernel/random/boot_id")
		o := h.offer(t, h.lock(t, boots), func(p *seal.Plan) { p.Reboot = "if-required" })
		h.put(t, o, boots) // the path unit sees it
		file := filepath.Join(h.Root, applyState, "done", o.RunID)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // the machine goes down: somebody has to switch it on again
			if _, err := h.PID1(); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the host does not go down: %s", sh(t, h.Host, "systemctl status --no-pager -l staunch-agent-apply.service || true"))
			}
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("the run was over before the reboot")
		}
		if err := h.Boot(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitFile(t, file)
		if again := sh(t, h.Host, "cat /proc/sys/kernel/random/boot_id"); again == boot {
			t.Error("the host has not booted again")
		}
		got := h.outcome(t, o.RunID)
		if got.Result != "succeeded" || got.Reboot.Required {
			t.Errorf("outcome %+v", got)
		}
	})
}

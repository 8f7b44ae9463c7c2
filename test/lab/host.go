//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ControllerIP is the address of the test's own namespace, where servers and mirrors listen and hosts call.
const ControllerIP = "10.77.0.1"

var hostCount atomic.Int32 // of this test binary: gives each host its address

// Host is a booted host: an overlay over layers, a network namespace on the bridge, systemd as PID 1.
type Host struct {
	Name, IP string
	Root     string // its merged root, seen from outside

	dir   string
	lower []string
	mu    sync.Mutex
	cmd   *exec.Cmd
	done  chan struct{}
}

// Layer makes an overlay layer over the base root and those below it: files are put in, then the script, if any, is run in
// it as root without network. It returns the layer's folder.
func Layer(ctx context.Context, name string, below []string, files map[string]string, script string) (string, error) {
	dir := filepath.Join(RunDir(), "layers", name)
	upper, work, merged := filepath.Join(dir, "upper"), filepath.Join(dir, "work"), filepath.Join(dir, "merged")
	if err := mountOverlay(below, upper, work, merged); err != nil {
		return "", err
	}
	if err := WriteFiles(merged, files); err != nil {
		return "", err
	}
	if script != "" {
		if err := chrootScript(ctx, merged, script); err != nil {
			return "", fmt.Errorf("layer %s: %w", name, err)
		}
	}
	return upper, syscall.Unmount(merged, 0)
}

func chrootScript(ctx context.Context, root, script string) error {
	// services must not start in a chroot
	policy := filepath.Join(root, "usr/sbin/policy-rc.d")
	if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return err
	}
	defer os.Remove(policy)
	proc, dev := filepath.Join(root, "proc"), filepath.Join(root, "dev")
	for _, m := range [][]string{{"-t", "proc", "proc", proc}, {"--bind", "/dev", dev}} {
		if _, err := output("mount", m...); err != nil {
			return err
		}
	}
	defer func() { _, _ = syscall.Unmount(proc, 0), syscall.Unmount(dev, 0) }()
	cmd := exec.CommandContext(ctx, "chroot", root, "/bin/sh", "-e")
	cmd.Env = append(hostEnv(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func mountOverlay(lower []string, upper, work, merged string) error {
	for _, d := range []string{upper, work, merged} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	lowers := strings.Join(append(append([]string{}, lower...), baseRoot()), ":")
	// volatile: nothing is synced to the disk, which many hosts share
	return syscall.Mount("overlay", merged, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,volatile", lowers, upper, work))
}

// NewHost makes a host over the given layers, topmost first, without booting it. Files can be put in its Root.
func NewHost(name string, layers ...string) (*Host, error) {
	n := int(hostCount.Add(1)) + 255
	h := &Host{Name: name, IP: fmt.Sprintf("10.77.%d.%d", n/250, n%250+1), dir: filepath.Join(RunDir(), "hosts", name), lower: layers}
	h.Root = filepath.Join(h.dir, "root")
	if err := h.mount(); err != nil {
		return nil, err
	}
	err := WriteFiles(h.Root, map[string]string{
		"etc/hostname": name + "\n",
		"etc/hosts":    fmt.Sprintf("127.0.0.1 localhost\n127.0.1.1 %s\n%s controller\n", name, ControllerIP),
	})
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"netns", "add", name},
		{"link", "add", "v" + strconv.Itoa(n), "type", "veth", "peer", "name", "eth0", "netns", name},
		{"link", "set", "v" + strconv.Itoa(n), "master", "br0", "up"},
		{"-n", name, "addr", "add", h.IP + "/16", "dev", "eth0"},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "link", "set", "eth0", "up"},
	} {
		if _, err := output("ip", args...); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *Host) mount() error {
	return mountOverlay(h.lower, filepath.Join(h.dir, "upper"), filepath.Join(h.dir, "work"), h.Root)
}

// Boot starts the host and returns when systemd says that it is up.
func (h *Host) Boot(ctx context.Context) error {
	if err := h.Start(); err != nil {
		return err
	}
	return h.WaitUp(ctx)
}

// Start boots the host and does not wait, but for what is left of the boot before: its nspawn holds the root a moment longer than its
// systemd runs.
func (h *Host) Start() error {
	h.mu.Lock()
	before := h.done
	h.mu.Unlock()
	if before != nil {
		select {
		case <-before:
		case <-time.After(30 * time.Second):
			return fmt.Errorf("%s is still up", h.Name)
		}
	}
	program, lib, err := nspawn()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(h.dir, "console"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	group := filepath.Join(cgroup(RunDir()), h.Name)
	if err := os.MkdirAll(group, 0o755); err != nil {
		return err
	}
	groupFD, err := os.Open(group)
	if err != nil {
		return err
	}
	defer groupFD.Close()
	cmd := exec.Command(program, "--quiet", "--keep-unit", "--register=no", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
		"--kill-signal=SIGRTMIN+3", "--directory="+h.Root, "--machine="+h.Name, "--network-namespace-path=/run/netns/"+h.Name,
		"--console=pipe", "--boot", "systemd.log_level=warning", "systemd.show_status=0")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(groupFD.Fd())}
	if lib != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }() // ends with the host; its exit status says nothing that the console does not
	h.mu.Lock()
	h.cmd, h.done = cmd, done
	h.mu.Unlock()
	return nil
}

// WaitUp returns when systemd has finished booting.
func (h *Host) WaitUp(ctx context.Context) error {
	for {
		if _, err := h.PID1(); err == nil {
			out, err := h.Exec(ctx, "systemctl", "is-system-running", "--wait")
			switch state := strings.TrimSpace(out); {
			case state == "running":
				return nil
			case state == "degraded":
				failed, _ := h.Exec(ctx, "systemctl", "--failed", "--plain", "--no-legend")
				return fmt.Errorf("%s booted with failed units: %s", h.Name, failed)
			case ctx.Err() != nil:
				return fmt.Errorf("%s did not boot: %w, %s", h.Name, ctx.Err(), h.Console())
			default: // the bus does not answer yet
				_ = err
			}
		}
		select {
		case <-h.done:
			return fmt.Errorf("%s ended while booting: %s", h.Name, h.Console())
		case <-ctx.Done():
			return fmt.Errorf("%s did not boot: %w, %s", h.Name, ctx.Err(), h.Console())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Console is what the host wrote to its console.
func (h *Host) Console() string {
	b, _ := os.ReadFile(filepath.Join(h.dir, "console"))
	return string(b)
}

// PID1 is the process id, in the test's namespace, of the host's systemd.
func (h *Host) PID1() (int, error) {
	h.mu.Lock()
	cmd := h.cmd
	h.mu.Unlock()
	if cmd == nil {
		return 0, fmt.Errorf("%s is not booted", h.Name)
	}
	pid := cmd.Process.Pid
	for range 4 { // systemd-nspawn, perhaps a helper, systemd
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			return 0, fmt.Errorf("%s is not up: %w", h.Name, err)
		}
		if strings.TrimSpace(string(comm)) == "systemd" {
			return pid, nil
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		first, _, _ := strings.Cut(strings.TrimSpace(string(children)), " ")
		if pid, err = strconv.Atoi(first); err != nil {
			return 0, fmt.Errorf("%s is not up yet", h.Name)
		}
	}
	return 0, fmt.Errorf("%s has no systemd", h.Name)
}

func hostEnv() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}
}

// Command is a program to be run on the host as root.
func (h *Host) Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	pid, err := h.PID1()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"--target", strconv.Itoa(pid), "--all", "--root", "--wdns=/", "--"}, args...)...)
	cmd.Env = hostEnv()
	return cmd, nil
}

// Exec runs a program on the host as root and returns its standard output; the error carries its standard error.
func (h *Host) Exec(ctx context.Context, args ...string) (string, error) {
	return h.ExecInput(ctx, "", args...)
}

// ExecInput is Exec with standard input.
func (h *Host) ExecInput(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd, err := h.Command(ctx, args...)
	if err != nil {
		return "", err
	}
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w: %s", h.Name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), err
}

// Sh runs a shell script on the host as root.
func (h *Host) Sh(ctx context.Context, script string) (string, error) {
	return h.Exec(ctx, "/bin/sh", "-ec", script)
}

// PowerCut ends every process of the host at once; its disk stays.
func (h *Host) PowerCut() error {
	pid, err := h.PID1()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	<-h.done
	return nil
}

// Shutdown asks systemd to power off and waits.
func (h *Host) Shutdown(ctx context.Context) error {
	pid, err := h.PID1()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.Signal(34+4)); err != nil { // SIGRTMIN+4: poweroff.target
		return err
	}
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), h.PowerCut())
	}
}

// CPU is the processor time that all the host's processes have used since it was made.
func (h *Host) CPU() (time.Duration, error) {
	body, err := os.ReadFile(filepath.Join(cgroup(RunDir()), h.Name, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	var usec int64
	if _, err := fmt.Sscanf(string(body), "usage_usec %d", &usec); err != nil {
		return 0, fmt.Errorf("cpu.stat: %w", err)
	}
	return time.Duration(usec) * time.Microsecond, nil
}

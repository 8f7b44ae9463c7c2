//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Environment variables. The first is for people; Main sets the others for its own child.
const (
	envDir    = "STAUNCH_LAB" // where roots and mirrors are kept between runs
	envInside = "STAUNCH_LAB_INSIDE"
)

const inotifyInstances = "/proc/sys/fs/inotify/max_user_instances"

// Dir is where roots and mirrors are kept between runs.
func Dir() string {
	if d := os.Getenv(envDir); d != "" {
		return d
	}
	return "/var/tmp/staunch-lab"
}

// Main runs the tests of m in namespaces of their own and returns the exit code for os.Exit. Before that, outside, it makes
// what needs the network: the base root, the mirror, and whatever prepare makes in run, a folder that the tests find with
// RunDir and that is removed afterwards.
func Main(m *testing.M, prepare func(ctx context.Context, run string) error) int {
	if os.Getenv(envInside) != "" {
		if err := enter(); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			return 1
		}
		return m.Run()
	}
	code, err := outside(prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return code
}

// RunDir is the folder of this run; only inside.
func RunDir() string { return os.Getenv(envInside) }

func outside(prepare func(context.Context, string) error) (code int, err error) {
	runtime.LockOSThread() // Pdeathsig follows the thread that starts the child
	if os.Geteuid() != 0 {
		return 0, errors.New("needs root: it boots hosts in namespaces")
	}
	if err := checkTools(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	runs := filepath.Join(Dir(), "run")
	if err := os.MkdirAll(runs, 0o755); err != nil {
		return 0, err
	}
	sweep(runs)
	run := filepath.Join(runs, fmt.Sprint(os.Getpid()))
	if err := os.MkdirAll(filepath.Join(run, "hosts"), 0o755); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(run)) }()
	if err := locked(filepath.Join(Dir(), "lock"), func() error { return makeCache(ctx) }); err != nil {
		return 0, err
	}
	if err := prepare(ctx, run); err != nil {
		return 0, err
	}
	restore, err := raiseInotify()
	if err != nil {
		return 0, err
	}
	defer restore()
	return inNamespaces(run)
}

// inNamespaces runs this same test binary again in new namespaces. All processes in them end when it ends.
func inNamespaces(run string) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	args := append([]string{"--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", self}, os.Args[1:]...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), envInside+"="+run)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	removeCgroups(run)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// enter finishes the namespaces from within: an empty /run, cgroup v2 alone as on a real host, and the bridge.
func enter() error {
	steps := [][]string{
		{"mount", "-t", "tmpfs", "-o", "mode=755", "lab-run", "/run"},
		{"mkdir", "-p", "/run/netns", "/run/systemd/nspawn"},
	}
	if fs, _ := output("stat", "-f", "-c", "%T", "/sys/fs/cgroup"); strings.TrimSpace(fs) != "cgroup2fs" {
		steps = append(steps, []string{"umount", "-R", "-l", "/sys/fs/cgroup"}, []string{"mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"})
	}
	steps = append(steps,
		[]string{"mkdir", "-p", cgroup(RunDir())},
		[]string{"ip", "link", "set", "lo", "up"},
		[]string{"ip", "link", "add", "br0", "type", "bridge"},
		[]string{"ip", "addr", "add", ControllerIP + "/16", "dev", "br0"},
		[]string{"ip", "link", "set", "br0", "up"},
	)
	for _, s := range steps {
		if _, err := output(s[0], s[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// raiseInotify makes room for many systemds, which all count against the same user: the usual 128 stops them after about 30 hosts.
func raiseInotify() (restore func(), err error) {
	old, err := os.ReadFile(inotifyInstances)
	if err != nil {
		return nil, err
	}
	var n int
	if _, err := fmt.Sscan(string(old), &n); err != nil {
		return nil, err
	}
	if n >= 8192 {
		return func() {}, nil
	}
	if err := os.WriteFile(inotifyInstances, []byte("8192"), 0); err != nil {
		return nil, err
	}
	return func() { _ = os.WriteFile(inotifyInstances, old, 0) }, nil
}

// sweep removes folders and cgroups of runs whose process is gone.
func sweep(runs string) {
	entries, _ := os.ReadDir(runs)
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join("/proc", e.Name())); errors.Is(err, os.ErrNotExist) {
			_ = os.RemoveAll(filepath.Join(runs, e.Name()))
			removeCgroups(filepath.Join(runs, e.Name()))
		}
	}
}

func cgroup(run string) string { return "/sys/fs/cgroup/staunch-lab-" + filepath.Base(run) }

// removeCgroups takes away what a run leaves in the cgroup tree, wherever this machine mounts it.
func removeCgroups(run string) {
	for _, base := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		top := filepath.Join(base, filepath.Base(cgroup(run)))
		for range 20 { // a cgroup whose last process has just ended is busy for a moment
			_ = exec.Command("find", top, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+").Run()
			if _, err := os.Stat(top); err != nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// locked runs f while holding the file, so that two runs do not make the same root at once.
func locked(path string, f func() error) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking %s: %w", path, err)
	}
	return f()
}

// output runs a program and returns its standard output; the error carries its standard error.
func output(name string, args ...string) (string, error) {
	return outputContext(context.Background(), name, args...)
}

func outputContext(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// Output runs a program in the controller's namespace and returns its standard output; the error carries its standard error.
func Output(name string, args ...string) (string, error) { return output(name, args...) }

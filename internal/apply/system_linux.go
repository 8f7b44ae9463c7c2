package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/proc"
)

// The environment of a transaction: what a maintainer script may rely on, nothing of ours.
var transactionEnv = []string{
	"LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive",
	"DEBCONF_NONINTERACTIVE_SEEN=true", "UCF_FORCE_CONFFOLD=1", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_SUSPEND=1", "SYSTEMD_PAGER=",
}

// startUnit runs a program in a transient unit of its own, which neither the end of ours nor a stop of anything signals: KillMode=process
// with a signal that does nothing and no time limit, so that even a shutdown waits for dpkg. It has no network but this host's own.
func startUnit(ctx context.Context, unit, log, description string, argv []string) error {
	args := []string{"--quiet", "--no-ask-password", "--unit=" + unit, "--slice=staunch.slice", "--description=" + description}
	for _, p := range []string{
		"Type=exec", "RemainAfterExit=yes", "KillMode=process", "KillSignal=SIGCONT", "SendSIGKILL=no", "SendSIGHUP=no", "TimeoutStopSec=infinity",
		"OOMScoreAdjust=-900", "IPAddressDeny=any", "IPAddressAllow=localhost", "UMask=0022", "WorkingDirectory=/",
		"StandardInput=null", "StandardOutput=append:" + log, "StandardError=append:" + log,
	} {
		args = append(args, "--property="+p)
	}
	for _, e := range transactionEnv {
		args = append(args, "--setenv="+e)
	}
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemd-run", Args: append(append(args, "--"), argv...)})
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("systemd-run: %s", said(out))
	}
	return err
}

func showUnit(ctx context.Context, unit string) (unitState, error) {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: []string{"show", "--property=" + unitProperties, "--", unit}})
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("systemctl show: %s", said(out))
	}
	return parseUnit(out.Stdout), err
}

// clearUnit forgets a unit that has ended, so that its name can be used again. Nothing is signaled: its processes are gone, or what is
// left of them is not its main process.
func clearUnit(ctx context.Context, unit string) error {
	for _, verb := range []string{"stop", "reset-failed"} {
		if _, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: []string{verb, "--", unit}}); err != nil {
			return err
		}
	}
	return nil
}

// awaitProcess returns when a process has ended, or tick says stop; tick is called every second.
func awaitProcess(ctx context.Context, pid int, tick func() error) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(reportEvery/time.Millisecond)) //nolint:gosec // a file descriptor
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case n > 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if err := tick(); err != nil {
			return err
		}
	}
}

// dpkgLocks are the locks of the package database, the front-ends' first.
var dpkgLocks = []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"}

// lockHolder is the process that holds one of dpkg's locks, 0 for none. It only looks.
func lockHolder() (int, error) {
	for _, name := range dpkgLocks {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		l := unix.Flock_t{Type: unix.F_WRLCK}
		err = errors.Join(unix.FcntlFlock(f.Fd(), unix.F_GETLK, &l), f.Close())
		if err != nil {
			return 0, err
		}
		if l.Type != unix.F_UNLCK {
			return max(int(l.Pid), 1), nil
		}
	}
	return 0, nil
}

// orphans are processes of package management that still run in one of our units, or that dpkg left behind: a maintainer script goes on
// when dpkg is killed, and must not meet another of its kind.
func orphans(units []string) (int, string) {
	pid, what := 0, ""
	eachProcess(func(p int) bool {
		dir := filepath.Join("/proc", strconv.Itoa(p))
		cgroup, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		for _, u := range units {
			if proc.Unit(cgroup) != u {
				continue
			}
			comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
			cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			if packageWork(strings.TrimSpace(string(comm)), cmdline) {
				pid, what = p, clip(strings.ReplaceAll(strings.Trim(string(cmdline), "\x00"), "\x00", " "), 200)
				return false
			}
		}
		return true
	})
	return pid, what
}

// eachProcess calls f with every process id until it says false.
func eachProcess(f func(pid int) bool) {
	d, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer func() { _ = d.Close() }()
	all, _ := d.Readdirnames(-1)
	for _, name := range all {
		if pid, err := strconv.Atoi(name); err == nil && !f(pid) {
			return
		}
	}
}

// staleUnits maps every unit that runs replaced files to one of them.
func staleUnits() map[string]string {
	out := map[string]string{}
	eachProcess(func(pid int) bool {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		exe, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil {
			return true // a kernel thread, or gone
		}
		maps, err := os.ReadFile(filepath.Join(dir, "maps"))
		if err != nil {
			return true
		}
		files := proc.Replaced(maps, exe)
		if len(files) == 0 {
			return true
		}
		cgroup, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
		if unit := proc.Unit(cgroup); unit != "" {
			out[unit] = files[0]
		}
		return true
	})
	return out
}

// query asks dpkg-query for every package.
func query(ctx context.Context) ([]installed, error) {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "dpkg-query", Args: []string{"-W", "-f", queryFormat}, Limit: 64 << 20})
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("dpkg-query: %s", said(out))
	}
	if err != nil {
		return nil, err
	}
	return parseQuery(out.Stdout), nil
}

// dpkgJournal reports whether dpkg was cut off: files in its journal.
func dpkgJournal() (bool, error) {
	entries, err := os.ReadDir("/var/lib/dpkg/updates")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") == "" {
			return true, nil
		}
	}
	return false, err
}

// failedUnits are the units that systemd counts as failed, but for our own transactions.
func failedUnits(ctx context.Context) ([]string, error) {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: []string{"list-units", "--state=failed", "--all", "--plain", "--full", "--no-legend", "--no-pager"}})
	if err != nil {
		return nil, err
	}
	var units []string
	for line := range strings.Lines(string(out.Stdout)) {
		if f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "●")); len(f) > 0 && !strings.HasPrefix(f[0], "staunch-run-") {
			units = append(units, f[0])
		}
	}
	return units, nil
}

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

// cpuSeconds is what this process itself has used.
func cpuSeconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

//go:build linux && e2e && nightly

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Who is killed.
const (
	killApply  = "staunch-agent"
	killApt    = "apt-get"
	killDpkg   = "dpkg"
	killScript = "script"
	killAll    = "all of them"
)

// victims are the processes of the host's root half and of the package manager, by what they are. They are seen from outside, so that
// no help of the host is needed to find and to kill them.
func (h *patchHost) victims() map[string][]int {
	out := map[string][]int{}
	own, _ := os.Readlink("/proc/self/ns/mnt")
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
		if mounts, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns/mnt")); err != nil || mounts == own || !h.owns(pid) {
			continue
		}
		switch name := filepath.Base(args[0]); {
		case name == killApply:
			out[killApply] = append(out[killApply], pid)
		case name == killApt && strings.Contains(string(cmdline), "--no-download"):
			out[killApt] = append(out[killApt], pid)
		case strings.Contains(string(cmdline), "/var/lib/dpkg/info/lab-"), strings.Contains(string(cmdline), "/var/lib/dpkg/tmp.ci/"):
			out[killScript] = append(out[killScript], pid)
		case name == killDpkg && (strings.Contains(string(cmdline), "--unpack") || strings.Contains(string(cmdline), "--configure")):
			out[killDpkg] = append(out[killDpkg], pid)
		}
	}
	for _, who := range []string{killApply, killApt, killDpkg, killScript} {
		out[killAll] = append(out[killAll], out[who]...)
	}
	return out
}

// owns reports whether a process is in the host's process namespace.
func (h *patchHost) owns(pid int) bool {
	one, err := h.PID1()
	if err != nil {
		return false
	}
	its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	hosts, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", one))
	return err == nil && its == hosts
}

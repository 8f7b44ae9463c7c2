// Package proc reads what /proc says of a process that concerns packages: which of their files it still runs though they were replaced,
// and to which unit of systemd it belongs. Pure functions of the kernel's text, shared by what collects and what restarts.
package proc

import (
	"bytes"
	"slices"
	"strings"
)

// Replaced are the files that a process still uses though they were deleted or replaced on disk, by its /proc/PID/maps and the
// target of its /proc/PID/exe. Only files that packages ship count: memory that is merely named like a file, and what programs unlink by
// themselves, does not.
func Replaced(maps []byte, exe string) []string {
	var out []string
	add := func(path string) {
		name, deleted := strings.CutSuffix(path, " (deleted)")
		if deleted && shipped(name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	add(exe)
	for line := range bytes.Lines(maps) {
		f := bytes.SplitN(bytes.TrimRight(line, "\n"), []byte(" "), 6) // address perms offset dev inode path
		if len(f) != 6 || len(f[1]) < 3 || f[1][2] != 'x' {            // data files and locales do not matter
			continue
		}
		add(string(bytes.TrimLeft(f[5], " ")))
	}
	return out
}

func shipped(name string) bool {
	for _, dir := range []string{"/usr/", "/lib", "/bin/", "/sbin/", "/opt/", "/etc/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	return false
}

// Unit is the systemd unit that a process belongs to, by its /proc/PID/cgroup. Empty: none of this host's own (a container's, a kernel
// thread's). A login session is its scope.
func Unit(cgroup []byte) string {
	path := ""
	for line := range bytes.Lines(cgroup) {
		f := strings.SplitN(strings.TrimRight(string(line), "\n"), ":", 3)
		if len(f) == 3 && (f[0] == "0" || f[1] == "name=systemd") && f[2] != "/" {
			path = f[2]
		}
	}
	unit := ""
	for _, part := range strings.Split(strings.Trim(path, "/"), "/") {
		switch {
		case part == "machine.slice" || strings.HasPrefix(part, "kubepods") || part == "docker" || part == "lxc" || strings.HasPrefix(part, "lxc."):
			return ""
		case strings.HasPrefix(part, "user@") && strings.HasSuffix(part, ".service"):
			return part
		case strings.HasSuffix(part, ".scope") && unit == "":
			if strings.HasPrefix(part, "docker-") || strings.HasPrefix(part, "libpod-") || strings.HasPrefix(part, "cri-") {
				return ""
			}
			unit = part
		case strings.HasSuffix(part, ".service") && unit == "":
			unit = part
		}
	}
	return unit
}

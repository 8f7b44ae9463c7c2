package apply

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// replacedFiles are the files that a process still uses though they were deleted or replaced on disk, by its /proc/PID/maps and the
// target of its /proc/PID/exe. Only files that packages ship count: memory that is merely named like a file, and what programs unlink by
// themselves, does not.
func replacedFiles(maps []byte, exe string) []string {
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

// unitOf is the systemd unit that a process belongs to, by its /proc/PID/cgroup. Empty: none of this host's own (a container's, a kernel
// thread's). A login session is its scope.
func unitOf(cgroup []byte) string {
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

// denial is why a unit is not restarted, and whether only a reboot brings it up to date.
type denial struct {
	why    string
	reboot bool
}

// denied is the default deny list (ROLLOUT §2.5): what takes the network, logins, other people's work or ourselves down when restarted.
var denied = []struct {
	name *regexp.Regexp
	denial
}{
	{regexp.MustCompile(`^init\.scope$`), denial{"it is the system's first process", true}},
	{regexp.MustCompile(`^dbus(-broker)?\.service$`), denial{"everything else depends on the bus", true}},
	{regexp.MustCompile(`^(systemd-logind|systemd-journald|systemd-udevd|polkit)\.service$`), denial{"sessions, the log and devices depend on it", true}},
	{regexp.MustCompile(`^(systemd-networkd|systemd-resolved|NetworkManager|networking|network|connman|ifup@.*|wpa_supplicant.*|dhcpcd.*|dhclient.*)\.service$`), denial{"it could take the network down", true}},
	{regexp.MustCompile(`^(docker|containerd|libvirtd|virtqemud|virtlogd|kubelet|crio|podman|lxc.*|lxd.*|incus.*)\.service$`), denial{"containers or virtual machines depend on it", false}},
	{regexp.MustCompile(`^(iscsid|multipathd|ceph.*|drbd.*|open-iscsi|lvm2-.*|mdmonitor|zfs-.*|nfs-server|glusterd)\.service$`), denial{"storage depends on it", false}},
	{regexp.MustCompile(`^(gdm3?|lightdm|sddm|lxdm|xdm|display-manager)\.service$`), denial{"it would end graphical sessions", false}},
	{regexp.MustCompile(`^((serial-|console-|container-)?getty@?.*|user@.*|user-runtime-dir@.*|.*\.scope)$`), denial{"it would end somebody's session", false}},
	{regexp.MustCompile(`^(autofs|cloud-.*|auditd)\.service$`), denial{"it is not made to be restarted", false}},
	{regexp.MustCompile(`^staunch-.*\.service$`), denial{"it is the agent itself", false}},
}

// deny says whether a unit is on the deny list.
func deny(unit string) (denial, bool) {
	for _, d := range denied {
		if d.name.MatchString(unit) {
			return d.denial, true
		}
	}
	return denial{}, false
}

// restarts is what to do about units on replaced files.
type restarts struct {
	Restart []string // once, all in one go
	Left    []string // in words: which, on what, and why it is left
	Reboot  []string // reasons for a reboot, in words
}

// decideRestarts judges the units that run replaced files now. before are those that did so before the run: they are not this run's doing
// and are left, but said. Every map goes from unit to one of its replaced files.
func decideRestarts(before, now map[string]string) restarts {
	var r restarts
	for _, unit := range sortedKeys(now) {
		d, no := deny(unit)
		_, old := before[unit]
		switch {
		case no:
			r.Left = append(r.Left, unit+" runs the replaced "+now[unit]+" and is left: "+d.why)
			if d.reboot && !old {
				r.Reboot = append(r.Reboot, unit+" runs the replaced "+now[unit])
			}
		case old:
			r.Left = append(r.Left, unit+" ran the replaced "+before[unit]+" before this run already")
		default:
			r.Restart = append(r.Restart, unit)
		}
	}
	return r
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// kernelPackage is the name of a package that brings a kernel.
var kernelPackage = regexp.MustCompile(`^linux-image-(unsigned-)?[0-9]`)

// packageWork reports whether a process is one of dpkg's own doing: the package tools, or a maintainer script.
func packageWork(comm string, cmdline []byte) bool {
	if slices.Contains([]string{"apt-get", "apt", "dpkg", "dpkg-deb", "dpkg-split", "dpkg-preconfigu"}, comm) {
		return true
	}
	return bytes.Contains(cmdline, []byte("/var/lib/dpkg/info/")) || bytes.Contains(cmdline, []byte("/var/lib/dpkg/tmp.ci/"))
}

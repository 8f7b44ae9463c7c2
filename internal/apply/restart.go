package apply

import (
	"bytes"
	"regexp"
	"slices"
)

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

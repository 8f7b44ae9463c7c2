package collect

import (
	"bytes"
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// mount is a mounted file system on a device of this machine.
type mount struct{ mount, device, kind string }

// mounts reads what is mounted on devices: no memory, overlay or name space mounts, no loops, and nothing across a network, whose size
// might never be answered. A device that is mounted in several places counts once, at its shortest path.
func mounts(tree *pkgmgr.Root) []mount {
	b, err := tree.ReadFile("proc/self/mountinfo", 16<<20)
	if err != nil {
		return nil
	}
	return parseMounts(b)
}

func parseMounts(b []byte) []mount {
	byDevice := map[string]mount{}
	for l := range bytes.Lines(b) {
		left, right, ok := strings.Cut(string(l), " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 5 || len(g) < 2 {
			continue
		}
		m := mount{mount: clip(unescape(f[4]), 1024), device: clip(unescape(g[1]), 1024), kind: clip(g[0], 64)}
		name, isDevice := strings.CutPrefix(m.device, "/dev/")
		if m.kind != "zfs" && (!isDevice || isPseudo(name)) || m.kind == "squashfs" || m.kind == "iso9660" || strings.HasPrefix(m.kind, "fuse") {
			continue
		}
		if old, seen := byDevice[m.device]; !seen || len(m.mount) < len(old.mount) || len(m.mount) == len(old.mount) && m.mount < old.mount {
			byDevice[m.device] = m
		}
	}
	out := make([]mount, 0, len(byDevice))
	for _, m := range byDevice {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b mount) int { return cmp.Compare(a.mount, b.mount) })
	return out[:min(len(out), 1000)]
}

// unescape undoes the kernel's octal escapes of blanks and backslashes.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// nics lists interfaces with their addresses. Ends of containers' cables come and go, and so do IPv6 privacy addresses: both are left out.
func nics(tree *pkgmgr.Root) []apiv1.NIC {
	out := []apiv1.NIC{}
	interfaces, err := net.Interfaces()
	if err != nil {
		return out
	}
	b, _ := tree.ReadFile("proc/net/if_inet6", 4<<20)
	temporary := temporaryAddresses(b)
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 || isCable(i.Name) || len(out) >= 1000 {
			continue
		}
		n := apiv1.NIC{Name: clip(i.Name, 64), MAC: i.HardwareAddr.String(), Addresses: []string{}}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && !temporary[p.Addr()] && len(n.Addresses) < 256 {
				n.Addresses = append(n.Addresses, p.String())
			}
		}
		slices.Sort(n.Addresses)
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b apiv1.NIC) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func isCable(name string) bool {
	for _, prefix := range []string{"veth", "cali", "lxc", "vnet", "tap", "cni", "flannel", "vb-", "ve-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// temporaryAddresses reads the flag that the kernel gives them (IFA_F_TEMPORARY).
func temporaryAddresses(b []byte) map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for l := range bytes.Lines(b) {
		f := strings.Fields(string(l))
		if len(f) < 6 || len(f[0]) != 32 {
			continue
		}
		flags, err := strconv.ParseUint(f[4], 16, 32)
		var raw [16]byte
		for i := range raw {
			n, perr := strconv.ParseUint(f[0][2*i:2*i+2], 16, 8)
			raw[i] = byte(n)
			err = cmp.Or(err, perr)
		}
		if err == nil && flags&1 != 0 {
			out[netip.AddrFrom16(raw)] = true
		}
	}
	return out
}

// meminfo gives /proc/meminfo in bytes.
func meminfo(tree *pkgmgr.Root) map[string]int64 {
	out := map[string]int64{}
	b, _ := tree.ReadFile("proc/meminfo", 1<<20)
	for l := range bytes.Lines(b) {
		name, rest, _ := strings.Cut(string(l), ":")
		f := strings.Fields(rest)
		if len(f) == 2 && f[1] == "kB" {
			if n, err := strconv.ParseInt(f[0], 10, 64); err == nil && n >= 0 && n < 1<<50 {
				out[name] = n << 10
			}
		}
	}
	return out
}

// vitals reads what moves by itself.
func vitals(tree *pkgmgr.Root) apiv1.Vitals {
	v := apiv1.Vitals{MemAvailable: meminfo(tree)["MemAvailable"]}
	if f := strings.Fields(line(tree, "proc/loadavg")); len(f) > 0 {
		if n, err := strconv.ParseFloat(f[0], 64); err == nil && n >= 0 && n < 1e6 {
			v.Load1 = n
		}
	}
	b, _ := tree.ReadFile("proc/stat", 16<<20)
	for l := range bytes.Lines(b) {
		if f := strings.Fields(string(l)); len(f) == 2 && f[0] == "btime" {
			if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				v.BootedAt = instant(time.Unix(n, 0))
			}
		}
	}
	for _, m := range mounts(tree) {
		if _, free, ok := space(m.mount); ok && len(v.Free) < 64 {
			v.Free = append(v.Free, apiv1.FreeSpace{Mount: m.mount, Bytes: free})
		}
	}
	return v
}

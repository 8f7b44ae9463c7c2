package collect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jaypipes/ghw"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func emptyHardware() apiv1.Hardware {
	return apiv1.Hardware{Disks: []apiv1.Disk{}, Filesystems: []apiv1.Filesystem{}, NICs: []apiv1.NIC{}}
}

// hardware asks ghw, which reads /sys and /proc. Its word "unknown" and what only root may read are left empty.
func hardware(tree *pkgmgr.Root) apiv1.Hardware {
	h := emptyHardware()
	quiet := ghw.WithDisableWarnings()
	if c, err := ghw.CPU(quiet); err == nil {
		h.CPU = apiv1.CPU{Sockets: len(c.Processors), Cores: int(c.TotalCores), Threads: int(c.TotalHardwareThreads)}
		if len(c.Processors) > 0 {
			h.CPU.Model, h.CPU.Vendor = known(c.Processors[0].Model, 256), known(c.Processors[0].Vendor, 128)
		}
	}
	if m, err := ghw.Memory(quiet); err == nil {
		h.MemoryBytes = max(m.TotalPhysicalBytes, m.TotalUsableBytes)
	}
	h.SwapBytes = meminfo(tree)["SwapTotal"]
	if b, err := ghw.Block(quiet); err == nil {
		h.Disks = disks(b.Disks)
	}
	if p, err := ghw.Product(quiet); err == nil {
		h.DMI.Vendor, h.DMI.Product, h.DMI.Serial = known(p.Vendor, 256), known(p.Name, 256), known(p.SerialNumber, 256)
	}
	if b, err := ghw.BIOS(quiet); err == nil {
		h.DMI.BIOS = strings.TrimSpace(known(b.Vendor, 100) + " " + known(b.Version, 100))
	}
	for _, m := range mounts(tree) {
		if size, _, ok := space(m.mount); ok {
			h.Filesystems = append(h.Filesystems, apiv1.Filesystem{Mount: m.mount, Device: m.device, Type: m.kind, Bytes: size})
		}
	}
	h.NICs = nics(tree)
	return h
}

func known(s string, n int) string {
	if s = clip(strings.TrimSpace(s), n); s == "unknown" {
		return ""
	}
	return s
}

// disks leaves out what is no device of its own: loops, memory, optical drives.
func disks(all []*ghw.Disk) []apiv1.Disk {
	out := []apiv1.Disk{}
	for _, d := range all {
		if isPseudo(d.Name) || d.SizeBytes == 0 || len(out) >= 1000 {
			continue
		}
		out = append(out, apiv1.Disk{Name: clip(d.Name, 128), Model: known(d.Model, 256), Type: known(d.DriveType.String(), 32), Bytes: int64(min(d.SizeBytes, 1<<62))}) //nolint:gosec // bounded
	}
	slices.SortFunc(out, func(a, b apiv1.Disk) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func isPseudo(device string) bool {
	for _, prefix := range []string{"loop", "ram", "zram", "sr", "fd", "nbd"} {
		if rest, ok := strings.CutPrefix(device, prefix); ok && strings.Trim(rest, "0123456789p") == "" {
			return true
		}
	}
	return false
}

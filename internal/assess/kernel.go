package assess

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Part is what a subject plays on a host.
type Part string

// Parts. Only the kernel's code can be installed without being able to run.
const (
	Plain      Part = ""            // not a kernel, or the kernel that runs
	NotLoaded  Part = "not loaded"  // headers and tools of a kernel of which no image is installed
	NotRunning Part = "not running" // a kernel image beside the one that runs
)

// Role is a subject's part on a host. Newest is, for the kernel that runs, the version of the newest installed image when that is
// another one: what a reboot would run.
type Role struct {
	Part   Part
	Newest string
}

// Kernels are the kernel images of a host and which of them runs.
type Kernels struct {
	images  map[build]bool
	running build
	newest  build
}

type build struct{ source, version string }

// KernelsOf finds a host's kernel images. running is uname -r; when it names none of them (it is not known, or it is another
// machine's, as in a container) the newest is taken for the one that runs, since it is the one that would.
func KernelsOf(packages []inventory.Package, running string) Kernels {
	k := Kernels{images: map[build]bool{}}
	found := false
	for _, p := range packages {
		release, ok := imageRelease(p)
		if !ok {
			continue
		}
		s := SubjectOf(p)
		b := build{s.Source, s.Version}
		k.images[b] = true
		if release == running {
			k.running, found = b, true
		}
		scheme, _ := vercmp.ForEcosystem(p.Ecosystem)
		order, valid := compare(scheme, newVersion(scheme, s.Version), newVersion(scheme, k.newest.version))
		if k.newest == (build{}) || (valid && order > 0) {
			k.newest = b
		}
	}
	if !found {
		k.running = k.newest
	}
	return k
}

// Role is the part that a subject plays beside these kernels.
func (k Kernels) Role(s Subject) Role {
	if !kernelSource(s) {
		return Role{}
	}
	b := build{s.Source, s.Version}
	switch {
	case !k.images[b]:
		return Role{Part: NotLoaded}
	case b != k.running:
		return Role{Part: NotRunning}
	case k.newest != k.running && k.newest.source == k.running.source:
		return Role{Newest: k.newest.version}
	}
	return Role{}
}

// imageRelease is the uname -r of a kernel image package: linux-image-6.1.0-40-amd64, or kernel-core 5.14.0-427.13.1.el9_4 of x86_64.
// linux-image-amd64 and such only depend on one, and have no digit there; debug symbols do not boot.
func imageRelease(p inventory.Package) (string, bool) {
	scheme, _ := vercmp.ForEcosystem(p.Ecosystem)
	switch scheme {
	case vercmp.Deb:
		release, ok := strings.CutPrefix(p.Name, "linux-image-")
		release = strings.TrimPrefix(release, "unsigned-")
		if !ok || release == "" || release[0] < '0' || release[0] > '9' || strings.HasSuffix(release, "-dbg") || strings.HasSuffix(release, "-dbgsym") {
			return "", false
		}
		return release, true
	case vercmp.RPM:
		if p.Name != "kernel-core" && p.Name != "kernel-rt-core" && p.Name != "kernel-uek-core" {
			return "", false
		}
		_, release, epoch := strings.Cut(p.Version, ":")
		if !epoch {
			release = p.Version
		}
		return release + "." + p.Arch, true
	}
	return "", false
}

// flavours are Ubuntu's kernel sources beside linux: linux-aws, linux-hwe-6.8, … Other sources begin with linux- and are no kernels.
var flavours = []string{"aws", "azure", "bluefield", "gcp", "gke", "gkeop", "hwe", "ibm", "intel", "iot", "kvm", "laptop", "lowlatency", "lts", "nvidia", "oem",
	"oracle", "raspi", "realtime", "riscv", "xilinx"}

// kernelSource says whether a subject is built from the Linux kernel.
func kernelSource(s Subject) bool {
	scheme, _ := vercmp.ForEcosystem(s.Ecosystem)
	if scheme == vercmp.RPM {
		return s.Source == "kernel" || s.Source == "kernel-rt" || s.Source == "kernel-uek"
	}
	if scheme != vercmp.Deb {
		return false
	}
	rest, ok := strings.CutPrefix(s.Name, "linux-")
	if !ok {
		return s.Name == "linux"
	}
	if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return true
	}
	if !strings.HasPrefix(s.Ecosystem, "Ubuntu:") {
		return false
	}
	for _, f := range flavours {
		if rest == f || strings.HasPrefix(rest, f+"-") {
			return true
		}
	}
	return false
}

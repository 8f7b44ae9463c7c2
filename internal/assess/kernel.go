package assess

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// Part is what a subject plays on a host.
type Part string

// Parts. A kernel can be installed without being able to run; everything else runs as long as a process maps it, installed or not.
const (
	Plain      Part = ""            // not a kernel, or the kernel that runs
	NotLoaded  Part = "not loaded"  // headers and tools of a kernel of which no image is installed
	NotRunning Part = "not running" // a kernel image beside the one that runs
	OldCode    Part = "old code"    // not on disk any more, and still mapped by processes
)

// Role is a subject's part on a host.
type Role struct {
	Part Part
	// Newest is, for the kernel that runs, the version of the newest installed image when that is another one: what a reboot would run.
	// For old code it is the version that is on disk in its place.
	Newest string
	// Livepatched is, for the kernel that runs, what is patched in its memory.
	Livepatched CVESet
}

// Kernels are the kernel images of a host and which of them runs.
type Kernels struct {
	images  map[build]bool
	running build
	newest  build // of the source that runs and of its line: a host may have several of both, as Oracle's
}

type build struct{ source, version string }

// KernelsOf finds a host's kernel images. running is uname -r; when it names none of them (it is not known, or it is another
// machine's, as in a container) the newest is taken for the one that runs, since it is the one that would.
func KernelsOf(packages []inventory.Package, running string) Kernels {
	k := Kernels{images: map[build]bool{}}
	var newest build                  // of all
	newestOf := map[[2]string]build{} // by source and line
	var ofRunning, ofNewest [2]string
	found := false
	for _, p := range packages {
		release, ok := imageRelease(p)
		if !ok {
			continue
		}
		s := SubjectOf(p)
		b := build{s.Source, s.Version}
		k.images[b] = true
		of := [2]string{b.source, linesOf(s).of(b.version)}
		if release == running {
			k.running, ofRunning, found = b, of, true
		}
		scheme, _ := vercmp.ForEcosystem(p.Ecosystem)
		above := func(other build) bool {
			order, valid := compare(scheme, newVersion(scheme, b.version), newVersion(scheme, other.version))
			return other == (build{}) || valid && order > 0
		}
		if above(newest) {
			newest, ofNewest = b, of
		}
		if above(newestOf[of]) {
			newestOf[of] = b
		}
	}
	if !found {
		k.running, ofRunning = newest, ofNewest
	}
	k.newest = newestOf[ofRunning]
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
	case k.newest != k.running:
		return Role{Newest: k.newest.version}
	}
	return Role{}
}

// IsImage says whether a package is a kernel image.
func IsImage(p inventory.Package) bool {
	_, image := imageRelease(p)
	return image
}

// RunsAs says whether a package is a kernel image that runs as a release, which is a uname -r.
func RunsAs(p inventory.Package, release string) bool {
	as, image := imageRelease(p)
	return image && as == release
}

// IsKernel says whether a subject is built from the Linux kernel: an image, or its headers and tools.
func (s Subject) IsKernel() bool { return kernelSource(s) }

// flavours are Ubuntu's kernel sources beside linux: linux-aws, linux-hwe-6.8, … Other sources begin with linux- and are no kernels.
var flavours = []string{"allwinner", "aws", "azure", "bluefield", "fips", "gcp", "gke", "gkeop", "hwe", "ibm", "intel", "iot", "kvm", "laptop", "lowlatency", "lts",
	"nvidia", "oem", "oracle", "raspi", "raspi2", "realtime", "riscv", "snapdragon", "starfive", "xilinx"}

// kernelSource says whether a subject is built from the Linux kernel.
func kernelSource(s Subject) bool {
	scheme, _ := vercmp.ForEcosystem(s.Ecosystem)
	switch scheme {
	case vercmp.RPM:
		return s.Source == "kernel" || strings.HasPrefix(s.Source, "kernel-") && rpmFlavour(strings.TrimPrefix(s.Source, "kernel-")) || rpmSeries(s.Source)
	case vercmp.APK, vercmp.Pacman:
		return bareKernel(s.Source)
	case vercmp.Deb:
	default:
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

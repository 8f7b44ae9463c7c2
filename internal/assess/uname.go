package assess

import (
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// imageRelease is the uname -r of a kernel image package: 6.1.0-40-amd64 of Debian's linux-image-6.1.0-40-amd64, 5.14.0-427.13.1.el9_4.x86_64
// of kernel-core, 6.6.30-0-lts of Alpine's linux-lts, 6.9.1-arch1-1 of Arch's linux. False: it is no image.
func imageRelease(p inventory.Package) (string, bool) {
	scheme, _ := vercmp.ForEcosystem(p.Ecosystem)
	switch scheme {
	case vercmp.Deb:
		return debRelease(p)
	case vercmp.RPM:
		return rpmRelease(p)
	case vercmp.APK:
		flavour, ok := strings.CutPrefix(p.Name, "linux-")
		if !ok || !bareKernel(p.Name) {
			return "", false
		}
		return strings.Replace(p.Version, "-r", "-", 1) + "-" + flavour, true
	case vercmp.Pacman:
		if !bareKernel(p.Name) {
			return "", false
		}
		return archRelease(p), true
	}
	return "", false
}

// debRelease: linux-image-amd64 and such only depend on an image, and have no digit there; debug symbols do not boot.
func debRelease(p inventory.Package) (string, bool) {
	release, ok := strings.CutPrefix(p.Name, "linux-image-")
	release = strings.TrimPrefix(release, "unsigned-")
	if !ok || release == "" || release[0] < '0' || release[0] > '9' || strings.HasSuffix(release, "-dbg") || strings.HasSuffix(release, "-dbgsym") {
		return "", false
	}
	return release, true
}

// rpmRelease: where kernel-core holds the image, kernel has the same version and names the same release.
func rpmRelease(p inventory.Package) (string, bool) {
	_, version, epoch := strings.Cut(p.Version, ":")
	if !epoch {
		version = p.Version
	}
	flavour, flavoured := strings.CutPrefix(p.Name, "kernel-")
	if strings.HasPrefix(p.Ecosystem, "SUSE:") || strings.HasPrefix(p.Ecosystem, "openSUSE:") {
		if flavour == "default-base" {
			version, flavour = insideBase(version), "default"
		}
		if !flavoured || !slices.Contains(suseFlavours, flavour) {
			return "", false
		}
		// 5.14.21-150500.55.7.1 of kernel-default runs as 5.14.21-150500.55.7-default: the last number counts rebuilds.
		if i := strings.LastIndexByte(version, '.'); i > strings.LastIndexByte(version, '-') {
			version = version[:i]
		}
		return version + "-" + flavour, true
	}
	flavour = strings.TrimSuffix(strings.TrimSuffix(flavour, "core"), "-")
	switch {
	case strings.HasPrefix(p.Ecosystem, "Azure Linux:"):
		return version, p.Name == "kernel" || flavoured && flavour == "rt" // its kernels do not name their architecture
	case flavoured && flavour == "rt" && !strings.Contains(version, ".rt"): // from 9.3 on it is built from the kernel's own source
		return version + "." + p.Arch + "+rt", true
	case p.Name == "kernel", rpmSeries(p.Name), flavoured && flavour == "", flavoured && (flavour == "uek" || flavour == "rt"):
		return version + "." + p.Arch, true
	case flavoured && (flavour == "64k" || flavour == "debug"):
		return version + "." + p.Arch + "+" + flavour, true
	}
	return "", false
}

// insideBase is the version of the kernel that kernel-default-base is cut out of, and that it runs as: 5.14.21-150500.55.7.1 of
// 5.14.21-150500.55.7.1.150500.6.2.3.
func insideBase(version string) string {
	start := strings.LastIndexByte(version, '-') + 1
	first, _, _ := strings.Cut(version[start:], ".")
	if again := strings.LastIndex(version, "."+first+"."); first != "" && again > start {
		return version[:again]
	}
	return version
}

var suseFlavours = []string{"default", "azure", "rt", "64kb", "preempt", "longterm", "kvmsmall", "vanilla", "debug"}

// rpmFlavour: sources kernel-rt, kernel-uek, and SUSE's, which name a source for each flavour, one for all of their images, and some for what
// is no image: documentation, symbols, what packages are built with.
func rpmFlavour(f string) bool {
	return f == "rt" || f == "uek" || slices.Contains([]string{"source", "docs", "syms", "obs-build", "default-base"}, f) || slices.Contains(suseFlavours, f)
}

// rpmSeries: Amazon Linux 2023 has kernel6.12 beside kernel.
func rpmSeries(name string) bool {
	series, ok := strings.CutPrefix(name, "kernel")
	return ok && series != "" && strings.Trim(series, "0123456789.") == ""
}

// bareKernel: packages (and sources) of Alpine and Arch that are kernels. linux-firmware, linux-pam and linux-api-headers are not.
func bareKernel(name string) bool {
	switch name {
	case "linux", "linux-lts", "linux-virt", "linux-edge", "linux-stable", "linux-rpi", "linux-rpi2", "linux-rpi4", "linux-asahi", "linux-elm", "linux-gru",
		"linux-zen", "linux-hardened", "linux-rt", "linux-rt-lts":
		return true
	}
	return false
}

// archRelease: 6.9.1.arch1-1 of linux runs as 6.9.1-arch1-1, 6.6.30-1 of linux-lts as 6.6.30-1-lts, 6.9.1.zen1-1 of linux-zen as
// 6.9.1-zen1-1-zen.
func archRelease(p inventory.Package) string {
	release := p.Version
	for _, patch := range []string{".arch", ".zen", ".hardened", ".realtime"} {
		release = strings.Replace(release, patch, "-"+patch[1:], 1)
	}
	if flavour, ok := strings.CutPrefix(p.Name, "linux-"); ok {
		release += "-" + flavour
	}
	return release
}

// versionOfRelease is the version of an image package of the same name that runs as release: imageRelease the other way round, on the
// distributions that keep one image.
func versionOfRelease(p inventory.Package, release string) (string, bool) {
	scheme, _ := vercmp.ForEcosystem(p.Ecosystem)
	flavour := strings.TrimPrefix(strings.TrimPrefix(p.Name, "linux"), "-")
	body := release
	if flavour != "" {
		var ok bool
		if body, ok = strings.CutSuffix(release, "-"+flavour); !ok {
			return "", false
		}
	}
	var version string
	switch scheme {
	case vercmp.APK:
		upstream, revision, ok := strings.Cut(body, "-")
		if !ok || revision == "" || strings.Trim(revision, "0123456789") != "" {
			return "", false
		}
		version = upstream + "-r" + revision
	case vercmp.Pacman:
		version = body
		for _, patch := range []string{"-arch", "-zen", "-hardened", "-realtime"} {
			version = strings.Replace(version, patch, "."+patch[1:], 1)
		}
	default:
		return "", false
	}
	was := p
	was.Version = version
	if again, ok := imageRelease(was); !ok || again != release || vercmp.Valid(scheme, version) != nil {
		return "", false
	}
	return version, true
}

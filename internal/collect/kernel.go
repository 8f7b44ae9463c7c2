package collect

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// image is an installed kernel: its release as uname would say it, and the version of the package it came in, where it came in one.
type image struct{ release, version string }

// kernels finds them as files, in /boot or beside their modules, and as packages named after a release.
func kernels(tree *pkgmgr.Root, in installed) []image {
	versions := map[string]string{}
	entries, _ := tree.ReadDir("boot")
	for _, e := range entries {
		if rel, ok := strings.CutPrefix(e.Name(), "vmlinuz-"); ok && rel != "" && !strings.HasSuffix(rel, ".old") && !strings.HasPrefix(rel, "0-rescue-") {
			versions[clip(rel, 256)] = ""
		}
	}
	modules, _ := tree.ReadDir("lib/modules")
	for _, m := range modules { // Fedora's family and Arch keep the image here, and in /boot a copy, under one name in Arch
		if present(tree, "lib/modules/"+m.Name()+"/vmlinuz") {
			versions[clip(m.Name(), 256)] = ""
		}
	}
	for _, p := range in.packages {
		if rel := in.release(p); rel != "" {
			versions[rel] = p.Version
		}
	}
	if in.manager == byAPK || in.manager == byPacman { // there /boot/vmlinuz-lts and -linux are files without a release in their name
		maps.DeleteFunc(versions, func(rel, _ string) bool { return rel[0] < '0' || rel[0] > '9' })
	}
	images := make([]image, 0, len(versions))
	for rel, v := range versions {
		images = append(images, image{rel, v})
	}
	slices.SortFunc(images, compareImages)
	return images[:min(len(images), 1000)]
}

// release is what uname would say of the kernel that a package brings; empty when it brings none, or when its name and version do not tell.
func (in installed) release(p apiv1.Package) string {
	if p.Ecosystem != "" {
		return ""
	}
	switch in.manager {
	case byDpkg:
		rel, ok := strings.CutPrefix(p.Name, "linux-image-")
		rel = strings.TrimPrefix(rel, "unsigned-")
		if ok && rel != "" && rel[0] >= '0' && rel[0] <= '9' && !strings.HasSuffix(rel, "-dbg") {
			return rel
		}
	case byAPK: // linux-lts 6.6.32-r0 is 6.6.32-0-lts
		flavour, ok := strings.CutPrefix(p.Name, "linux-")
		upstream, build, built := strings.Cut(p.Version, "-r")
		if ok && built && p.Source == "" && slices.Contains([]string{"lts", "virt", "edge", "rpi", "stable"}, flavour) {
			return upstream + "-" + build + "-" + flavour
		}
	}
	return ""
}

// compareImages orders by the versions of the packages, then (and where one has none) by release; both in Debian's order.
func compareImages(a, b image) int {
	byVersion := 0
	if a.version != "" && b.version != "" {
		byVersion = compareVersions(a.version, b.version)
	}
	return cmp.Or(byVersion, compareVersions(a.release, b.release), cmp.Compare(a.release, b.release))
}

// compareVersions is Debian's order, or rpm's where Debian's does not know the spelling (5.14.0-427.el9_4.x86_64); 0 for what is no
// version at all: then the spelling decides.
func compareVersions(a, b string) int {
	for _, scheme := range []vercmp.Scheme{vercmp.Deb, vercmp.RPM} {
		if n, err := vercmp.Compare(scheme, a, b); err == nil {
			return n
		}
	}
	return 0
}

// flavour is what follows the numbers of a release: amd64, rt-amd64, generic, lts; or, in the RPM family, the architecture: +rt, +debug.
// A reboot stays within it.
func flavour(release string) string {
	if at := strings.LastIndexByte(release, '+'); at > 0 && !strings.Contains(release[at:], "-") {
		return release[at:]
	}
	parts := strings.Split(release, "-")
	i := len(parts)
	for i > 1 && parts[i-1] != "" && (parts[i-1][0] < '0' || parts[i-1][0] > '9') {
		i--
	}
	return strings.Join(parts[i:], "-")
}

// newest is the last in order of those with the running kernel's flavour, or of all when none has it.
func newest(images []image, running string) string {
	best, last := "", ""
	for _, im := range images {
		last = im.release
		if flavour(im.release) == flavour(running) {
			best = im.release
		}
	}
	return cmp.Or(best, last)
}

func olderKernel(images []image, running, newest string) bool {
	if flavour(running) != flavour(newest) || running == newest {
		return false
	}
	find := func(rel string) image {
		if i := slices.IndexFunc(images, func(im image) bool { return im.release == rel }); i >= 0 {
			return images[i]
		}
		return image{release: rel}
	}
	return compareImages(find(running), find(newest)) < 0
}

func releases(images []image) []string {
	out := make([]string, 0, len(images))
	for _, im := range images {
		out = append(out, im.release)
	}
	return out
}

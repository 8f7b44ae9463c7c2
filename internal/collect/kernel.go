package collect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// image is an installed kernel: its release as uname would say it, and the version of the package it came in, where it came in one.
type image struct{ release, version string }

// kernels finds them twice: as files in /boot and as packages named after a release.
func kernels(tree *pkgmgr.Root, db dpkg.Database) []image {
	versions := map[string]string{}
	entries, _ := tree.ReadDir("boot")
	for _, e := range entries {
		if rel, ok := strings.CutPrefix(e.Name(), "vmlinuz-"); ok && !strings.HasSuffix(rel, ".old") {
			versions[clip(rel, 256)] = ""
		}
	}
	for _, p := range db.Packages {
		rel, ok := strings.CutPrefix(p.Name, "linux-image-")
		rel = strings.TrimPrefix(rel, "unsigned-")
		if ok && p.OnDisk() && p.Version != "" && rel != "" && rel[0] >= '0' && rel[0] <= '9' && !strings.HasSuffix(rel, "-dbg") {
			versions[rel] = p.Version
		}
	}
	images := make([]image, 0, len(versions))
	for rel, v := range versions {
		images = append(images, image{rel, v})
	}
	slices.SortFunc(images, compareImages)
	return images[:min(len(images), 1000)]
}

// compareImages orders by the versions of the packages, then (and where one has none) by release; both in Debian's order.
func compareImages(a, b image) int {
	byVersion := 0
	if a.version != "" && b.version != "" {
		byVersion = compareVersions(a.version, b.version)
	}
	return cmp.Or(byVersion, compareVersions(a.release, b.release), cmp.Compare(a.release, b.release))
}

// compareVersions is 0 for what is no version at all: then the spelling decides.
func compareVersions(a, b string) int {
	n, err := vercmp.Compare("deb", a, b)
	if err != nil {
		return 0
	}
	return n
}

// flavour is what follows the numbers of a release: amd64, rt-amd64, generic. A reboot stays within it.
func flavour(release string) string {
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

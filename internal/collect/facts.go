package collect

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/dpkg"
)

// facts puts together what is not a package. Limits are those of apiv1.
func (c *Collector) facts(ctx context.Context, tree *pkgmgr.Root, rel apiv1.OSRelease, in installed) apiv1.Facts {
	f := apiv1.Facts{
		Hostname:       c.hostname(tree),
		Arch:           archOf(in),
		OS:             rel,
		Kernel:         apiv1.Kernel{Installed: []string{}},
		Reboot:         apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
		PackageManager: in.state(),
		Units:          c.units(ctx, tree),
	}
	f.Entitlements = entitlements(tree)
	images := kernels(tree, in)
	if !c.live() {
		f.Kernel.Installed, f.Kernel.Newest = releases(images), newest(images, "")
		return f
	}
	c.once.Do(func() { c.virt = virtualization(ctx, tree) })
	f.Virtualization = c.virt
	f.BootID = clip(line(tree, "proc/sys/kernel/random/boot_id"), 64)
	f.Kernel.Running = runningKernel(tree)
	if !isContainer(c.virt) { // there the kernel is somebody else's
		f.Kernel.Installed, f.Kernel.Newest = releases(images), newest(images, f.Kernel.Running)
		f.Kernel.Livepatches = livepatched(ctx, tree)
	}
	if f.OldCode = OldCode(ctx, tree, in.manager); f.OldCode == nil && c.opt.OldCode != nil {
		f.OldCode = c.opt.OldCode(ctx)
	}
	f.Reboot = reboot(tree, images, f.Kernel)
	return f
}

// managers are the packages that a manager itself comes in: its version, and the native architecture.
var managers = map[string][]string{byDpkg: {"dpkg", "apt"}, byAPK: {"apk-tools"}, byPacman: {"pacman"}, byRPM: {"rpm", "dnf", "zypper"}}

// archOf is the native architecture: that of the package manager itself, in its own word.
func archOf(in installed) string {
	for _, p := range in.packages {
		if names := managers[in.manager]; len(names) > 0 && p.Name == names[0] && p.Ecosystem == "" {
			return p.Arch
		}
	}
	if in.manager == byDpkg || in.manager == "" {
		return dpkg.Arch(runtime.GOARCH)
	}
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
}

// state is that of the package database. The manager named is the last of its kind that is there: apt before dpkg.
func (in installed) state() apiv1.PackageManager {
	pm := apiv1.PackageManager{Interrupted: in.interrupted, Broken: in.broken[:min(len(in.broken), 10_000)], Held: in.held[:min(len(in.held), 10_000)]}
	for _, name := range managers[in.manager] {
		for _, p := range in.packages {
			if p.Name == name && p.Ecosystem == "" {
				pm.Name, pm.Version = name, clip(p.Version, 64)
			}
		}
	}
	for _, problem := range in.problems[:min(len(in.problems), 200)] {
		pm.Problems = append(pm.Problems, clip(problem, 500))
	}
	return pm
}

// reboot is the host's own word, and the comparison of what runs with what is installed.
func reboot(tree *pkgmgr.Root, images []image, k apiv1.Kernel) apiv1.Reboot {
	r := apiv1.Reboot{Packages: []string{}, Reasons: []string{}}
	if _, err := tree.Stat("run/reboot-required"); err == nil {
		r.Reasons = append(r.Reasons, "/run/reboot-required exists")
		b, _ := tree.ReadFile("run/reboot-required.pkgs", 1<<20)
		for l := range bytes.Lines(b) {
			if name := clip(strings.TrimSpace(string(l)), 256); name != "" {
				r.Packages = append(r.Packages, name)
			}
		}
		slices.Sort(r.Packages)
		r.Packages = slices.Compact(r.Packages)
		r.Packages = r.Packages[:min(len(r.Packages), 10_000)]
	}
	if k.Newest != "" && k.Running != "" && olderKernel(images, k.Running, k.Newest) {
		r.Reasons = append(r.Reasons, fmt.Sprintf("running kernel %s is older than installed %s", k.Running, k.Newest))
	}
	r.Required = len(r.Reasons) > 0
	return r
}

// virtualization is systemd's word where systemd is installed, else what a container leaves for everyone to see; empty when unknown.
func virtualization(ctx context.Context, tree *pkgmgr.Root) string {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemd-detect-virt", Limit: 4096})
	if word := clip(strings.TrimSpace(string(out.Stdout)), 64); err == nil && word != "" {
		return word // "none" comes with code 1
	}
	if word := line(tree, "run/systemd/container"); word != "" {
		return clip(word, 64)
	}
	for file, word := range map[string]string{".dockerenv": "docker", "run/.containerenv": "podman"} {
		if _, err := tree.Lstat(file); err == nil {
			return word
		}
	}
	return ""
}

// isContainer knows systemd's words for what shares its kernel with another system.
func isContainer(virt string) bool {
	return slices.Contains([]string{"docker", "podman", "lxc", "lxc-libvirt", "systemd-nspawn", "container-other", "openvz", "rkt", "wsl", "proot", "pouch"}, virt)
}

// line is the first line of a small file, empty when there is none.
func line(tree *pkgmgr.Root, name string) string {
	b, err := tree.ReadFile(name, 64<<10)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(first)
}

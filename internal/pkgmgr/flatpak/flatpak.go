// Package flatpak reads which applications and runtimes the system's flatpak installation has deployed. It never runs flatpak.
package flatpak

import (
	"bytes"
	"cmp"
	"path"
	"slices"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// base is the system's installation, below the root. What users install for themselves is theirs.
const base = "var/lib/flatpak"

// Package is a deployed application or runtime.
type Package struct{ Name, Arch, Version string }

const (
	maxDeploy = 4 << 20
	maxAll    = 10_000
)

// Read lists what is deployed below root, sorted. The version is what the application says of itself where the deployment knows it;
// otherwise the branch and the commit, as "stable, commit 0a1b2c3d4e5f".
func Read(root *pkgmgr.Root) ([]Package, []string) {
	var (
		out      []Package
		problems pkgmgr.Problems
	)
	for _, kind := range []string{"app", "runtime"} {
		for _, at := range below(root, path.Join(base, kind), 3) { // ID/ARCH/BRANCH
			active, err := root.Readlink(path.Join(at, "active"))
			if err != nil {
				continue // current, a link beside the architectures; a branch that was removed
			}
			branch, arch, id := path.Base(at), path.Base(path.Dir(at)), path.Base(path.Dir(path.Dir(at)))
			commit := path.Base(active)
			if !pkgmgr.Plain(id) || !pkgmgr.Plain(arch) || len(arch) > 32 || !pkgmgr.Plain(branch) || !pkgmgr.Plain(commit) || len(branch) > 100 || len(out) >= maxAll {
				problems.Add("flatpak %q: its name, branch or commit cannot be taken", id)
				continue
			}
			p := Package{Name: id, Arch: arch, Version: branch + ", commit " + commit[:min(len(commit), 12)]}
			if deploy, err := root.ReadFile(path.Join(at, "active/deploy"), maxDeploy); err == nil {
				p.Version = cmp.Or(appdataVersion(deploy), p.Version)
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version))
	})
	return slices.Compact(out), problems.List()
}

// below lists the folders exactly depth levels below dir; links are not followed.
func below(root *pkgmgr.Root, dir string, depth int) []string {
	if depth == 0 {
		return []string{dir}
	}
	entries, err := root.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && len(out) < maxAll {
			out = append(out, below(root, path.Join(dir, e.Name()), depth-1)...)
		}
	}
	return out
}

// appdataVersion finds the application's version in a deployment's record, a GVariant whose last part is a{sv}: the key, zeros up to
// eight bytes' alignment, the value with its zero, a zero, and the type of the value, s. Empty when there is none.
func appdataVersion(b []byte) string {
	_, rest, ok := bytes.Cut(b, []byte("appdata-version\x00"))
	if !ok {
		return ""
	}
	rest = bytes.TrimLeft(rest[:min(len(rest), 7+pkgmgr.MaxText+3)], "\x00")
	value, kind, ok := bytes.Cut(rest, []byte{0})
	if !ok || !bytes.HasPrefix(kind, []byte("\x00s")) || !pkgmgr.Plain(string(value)) {
		return ""
	}
	return string(value)
}

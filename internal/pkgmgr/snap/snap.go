// Package snap reads which snaps are installed from what snapd leaves for everyone to see: the link to the current revision and, where
// the snap is mounted, its own description. snapd's own state is readable by root alone and is not needed.
package snap

import (
	"bytes"
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// dirs are where snaps are mounted, below the root: Ubuntu's place, and that of distributions that want no folder of their own below /.
var dirs = []string{"snap", "var/lib/snapd/snap"}

// Package is an installed snap.
type Package struct{ Name, Arch, Version string }

// maxYAML bounds meta/snap.yaml; the longest seen are some 100 KB.
const maxYAML = 4 << 20

// Read lists the snaps below root, sorted by name. Of one whose description cannot be read, as below a mounted root where nothing mounts
// the snaps themselves, the version is its revision: "revision 1974".
func Read(root *pkgmgr.Root) ([]Package, []string) {
	var (
		out      []Package
		problems pkgmgr.Problems
		seen     = map[string]bool{}
	)
	for _, dir := range dirs {
		entries, err := root.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			name := e.Name()
			info, err := root.Lstat(path.Join(dir, name, "current"))
			if err != nil || info.Mode()&fs.ModeSymlink == 0 || seen[name] {
				continue // bin, README
			}
			revision, err := root.Readlink(path.Join(dir, name, "current"))
			if err != nil || !pkgmgr.Plain(name) || !pkgmgr.Plain(revision) || len(out) >= 10_000 {
				problems.Add("snap %q: its revision cannot be read", name)
				continue
			}
			seen[name] = true
			p := Package{Name: name, Version: "revision " + path.Base(revision)}
			if b, err := root.ReadFile(path.Join(dir, name, "current/meta/snap.yaml"), maxYAML); err == nil {
				version, arch := parse(b)
				p.Version, p.Arch = cmp.Or(version, p.Version), arch
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Package) int { return cmp.Compare(a.Name, b.Name) })
	return out, problems.List()
}

// parse gives version and architecture of a snap.yaml: two plain keys at the left margin, written by snapcraft. A reader of all YAML
// would be many times the code, and would have to be bounded.
func parse(b []byte) (version, arch string) {
	in := false // in the list of architectures
	for line := range bytes.Lines(b) {
		text := strings.TrimRight(string(line), " \r\n")
		if v, ok := strings.CutPrefix(text, "version:"); ok {
			version = scalar(v)
		}
		item, isItem := strings.CutPrefix(strings.TrimLeft(text, " "), "- ")
		switch v, ok := strings.CutPrefix(text, "architectures:"); {
		case ok && strings.TrimSpace(v) == "":
			in = true
		case ok:
			first, _, _ := strings.Cut(strings.Trim(strings.TrimSpace(v), "[]"), ",")
			arch = scalar(first)
		case in && isItem:
			arch, in = cmp.Or(arch, scalar(item)), false
		default:
			in = false
		}
	}
	if !pkgmgr.Plain(version) {
		version = ""
	}
	if !pkgmgr.Plain(arch) || len(arch) > 32 {
		arch = ""
	}
	return version, arch
}

func scalar(v string) string {
	v = strings.TrimSpace(v)
	if len(v) >= 2 && (v[0] == '\'' || v[0] == '"') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	v, _, _ = strings.Cut(v, " #")
	return strings.TrimSpace(v)
}

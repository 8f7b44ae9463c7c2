package collect

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// maxUnits is the wire's limit.
const maxUnits = 20_000

// unitTypes are the kinds of unit that a person enables, starts, or finds failed.
var unitTypes = []string{"service", "socket", "timer", "mount", "path"}

// units asks the running systemd; without one, the unit files and links say what would run.
func (c *Collector) units(ctx context.Context, tree *pkgmgr.Root) []apiv1.Unit {
	if _, err := tree.Stat("run/systemd/system"); err == nil && c.live() {
		types := "--type=" + strings.Join(unitTypes, ",")
		files, err := systemctl(ctx, "list-unit-files", types)
		failed, err2 := systemctl(ctx, "list-units", "--state=failed", types)
		if err == nil && err2 == nil {
			return parseUnits(files, failed)
		}
		c.opt.Log.Debug("systemctl", "error", cmp.Or(err, err2))
	}
	return unitFiles(tree)
}

func systemctl(ctx context.Context, args ...string) ([]byte, error) {
	out, err := pkgmgr.Run(ctx, pkgmgr.Command{Name: "systemctl", Args: append(args, "--all", "--plain", "--full", "--no-legend", "--no-pager"), Limit: 8 << 20})
	return out.Stdout, err
}

// parseUnits reads `systemctl list-unit-files` and `systemctl list-units --state=failed`. Transient units come and go by themselves and
// are left out unless they failed.
func parseUnits(files, failed []byte) []apiv1.Unit {
	byName := map[string]apiv1.Unit{}
	for l := range bytes.Lines(files) {
		f := strings.Fields(string(l))
		if len(f) >= 2 && isUnit(f[0]) && f[1] != "transient" {
			byName[f[0]] = apiv1.Unit{Name: f[0], Enabled: clip(f[1], 32)}
		}
	}
	for l := range bytes.Lines(failed) {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(string(l)), "●"))
		if len(f) >= 3 && isUnit(f[0]) && slices.Contains(f, "failed") {
			u := byName[f[0]]
			u.Name, u.Failed = f[0], true
			byName[f[0]] = u
		}
	}
	return sortedUnits(byName)
}

func isUnit(name string) bool {
	return len(name) <= 256 && slices.Contains(unitTypes, strings.TrimPrefix(path.Ext(name), ".")) && clip(name, 256) == name
}

func sortedUnits(byName map[string]apiv1.Unit) []apiv1.Unit {
	units := make([]apiv1.Unit, 0, len(byName))
	for _, u := range byName {
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b apiv1.Unit) int { return cmp.Compare(a.Name, b.Name) })
	return units[:min(len(units), maxUnits)]
}

// unitDirs in the order of their weight, the heaviest last.
var unitDirs = []string{"lib/systemd/system", "usr/lib/systemd/system", "etc/systemd/system"}

// unitFiles reads the folders as systemctl would without a manager: a link to /dev/null is masked, a link below a .wants or .requires
// folder enables, and a file without an Install section can only be started by others.
func unitFiles(tree *pkgmgr.Root) []apiv1.Unit {
	byName := map[string]apiv1.Unit{}
	for _, dir := range unitDirs {
		entries, _ := tree.ReadDir(dir)
		for _, e := range entries {
			if len(byName) >= maxUnits {
				break
			}
			if !e.IsDir() && isUnit(e.Name()) {
				byName[e.Name()] = apiv1.Unit{Name: e.Name(), Enabled: unitState(tree, path.Join(dir, e.Name()), e)}
			}
		}
	}
	entries, _ := tree.ReadDir("etc/systemd/system")
	for _, e := range entries {
		if ext := path.Ext(e.Name()); ext != ".wants" && ext != ".requires" {
			continue
		}
		links, _ := tree.ReadDir(path.Join("etc/systemd/system", e.Name()))
		for _, l := range links {
			if u, ok := byName[l.Name()]; ok && u.Enabled != "masked" {
				u.Enabled = "enabled"
				byName[l.Name()] = u
			}
		}
	}
	return sortedUnits(byName)
}

func unitState(tree *pkgmgr.Root, name string, e fs.DirEntry) string {
	if e.Type()&fs.ModeSymlink != 0 {
		if target, err := tree.Readlink(name); err == nil && target == "/dev/null" {
			return "masked"
		} else if err == nil && path.Base(target) != e.Name() {
			return "alias"
		}
	}
	b, err := tree.ReadFile(name, 1<<20)
	switch {
	case err != nil:
		return "bad"
	case bytes.Contains(b, []byte("[Install]")):
		return "disabled"
	}
	return "static"
}

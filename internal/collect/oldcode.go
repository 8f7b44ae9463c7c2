package collect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
	"github.com/staunch-dev/staunch/internal/pkgmgr/proc"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

// replaced is a file that is gone from the disk and still runs.
type replaced struct {
	units []string
	since time.Time // when the first process that runs it began; zero: not known
}

// Bounds of looking at processes.
const (
	maxMaps   = 64 << 20 // of one process; a Java server's has some 300 KB
	maxOld    = 10_000
	maxOwners = 1_000 // units of one package
)

// OldCode says which packages' replaced files running processes still map. nil: not all processes could be looked at, since we are not
// root, so that nobody takes an empty list for "none"; what was seen of our own processes is worth nothing then.
func OldCode(ctx context.Context, tree *pkgmgr.Root, manager string) []apiv1.OldCode {
	files, ok := replacedFiles(tree)
	if !ok {
		return nil
	}
	owners, err := ownersOf(ctx, tree, manager, slices.Sorted(maps.Keys(files)))
	if err != nil {
		return nil
	}
	out := map[owner]replaced{}
	for file, r := range files {
		o, known := owners[file]
		if !known {
			continue // no package's: /opt, or a package that was removed
		}
		merged := out[o]
		merged.units = append(merged.units, r.units...)
		if !r.since.IsZero() && (merged.since.IsZero() || r.since.Before(merged.since)) {
			merged.since = r.since
		}
		out[o] = merged
	}
	list := []apiv1.OldCode{}
	logs := sync.OnceValue(func() [][]byte { return dpkgLogs(tree) }) // megabytes, and many packages may be asked about
	for o, r := range out {
		slices.Sort(r.units)
		units := slices.Compact(r.units)
		one := apiv1.OldCode{Name: o.name, Arch: o.arch, Units: units[:min(len(units), maxOwners)]}
		if manager == byDpkg && !r.since.IsZero() {
			one.From = clip(versionAt(logs(), o.name, o.arch, r.since), 256)
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b apiv1.OldCode) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch)) })
	return list[:min(len(list), maxOld)]
}

// Look is OldCode of this machine, for those who may not look themselves. fault.Forbidden: nor may we, or whose the files are cannot be told.
func Look(ctx context.Context) ([]apiv1.OldCode, error) {
	tree, err := pkgmgr.OpenRoot("/")
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the root cannot be opened")
	}
	defer func() { _ = tree.Close() }()
	rel, _ := readOS(tree) // of an unknown release the first database that is there is meant
	old := OldCode(ctx, tree, ManagerOf(tree, rel.Ecosystem))
	if old == nil {
		return nil, fault.New(fault.Forbidden, "not every process can be looked at, or whose the files are is not known")
	}
	return old, nil
}

// noUnit stands for processes that belong to no unit.
const noUnit = "(none)"

// replacedFiles looks at every process of the tree's proc; false when one of them may not be looked at.
func replacedFiles(tree *pkgmgr.Root) (map[string]replaced, bool) {
	entries, err := tree.ReadDir("proc")
	if err != nil {
		return nil, false
	}
	boot := bootTime(tree)
	first, _ := tree.ReadFile("proc/1/cgroup", 64<<10)
	out := map[string]replaced{}
	looked := false
	for _, e := range entries {
		dir := path.Join("proc", e.Name())
		if strings.Trim(e.Name(), "0123456789") != "" {
			continue
		}
		exe, err := tree.Readlink(path.Join(dir, "exe"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel thread, or gone meanwhile
		}
		if err != nil {
			return nil, false
		}
		text, err := tree.ReadFile(path.Join(dir, "maps"), maxMaps)
		if errors.Is(err, fs.ErrPermission) {
			return nil, false
		}
		looked = true
		files := proc.Replaced(text, exe)
		if err != nil || len(files) == 0 {
			continue
		}
		cgroup, _ := tree.ReadFile(path.Join(dir, "cgroup"), 64<<10)
		stat, _ := tree.ReadFile(path.Join(dir, "stat"), 64<<10)
		since, unit := started(stat, boot), cmp.Or(clip(proc.Unit(cgroup), 256), noUnit)
		if unit == noUnit && elsewhere(cgroup, first) {
			continue // a container's: its files are not ours
		}
		for _, f := range files {
			r := out[f]
			r.units = append(r.units, unit)
			if r.since.IsZero() || !since.IsZero() && since.Before(r.since) {
				r.since = since
			}
			out[f] = r
		}
	}
	return out, looked
}

// elsewhere reports whether a process that has no unit is in a control group of somebody's making, a container's: any but the root and
// that of the first process, which is a container's own when we are inside one.
func elsewhere(cgroup, first []byte) bool {
	if bytes.Equal(cgroup, first) {
		return false
	}
	for line := range bytes.Lines(cgroup) {
		if f := strings.SplitN(strings.TrimSpace(string(line)), ":", 3); len(f) == 3 && f[2] != "/" {
			return true
		}
	}
	return false
}

// bootTime is btime of /proc/stat; zero when it is not there.
func bootTime(tree *pkgmgr.Root) time.Time {
	b, err := tree.ReadFile("proc/stat", 16<<20)
	if err != nil {
		return time.Time{}
	}
	for line := range bytes.Lines(b) {
		if v, ok := strings.CutPrefix(string(line), "btime "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
				return time.Unix(n, 0)
			}
		}
	}
	return time.Time{}
}

// userHZ is the unit of times in /proc/PID/stat, the same on every architecture that Linux shows to programs.
const userHZ = 100

// started is when a process began: field 22 of its stat, counted behind the name, which may hold blanks and parentheses.
func started(stat []byte, boot time.Time) time.Time {
	at := bytes.LastIndexByte(stat, ')')
	if at < 0 || boot.IsZero() {
		return time.Time{}
	}
	f := bytes.Fields(stat[at+1:])
	if len(f) < 20 {
		return time.Time{}
	}
	ticks, err := strconv.ParseInt(string(f[19]), 10, 64)
	if err != nil || ticks < 0 || ticks > 1<<40 {
		return time.Time{}
	}
	return boot.Add(time.Duration(ticks) * time.Second / userHZ)
}

// dpkgLogs are the logs of this month and the last; older ones are compressed, and few processes are older than they are.
func dpkgLogs(tree *pkgmgr.Root) [][]byte {
	older, _ := tree.ReadFile("var/log/dpkg.log.1", 64<<20)
	newer, _ := tree.ReadFile("var/log/dpkg.log", 64<<20)
	return [][]byte{older, newer}
}

// versionAt is the version of a package that was installed at an instant, by dpkg's logs, oldest first: what the first upgrade after it
// replaced. Empty when there was none, or when the logs do not reach back that far. The log is in local time.
func versionAt(logs [][]byte, name, arch string, at time.Time) string {
	if !reachBack(logs, at) {
		return ""
	}
	for _, log := range logs {
		for line := range bytes.Lines(log) {
			f := strings.Fields(string(line)) // 2026-11-21 20:08:28 upgrade perl:amd64 5.36.0-7+deb12u2 5.36.0-7+deb12u4
			if len(f) != 6 || f[2] != "upgrade" || f[3] != name+":"+arch {
				continue
			}
			if when, ok := logged(f); ok && when.After(at) {
				return f[4]
			}
		}
	}
	return ""
}

func logged(f []string) (time.Time, bool) {
	if len(f) < 2 {
		return time.Time{}, false
	}
	when, err := time.ParseInLocation("2006-01-02 15:04:05", f[0]+" "+f[1], time.Local) //nolint:gosmopolitan // dpkg writes the host's own time
	return when, err == nil
}

// reachBack reports whether the first line of the logs is older than an instant: then no upgrade after it is missing.
func reachBack(logs [][]byte, at time.Time) bool {
	for _, log := range logs {
		for line := range bytes.Lines(log) {
			when, ok := logged(strings.Fields(string(line)))
			return ok && when.Before(at)
		}
	}
	return false
}

// owner is the package that a file belongs to.
type owner struct{ name, arch string }

// ownersOf says to which packages files belong, files of rpm by asking rpm. The new version of a package may have a library under another
// name (libx.so.1.2.4 in place of libx.so.1.2.3): then the package with a library of the same stem in the same folder is it.
func ownersOf(ctx context.Context, tree *pkgmgr.Root, manager string, files []string) (map[string]owner, error) {
	if len(files) == 0 {
		return nil, nil
	}
	find := newFinder(files)
	var err error
	switch manager {
	case byDpkg:
		err = dpkgOwners(tree, find)
	case byRPM:
		err = rpmOwners(ctx, rpm.Config{}, find)
	case byAPK:
		err = errors.Join(apkOwners(tree, "lib/apk/db/installed", find), apkOwners(tree, "usr/lib/apk/db/installed", find))
	default:
		err = fmt.Errorf("files of %s are not known", manager)
	}
	return find.owners(), err
}

// finder matches the files that packages have with those that are looked for.
type finder struct {
	exact map[string]owner
	stems map[string]map[owner]bool
	want  map[string]bool
	files []string
}

func newFinder(files []string) *finder {
	f := &finder{exact: map[string]owner{}, stems: map[string]map[owner]bool{}, want: map[string]bool{}, files: files}
	for _, file := range files {
		f.want[file] = true
		if s := stem(file); s != "" {
			f.stems[s] = map[owner]bool{}
		}
	}
	return f
}

// stem is a library's name to .so; empty when a file is none with a version.
func stem(file string) string {
	dir, base := path.Split(file)
	if at := strings.Index(base, ".so."); at > 0 {
		return dir + base[:at+4]
	}
	return ""
}

// has takes a file of a package; a package's list may name it by a folder that is a link since /usr was merged.
func (f *finder) has(o owner, file string) {
	for _, file := range []string{file, "/usr" + file} {
		if f.want[file] {
			f.exact[file] = o
		}
		if at := strings.Index(file, ".so."); at > 0 {
			if owners := f.stems[stem(file)]; owners != nil {
				owners[o] = true
			}
		}
	}
}

func (f *finder) owners() map[string]owner {
	for _, file := range f.files {
		if _, known := f.exact[file]; known {
			continue
		}
		if by := f.stems[stem(file)]; len(by) == 1 {
			for o := range by {
				f.exact[file] = o
			}
		}
	}
	return f.exact
}

// dpkgOwners reads the lists of files, NAME.list, or NAME:ARCH.list where several architectures can be installed beside each other.
func dpkgOwners(tree *pkgmgr.Root, find *finder) error {
	db, err := readDpkg(tree)
	if err != nil {
		return err
	}
	for _, p := range db.Packages {
		if !p.OnDisk() {
			continue
		}
		for _, name := range []string{p.Name + ":" + p.Arch, p.Name} {
			b, err := tree.ReadFile("var/lib/dpkg/info/"+name+".list", 64<<20)
			if err != nil {
				continue
			}
			for line := range bytes.Lines(b) {
				find.has(owner{p.Name, p.Arch}, string(bytes.TrimRight(line, "\n")))
			}
			break
		}
	}
	return nil
}

// rpmOwners asks rpm for all files of all packages, which takes it a second; it is asked only when something replaced runs.
func rpmOwners(ctx context.Context, config rpm.Config, find *finder) error {
	return rpm.EachFile(ctx, config, func(name, arch, file string) { find.has(owner{name, arch}, file) })
}

// apkOwners reads the files in apk's database: F: names a folder, R: a file in it.
func apkOwners(tree *pkgmgr.Root, name string, find *finder) error {
	b, err := tree.ReadFile(name, 512<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var (
		o   owner
		dir string
	)
	for line := range bytes.Lines(b) {
		text := strings.TrimRight(string(line), "\n")
		switch {
		case text == "":
			o, dir = owner{}, ""
		case strings.HasPrefix(text, "P:"):
			o.name = text[2:]
		case strings.HasPrefix(text, "A:"):
			o.arch = text[2:]
		case strings.HasPrefix(text, "F:"):
			dir = text[2:]
		case strings.HasPrefix(text, "R:"):
			find.has(o, "/"+path.Join(dir, text[2:]))
		}
	}
	return err
}

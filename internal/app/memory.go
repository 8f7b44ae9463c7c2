package app

import (
	"bufio"
	"bytes"
	"context"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/staunch-dev/staunch/internal/assess"
)

// ExitNoRoom is the exit code of a server whose fleet does not fit; the package cli has it in its table.
const ExitNoRoom = 7

// noRoom ends a start.
type noRoom struct{ error }

func (e noRoom) Unwrap() error { return e.error }

// ExitCode is 7: the unit file keeps systemd from trying again and again.
func (noRoom) ExitCode() int { return ExitNoRoom }

// room reckons, before the index is loaded, whether it will fit, and ends the start when it will not: the system would end the server in
// the middle, and say nothing. Where garbage would not fit beside what is held, Go is told to collect it sooner.
func (a *App) room(ctx context.Context) error {
	counts, err := assess.CountsOf(ctx, a.wire.store)
	if err != nil {
		return err
	}
	fit := assess.Reckon(counts, a.cfg.Memory())
	a.log.Info("memory reckoned", "for", fit.String())
	if err := fit.Refusal(); err != nil {
		if a.cfg.TooLittleMemory != startAnyway {
			return noRoom{err}
		}
		a.log.Warn("starting anyway", "error", err)
	}
	if limit := fit.Limit(); limit > 0 {
		a.log.Info("memory is scarce: garbage is collected sooner, and the start takes longer", "limit", limit)
		debug.SetMemoryLimit(limit)
	}
	return nil
}

// Memory is what there is for this process.
func Memory() assess.Memory { return machineMemory(os.DirFS("/"), debug.SetMemoryLimit(-1)) }

// machineMemory reads it. root is /; soft is Go's limit, math.MaxInt64 when there is none.
func machineMemory(root fs.FS, soft int64) assess.Memory {
	m := assess.Memory{Free: field(root, "proc/meminfo", "MemAvailable:") << 10, Group: groupMemory(root)}
	if soft != math.MaxInt64 {
		m.Soft = soft
	}
	return m
}

// groupMemory is the least that any control group above this process leaves it, version 2 or 1; 0: no bound. In a container the path
// that the process is told may be the host's, of which only the end is to be seen: then what is there is looked at.
func groupMemory(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var least int64
	for line := range strings.Lines(string(text)) { // 0::/system.slice/staunch.service, or 9:memory:/system.slice
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		at, g := "sys/fs/cgroup", group{"memory.max", "memory.current", "file"}
		switch {
		case parts[1] == "memory":
			at, g = "sys/fs/cgroup/memory", group{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"}
		case parts[1] != "":
			continue
		}
		for dir := path.Join("/", parts[2]); ; dir = path.Dir(dir) {
			if left := g.left(root, path.Join(at, dir)); left > 0 && (least == 0 || left < least) {
				least = left
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// group names the files of a control group, and the line of memory.stat with what it would give back: pages of files.
type group struct{ limit, used, cache string }

// left is what a control group has left; 0: no bound.
func (g group) left(root fs.FS, dir string) int64 {
	limit := number(root, path.Join(dir, g.limit))
	if limit <= 0 || limit >= math.MaxInt64/2 { // version 1 says "no limit" with a large number
		return 0
	}
	return max(1, limit-number(root, path.Join(dir, g.used))+field(root, path.Join(dir, "memory.stat"), g.cache))
}

// number reads a file with a number in it; 0 when there is none, as in "max".
func number(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// field reads the number behind a name in a file of such lines; 0 when there is none.
func field(root fs.FS, name, key string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) >= 2 && words[0] == key {
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

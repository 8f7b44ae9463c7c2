package app

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
)

// A server on a database whose fleet is reckoned not to fit ends with a sentence and a code of its own before it takes an address.
func TestAServerWhoseFleetDoesNotFitSaysSoAndEnds(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	first := start(t, cfg)
	first.enrolled().report(bodies(t))
	first.shut()

	cfg.Memory = func() assess.Memory { return assess.Memory{Free: 1 << 40, Group: 5 << 20} }
	a, err := New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if stopped := a.Stop(t.Context()); stopped != nil {
		t.Error(stopped)
	}
	if err == nil {
		t.Fatal("it started")
	}
	var code interface{ ExitCode() int }
	if !errors.As(err, &code) || code.ExitCode() != 7 || fault.KindOf(err) != fault.TooLarge {
		t.Errorf("not the fault and exit code of a fleet that does not fit: %v", err)
	}
	for _, want := range []string{"does not fit into memory", "1 hosts with 1 package sets", "there are 5 MiB", "memory limit of its control group", "--too-little-memory start"} {
		if !strings.Contains(fault.Message(err), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if len(a.entrances) > 0 {
		t.Error("it took an address")
	}

	cfg.TooLittleMemory = startAnyway
	var log bytes.Buffer
	b, err := New(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Errorf("it does not start anyway: %v", err)
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "memory reckoned") || !strings.Contains(text, "starting anyway") {
		t.Errorf("the log does not say what was reckoned: %s", text)
	}
}

func TestHowMuchMemoryThereIs(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:       24000000 kB\nMemFree:          500000 kB\nMemAvailable:   2000000 kB\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  assess.Memory
	}{
		"nothing can be read": {nil, assess.Memory{}},
		"no control group":    {map[string]string{"proc/meminfo": meminfo}, assess.Memory{Free: 2_048_000_000}},
		"a limit of version 2, less what is used and more what is cached": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/staunch-server.service\n",
			"sys/fs/cgroup/system.slice/staunch-server.service/memory.max":     "1000000000\n",
			"sys/fs/cgroup/system.slice/staunch-server.service/memory.current": "300000000\n",
			"sys/fs/cgroup/system.slice/staunch-server.service/memory.stat":    "anon 100000000\nfile 200000000\n",
		}, assess.Memory{Free: 2_048_000_000, Group: 900_000_000}},
		"a group above has less": {map[string]string{
			"proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/b.service/memory.max": "max\n",
			"sys/fs/cgroup/a.slice/memory.max": "700\n", "sys/fs/cgroup/a.slice/memory.current": "200\n",
		}, assess.Memory{Group: 500}},
		"a group that is full leaves next to nothing, which is not no bound": {map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "700\n", "sys/fs/cgroup/a/memory.current": "700\n",
		}, assess.Memory{Group: 1}},
		"a container that sees its own group as the root": {map[string]string{
			"proc/self/cgroup": "0::/../../docker/0123\n", "sys/fs/cgroup/memory.max": "900\n", "sys/fs/cgroup/memory.current": "100\n",
		}, assess.Memory{Group: 800}},
		"version 1": {map[string]string{
			"proc/self/cgroup": "9:memory:/user.slice\n3:cpu,cpuacct:/user.slice\n0::/\n",
			"sys/fs/cgroup/memory/user.slice/memory.limit_in_bytes": "5000\n", "sys/fs/cgroup/memory/user.slice/memory.usage_in_bytes": "3000\n",
			"sys/fs/cgroup/memory/user.slice/memory.stat": "cache 1\ntotal_cache 1000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, assess.Memory{Group: 3000}},
		"what cannot be made sense of is no bound": {map[string]string{
			"proc/meminfo": "MemAvailable: many\n", "proc/self/cgroup": "what\n0::/a\n", "sys/fs/cgroup/a/memory.max": "-5\n",
		}, assess.Memory{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for file, text := range tc.files {
				root[filepath.ToSlash(file)] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := machineMemory(root, math.MaxInt64); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
	if got := machineMemory(fstest.MapFS{}, 1<<30); got != (assess.Memory{Soft: 1 << 30}) {
		t.Errorf("GOMEMLIMIT: %+v", got)
	}
}

func TestAServerWarnsOnceWhileItsMemoryGetsScarce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	left := int64(0)
	w := &memoryWatch{memory: func() assess.Memory { return assess.Memory{Free: left} }, log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, step := range []struct {
		held, left int64
		warnings   int
	}{{100, 0, 0}, {100, 100, 0}, {790, 210, 0}, {800, 200, 1}, {900, 100, 1}, {750, 250, 1}, {850, 150, 1}, {690, 310, 1}, {950, 50, 2}} {
		left = step.left
		w.look(t.Context(), func() int64 { return step.held })
		if got := strings.Count(log.String(), "memory is getting scarce"); got != step.warnings {
			t.Fatalf("%d held and %d left: %d warnings, want %d", step.held, step.left, got, step.warnings)
		}
	}
	// What is kept only because it may be asked for again goes first, and is no reason to warn.
	held := int64(950)
	left, log = 50, bytes.Buffer{}
	w.warned, w.room = false, assess.NewRoom(w.memory, goHeap)
	w.room.Spared(func() bool { held, left = 500, 500; return true })
	w.look(t.Context(), func() int64 { return held })
	if log.Len() > 0 || held != 500 {
		t.Errorf("%d held: %s", held, log.String())
	}
	if h := goHeap(); h.Objects <= 0 || h.Mapped < h.Objects {
		t.Errorf("the heap of this process: %+v", h)
	}
	if liveHeap() < 0 {
		t.Error("a heap of less than nothing")
	}
	w.Stop()
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Stop()
	w.Stop()
}

// What the kernel writes today is for us to read, whatever it is.
func FuzzGroupMemory(f *testing.F) {
	f.Add("0::/a\n", "700\n", "5\n", "file 3\n")
	f.Add("9:memory:/a\n", "max", "", "")
	f.Fuzz(func(t *testing.T, groups, limit, used, stat string) {
		root := fstest.MapFS{"proc/self/cgroup": {Data: []byte(groups)}}
		for dir, names := range map[string][3]string{"sys/fs/cgroup/a/": {"memory.max", "memory.current", "memory.stat"}, "sys/fs/cgroup/memory/a/": {"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat"}} {
			for i, text := range []string{limit, used, stat} {
				root[dir+names[i]] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		if left := groupMemory(root); left < 0 {
			t.Errorf("%d bytes are left", left)
		}
	})
}

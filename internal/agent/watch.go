package agent

import (
	"fmt"
	"hash/fnv"
	"os"
)

// watcher notices that any of some files and folders has changed, by looking at their times: twenty stats cost some microseconds, and
// unlike inotify they need no limit of the kernel's.
type watcher struct {
	paths []string
	last  uint64
	seen  bool
}

// moved reports a change since the last call; the first call only looks.
func (w *watcher) moved() bool {
	h := fnv.New64a()
	for _, path := range w.paths {
		if info, err := os.Stat(path); err == nil {
			_, _ = fmt.Fprintf(h, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	now, seen := h.Sum64(), w.seen
	changed := now != w.last && seen
	w.last, w.seen = now, true
	return changed
}

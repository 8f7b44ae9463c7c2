package apt

import "golang.org/x/sys/unix"

// freeSpace is what an ordinary user may still fill of the file system that dir is on, in bytes.
func freeSpace(dir string) (free int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Bsize <= 0 || s.Blocks == 0 || s.Blocks > 1<<62/uint64(s.Bsize) {
		return 0, false
	}
	return int64(min(s.Bavail, s.Blocks)) * int64(s.Bsize), true //nolint:gosec,unconvert // bounded above; its type differs between architectures
}

package collect

import "golang.org/x/sys/unix"

// space is a file system's size and what an ordinary user may still fill, in bytes.
func space(mount string) (size, free int64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(mount, &s); err != nil || s.Bsize <= 0 || s.Blocks == 0 || s.Blocks > 1<<62/uint64(s.Bsize) {
		return 0, 0, false
	}
	block := int64(s.Bsize)                                                      //nolint:unconvert // int32 on some architectures
	return int64(s.Blocks) * block, int64(min(s.Bavail, s.Blocks)) * block, true //nolint:gosec // bounded above
}

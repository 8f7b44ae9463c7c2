//go:build unix

package compiled

import (
	"io/fs"
	"os"
	"syscall"
)

// openPlain opens a file to read, through no link of that name, and without waiting for the writer of a pipe.
func openPlain(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // a file of the cache
}

func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(s.Uid) == int64(os.Geteuid())
}

// exposed: others may look into it or write there.
func exposed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

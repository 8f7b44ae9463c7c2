//go:build !unix

package compiled

import (
	"io/fs"
	"os"
)

func openPlain(path string) (*os.File, error) { return os.Open(path) }

// Where files have no owner and no mode in this sense, a user's own folder is that user's.
func ours(fs.FileInfo) bool    { return true }
func exposed(fs.FileInfo) bool { return false }
func inode(fs.FileInfo) uint64 { return 0 }

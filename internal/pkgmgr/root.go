package pkgmgr

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks is how many symbolic links one name may pass through, as the kernel has it.
const maxLinks = 40

// ErrTooLarge is a file over the limit that its reader gave.
var ErrTooLarge = errors.New("file is over its size limit")

// Root is a host's file tree: "/" or the place where another host's is mounted. Every name is resolved inside it as a chroot would,
// absolute symbolic links included, and whatever the links say nothing outside is ever opened. Only regular files are read: a FIFO in
// a hostile tree must not stop us.
type Root struct {
	dir  string
	root *os.Root
}

// OpenRoot opens a tree; Close it after use.
func OpenRoot(dir string) (*Root, error) {
	if dir == "" {
		dir = "/"
	}
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Root{dir: dir, root: r}, nil
}

// Close releases the tree.
func (r *Root) Close() error { return r.root.Close() }

// Host reports whether the tree is the running system's own, so that /proc and the system's programs speak of it.
func (r *Root) Host() bool { return r.dir == "/" }

// resolve follows the symbolic links of name, taking absolute ones as relative to the root. Parts that do not exist are kept, so that
// the caller's own operation says so.
func (r *Root) resolve(name string) (string, error) {
	rest := strings.Split(strings.Trim(name, "/"), "/")
	at := "."
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at) // the parent of the root is the root
			continue
		}
		next := path.Join(at, part)
		info, err := r.root.Lstat(next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%q: too many symbolic links", name)
		}
		target, err := r.root.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			at = "."
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

// Open opens a regular file for reading.
func (r *Root) Open(name string) (*os.File, error) {
	at, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	f, err := r.root.OpenFile(at, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", name)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a regular file of at most limit bytes; a longer one is ErrTooLarge.
func (r *Root) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%q: %w", name, ErrTooLarge)
	}
	return b, nil
}

// ReadDir lists a directory in name order.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(r.root.FS(), at)
}

// Stat describes what name leads to.
func (r *Root) Stat(name string) (fs.FileInfo, error) {
	at, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	return r.root.Lstat(at)
}

// Lstat describes name itself, its last part not followed.
func (r *Root) Lstat(name string) (fs.FileInfo, error) {
	dir, err := r.resolve(path.Dir(strings.Trim(name, "/")))
	if err != nil {
		return nil, err
	}
	return r.root.Lstat(path.Join(dir, path.Base(name)))
}

// Readlink is where the symbolic link name points, as written in it.
func (r *Root) Readlink(name string) (string, error) {
	dir, err := r.resolve(path.Dir(strings.Trim(name, "/")))
	if err != nil {
		return "", err
	}
	return r.root.Readlink(path.Join(dir, path.Base(name)))
}

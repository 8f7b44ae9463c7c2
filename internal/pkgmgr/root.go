package pkgmgr

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Bounds of one name. The kernel has the first; the others bound what a hostile tree can make us do for one file, since each part is a walk
// from the root on.
const (
	maxLinks = 40   // symbolic links on the way
	maxParts = 1000 // on the way, those of links too
	maxDeep  = 250  // folders above it
)

// maxEntries bounds what is read of one folder, whose names are in memory. A mail store has some 100,000 in one.
const maxEntries = 2_000_000

// ErrTooLarge is a file over the limit that its reader gave, or a folder with more names than are read.
var ErrTooLarge = errors.New("file is over its size limit")

var errTooLong = errors.New("too many folders on the way")

// Root is a host's file tree: "/" or the place where another host's is mounted. Every name is resolved inside it as a chroot would,
// absolute symbolic links included, and whatever the links say nothing outside is ever opened. Only regular files and folders are opened
// at all: a FIFO in a hostile tree must not stop us, and opening a device can act (a watchdog restarts the machine).
type Root struct {
	dir  string
	root *os.Root
	most int // names of a folder
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
	return &Root{dir: dir, root: r, most: maxEntries}, nil
}

// Close releases the tree.
func (r *Root) Close() error { return r.root.Close() }

// Host reports whether the tree is the running system's own, so that /proc and the system's programs speak of it.
func (r *Root) Host() bool { return r.dir == "/" }

// resolve follows the symbolic links of name, taking absolute ones as relative to the root. Parts that do not exist are kept, so that
// the caller's own operation says so.
func (r *Root) resolve(name string) (string, error) {
	at, _, err := r.find(name)
	return at, err
}

// find is resolve, and what is there; nil where nothing is, or where name is the root itself.
func (r *Root) find(name string) (at string, info fs.FileInfo, err error) {
	rest := strings.Split(strings.Trim(name, "/"), "/")
	at = "."
	for links, parts, deep := 0, 0, 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if parts++; parts > maxParts || deep > maxDeep {
			return "", nil, fmt.Errorf("%.200q: %w", name, errTooLong)
		}
		switch part {
		case "", ".":
			continue
		case "..":
			at, info = path.Dir(at), nil // the parent of the root is the root
			deep = max(0, deep-1)
			continue
		}
		next := path.Join(at, part)
		if info, err = r.root.Lstat(next); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			at = next
			deep++
			continue
		}
		if links++; links > maxLinks {
			return "", nil, fmt.Errorf("%.200q: too many symbolic links", name)
		}
		target, err := r.root.Readlink(next)
		if err != nil {
			return "", nil, err
		}
		info = nil
		if path.IsAbs(target) {
			at, deep = ".", 0
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, info, nil
}

// Open opens a regular file for reading.
func (r *Root) Open(name string) (*os.File, error) {
	f, _, err := r.open(name)
	return f, err
}

// OpenUpTo is Open of a file that has at most limit bytes; a longer one is ErrTooLarge.
func (r *Root) OpenUpTo(name string, limit int64) (*os.File, error) {
	f, info, err := r.open(name)
	if err == nil && info.Size() > limit {
		_ = f.Close()
		return nil, fmt.Errorf("%q: %w", name, ErrTooLarge)
	}
	return f, err
}

func (r *Root) open(name string) (*os.File, fs.FileInfo, error) {
	at, info, err := r.find(name)
	if err != nil {
		return nil, nil, err
	}
	if info != nil && !info.Mode().IsRegular() { // looked at before it is opened, and once it is
		return nil, nil, fmt.Errorf("%q is not a regular file", name)
	}
	f, err := r.root.OpenFile(at, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", name)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
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

// ReadDir lists a directory in name order; one with more names than are read is ErrTooLarge.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	at, info, err := r.find(name)
	if err != nil {
		return nil, err
	}
	if info != nil && !info.IsDir() {
		return nil, fmt.Errorf("%q is not a folder", name)
	}
	f, err := r.root.OpenFile(at, os.O_RDONLY|nonblock|directory, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	entries, err := f.ReadDir(r.most + 1)
	switch {
	case errors.Is(err, io.EOF): // an empty one
		return nil, nil
	case err != nil:
		return nil, err
	case len(entries) > r.most:
		return nil, fmt.Errorf("%q: more than %d names: %w", name, r.most, ErrTooLarge)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Stat describes what name leads to.
func (r *Root) Stat(name string) (fs.FileInfo, error) {
	at, info, err := r.find(name)
	if err != nil || info != nil {
		return info, err
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

package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds on what an entry may hold. An offer carries a plan, a lock and a grant in base64.
const (
	maxOffer     = 10 << 20
	maxEntries   = 1000
	maxListBytes = 1 << 30 // of one file; Debian's largest is 50 MB
	maxAllLists  = 4 << 30
)

// runName is the grammar of a run id: it becomes part of paths and of a unit's name.
var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// hostile is an entry that is not as an honest run half makes one. Its text is safe to show.
type hostile struct{ text string }

func (h *hostile) Error() string { return h.text }

func refuseEntry(format string, args ...any) error { return &hostile{fmt.Sprintf(format, args...)} }

// spool is the folder that the unprivileged half writes. Its owner is whoever may put entries there.
type spool struct {
	dir *os.File
	uid uint32
	gid uint32
}

// openSpool opens the spool; nil without error when there is none yet. No part of its path may be a link: its parent belongs to the
// unprivileged half as well.
func openSpool(path string) (*spool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the spool %s cannot be opened (no part of its path may be a symbolic link): %w", path, err)
	}
	s := &spool{dir: os.NewFile(uintptr(fd), path)}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.uid, s.gid = st.Uid, st.Gid
	return s, nil
}

func (s *spool) close() error { return s.dir.Close() }

// inside opens something directly below a folder: one name, no link, nothing that leads elsewhere.
func inside(dir *os.File, name string, flags uint64) (*os.File, error) {
	if name == "" || name == "." || name == ".." || filepath.Base(name) != name {
		return nil, refuseEntry("%q is not a file name", name)
	}
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{
		Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENOTDIR):
		return nil, refuseEntry("%q is a link or not of the kind it should be", name)
	case err != nil:
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// names lists a folder below dir, at most limit names; none when there is no such folder.
func names(dir *os.File, sub string, limit int) ([]string, error) {
	d, err := inside(dir, sub, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	out, err := d.Readdirnames(limit + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(out) > limit {
		return nil, refuseEntry("%q holds more than %d files", sub, limit)
	}
	slices.Sort(out)
	return out, nil
}

// entries are the names in the spool's folder in, oldest id first. More than maxEntries are left for the next time.
func (s *spool) entries() ([]string, error) {
	d, err := inside(s.dir, "in", unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	out, err := d.Readdirnames(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(out)
	return out, nil
}

// entry is one offer in the spool.
type entry struct {
	spool *spool
	dir   *os.File
	name  string
}

func (s *spool) open(name string) (*entry, error) {
	in, err := inside(s.dir, "in", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	dir, err := inside(in, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &entry{s, dir, name}, nil
}

func (e *entry) close() error { return e.dir.Close() }

// regular opens a file of the entry for reading, below sub when that is given. It is looked at before it is opened, by a handle that
// cannot be exchanged under us: a device or a FIFO is never opened.
func (e *entry) regular(sub, name string, limit int64) (*os.File, int64, error) {
	dir := e.dir
	if sub != "" {
		d, err := inside(e.dir, sub, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return nil, 0, err
		}
		defer func() { _ = d.Close() }()
		dir = d
	}
	handle, err := inside(dir, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = handle.Close() }()
	var st unix.Stat_t
	if err := unix.Fstat(int(handle.Fd()), &st); err != nil {
		return nil, 0, err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, 0, refuseEntry("%q is not a regular file", name)
	case st.Nlink != 1:
		return nil, 0, refuseEntry("%q has another name elsewhere", name)
	case st.Uid != e.spool.uid:
		return nil, 0, refuseEntry("%q does not belong to the spool's owner", name)
	case st.Size > limit:
		return nil, 0, refuseEntry("%q has %d bytes, more than the %d it may have", name, st.Size, limit)
	}
	f, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(handle.Fd())), os.O_RDONLY|unix.O_NONBLOCK, 0)
	return f, st.Size, err
}

// read gives a file of at most limit bytes.
func (e *entry) read(name string, limit int64) ([]byte, error) {
	f, _, err := e.regular("", name, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1)) // it may have grown since it was looked at
	if err == nil && int64(len(b)) > limit {
		err = refuseEntry("%q is larger than %d bytes", name, limit)
	}
	return b, err
}

// copy copies a file of the entry to a new file of ours and gives the sha256 of what was copied, in lower-case hex.
func (e *entry) copy(sub, name, to string, limit int64) (sum string, size int64, err error) {
	f, _, err := e.regular(sub, name, limit)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(out, h), io.LimitReader(f, limit+1))
	if err == nil && size > limit {
		err = refuseEntry("%q grew while it was copied", name)
	}
	err = errors.Join(err, out.Sync(), out.Close())
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// reject moves an entry out of the way, so that it is not looked at again. Whoever wrote it may clean up.
func (s *spool) reject(name string) error {
	in, err := inside(s.dir, "in", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	bad, err := inside(s.dir, "bad", unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		if err := unix.Mkdirat(int(s.dir.Fd()), "bad", 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if bad, err = inside(s.dir, "bad", unix.O_RDONLY|unix.O_DIRECTORY); err == nil {
			err = bad.Chown(int(s.uid), int(s.gid))
		}
	}
	if err != nil {
		return err
	}
	defer func() { _ = bad.Close() }()
	for n := range 100 {
		to := name
		if n > 0 || len(to) > 100 {
			to = fmt.Sprintf("%.100s.%d.%d", name, time.Now().UnixNano(), n)
		}
		err = unix.Renameat2(int(in.Fd()), name, int(bad.Fd()), to, unix.RENAME_NOREPLACE)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// remove takes away an entry whose contents have been copied: the files it should have, by name and nothing else, so that the work is
// bounded whatever is added meanwhile. An entry with anything else in it is moved to bad.
func (s *spool) remove(e *entry, debs []string) error {
	for sub, files := range map[string][]string{"debs": debs, "lists": nil} {
		d, err := inside(e.dir, sub, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			continue // not there, or not a folder: rmdir below says so
		}
		if sub == "lists" {
			files, _ = d.Readdirnames(maxListFiles)
		}
		for _, f := range files {
			_ = unix.Unlinkat(int(d.Fd()), f, 0)
		}
		_ = d.Close()
		_ = unix.Unlinkat(int(e.dir.Fd()), sub, unix.AT_REMOVEDIR)
	}
	_ = unix.Unlinkat(int(e.dir.Fd()), "offer.json", 0)
	in, err := inside(s.dir, "in", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := unix.Unlinkat(int(in.Fd()), e.name, unix.AT_REMOVEDIR); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.reject(e.name)
}

// acked are the runs whose outcome is durable on the server, by the word of the unprivileged half: it costs no more than a report.
func (s *spool) acked() []string {
	all, err := names(s.dir, "ack", maxEntries)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(n string) bool { return !runName.MatchString(n) })
}

// forgetAck takes an acknowledgement that has been acted on away.
func (s *spool) forgetAck(name string) {
	d, err := inside(s.dir, "ack", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return
	}
	_ = unix.Unlinkat(int(d.Fd()), name, 0)
	_ = d.Close()
}

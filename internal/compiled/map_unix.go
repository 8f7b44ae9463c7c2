//go:build unix

package compiled

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mapped maps a file that Staunch only ever replaces, and never changes in place. whole says whether nobody else did so since.
func mapped(f *os.File, size int) (b []byte, whole func() error, unmap func() error, err error) {
	var was, now unix.Stat_t
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0) // f is the caller's to close
	if err != nil {
		return nil, nil, nil, err
	}
	if err = unix.Fstat(fd, &was); err == nil {
		b, err = unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, nil, nil, err
	}
	whole = func() error {
		if err := unix.Fstat(fd, &now); err != nil {
			return err
		}
		if now.Size != int64(size) || now.Size != was.Size || now.Mtim != was.Mtim {
			return errChanged
		}
		return nil
	}
	return b, whole, func() error { return errors.Join(unix.Munmap(b), unix.Close(fd)) }, nil
}

// rest lets go of the pages of a mapped file; one that is asked for comes back.
func rest(file []byte) { _ = unix.Madvise(file, unix.MADV_DONTNEED) }

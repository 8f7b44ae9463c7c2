//go:build unix

package compiled

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapped maps a file that is only ever replaced, never changed in place.
func mapped(f *os.File, size int) ([]byte, func() error, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED) //nolint:gosec // a descriptor fits
	if err != nil {
		return nil, nil, err
	}
	return b, func() error { return unix.Munmap(b) }, nil
}

// rest lets go of the pages of a mapped file; one that is asked for comes back.
func rest(file []byte) { _ = unix.Madvise(file, unix.MADV_DONTNEED) }

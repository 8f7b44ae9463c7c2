package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// disk is everything that a run does durably. point, when set, is called before and after each operation with its name; when it fails,
// the operation is not done or not followed up. Tests die there.
type disk struct{ point func(at string) error }

func (d disk) at(name string) error {
	if d.point == nil {
		return nil
	}
	return d.point(name)
}

func (d disk) do(name string, operation func() error) error {
	if err := d.at("before " + name); err != nil {
		return err
	}
	if err := operation(); err != nil {
		return err
	}
	return d.at("after " + name)
}

// write replaces a file, whole or not at all.
func (d disk) write(name string, data []byte) error {
	return d.do("write "+filepath.Ext(name), func() error { return pkgmgr.WriteFile(name, data, 0o600) })
}

// rename moves a file or folder to another folder of the same disk.
func (d disk) rename(from, to string) error {
	return d.do("rename", func() error {
		return errors.Join(os.Rename(from, to), pkgmgr.Sync(filepath.Dir(to)), pkgmgr.Sync(filepath.Dir(from)))
	})
}

// remove takes a file or folder away; one that is not there is no error.
func (d disk) remove(name string) error {
	return d.do("remove "+filepath.Ext(name), func() error {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		if err := pkgmgr.Sync(filepath.Dir(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// append writes data at the end of a file that is end long, and waits until it is on the disk. After a failure nothing of it counts.
func (d disk) append(f *os.File, end int64, data []byte) error {
	if d.at("tear") != nil { // a crash in the middle of the write
		_, _ = f.WriteAt(data[:len(data)/2], end)
		return d.at("torn")
	}
	return d.do("append", func() error {
		_, err := f.WriteAt(data, end)
		if err = errors.Join(err, f.Sync()); err != nil {
			return errors.Join(err, f.Truncate(end))
		}
		return nil
	})
}

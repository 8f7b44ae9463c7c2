package pkgmgr

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile replaces a file so that after a crash at any instant either the old or the new contents are there, whole: a temporary
// file, fsync, rename, fsync of the folder. What root writes gets the owner of its folder: an administrator may enroll for an agent
// that runs as a user of its own.
func WriteFile(name string, data []byte, mode os.FileMode) (err error) {
	dir := filepath.Dir(name)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), ownedLike(tmp, dir), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	return Sync(dir)
}

// Sync waits until a file's bytes, or a folder's names, are on the disk.
func Sync(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || os.PathSeparator == '\\' {
		err = nil // Windows does not sync folders
	}
	return errors.Join(err, d.Close())
}

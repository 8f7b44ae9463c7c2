package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	lockFile       = "lock"
	firstLoginFile = "first-login"
)

// openData makes the data folder, takes it away from other users, and locks it: two servers on one folder would damage it. The lock is
// the kernel's and ends with the process, however that ends.
func openData(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the data folder %s cannot be made: %v", dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, fault.Wrap(err, fault.Invalid, "the data folder %s is not a folder", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the data folder %s can be read by others and cannot be closed: %v", dir, err)
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the data folder %s cannot be locked: %v", dir, err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Conflict, "another server is running on the data folder %s", dir), f.Close())
	}
	return f.Close, nil
}

func firstLoginPath(dir string) string { return filepath.Join(dir, firstLoginFile) }

// keepFirstLogin writes DIR/first-login before the account exists.
func keepFirstLogin(dir, name, password string) error {
	return access.WriteFile(firstLoginPath(dir), []byte("user: "+name+"\npassword: "+password+"\n"), 0o600)
}

// forgetFirstLogin removes DIR/first-login, which may be gone already.
func forgetFirstLogin(dir string) error {
	err := os.Remove(firstLoginPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

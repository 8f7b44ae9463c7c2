//go:build unix

package agent

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/staunch-dev/staunch/internal/fault"
)

// lock takes the state folder for one running agent; the kernel gives it back however the agent ends. fault.Conflict: another runs.
func lock(stateDir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(stateDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Forbidden, "the state folder %s is not writable", stateDir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fault.Wrap(err, fault.Conflict, "another agent runs with the state folder %s", stateDir)
	}
	return func() { _ = f.Close() }, nil
}

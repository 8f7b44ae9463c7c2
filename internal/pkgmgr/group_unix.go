//go:build unix

package pkgmgr

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the program into a process group of its own, so that its helpers (apt's methods) end with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

//go:build unix

package pkgmgr

import "syscall"

// nonblock keeps the opening of a FIFO or a device from waiting; it means nothing to a regular file.
const nonblock = syscall.O_NONBLOCK

// directory makes the opening of what is no folder fail.
const directory = syscall.O_DIRECTORY

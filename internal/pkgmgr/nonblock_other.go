//go:build !unix

package pkgmgr

const (
	nonblock  = 0
	directory = 0
)

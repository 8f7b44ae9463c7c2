//go:build !unix

package app

import (
	"errors"
	"os"
)

// lock refuses: the server runs where the kernel can lock a file, the operator's commands anywhere.
func lock(*os.File) error { return errors.New("the server does not run on this system") }

//go:build !linux

package apply

import (
	"context"

	"github.com/staunch-dev/staunch/internal/fault"
)

// Run carries out what is in the spool; on this system it cannot.
func Run(context.Context, Options) error {
	return fault.New(fault.Invalid, "packages can be installed on Linux only")
}

package scan

import (
	"io"

	"github.com/staunch-dev/staunch/internal/fault"
)

func explain(_ io.Writer, _ *session, _ settings) error { return fault.New(fault.Invalid, "soon") }

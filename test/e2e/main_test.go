//go:build linux && e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/staunch-dev/staunch/test/lab"
)

// The programs and their packages are built before the namespaces are entered: inside there is no network to fetch modules from.
func TestMain(m *testing.M) {
	os.Exit(lab.Main(m, func(ctx context.Context, run string) error {
		cmd := exec.CommandContext(ctx, "make", "-s", "-C", "../..", "packages", "BIN="+filepath.Join(run, "bin"), "DIST="+filepath.Join(run, "dist"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make packages: %w: %s", err, out)
		}
		dir := filepath.Join(run, staged)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		return lab.Download(ctx, dir, "liblcms2-2")
	}))
}

// staged is the folder of a run with a real pending update of the Debian data set's host: the one whose advisory no feed has.
const staged = "staged"

//go:build unix

package feed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// A FIFO in place of a file would make a scan wait for ever.
func TestAFolderOfFIFOsIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"osv/Debian/all.zip", "kev/known_exploited_vulnerabilities.json"} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), syscall.Mkfifo(name, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 2)
	go func() {
		_, _, err := Walk(t.Context(), dir, []string{"Debian:12"}, intake.Sink{})
		done <- err
		_, err = open(filepath.Join(dir, "osv/Debian/all.zip"), t.TempDir(), 1000)
		done <- err
	}()
	for range 2 {
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "is not a regular file") {
				t.Errorf("%v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a FIFO stops the reading")
		}
	}
}

//go:build linux && e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/seal"
	"github.com/staunch-dev/staunch/test/lab"
)

var ignoreUnexported = cmpopts.IgnoreUnexported(apiv1.RunOutcome{}, apiv1.PackageState{}, apiv1.Reboot{})

// refused puts an entry into the spool and checks that it is refused with a code, logged once, moved away, and that nothing changed.
func (h *patchHost) refused(t *testing.T, code, name string, put func()) {
	t.Helper()
	before, log := h.versions(t), sh(t, h.Host, "cat /var/log/dpkg.log")
	put()
	out := h.apply(t)
	if n := strings.Count(out, "offer refused"); n != 1 || !strings.Contains(out, "code="+code) {
		t.Errorf("logged %d times, want once with code %s:\n%s", n, code, out)
	}
	if again := h.apply(t); strings.Contains(again, "refused") {
		t.Errorf("refused again:\n%s", again)
	}
	if left, _ := os.ReadDir(filepath.Join(h.Root, applySpool, "in")); len(left) != 0 {
		t.Errorf("the spool still holds %v", left)
	}
	if diff := cmp.Diff(before, h.versions(t)); diff != "" || sh(t, h.Host, "cat /var/log/dpkg.log") != log {
		t.Errorf("something was changed: %s", diff)
	}
	_ = name
}

// waitFile returns when a file is there.
func waitFile(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", name)
		}
	}
}

// build makes a package outside the repository.
func (h *patchHost) build(t *testing.T, d lab.Deb) []byte {
	t.Helper()
	dir, err := os.MkdirTemp("", "evil") // short: gpg's socket is in it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	other, err := lab.NewDebRepo(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := other.Publish(lab.DebSuite{Name: "evil", Debs: []lab.Deb{d}}); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(other.DebFile(d))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func sized(c seal.Change, body []byte) seal.Change {
	sum := sha256.Sum256(body)
	c.SHA256, c.Size = hex.EncodeToString(sum[:]), int64(len(body))
	return c
}

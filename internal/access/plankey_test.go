package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

func TestPlanKeyIsMadeOnceAndNeverReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := OpenPlanKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "plan.key")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	again, err := OpenPlanKey(dir)
	if err != nil || PlanKeyLine(again) != PlanKeyLine(first) {
		t.Errorf("another key the second time: %v", err)
	}
	pinned, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(PlanKeyLine(first)))
	if err != nil || len(rest) > 0 {
		t.Fatalf("the line is not one of authorized_keys: %v", err)
	}
	sig, err := seal.Sign(again, seal.NamespacePlan, []byte("plan"))
	if err != nil {
		t.Fatal(err)
	}
	if key, err := seal.Verify(sig, seal.NamespacePlan, []byte("plan")); err != nil || string(key.Marshal()) != string(pinned.Marshal()) {
		t.Errorf("what it signs does not verify with what is pinned: %v", err)
	}
	for name, spoil := range map[string]func() error{
		"readable": func() error { return os.Chmod(path, 0o640) },
		"damaged":  func() error { return os.WriteFile(path, []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"), 0o600) },
		"a folder": func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPlanKey(dir); err != nil {
			t.Fatal(err)
		}
		if name == "a folder" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		if _, err := OpenPlanKey(dir); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestAllowedSignersFailClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if signers, err := AllowedSigners(dir); err != nil || signers != nil {
		t.Errorf("no file: %v %v", signers, err)
	}
	key, err := OpenPlanKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "allowed_signers")
	for text, n := range map[string]int{"# nobody\n": 0, "ann " + PlanKeyLine(key) + "\n": 1, "ann " + PlanKeyLine(key) + "\nbob hello\n": -1} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		signers, err := AllowedSigners(dir)
		if (err != nil) != (n < 0) || (err == nil && len(signers) != n) {
			t.Errorf("%q: %v %v", text, signers, err)
		}
		if n < 0 && !strings.Contains(fault.Message(err), "line 2") {
			t.Errorf("the refusal does not name the line: %v", err)
		}
	}
}

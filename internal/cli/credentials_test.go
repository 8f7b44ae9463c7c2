package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/fault"
)

func TestCredentialsAreKeptForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := &program{env: bareEnv(map[string]string{"HOME": home, "XDG_CONFIG_HOME": "relative/is/ignored"})}
	want := credentials{URL: "https://x", CA: "pem", CAFingerprint: "f", User: "ada", TokenID: "i", Token: "stk_s", Expires: time.Unix(1, 0).UTC()}
	for range 2 { // the second replaces the first
		path, err := p.saveCredentials(want)
		if err != nil {
			t.Fatal(err)
		}
		if path != filepath.Join(home, ".config", "staunch", "credentials.json") {
			t.Errorf("kept in %s", path)
		}
		for at, mode := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
			if info, err := os.Stat(at); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", at, info.Mode(), err)
			}
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	}
	got, ok, err := p.loadCredentials()
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Error(diff, ok, err)
	}
	if err := p.forgetCredentials(); err != nil {
		t.Error(err)
	}
	if _, ok, err := p.loadCredentials(); ok || err != nil {
		t.Errorf("after logout: %v, %v", ok, err)
	}
	if err := p.forgetCredentials(); err != nil {
		t.Errorf("twice: %v", err)
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		mode fs.FileMode
		kind error
	}{
		"readable by others": {`{"token":"stk_s"}`, 0o644, fault.Unauthorized},
		"damaged":            {`{"token":"stk_s`, 0o600, fault.Invalid},
		"huge":               {strings.Repeat(" ", maxSecretFile+1), 0o600, fault.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &program{env: bareEnv(map[string]string{"XDG_CONFIG_HOME": t.TempDir()})}
			path, err := p.saveCredentials(credentials{})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tc.mode); err != nil { //nolint:gosec // that is what is tested
				t.Fatal(err)
			}
			if _, _, err := p.loadCredentials(); !errors.Is(err, tc.kind) || strings.Contains(err.Error(), "stk_s") {
				t.Errorf("error %v, want %v without the token", err, tc.kind)
			}
		})
	}
}

package flatpak

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(ref, commit, deploy string) {
		at := filepath.Join(dir, base, ref)
		must(os.MkdirAll(filepath.Join(at, commit), 0o755))
		must(os.Symlink(commit, filepath.Join(at, "active")))
		if deploy != "" {
			must(os.WriteFile(filepath.Join(at, commit, "deploy"), []byte(deploy), 0o600))
		}
	}
	const commit = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	add("app/org.mozilla.firefox/x86_64/stable", commit, "flathub\x00"+commit+"\x00\x00\x00\x00\x00appdata-name\x00\x00\x00\x00Firefox\x00\x00s\x00\x00\x00appdata-version\x00120.0.1\x00\x00s")
	add("runtime/org.freedesktop.Platform/x86_64/23.08", commit, "flathub\x00"+commit+"\x00")
	add("runtime/org.gnome.Platform/x86_64/45", commit, "")
	must(os.Symlink("x86_64/stable", filepath.Join(dir, base, "app/org.mozilla.firefox/current")))
	must(os.MkdirAll(filepath.Join(dir, base, "app/org.gone/x86_64/stable"), 0o755))
	root, err := pkgmgr.OpenRoot(dir)
	must(err)
	defer func() { _ = root.Close() }()
	got, problems := Read(root)
	want := []Package{{"org.freedesktop.Platform", "x86_64", "23.08, commit 0123456789ab"}, {"org.gnome.Platform", "x86_64", "45, commit 0123456789ab"}, {"org.mozilla.firefox", "x86_64", "120.0.1"}}
	if diff := cmp.Diff(want, got); diff != "" || problems != nil {
		t.Error(diff, problems)
	}
}

func FuzzFlatpakDeploy(f *testing.F) {
	f.Add([]byte("appdata-version\x00\x00\x00\x001.0\x00\x00s"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v := appdataVersion(b); v != "" && !pkgmgr.Plain(v) {
			t.Fatalf("let through: %q", v)
		}
	})
}

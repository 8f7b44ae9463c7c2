package snap

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
	add := func(base, name, revision, yaml string) {
		must(os.MkdirAll(filepath.Join(dir, base, name, revision, "meta"), 0o755))
		must(os.Symlink(revision, filepath.Join(dir, base, name, "current")))
		if yaml != "" {
			must(os.WriteFile(filepath.Join(dir, base, name, revision, "meta/snap.yaml"), []byte(yaml), 0o600))
		}
	}
	add("snap", "core22", "1122", "name: core22\nversion: '20240111'\nsummary: x\narchitectures:\n- amd64\ndescription: |\n  version: none\n")
	add("snap", "lxd", "28373", "name: lxd\nversion: \"5.21.1-d46c406\"\narchitectures: [arm64, all]\n")
	add("var/lib/snapd/snap", "unmounted", "x1", "")
	must(os.MkdirAll(filepath.Join(dir, "snap/bin"), 0o755))
	must(os.MkdirAll(filepath.Join(dir, "snap/outside"), 0o755))
	must(os.Symlink("/etc/passwd\nx", filepath.Join(dir, "snap/outside/current")))
	root, err := pkgmgr.OpenRoot(dir)
	must(err)
	defer func() { _ = root.Close() }()
	got, problems := Read(root)
	want := []Package{{"core22", "amd64", "20240111"}, {"lxd", "arm64", "5.21.1-d46c406"}, {"unmounted", "", "revision x1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`snap "outside": its revision cannot be read`}, problems); diff != "" {
		t.Error(diff)
	}
}

func FuzzSnapYAML(f *testing.F) {
	f.Add("version: '1'\narchitectures:\n  - amd64\n")
	f.Add("architectures: [\nversion: \"\n- \n")
	f.Fuzz(func(t *testing.T, in string) {
		if version, arch := parse([]byte(in)); version != "" && !pkgmgr.Plain(version) || len(arch) > 32 {
			t.Fatalf("let through: %q %q", version, arch)
		}
	})
}

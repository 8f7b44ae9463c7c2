package pacman

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func desc(name, version, base, arch string) string {
	out := "%NAME%\n" + name + "\n\n%VERSION%\n" + version + "\n\n"
	if base != "" {
		out += "%BASE%\n" + base + "\n\n"
	}
	return out + "%DESC%\nA thing\n\n%ARCH%\n" + arch + "\n\n%BUILDDATE%\n1700000000\n\n%DEPENDS%\nglibc\nbash\n\n"
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want Package
		err  string
	}{
		"split_package":    {desc("libssl", "1:3.3.1-1", "openssl", "x86_64"), Package{"libssl", "x86_64", "1:3.3.1-1", "openssl"}, ""},
		"no_base":          {desc("bash", "5.2-1", "", "any"), Package{"bash", "any", "5.2-1", "bash"}, ""},
		"value_not_a_name": {"%DESC%\nabout %NAME% things\n\n%NAME%\na\n\n%VERSION%\n1-1\n", Package{"a", "", "1-1", "a"}, ""},
		"crlf":             {"%NAME%\r\na\r\n%VERSION%\r\n1-1\r\n", Package{"a", "", "1-1", "a"}, ""},
		"twice":            {"%NAME%\na\n%NAME%\nb\n", Package{}, "field %NAME% twice"},
		"no_name":          {"%VERSION%\n1\n", Package{}, `"" of "" is not a package name`},
		"no_version":       {"%NAME%\na\n", Package{}, `package "a": "" is not a version`},
		"blank_version":    {"%NAME%\na\n%VERSION%\n1 2\n", Package{}, `package "a": "1 2" is not a version`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse([]byte(c.in))
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Fatalf("%v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// host makes a root as pacman leaves it.
func host(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, Local, "ALPM_DB_VERSION"), "9\n")
	for _, p := range []string{desc("openssl", "3.3.1-1", "openssl", "x86_64"), desc("lib32-openssl", "1:3.3.1-1", "lib32-openssl", "x86_64"), desc("ca-certificates", "20240618-1", "", "any")} {
		one, err := Parse([]byte(p))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, Local, one.Name+"-"+one.Version, "desc"), p)
		write(t, filepath.Join(dir, Local, one.Name+"-"+one.Version, "files"), "%FILES%\n")
	}
	return dir
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := host(t)
	write(t, filepath.Join(dir, Local, "broken-1-1/desc"), "garbage")
	write(t, filepath.Join(dir, Conf), "[options]\n#IgnorePkg = no\nIgnorePkg   = linux openssl\nIgnorePkg=linux\n")
	write(t, filepath.Join(dir, lock), "")
	root := open(t, dir)
	db, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	want := Database{
		Packages: []Package{{"ca-certificates", "any", "20240618-1", "ca-certificates"}, {"lib32-openssl", "x86_64", "1:3.3.1-1", "lib32-openssl"}, {"openssl", "x86_64", "3.3.1-1", "openssl"}},
		Held:     []string{"linux", "openssl"}, Interrupted: true,
		Problems: []string{`var/lib/pacman/local/broken-1-1: "" of "" is not a package name`},
	}
	if diff := cmp.Diff(want, db); diff != "" {
		t.Error(diff)
	}
	if _, err := Read(open(t, t.TempDir())); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("empty root: %v, want ErrNoDatabase", err)
	}
}

// The files say what pacman -Q says of them.
func TestReadAgreesWithPacman(t *testing.T) {
	t.Parallel()
	pacman, err := exec.LookPath("pacman")
	if err != nil {
		t.Skip("no pacman here")
	}
	dir := host(t)
	out, err := exec.Command(pacman, "-Q", "--dbpath", filepath.Join(dir, "var/lib/pacman"), "--config", os.DevNull).CombinedOutput()
	if err != nil {
		t.Fatalf("pacman -Q: %v: %s", err, out)
	}
	db, err := Read(open(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range db.Packages {
		got += p.Name + " " + p.Version + "\n"
	}
	if diff := cmp.Diff(string(out), got); diff != "" {
		t.Error(diff)
	}
}

func open(t *testing.T, dir string) *pkgmgr.Root {
	t.Helper()
	root, err := pkgmgr.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzPacmanDesc(f *testing.F) {
	f.Add(desc("a", "1:2-3", "b", "any"))
	f.Add("%NAME%\r\n%NAME%\n\x00")
	f.Fuzz(func(t *testing.T, in string) {
		if p, err := Parse([]byte(in)); err == nil && (!pkgmgr.Plain(p.Name) || !pkgmgr.Plain(p.Version) || !pkgmgr.Plain(p.Base) || strings.Contains(p.Arch, "\n")) {
			t.Fatalf("let through: %+v", p)
		}
		ignored([]byte(in))
	})
}

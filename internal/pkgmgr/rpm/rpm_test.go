package rpm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func TestMake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   Tags
		want Package
		ok   bool
		err  string
	}{
		"plain": {Tags{Name: "openssl-libs", Epoch: "1", Version: "3.0.7", Release: "24.el9", Arch: "x86_64", SourceRPM: "openssl-3.0.7-24.el9.src.rpm", Vendor: "AlmaLinux"},
			Package{Name: "openssl-libs", Arch: "x86_64", Version: "1:3.0.7-24.el9", Source: "openssl", SourceVersion: "1:3.0.7-24.el9", Vendor: "AlmaLinux"}, true, ""},
		"other_version_than_its_source": {Tags{Name: "perl-Errno", Version: "1.30", Release: "480.el9", Arch: "x86_64", SourceRPM: "perl-5.32.1-480.el9.src.rpm"},
			Package{Name: "perl-Errno", Arch: "x86_64", Version: "1.30-480.el9", Source: "perl", SourceVersion: "5.32.1-480.el9"}, true, ""},
		"epoch_of_zero": {Tags{Name: "a", Epoch: "0", Version: "1", Release: "2"}, Package{Name: "a", Version: "1-2", Source: "a", SourceVersion: "1-2"}, true, ""},
		"module": {Tags{Name: "nodejs", Epoch: "1", Version: "18.20.4", Release: "1.module_el8", Arch: "x86_64", SourceRPM: "nodejs-18.20.4-1.module_el8.src.rpm", Module: "nodejs:18:8090020231019:abc"},
			Package{Name: "nodejs", Arch: "x86_64", Version: "1:18.20.4-1.module_el8", Source: "nodejs", SourceVersion: "1:18.20.4-1.module_el8", Stream: "nodejs:18"}, true, ""},
		"dashes_in_source": {Tags{Name: "a", Version: "1", Release: "2", SourceRPM: "java-1.8.0-openjdk-1.8.0.402-1.el9.nosrc.rpm"},
			Package{Name: "a", Version: "1-2", Source: "java-1.8.0-openjdk", SourceVersion: "1.8.0.402-1.el9"}, true, ""},
		"source_is_nonsense": {Tags{Name: "a", Version: "1", Release: "2", SourceRPM: "x.src.rpm"}, Package{Name: "a", Version: "1-2", Source: "a", SourceVersion: "1-2"}, true, ""},
		"public_key":         {Tags{Name: "gpg-pubkey", Version: "b86b3716", Release: "61e69f29"}, Package{}, false, ""},
		"no_release":         {Tags{Name: "a", Version: "1"}, Package{}, false, `package "a": "1"-"" is not a version`},
		"bad_epoch":          {Tags{Name: "a", Epoch: "x", Version: "1", Release: "1"}, Package{}, false, `package "a": "x" is not an epoch`},
		"bad_name":           {Tags{Name: "a\x1b", Version: "1", Release: "1"}, Package{}, false, `"a?" is not a package name`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok, err := Make(c.in)
			if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
				t.Fatalf("%v, want %q", err, c.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
				t.Errorf("ok %v: %s", ok, diff)
			}
		})
	}
}

func TestParseNamesWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	got, err := parse([]byte("b\t(none)\t2\t1\tnoarch\tb-2-1.src.rpm\t(none)\tA\tvendor\na\t0\t1\t1\tx86_64\t(none)\t\t(none)\nof two lines\ngpg-pubkey\t(none)\tx\ty\t(none)\t(none)\t(none)\t(none)\n"),
		[]byte("warning: x\nerror: rpmdbNextIterator: skipping h#       7\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Answer{
		Packages: []Package{{Name: "a", Arch: "x86_64", Version: "1-1", Source: "a", SourceVersion: "1-1"}, {Name: "b", Arch: "noarch", Version: "2-1", Source: "b", SourceVersion: "2-1", Vendor: "A?vendor"}},
		Problems: []string{`rpm: a line that is no package: "of two lines?"`, "rpm: rpmdbNextIterator: skipping h#       7"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// spec makes two packages of one source: with and without an epoch, of a module, of one version and of two.
const spec = `Name: staunch-a
Epoch: 1
Version: 2.0
Release: 3.el9
Summary: x
License: MIT
Vendor: Somebody, Inc.
Modularitylabel: stuff:18:8090020231019:abc
BuildArch: noarch
%description
x
%package -n staunch-b
Version: 9.1~rc1
Summary: y
%description -n staunch-b
y
%install
mkdir -p %{buildroot}/usr/share/staunch
echo x > %{buildroot}/usr/share/staunch/a
echo x > %{buildroot}/usr/share/staunch/b
%files
/usr/share/staunch
%files -n staunch-b
`

// realDatabase has rpmbuild and rpm make a database with the packages of spec.
func realDatabase(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"rpm", "rpmbuild"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "a.spec")
	if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "rpmbuild", "-bb", "--define", "_topdir "+dir+"/top", file)
	rpms, err := filepath.Glob(dir + "/top/RPMS/noarch/*.rpm")
	if err != nil || len(rpms) != 2 {
		t.Fatalf("built %v, %v", rpms, err)
	}
	run(t, "rpm", append([]string{"--dbpath", dir + "/db", "--justdb", "--nodeps", "--noscripts", "-i"}, rpms...)...)
	return dir + "/db"
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

var wantReal = []Package{
	{Name: "staunch-a", Arch: "noarch", Version: "1:2.0-3.el9", Source: "staunch-a", SourceVersion: "1:2.0-3.el9", Stream: "stuff:18", Vendor: "Somebody, Inc."},
	{Name: "staunch-b", Arch: "noarch", Version: "1:9.1~rc1-3.el9", Source: "staunch-a", SourceVersion: "2.0-3.el9", Stream: "stuff:18", Vendor: "Somebody, Inc."},
}

func TestQueryAsksTheRealRpm(t *testing.T) {
	t.Parallel()
	db := realDatabase(t)
	got, err := Query(t.Context(), Config{DBPath: db})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Answer{Packages: wantReal}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Query(t.Context(), Config{Program: "/bin/false"}); err == nil {
		t.Error("a program that fails is no error")
	}
}

func TestEachFileAsksTheRealRpm(t *testing.T) {
	t.Parallel()
	db := realDatabase(t)
	var got []string
	if err := EachFile(t.Context(), Config{DBPath: db}, func(name, arch, file string) { got = append(got, name+" "+arch+" "+file) }); err != nil {
		t.Fatal(err)
	}
	want := []string{"staunch-a noarch /usr/share/staunch", "staunch-a noarch /usr/share/staunch/a", "staunch-a noarch /usr/share/staunch/b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An old rpm refuses the tag of modules: then it is asked without.
func TestQueryOfAnOldRpm(t *testing.T) {
	t.Parallel()
	db := realDatabase(t)
	old := filepath.Join(t.TempDir(), "rpm")
	script := "#!/bin/sh\ncase \"$*\" in *MODULARITYLABEL*) echo 'error: incorrect format: unknown tag: \"MODULARITYLABEL\"' >&2; exit 1;; esac\nexec rpm \"$@\"\n"
	if err := os.WriteFile(old, []byte(script), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	got, err := Query(t.Context(), Config{Program: old, DBPath: db})
	if err != nil {
		t.Fatal(err)
	}
	var want []Package
	for _, p := range wantReal {
		p.Stream = ""
		want = append(want, p)
	}
	if diff := cmp.Diff(Answer{Packages: want}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzRpmAnswer(f *testing.F) {
	f.Add("a\t0\t1\t1\tx86_64\ta-1-1.src.rpm\tm:1:2:3\tv\n", "error: x\n")
	f.Add("gpg-pubkey\t\t\t\t\t\t\t\n\t\n(none)", "")
	f.Fuzz(func(t *testing.T, out, complaints string) {
		a, err := parse([]byte(out), []byte(complaints))
		if err != nil {
			t.Fatalf("parsing memory cannot fail: %v", err)
		}
		for _, p := range a.Packages {
			if !pkgmgr.Plain(p.Name) || !pkgmgr.Plain(p.Version) || !pkgmgr.Plain(p.SourceVersion) || strings.ContainsAny(p.Vendor, "\n\x00") {
				t.Fatalf("let through: %+v", p)
			}
		}
	})
}

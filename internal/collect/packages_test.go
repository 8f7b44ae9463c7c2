package collect

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr/rpm"
)

func TestReadPackages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "var/lib/dpkg/status"), `Package: libb
Status: install ok half-configured
Architecture: amd64
Version: 1:2.0-1+b1
Source: b (1:2.0-1)
Origin: Vendor

Package: a
Status: hold ok installed
Architecture: all
Version: 1.0

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0
`)
	got, broken, err := ReadPackages(root, "Debian:12")
	if err != nil {
		t.Fatal(err)
	}
	want := []apiv1.Package{
		{Name: "a", Arch: "all", Version: "1.0"},
		{Name: "libb", Arch: "amd64", Version: "1:2.0-1+b1", Source: "b", SourceVersion: "1:2.0-1", Origin: "Vendor"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(apiv1.Package{})); diff != "" {
		t.Error(diff)
	}
	wantBroken := []apiv1.PackageState{{Name: "libb", Arch: "amd64", State: "half-configured"}}
	if diff := cmp.Diff(wantBroken, broken, cmpopts.IgnoreUnexported(apiv1.PackageState{})); diff != "" {
		t.Error(diff)
	}
	if _, _, err := ReadPackages(root, "AlmaLinux:9"); !errors.Is(err, fault.NotFound) {
		t.Errorf("AlmaLinux: %v, want not found: another distribution's database is not its own", err)
	}
	if _, _, err := ReadPackages(t.TempDir(), "Debian:12"); !errors.Is(err, fault.NotFound) {
		t.Errorf("empty root: %v, want not found", err)
	}
}

const (
	apkInstalled = "P:musl\nV:1.2.5-r0\nA:x86_64\n\nP:libssl3\nV:3.3.1-r3\nA:x86_64\no:openssl\n\nP:apk-tools\nV:2.14.4-r0\nA:x86_64\n"
	bashDesc     = "%NAME%\nbash\n\n%VERSION%\n5.2.026-2\n\n%BASE%\nbash\n\n%ARCH%\nx86_64\n"
)

// Every kind of root is read with its own database, whatever else lies in it; snaps and flatpaks come along with their own ecosystem.
func TestCollectReadsEveryKindOfRoot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		release string
		files   map[string]string
		want    []string
		manager string
	}{
		"alpine": {"ID=alpine\nVERSION_ID=3.20.1\n", map[string]string{"lib/apk/db/installed": apkInstalled, "etc/apk/world": "musl=1.2.5-r0\n"},
			[]string{"apk-tools x86_64 2.14.4-r0", "libssl3 x86_64 3.3.1-r3 (openssl)", "musl x86_64 1.2.5-r0"}, "apk-tools"},
		"wolfi": {"ID=wolfi\nVERSION_ID=20230201\n", map[string]string{"usr/lib/apk/db/installed": apkInstalled},
			[]string{"apk-tools x86_64 2.14.4-r0", "libssl3 x86_64 3.3.1-r3 (openssl)", "musl x86_64 1.2.5-r0"}, "apk-tools"},
		"arch": {"ID=arch\n", map[string]string{"var/lib/pacman/local/bash-5.2.026-2/desc": bashDesc},
			[]string{"bash x86_64 5.2.026-2"}, ""},
		"dpkg_of_an_unknown_derivative": {"ID=mint\nVERSION_ID=22\n", map[string]string{"var/lib/dpkg/status": "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n", "lib/apk/db/installed": apkInstalled},
			[]string{"a all 1"}, ""},
		"an_rpm_database_that_only_rpm_could_read": {"ID=almalinux\nVERSION_ID=9.4\n", map[string]string{"var/lib/rpm/rpmdb.sqlite": "x"}, []string{}, ""},
		"nothing": {"ID=x\n", nil, []string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, filepath.Join(root, "etc/os-release"), c.release)
			for file, text := range c.files {
				write(t, filepath.Join(root, file), text)
			}
			s, err := New(Options{Root: root, StateDir: t.TempDir()}).Collect(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, p := range s.Packages.Packages {
				text := p.Name + " " + p.Arch + " " + p.Version
				if p.Source != "" {
					text += " (" + p.Source + ")"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if s.Updates.Known || s.Updates.Problem == "" || s.Facts.PackageManager.Name != c.manager {
				t.Errorf("%+v; manager %q, want %q", s.Updates, s.Facts.PackageManager.Name, c.manager)
			}
		})
	}
}

func TestSnapsAndFlatpaksComeAlong(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "var/lib/dpkg/status"), "Package: zlib\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n")
	write(t, filepath.Join(root, "snap/lxd/1/meta/snap.yaml"), "version: '5.0'\narchitectures: [amd64]\n")
	write(t, filepath.Join(root, "var/lib/flatpak/app/org.x/x86_64/stable/abc/metadata"), "")
	for link, target := range map[string]string{"snap/lxd/current": "1", "var/lib/flatpak/app/org.x/x86_64/stable/active": "abc"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := ReadPackages(root, "Debian:12")
	if err != nil {
		t.Fatal(err)
	}
	want := []apiv1.Package{
		{Name: "lxd", Arch: "amd64", Version: "5.0", Ecosystem: apiv1.EcosystemSnap},
		{Name: "org.x", Arch: "x86_64", Version: "stable, commit abc", Ecosystem: apiv1.EcosystemFlatpak},
		{Name: "zlib", Arch: "all", Version: "1"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(apiv1.Package{})); diff != "" {
		t.Error(diff)
	}
}

// What the real rpm answers reaches the wire whole: epoch, source, stream, vendor; a key is no package.
func TestARealRpmReachesTheWire(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"rpm", "rpmbuild"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	dir := t.TempDir()
	spec := filepath.Join(dir, "a.spec")
	write(t, spec, "Name: staunch-a\nEpoch: 1\nVersion: 2.0\nRelease: 3.el9\nSummary: x\nLicense: MIT\nVendor: Somebody\nModularitylabel: stuff:18:1:a\nBuildArch: noarch\n%description\nx\n%files\n"+
		"%package -n staunch-b\nSummary: y\n%description -n staunch-b\ny\n%files -n staunch-b\n")
	for _, args := range [][]string{{"rpmbuild", "-bb", "--define", "_topdir " + dir + "/top", spec},
		{"rpm", "--dbpath", dir + "/db", "--justdb", "--nodeps", "--noscripts", "-i", dir + "/top/RPMS/noarch/staunch-a-2.0-3.el9.noarch.rpm", dir + "/top/RPMS/noarch/staunch-b-2.0-3.el9.noarch.rpm"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args[0], err, out)
		}
	}
	var in installed
	if err := in.askRPM(t.Context(), rpm.Config{DBPath: dir + "/db"}); err != nil {
		t.Fatal(err)
	}
	want := []apiv1.Package{
		{Name: "staunch-a", Arch: "noarch", Version: "1:2.0-3.el9", Stream: "stuff:18", Origin: "Somebody"},
		{Name: "staunch-b", Arch: "noarch", Version: "1:2.0-3.el9", Source: "staunch-a", Stream: "stuff:18", Origin: "Somebody"},
	}
	if diff := cmp.Diff(want, in.packages, cmpopts.IgnoreUnexported(apiv1.Package{})); diff != "" {
		t.Error(diff)
	}
	if err := in.askRPM(t.Context(), rpm.Config{Program: "/bin/false"}); !errors.Is(err, fault.Unavailable) || errors.Is(err, exec.ErrNotFound) {
		t.Errorf("an rpm that fails: %v", err)
	}
	if err := in.askRPM(t.Context(), rpm.Config{Program: "no-rpm-of-this-name"}); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no rpm: %v", err)
	}
}

// The files say what dpkg-query says, package for package, on this machine.
func TestReadPackagesAgreesWithDpkgQuery(t *testing.T) {
	t.Parallel()
	query, err := exec.LookPath("dpkg-query")
	if err != nil {
		t.Skip("no dpkg-query here")
	}
	out, err := exec.Command(query, "-W", "-f", "${db:Status-Status} ${Package} ${Architecture} ${Version} ${source:Package} ${source:Version}\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		state, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if state != "not-installed" && state != "config-files" {
			want = append(want, rest)
		}
	}
	packages, _, err := ReadPackages("/", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range packages {
		if p.Source == "" {
			p.Source = p.Name
		}
		if p.SourceVersion == "" {
			p.SourceVersion = p.Version
		}
		got = append(got, strings.Join([]string{p.Name, p.Arch, p.Version, p.Source, p.SourceVersion}, " "))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// shared is the folder of real data to test with, which is beside the repository or named by STAUNCH_SHARED.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("STAUNCH_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("STAUNCH_SHARED is not set and %s is absent", dir)
	}
	t.Skip("no shared data: set STAUNCH_SHARED")
	return ""
}

func TestReadPackagesOfARealHost(t *testing.T) {
	t.Parallel()
	status, err := os.ReadFile(filepath.Join(shared(t), "data/debian12/dpkg-status"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	write(t, filepath.Join(root, "var/lib/dpkg/status"), string(status))
	got, broken, err := ReadPackages(root, "Debian:12")
	if err != nil || len(got) != 793 || len(broken) != 0 {
		t.Fatalf("%d packages, %d broken, %v; want 793, 0, nil", len(got), len(broken), err)
	}
}

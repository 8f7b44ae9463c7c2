package collect

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func opened(t *testing.T, dir string) *pkgmgr.Root {
	t.Helper()
	tree, err := pkgmgr.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

// process makes one as /proc shows it: begun ticks after boot, in a control group, mapping files.
func process(t *testing.T, root string, pid int, ticks int, cgroup, exe string, mapped ...string) {
	t.Helper()
	dir := filepath.Join(root, "proc", fmt.Sprint(pid))
	text := ""
	for _, m := range mapped {
		text += "7f1 r-xp 00000000 fd:01 123    " + m + "\n"
	}
	write(t, filepath.Join(dir, "maps"), text)
	write(t, filepath.Join(dir, "cgroup"), cgroup)
	write(t, filepath.Join(dir, "stat"), fmt.Sprintf("%d (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 %d 1 1\n", pid, ticks))
	if err := os.Symlink(exe, filepath.Join(dir, "exe")); err != nil {
		t.Fatal(err)
	}
}

// A host on which openssl was upgraded twice since one process began and once since the other; bash was removed and installed again.
func hostWithOldCode(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	boot := time.Date(2026, 11, 1, 0, 0, 0, 0, time.Local)
	log := func(day int, line string) string { return fmt.Sprintf("2026-11-%02d 12:00:00 %s\n", day, line) }
	write(t, filepath.Join(root, "proc/stat"), fmt.Sprintf("cpu 1\nbtime %d\n", boot.Unix()))
	write(t, filepath.Join(root, "proc/meminfo"), "")
	const day = 24 * 3600 * userHZ
	ssl := "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"
	process(t, root, 10, 2*day, "0::/system.slice/web.service\n", "/usr/sbin/web", ssl, "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13 (deleted)")
	process(t, root, 11, 8*day, "0::/system.slice/ssh.service\n", "/usr/sbin/sshd (deleted)", ssl)
	process(t, root, 12, 8*day, "0::/\n", "/usr/bin/own", "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)", "/memfd:x (deleted)", "/opt/vendors/lib.so (deleted)")
	process(t, root, 13, 1*day, "0::/system.slice/docker-abc.scope\n", "/usr/sbin/sshd (deleted)", ssl)
	process(t, root, 14, 9*day, "0::/system.slice/cron.service\n", "/usr/sbin/cron", "/usr/lib/x86_64-linux-gnu/libssl.so.3")
	status := ""
	for _, p := range []string{"libssl3 amd64 3.0.15", "openssh-server amd64 9.2", "zlib1g amd64 1:1.2.14"} {
		var name, arch, version string
		_, _ = fmt.Sscan(p, &name, &arch, &version)
		status += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: %s\nVersion: %s\n\n", name, arch, version)
	}
	write(t, filepath.Join(root, "var/lib/dpkg/status"), status)
	write(t, filepath.Join(root, "var/lib/dpkg/info/libssl3:amd64.list"), "/.\n/usr/lib/x86_64-linux-gnu/libssl.so.3\n")
	write(t, filepath.Join(root, "var/lib/dpkg/info/openssh-server.list"), "/.\n/usr/sbin/sshd\n")
	write(t, filepath.Join(root, "var/lib/dpkg/info/zlib1g:amd64.list"), "/lib/x86_64-linux-gnu/libz.so.1\n/lib/x86_64-linux-gnu/libz.so.1.2.14\n") // as before /usr was merged
	write(t, filepath.Join(root, "var/log/dpkg.log.1"), "2026-10-01 12:00:00 startup archives unpack\n"+log(1, "upgrade libssl3:amd64 3.0.11 3.0.12"))
	write(t, filepath.Join(root, "var/log/dpkg.log"), log(5, "upgrade libssl3:amd64 3.0.12 3.0.14")+log(6, "upgrade zlib1g:amd64 1:1.2.13 1:1.2.14")+
		log(10, "upgrade libssl3:i386 3.0.1 3.0.15")+log(10, "upgrade libssl3:amd64 3.0.14 3.0.15")+log(10, "status installed libssl3:amd64 3.0.15")+"garbage\n")
	return root
}

func TestOldCode(t *testing.T) {
	t.Parallel()
	got := OldCode(t.Context(), opened(t, hostWithOldCode(t)), byDpkg)
	want := []apiv1.OldCode{
		{Name: "libssl3", Arch: "amd64", From: "3.0.12", Units: []string{"(none)", "ssh.service", "web.service"}}, // the oldest process's
		{Name: "openssh-server", Arch: "amd64", Units: []string{"ssh.service"}},                                   // of which the log has no upgrade
		{Name: "zlib1g", Arch: "amd64", From: "1:1.2.13", Units: []string{"web.service"}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(apiv1.OldCode{})); diff != "" {
		t.Error(diff)
	}
}

// A log that begins after the process did may lack the upgrade that matters: then no version is claimed.
func TestOldCodeClaimsNoVersionWithoutTheWholeLog(t *testing.T) {
	t.Parallel()
	root := hostWithOldCode(t)
	if err := os.Remove(filepath.Join(root, "var/log/dpkg.log.1")); err != nil {
		t.Fatal(err)
	}
	for _, o := range OldCode(t.Context(), opened(t, root), byDpkg) {
		if o.From != "" {
			t.Errorf("%+v", o)
		}
	}
}

// Nothing found is an empty list; not all looked at is none.
func TestOldCodeIsAbsentWhereNotAllMayBeLookedAt(t *testing.T) {
	t.Parallel()
	if got := OldCode(t.Context(), opened(t, t.TempDir()), byDpkg); got != nil {
		t.Errorf("no /proc: %v", got)
	}
	quiet := t.TempDir()
	process(t, quiet, 1, 1, "0::/\n", "/sbin/init", "/usr/lib/libc.so.6")
	if got := OldCode(t.Context(), opened(t, quiet), byDpkg); got == nil || len(got) != 0 {
		t.Errorf("nothing replaced: %#v, want an empty list", got)
	}
	if os.Geteuid() == 0 {
		return // root may look at all
	}
	root := hostWithOldCode(t)
	if err := os.Chmod(filepath.Join(root, "proc/11/maps"), 0); err != nil {
		t.Fatal(err)
	}
	if got := OldCode(t.Context(), opened(t, root), byDpkg); got != nil {
		t.Errorf("one may not be looked at: %v", got)
	}
}

// Inside a container every process is in a group that has no unit, that of the first one.
func TestOldCodeInsideAContainer(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "lib/apk/db/installed"), "P:libssl3\nV:1\nA:x86_64\nF:usr/lib\nR:libssl.so.3\n")
	process(t, root, 1, 1, "0::/docker/abc\n", "/usr/bin/web", "/usr/lib/libssl.so.3 (deleted)")
	process(t, root, 7, 1, "0::/docker/def\n", "/usr/bin/other", "/usr/lib/libssl.so.3 (deleted)")
	want := []apiv1.OldCode{{Name: "libssl3", Arch: "x86_64", Units: []string{"(none)"}}}
	if diff := cmp.Diff(want, OldCode(t.Context(), opened(t, root), byAPK), cmpopts.IgnoreUnexported(apiv1.OldCode{})); diff != "" {
		t.Error(diff)
	}
}

func TestOwnersOfApk(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "lib/apk/db/installed"), "P:libssl3\nV:1\nA:x86_64\nF:usr/lib\nR:libssl.so.3\n\nP:musl\nV:1\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\n")
	got, err := ownersOf(t.Context(), opened(t, root), byAPK, []string{"/usr/lib/libssl.so.3", "/lib/ld-musl-x86_64.so.1", "/opt/x"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]owner{"/usr/lib/libssl.so.3": {"libssl3", "x86_64"}, "/lib/ld-musl-x86_64.so.1": {"musl", "x86_64"}}, got, cmp.AllowUnexported(owner{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzDpkgLogAndStat(f *testing.F) {
	f.Add([]byte("2026-11-21 20:08:28 upgrade perl:amd64 5.36.0-7+deb12u2 5.36.0-7+deb12u4\n"))
	f.Add([]byte("1 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 500 1 1\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		versionAt([][]byte{b, b}, "perl", "amd64", time.Unix(0, 0))
		started(b, time.Unix(1, 0))
		elsewhere(b, nil)
		parseLivepatchStatus(b)
		proServices(b)
		longerSupport(b)
	})
}

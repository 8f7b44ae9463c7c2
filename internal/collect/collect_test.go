package collect

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("not supported yet outside Linux")
	}
}

// sections are the bytes that would be digested.
func sections(t *testing.T, s Snapshot) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, v := range map[string]any{"facts": s.Facts, "packages": s.Packages, "updates": s.Updates, "repositories": s.Repositories, "hardware": s.Hardware} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), ":null") {
			t.Errorf("section %s has a null: %.200s", name, b)
		}
		out[name] = string(b)
	}
	return out
}

// Collecting twice an unchanged host gives the same bytes, and asks the package manager once.
func TestUnchangedHostGivesUnchangedBytes(t *testing.T) {
	t.Parallel()
	onLinux(t)
	c := New(Options{StateDir: t.TempDir()})
	first, err := c.Collect(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ran := c.Simulations()
	second, err := c.Collect(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sections(t, first), sections(t, second)); diff != "" {
		t.Error(diff)
	}
	if c.Simulations() != ran {
		t.Errorf("%d simulations for nothing", c.Simulations()-ran)
	}
	if len(first.Packages.Packages) == 0 || first.Facts.Hostname == "" || first.Facts.Arch == "" || first.Hardware.CPU.Threads == 0 || first.Hardware.MemoryBytes == 0 || first.Vitals.BootedAt == nil {
		t.Errorf("something essential is missing: %+v %+v", first.Facts, first.Hardware)
	}
	if first.Updates.Known {
		origins := 0
		for _, p := range first.Packages.Packages {
			if p.Origin != "" {
				origins++
			}
		}
		if origins == 0 {
			t.Error("lists are there, but no package has an origin")
		}
	}
}

func TestMountedRootGivesItsFilesAlone(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/os-release": "ID=debian\nVERSION_ID=12\nPRETTY_NAME=X\n",
		"etc/hostname":   "lab\n",
		"var/lib/dpkg/status": "Package: dpkg\nStatus: install ok installed\nArchitecture: arm64\nVersion: 1.21\n\n" +
			"Package: linux-image-6.1.0-9-arm64\nStatus: hold ok installed\nArchitecture: arm64\nVersion: 6.1.27-1\n\n" +
			"Package: linux-image-6.1.0-10-arm64\nStatus: install ok installed\nArchitecture: arm64\nVersion: 6.1.38-1\n\n" +
			"Package: linux-image-arm64\nStatus: install ok installed\nArchitecture: arm64\nVersion: 6.1.38-1\n\nnonsense\n",
		"usr/lib/systemd/system/a.service": "[Unit]\n[Install]\nWantedBy=x\n",
		"usr/lib/systemd/system/b.service": "[Unit]\n[Install]\n",
		"usr/lib/systemd/system/c.service": "[Unit]\n",
		"usr/lib/systemd/system/d.service": "[Unit]\n",
	} {
		write(t, filepath.Join(root, name), text)
	}
	for link, target := range map[string]string{"multi-user.target.wants/a.service": "/usr/lib/systemd/system/a.service", "d.service": "/dev/null"} {
		link = filepath.Join(root, "etc/systemd/system", link)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	c := New(Options{Root: root, StateDir: t.TempDir()})
	s, err := c.Collect(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := apiv1.Facts{
		Hostname: "lab", Arch: "arm64",
		OS:             apiv1.OSRelease{ID: "debian", VersionID: "12", Name: "X", Ecosystem: "Debian:12"},
		Kernel:         apiv1.Kernel{Newest: "6.1.0-10-arm64", Installed: []string{"6.1.0-9-arm64", "6.1.0-10-arm64"}},
		Reboot:         apiv1.Reboot{Packages: []string{}, Reasons: []string{}},
		PackageManager: apiv1.PackageManager{Name: "dpkg", Version: "1.21", Broken: []apiv1.PackageState{}, Held: []string{"linux-image-6.1.0-9-arm64"}, Problems: []string{"status: stanza at line 21: a line that is neither a field nor a continuation"}},
		Units: []apiv1.Unit{
			{Name: "a.service", Enabled: "enabled"}, {Name: "b.service", Enabled: "disabled"},
			{Name: "c.service", Enabled: "static"}, {Name: "d.service", Enabled: "masked"},
		},
	}
	if diff := cmp.Diff(want, s.Facts, cmpopts.IgnoreUnexported(apiv1.Facts{}, apiv1.OSRelease{}, apiv1.Kernel{}, apiv1.Reboot{}, apiv1.PackageManager{}, apiv1.Unit{})); diff != "" {
		t.Error(diff)
	}
	if s.Updates.Known || s.Updates.Problem == "" || s.Hardware.CPU.Threads != 0 {
		t.Errorf("a mounted root has no updates of its own and no hardware: %+v %+v", s.Updates, s.Hardware)
	}
	sections(t, s)
}

func TestNewestKernel(t *testing.T) {
	t.Parallel()
	tree, err := pkgmgr.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	db := func(pairs ...string) installed {
		in := installed{manager: byDpkg}
		for i := 0; i < len(pairs); i += 2 {
			in.packages = append(in.packages, apiv1.Package{Name: "linux-image-" + pairs[i], Version: pairs[i+1]})
		}
		return in
	}
	for name, c := range map[string]struct {
		db      installed
		running string
		newest  string
		reboot  bool
	}{
		"numbers_not_text":     {db("6.1.0-9-amd64", "6.1.27-1", "6.1.0-10-amd64", "6.1.38-1"), "6.1.0-9-amd64", "6.1.0-10-amd64", true},
		"running_the_newest":   {db("6.1.0-9-amd64", "6.1.27-1", "6.1.0-10-amd64", "6.1.38-1"), "6.1.0-10-amd64", "6.1.0-10-amd64", false},
		"by_package_version":   {db("6.9-amd64", "6.9.1-1", "6.10.0+b-amd64", "6.8.9-1"), "6.10.0+b-amd64", "6.9-amd64", true},
		"flavours_stay_apart":  {db("6.1.0-10-rt-amd64", "6.1.38-1", "6.1.0-9-amd64", "6.1.27-1"), "6.1.0-9-amd64", "6.1.0-9-amd64", false},
		"ubuntu":               {db("6.8.0-45-generic", "6.8.0-45.45", "6.8.0-100-generic", "6.8.0-100.100"), "6.8.0-45-generic", "6.8.0-100-generic", true},
		"foreign_kernel":       {db("6.1.0-9-amd64", "6.1.27-1"), "6.6.31-custom", "6.1.0-9-amd64", false},
		"meta_package_is_none": {db("amd64", "6.1.38-1"), "6.1.0-9-amd64", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			images := kernels(tree, c.db)
			k := apiv1.Kernel{Running: c.running, Newest: newest(images, c.running)}
			if k.Newest != c.newest {
				t.Errorf("newest is %q, want %q", k.Newest, c.newest)
			}
			if r := reboot(tree, images, k); r.Required != c.reboot {
				t.Errorf("reboot required %v (%q), want %v", r.Required, r.Reasons, c.reboot)
			}
		})
	}
}

// Kernels are known by their files where packages do not tell, in rpm's order, and by apk's packages.
func TestKernelsOfOtherDistributions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files   []string
		in      installed
		running string
		want    []string
		newest  string
	}{
		"el": {[]string{"boot/vmlinuz-5.14.0-70.13.1.el9_0.x86_64", "boot/vmlinuz-5.14.0-427.13.1.el9_4.x86_64", "boot/vmlinuz-0-rescue-0123", "lib/modules/5.14.0-427.13.1.el9_4.x86_64/vmlinuz", "boot/vmlinuz-5.14.0-503.1.1.el9_5.x86_64+rt"},
			installed{manager: byRPM}, "5.14.0-70.13.1.el9_0.x86_64",
			[]string{"5.14.0-70.13.1.el9_0.x86_64", "5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.1.1.el9_5.x86_64+rt"}, "5.14.0-427.13.1.el9_4.x86_64"},
		"sles": {[]string{"boot/vmlinuz-5.14.21-150500.55.7-default", "boot/vmlinuz-5.14.21-150500.55.68-default"}, installed{manager: byRPM}, "5.14.21-150500.55.7-default",
			[]string{"5.14.21-150500.55.7-default", "5.14.21-150500.55.68-default"}, "5.14.21-150500.55.68-default"},
		"alpine": {[]string{"boot/vmlinuz-lts"}, installed{manager: byAPK, packages: []apiv1.Package{{Name: "linux-lts", Version: "6.6.32-r0"}, {Name: "linux-firmware", Version: "2024-r0"}, {Name: "linux-lts-dev", Version: "6.6.32-r0", Source: "linux-lts"}}},
			"6.6.30-0-lts", []string{"6.6.32-0-lts"}, "6.6.32-0-lts"},
		"arch": {[]string{"boot/vmlinuz-linux", "lib/modules/6.9.7-arch1-1/vmlinuz"}, installed{manager: byPacman}, "6.9.6-arch1-1", []string{"6.9.7-arch1-1"}, "6.9.7-arch1-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, f := range c.files {
				write(t, filepath.Join(dir, f), "")
			}
			tree, err := pkgmgr.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tree.Close() }()
			images := kernels(tree, c.in)
			if diff := cmp.Diff(c.want, releases(images)); diff != "" {
				t.Error(diff)
			}
			if got := newest(images, c.running); got != c.newest {
				t.Errorf("newest is %q, want %q", got, c.newest)
			}
			if c.running != c.newest && !olderKernel(images, c.running, c.newest) {
				t.Errorf("%s is not older than %s", c.running, c.newest)
			}
		})
	}
}

func TestRebootRequiredAndItsPackages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "run/reboot-required"), "")
	write(t, filepath.Join(root, "run/reboot-required.pkgs"), "linux-base\ndbus\nlinux-base\n")
	tree, err := pkgmgr.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	got := reboot(tree, nil, apiv1.Kernel{})
	if !got.Required || strings.Join(got.Packages, " ") != "dbus linux-base" || len(got.Reasons) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestParseUnits(t *testing.T) {
	t.Parallel()
	files := "ssh.service                 enabled         enabled\ngetty@.service enabled enabled\nrun-x.service transient -\nx.slice static -\na.mount generated -\n"
	failed := "● ssh.service loaded failed failed OpenBSD Secure Shell server\nrun-x.service loaded failed failed /bin/false\n"
	want := []apiv1.Unit{{Name: "a.mount", Enabled: "generated"}, {Name: "getty@.service", Enabled: "enabled"}, {Name: "run-x.service", Failed: true}, {Name: "ssh.service", Enabled: "enabled", Failed: true}}
	if diff := cmp.Diff(want, parseUnits([]byte(files), []byte(failed)), cmpopts.IgnoreUnexported(apiv1.Unit{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseMounts(t *testing.T) {
	t.Parallel()
	in := `27 1 254:0 / / rw - ext4 /dev/vda1 rw
28 27 254:0 /x /bind rw - ext4 /dev/vda1 rw
29 27 0:1 / /run rw - tmpfs tmpfs rw
30 27 7:0 / /snap/x ro - squashfs /dev/loop0 ro
31 27 0:2 / /merged rw - overlay overlay rw
32 27 0:3 / /net rw - nfs4 server:/x rw
33 27 8:1 / /my\040disk rw shared:1 - xfs /dev/sdb1 rw
34 27 0:9 / /tank rw - zfs tank rw
garbage
`
	var got []string
	for _, m := range parseMounts([]byte(in)) {
		got = append(got, m.mount+" "+m.device+" "+m.kind)
	}
	if diff := cmp.Diff([]string{"/ /dev/vda1 ext4", "/my disk /dev/sdb1 xfs", "/tank tank zfs"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzSystemText(f *testing.F) {
	f.Add([]byte("27 1 254:0 / /a\\040b rw - ext4 /dev/vda1 rw\n● a.service loaded failed failed\n"))
	f.Add([]byte("fe800000000000000000000000000001 02 40 20 81 eth0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseMounts(b)
		temporaryAddresses(b)
		for _, u := range parseUnits(b, b) {
			if !isUnit(u.Name) {
				t.Fatalf("let through: %q", u.Name)
			}
		}
	})
}

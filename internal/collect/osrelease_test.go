package collect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
)

func TestEcosystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ id, version, want string }{
		{"debian", "12", "Debian:12"},
		{"debian", "12.15", "Debian:12"},
		{"debian", "", ""}, // testing
		{"ubuntu", "24.04", "Ubuntu:24.04"},
		{"ubuntu", "24", ""},
		{"almalinux", "9.4", "AlmaLinux:9"},
		{"rocky", "9.4", "Rocky Linux:9"},
		{"alpine", "3.20.1", "Alpine:v3.20"},
		{"alpine", "3.21.0_rc1", "Alpine:v3.21"},
		{"alpine", "3.21.0_alpha20240807", "Alpine:edge"}, // what edge calls itself until 3.21 is branched off
		{"alpine", "3.17_alpha20220715", "Alpine:edge"},
		{"alpine", "edge", "Alpine:edge"},
		{"rhel", "9.4", "Red Hat:9"},
		{"centos", "9", ""},
		{"fedora", "40", "Fedora:40"},
		{"fedora", "rawhide", ""},
		{"ol", "9.4", "Oracle Linux:9"},
		{"amzn", "2023", "Amazon Linux:2023"},
		{"amzn", "2", "Amazon Linux:2"},
		{"amzn", "2018.03", ""},
		{"amzn", "2023.6.20241010", "Amazon Linux:2023"}, // as SBOMs write it
		{"azurelinux", "3.0", "Azure Linux:3"},
		{"mariner", "2.0", "Azure Linux:2"},
		{"sles", "15.5", "SUSE:15.5"},
		{"sles", "15", "SUSE:15"},
		{"sled", "15.6", "SUSE:15.6"},
		{"sle_hpc", "15.4", "SUSE:15.4"},
		{"sles_sap", "12.5", "SUSE:12.5"}, // written SLES_SAP; ids are lowered when read
		{"opensuse-leap", "15.5", "openSUSE:Leap 15.5"},
		{"opensuse-tumbleweed", "20240101", ""},
		{"wolfi", "20230201", "Wolfi"},
		{"chainguard", "20230214", "Chainguard"},
		{"arch", "", "Arch Linux"},
		{"arch", "20240101.0.204074", "Arch Linux"},
		{"linuxmint", "22", ""},
		{"", "", ""},
	} {
		if got := Ecosystem(c.id, c.version); got != c.want {
			t.Errorf("Ecosystem(%q, %q) = %q, want %q", c.id, c.version, got, c.want)
		}
	}
}

func TestParseOSRelease(t *testing.T) {
	t.Parallel()
	got := parseOSRelease([]byte("# comment\r\nID=\"debian\"\r\nVERSION_ID='12'\nPRETTY_NAME=\"A \\\"B\\\" C\"\nVERSION_CODENAME=book\\worm\nnonsense\nID_LIKE=a b"))
	want := apiv1.OSRelease{ID: "debian", VersionID: "12", Name: `A "B" C`, Codename: "bookworm", IDLike: "a b", Ecosystem: "Debian:12"}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(apiv1.OSRelease{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzOSRelease(f *testing.F) {
	f.Add([]byte("ID=debian\nVERSION_ID=\"12\"\n"))
	f.Add([]byte("ID=\\\nNAME='\n"))
	f.Add([]byte("ID=" + strings.Repeat("Ⱥ", 32)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := parseOSRelease(b)
		if len(got.ID) > 64 || len(got.Name) > 256 {
			t.Fatalf("unbounded: %+v", got)
		}
	})
}

// Whatever links a mounted root holds, its release is read from inside it or not at all.
func TestReadOSStaysInsideTheRoot(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, outside, "ID=debian\nVERSION_ID=99\n")
	for name, target := range map[string]string{
		"absolute_link":           "/usr/lib/os-release",
		"relative_link":           "../usr/lib/os-release",
		"too_many_parents":        "../../../../../../../../usr/lib/os-release",
		"absolute_link_to_nobody": outside,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, filepath.Join(root, "usr/lib/os-release"), "ID=debian\nVERSION_ID=12\n")
			if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, filepath.Join(root, "etc/os-release")); err != nil {
				t.Fatal(err)
			}
			got, err := ReadOS(root)
			if err != nil || got.Ecosystem != "Debian:12" {
				t.Errorf("ReadOS = %+v, %v; want Debian:12 from inside the root", got, err)
			}
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

package collect

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
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
	if _, _, err := ReadPackages(root, "AlmaLinux:9"); !errors.Is(err, fault.Invalid) {
		t.Errorf("AlmaLinux: %v, want a refusal", err)
	}
	if _, _, err := ReadPackages(t.TempDir(), "Debian:12"); !errors.Is(err, fault.NotFound) {
		t.Errorf("empty root: %v, want not found", err)
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

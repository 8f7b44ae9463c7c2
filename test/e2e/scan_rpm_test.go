//go:build linux && e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/test/lab"
)

// rpmPackage is a package to be built and installed. source is the name of the package it is built from; stream its module's.
type rpmPackage struct{ name, evr, source, stream string }

// almaPackages are real builds of AlmaLinux 9, each with what it is here to show.
func almaPackages() []rpmPackage {
	return []rpmPackage{
		{"openssl-libs", "1:3.0.1-43.el9_0", "openssl", ""},
		{"bind-libs", "32:9.16.23-1.el9", "bind", ""},                               // a large epoch
		{"dbus", "1:1.12.20-7.el9_1", "dbus", ""},                                   // at the fix of one advisory, below that of the next
		{"vim-minimal", "2:8.2.2637-16.el9_0.2", "vim", ""},                         // .2 before .3
		{"sudo", "1.9.5p2-9.el9", "sudo", ""},                                       // no epoch; 1.9.17 comes after 1.9.5
		{"expat", "2.5.0-1.el9", "expat", ""},                                       // .el9 before .el9_3.1
		{"xz-libs", "5.2.5-8.el9_0", "xz", ""},                                      // the fixed build itself
		{"bash", "5.1.8-6.el9_1", "bash", ""},                                       // no advisory names a later one
		{"ruby", "3.0.4-160.el9_0", "ruby", ""},                                     // none of a module, which has fixes of its own
		{"podman", "2:4.2.0-7.el9_1", "podman", ""},                                 //
		{"nodejs", "1:18.14.2-3.module_el9.2.0+30+e3312493", "nodejs", "nodejs:18"}, // streams 20, 22, 24 have higher fixes
		{"npm", "1:9.5.0-1.18.14.2.3.module_el9.2.0+30+e3312493", "nodejs", "nodejs:18"},
		{"postgresql-server", "15.6-1.module_el9.3.0+55+d62f4779", "postgresql", "postgresql:15"},
		{"php-common", "8.1.27-1.module_el9.3.0+53+44872dd1", "php", "php:8.1"},
		{"nginx-core", "1:1.22.1-3.module_el9.2.0+44+f932b372.1.alma.1", "nginx", "nginx:1.22"},
	}
}

const alma9 = `NAME="AlmaLinux"
VERSION="9.2 (Turquoise Kodkod)"
ID="almalinux"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.2"
PRETTY_NAME="AlmaLinux 9.2 (Turquoise Kodkod)"
CPE_NAME="cpe:/o:almalinux:almalinux:9::baseos"
`

const fedora43 = "NAME=\"Fedora Linux\"\nID=fedora\nVERSION_ID=43\nPRETTY_NAME=\"Fedora Linux 43\"\n"

// rpmRoot is a root whose database the real rpm keeps.
type rpmRoot struct {
	dir, work string
	built     int
}

func newRPMRoot(t *testing.T, release string) *rpmRoot {
	t.Helper()
	r := &rpmRoot{dir: t.TempDir(), work: t.TempDir()}
	if err := lab.WriteFiles(r.dir, map[string]string{"etc/os-release": release}); err != nil {
		t.Fatal(err)
	}
	r.rpm(t, "--initdb")
	return r
}

func (r *rpmRoot) rpm(t *testing.T, args ...string) string {
	t.Helper()
	return tool(t, "rpm", append([]string{"--root", r.dir, "--dbpath", "/var/lib/rpm"}, args...)...)
}

// install builds packages and has rpm install them, or upgrade what is there: into the database alone, for they have no files.
func (r *rpmRoot) install(t *testing.T, packages []rpmPackage) {
	t.Helper()
	r.built++
	top := filepath.Join(r.work, fmt.Sprint(r.built))
	args := []string{"-bb", "--quiet", "--target", "x86_64", "--define", "_topdir " + top, "--define", "debug_package %{nil}"}
	for _, p := range packages {
		epoch, version, release := splitEVR(p.evr)
		spec := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: %s\nSummary: made for a test\nLicense: none\n", p.source, version, release)
		if epoch != "0" {
			spec += "Epoch: " + epoch + "\n"
		}
		if p.stream != "" {
			spec += "ModularityLabel: " + p.stream + ":9020020230327152102:rhel9\n"
		}
		spec += "%description\nmade for a test\n"
		if p.name == p.source {
			spec += "%files\n"
		} else {
			spec += strings.ReplaceAll("%package -n NAME\nSummary: made for a test\n%description -n NAME\nmade for a test\n%files -n NAME\n", "NAME", p.name)
		}
		if err := lab.WriteFiles(top, map[string]string{p.name + ".spec": spec}); err != nil {
			t.Fatal(err)
		}
		args = append(args, filepath.Join(top, p.name+".spec"))
	}
	tool(t, "rpmbuild", args...)
	built, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(built) != len(packages) {
		t.Fatalf("rpmbuild made %v (%v), want %d", built, err, len(packages))
	}
	// Debian's rpm refuses to install on a Debian unless it is told to
	r.rpm(t, append([]string{"-U", "--replacepkgs", "--justdb", "--nodeps", "--noscripts", "--force-debian"}, built...)...)
}

// installed is what rpm itself says.
func (r *rpmRoot) installed(t *testing.T) []rpmPackage {
	t.Helper()
	var out []rpmPackage
	for line := range strings.Lines(r.rpm(t, "-qa", "--qf", `%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{MODULARITYLABEL} %{SOURCERPM}\n`)) {
		f := strings.Fields(line)
		stream, _, _ := strings.Cut(f[2], ":9020")
		source := f[3][:strings.LastIndex(f[3][:strings.LastIndex(f[3], "-")], "-")]
		out = append(out, rpmPackage{f[0], f[1], source, strings.TrimPrefix(stream, "(none)")})
	}
	return out
}

func splitEVR(evr string) (epoch, version, release string) {
	epoch, rest, ok := strings.Cut(evr, ":")
	if !ok {
		epoch, rest = "0", evr
	}
	version, release, _ = strings.Cut(rest, "-")
	return epoch, version, release
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// sbomOf writes what rpm says is installed as CycloneDX, the way tools do it.
func sbomOf(t *testing.T, installed []rpmPackage) string {
	t.Helper()
	components := []any{map[string]any{"type": "operating-system", "name": "almalinux", "version": "9.2"}}
	for _, p := range installed {
		epoch, version, release := splitEVR(p.evr)
		qualifiers := url.Values{"arch": {"x86_64"}, "distro": {"almalinux-9.2"}, "upstream": {p.source + "-" + version + "-" + release + ".src.rpm"}}
		if epoch != "0" {
			qualifiers.Set("epoch", epoch)
		}
		if p.stream != "" {
			qualifiers.Set("rpmmod", p.stream)
		}
		components = append(components, map[string]any{"type": "library", "name": p.name, "version": version + "-" + release,
			"purl": "pkg:rpm/almalinux/" + p.name + "@" + url.QueryEscape(version+"-"+release) + "?" + qualifiers.Encode()})
	}
	body, err := json.Marshal(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sbom.cdx.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// imageOf is a root as docker save writes an image: one layer, with a second that takes a file away again and adds another.
func imageOf(t *testing.T, root string) string {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err == nil {
			files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files["var/lib/dpkg/status"] = []byte("Package: gone\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n")
	manifest := []byte(`[{"Config":"c.json","RepoTags":["lab/alma:9"],"Layers":["one/layer.tar","two/layer.tar"]}]`)
	image := tarOf(t, map[string][]byte{
		"manifest.json": manifest, "c.json": []byte(`{"architecture":"amd64","os":"linux"}`),
		"one/layer.tar": tarOf(t, files),
		"two/layer.tar": tarOf(t, map[string][]byte{"var/lib/dpkg/.wh.status": {}, "etc/motd": []byte("hello\n")}),
	})
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The real rpm keeps the database, and its own order of versions gives what is to be found: epochs, modules and their streams, minor
// releases. A root, an SBOM and a container image of the same packages give the same; the fixed builds give nothing.
func TestScanOfAnAlmaLinuxRootIsExact(t *testing.T) {
	feeds := filepath.Join(shared(t), "feeds")
	root, s := newRPMRoot(t, alma9), newScanner(t)
	root.install(t, almaPackages())
	installed := root.installed(t)
	names := map[string]bool{}
	for _, p := range installed {
		names[p.name] = true
	}
	fixes := almaFixes(t, filepath.Join(feeds, "osv/AlmaLinux/all.zip"), names)
	want := almaExpected(t, installed, fixes)
	t.Logf("%d packages, %d fixes of them, %d (vulnerability, package) pairs", len(installed), len(fixes), len(want))
	if len(installed) != len(almaPackages()) || len(want) < 200 {
		t.Fatal("that is too little to mean anything")
	}

	got := s.scan(t, 0, "--root", root.dir, "--feeds", feeds)
	if d := cmp.Diff(want, pairsOf(got.Findings)); d != "" || got.Packages != len(installed) || got.Ecosystem != "AlmaLinux:9" {
		t.Errorf("%s, %d packages (-want +scan):\n%s", got.Ecosystem, got.Packages, d)
	}
	for _, f := range got.Findings {
		if f.Fixed == "" || f.Explanation == "" || f.Feed != "osv/AlmaLinux" || f.FeedAsOf == nil || len(f.Reasons) == 0 {
			t.Fatalf("incomplete: %+v", f)
		}
	}
	if !slices.ContainsFunc(got.Findings, func(f apiv1.Finding) bool { return f.EPSS != nil }) || !slices.ContainsFunc(got.Findings, func(f apiv1.Finding) bool { return f.SSVC != nil }) {
		t.Error("no finding has an EPSS score, or none an SSVC decision")
	}
	kev := slices.ContainsFunc(got.Findings, func(f apiv1.Finding) bool { return f.KEV != nil })
	if e := s.run(t, "--root", root.dir, "--feeds", feeds, "--fail-on", "kev"); !kev || e.code != 6 {
		t.Errorf("--fail-on kev ended with %d, findings in KEV: %t: %s", e.code, kev, e.err)
	}
	for name, args := range map[string][]string{
		"the SBOM":            {"--sbom", sbomOf(t, installed)},
		"the container image": {"--image", imageOf(t, root.dir)},
	} {
		other := s.scan(t, 0, append(args, "--feeds", feeds)...)
		if d := cmp.Diff(got.Findings, other.Findings); d != "" || other.Ecosystem != got.Ecosystem || other.Packages != got.Packages {
			t.Errorf("%s, %s, %d packages (-root +it):\n%s", name, other.Ecosystem, other.Packages, d)
		}
	}

	fixed := newest(t, installed, fixes)
	root.install(t, fixed)
	if left := almaExpected(t, root.installed(t), fixes); len(left) > 0 {
		t.Fatalf("the builds that were to fix all leave %v", left)
	}
	after := s.scan(t, 0, "--root", root.dir, "--feeds", feeds, "--fail-on", "kev,low")
	if after.Assessment.Status != "assessed" || len(after.Findings) > 0 || after.Packages != len(installed) {
		t.Errorf("%+v, %d packages, left: %v", after.Assessment, after.Packages, pairsOf(after.Findings))
	}
}

// Where no feed speaks of a release, that is said and has an exit code of its own; no list is shown that could be taken for good news.
func TestScanOfAReleaseWithoutDataIsNotAssessed(t *testing.T) {
	feeds := filepath.Join(shared(t), "feeds")
	root, s := newRPMRoot(t, fedora43), newScanner(t)
	root.install(t, almaPackages()[:3])
	got := s.scan(t, 3, "--root", root.dir, "--feeds", feeds)
	if got.Assessment.Status != "not assessed" || got.Assessment.Reason == "" || got.Count.Assessed || len(got.Findings) > 0 || got.Packages != 3 {
		t.Errorf("%+v, %+v, %d packages, %d findings", got.Assessment, got.Count, got.Packages, len(got.Findings))
	}
	if e := s.run(t, "--root", root.dir, "--feeds", feeds, "--fail-on", "kev"); e.code != 3 || !strings.Contains(e.out+e.err, "not assessed") {
		t.Errorf("the table and --fail-on: %d\n%s%s", e.code, e.out, e.err)
	}
	if e := s.run(t, "--root", filepath.Join(root.dir, "nowhere"), "--feeds", feeds); e.code != 2 {
		t.Errorf("a root that is not there ends with %d: %s", e.code, e.err)
	}
}

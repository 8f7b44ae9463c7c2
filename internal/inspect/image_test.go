package inspect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/fault"
)

// entry is a member of a tar archive: a folder when its name ends with a slash, a link when it has one.
type entry struct {
	name, text, link string
	hard             bool
	mode             int64
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: max(e.mode, 0o644), Size: int64(len(e.text)), Typeflag: tar.TypeReg}
		switch {
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		case e.hard:
			h.Typeflag, h.Linkname = tar.TypeLink, e.link
		case e.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func zstded(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

// saved is what docker save writes.
func saved(t testing.TB, layers ...[]byte) []byte {
	t.Helper()
	var names []string
	var entries []entry
	for i, l := range layers {
		name := fmt.Sprintf("%d/layer.tar", i)
		names = append(names, name)
		entries = append(entries, entry{name: name, text: string(l)})
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "c.json", "RepoTags": []string{"a:1"}, "Layers": names}})
	if err != nil {
		t.Fatal(err)
	}
	return tarOf(t, append(entries, entry{name: "manifest.json", text: string(manifest)})...)
}

// layout is an OCI image layout with an index of two platforms and a statement about the image.
func layout(t testing.TB, layers ...[]byte) []byte {
	t.Helper()
	entries := []entry{{name: "oci-layout", text: `{"imageLayoutVersion":"1.0.0"}`}}
	blob := func(b []byte) map[string]any {
		digest := fmt.Sprintf("%x", sha256.Sum256(b))
		entries = append(entries, entry{name: "blobs/sha256/" + digest, text: string(b)})
		return map[string]any{"digest": "sha256:" + digest, "size": len(b)}
	}
	document := func(v any) map[string]any {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return blob(b)
	}
	var list []any
	for _, l := range layers {
		list = append(list, blob(l))
	}
	amd := document(map[string]any{"layers": list})
	amd["platform"] = map[string]any{"os": "linux", "architecture": "amd64"}
	statement := document(map[string]any{"layers": []any{}})
	statement["platform"] = map[string]any{"os": "unknown", "architecture": "unknown"}
	windows := document(map[string]any{"layers": []any{}, "x": 1})
	windows["platform"] = map[string]any{"os": "windows", "architecture": "amd64"}
	inner := document(map[string]any{"manifests": []any{statement, windows, amd}})
	index, err := json.Marshal(map[string]any{"manifests": []any{inner}})
	if err != nil {
		t.Fatal(err)
	}
	return tarOf(t, append(entries, entry{name: "index.json", text: string(index)})...)
}

func imageFileOf(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func status(packages ...string) string {
	out := ""
	for _, p := range packages {
		name, version, _ := strings.Cut(p, " ")
		out += fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n", name, version)
	}
	return out
}

const debian12 = "ID=debian\nVERSION_ID=\"12\"\n"

// Three layers as builders make them: links among the folders, files replaced, taken away and hidden.
func debianLayers(t testing.TB) [][]byte {
	t.Helper()
	return [][]byte{
		tarOf(t, entry{name: "./"}, entry{name: "./usr/lib/os-release", text: debian12}, entry{name: "./etc/os-release", link: "../usr/lib/os-release"},
			entry{name: "./var/lib/dpkg/status", text: status("bash 5.1", "old 1")}, entry{name: "./var/lib/dpkg/status.d/gone", text: "Package: gone\nVersion: 1\n"},
			entry{name: "opt/big", text: strings.Repeat("x", 100_000)}),
		gzipped(tarOf(t, entry{name: "var/lib/dpkg/status", text: status("bash 5.2", "new 2")}, entry{name: "var/lib/dpkg/status.d/.wh..wh..opq"},
			entry{name: "var/lib/dpkg/status.d/kept", text: "Package: kept\nVersion: 3\n"})),
		zstded(tarOf(t, entry{name: "opt/.wh.big"}, entry{name: "usr/lib/hard", link: "usr/lib/os-release", hard: true})),
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	want := []string{"Debian:12 bash amd64 5.2", "Debian:12 kept  3", "Debian:12 new amd64 2"}
	layers := debianLayers(t)
	for name, c := range map[string]struct {
		in       []byte
		warnings int
	}{
		"docker_save":   {saved(t, layers...), 0},
		"oci_layout":    {layout(t, layers...), 1}, // the image for Windows
		"whole_in_gzip": {gzipped(saved(t, layers...)), 0},
		"whole_in_zstd": {zstded(layout(t, layers...)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Image(t.Context(), imageFileOf(t, c.in), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, brief(got)); diff != "" {
				t.Error(diff)
			}
			if got.OS.Ecosystem != "Debian:12" || len(got.Warnings) != c.warnings {
				t.Errorf("%+v %q", got.OS, got.Warnings)
			}
		})
	}
}

func TestLayersAreAppliedAsARuntimeWould(t *testing.T) {
	t.Parallel()
	installed := func(p string) string { return "P:" + p + "\nV:1\n\n" }
	for name, c := range map[string]struct {
		layers [][]entry
		want   []string
	}{
		"below_a_linked_folder":                {[][]entry{{{name: "lib", link: "usr/lib"}, {name: "usr/lib/apk/db/installed", text: installed("a")}}, {{name: "lib/apk/db/installed", text: installed("b")}}}, []string{" b  1"}},
		"absolute_link":                        {[][]entry{{{name: "lib/apk/db", link: "/data/db"}, {name: "data/db/x", text: ""}, {name: "usr/lib/apk/db/installed", text: installed("a")}}}, []string{" a  1"}},
		"whiteout_of_a_folder":                 {[][]entry{{{name: "lib/apk/db/installed", text: installed("a")}}, {{name: ".wh.lib"}, {name: "usr/lib/apk/db/installed", text: installed("b")}}}, []string{" b  1"}},
		"whiteout_spares_its_own_layer":        {[][]entry{{{name: "lib/apk/db/installed", text: installed("a")}}, {{name: "lib/apk/db/installed", text: installed("b")}, {name: "lib/apk/.wh.db"}}}, []string{" b  1"}},
		"opaque_after_its_own_files":           {[][]entry{{{name: "var/lib/dpkg/status.d/a", text: "Package: a\nVersion: 1\n"}}, {{name: "var/lib/dpkg/status.d/b", text: "Package: b\nVersion: 1\n"}, {name: "var/lib/dpkg/status.d/.wh..wh..opq"}}}, []string{" b  1"}},
		"a_file_in_place_of_a_folder":          {[][]entry{{{name: "var/lib/dpkg/status.d/a", text: "Package: a\nVersion: 1\n"}, {name: "lib/apk/db/installed", text: installed("c")}}, {{name: "var/lib/dpkg", text: "x"}}}, []string{" c  1"}},
		"a_plain_file_hides_a_wanted_one":      {[][]entry{{{name: "lib/apk/db/installed", text: installed("a")}}, {{name: "lib/apk/db/", text: ""}, {name: "lib/apk/db/installed", text: installed("b")}}}, []string{" b  1"}},
		"a_hard_link_carries_the_file":         {[][]entry{{{name: "usr/lib/apk/db/installed", text: installed("a")}, {name: "lib/apk/db/installed", link: "usr/lib/apk/db/installed", hard: true}, {name: "usr/lib/apk/.wh.db"}}}, []string{" a  1"}},
		"links_in_a_circle_and_up_and_outside": {[][]entry{{{name: "a", link: "b"}, {name: "b", link: "a"}, {name: "a/x", text: "y"}, {name: "up", link: "../../../../.."}, {name: "up/lib/apk/db/installed", text: installed("a")}, {name: "../../lib/apk/db/installed", text: installed("b")}}}, []string{" b  1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var layers [][]byte
			for _, l := range c.layers {
				layers = append(layers, tarOf(t, l...))
			}
			got, err := Image(t.Context(), imageFileOf(t, saved(t, layers...)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, brief(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// However the links of a hostile image lie, nothing outside is written or read.
func TestImageStaysInside(t *testing.T) {
	outside := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir())
	if err := os.WriteFile(filepath.Join(outside, "installed"), []byte("P:secret\nV:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Image(t.Context(), imageFileOf(t, saved(t, tarOf(t, entry{name: "lib/apk/db", link: outside}, entry{name: "var/lib/dpkg", link: outside}, entry{name: "etc", link: outside}),
		tarOf(t, entry{name: "var/lib/dpkg/status", text: status("x 1")}, entry{name: "etc/os-release", text: debian12}))), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range got.Packages {
		if p.Name == "secret" {
			t.Error("read from outside")
		}
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("written outside: %v, %v", entries, err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestImageOfAnRpmDistribution(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"rpm", "rpmbuild"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here", program)
		}
	}
	dir := t.TempDir()
	spec := filepath.Join(dir, "a.spec")
	if err := os.WriteFile(spec, []byte("Name: staunch-a\nVersion: 2.0\nRelease: 3.el9\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%install\nmkdir -p %{buildroot}/usr/lib/python3.9/site-packages/Their_Own-1.0.dist-info\nprintf 'Name: Their_Own\\nVersion: 1.0\\n\\n' > %{buildroot}/usr/lib/python3.9/site-packages/Their_Own-1.0.dist-info/METADATA\n%files\n/usr/lib/python3.9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"rpmbuild", "-bb", "--define", "_topdir " + dir + "/top", spec},
		{"rpm", "--dbpath", dir + "/db", "--justdb", "--nodeps", "--noscripts", "-i", dir + "/top/RPMS/noarch/staunch-a-2.0-3.el9.noarch.rpm"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args[0], err, out)
		}
	}
	db, err := os.ReadFile(dir + "/db/rpmdb.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	metadata := "Metadata-Version: 2.1\nName: Their_Own\nVersion: 1.0\n\n"
	got, err := Image(t.Context(), imageFileOf(t, saved(t, tarOf(t, entry{name: "etc/os-release", text: "ID=almalinux\nVERSION_ID=9.4\n"},
		entry{name: "var/lib/rpm", link: "../../usr/lib/sysimage/rpm"}, entry{name: "usr/lib/sysimage/rpm/rpmdb.sqlite", text: string(db)},
		entry{name: "usr/lib/python3.9/site-packages/Their_Own-1.0.dist-info/METADATA", text: metadata},
		entry{name: "usr/local/lib/python3.9/site-packages/Our_Own-1.0.dist-info/METADATA", text: strings.ReplaceAll(metadata, "Their", "Our")}))), Options{Languages: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"AlmaLinux:9 staunch-a noarch 2.0-3.el9", "PyPI our-own  1.0"}, brief(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1 language packages belong to packages of the distribution, and are judged as those"}, got.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestImageRefuses(t *testing.T) {
	t.Parallel()
	good := saved(t, debianLayers(t)...)
	changed := gzipped(tarOf(t, entry{name: "var/lib/dpkg/status", text: status("bash 5.2")}))
	changed[len(changed)-8] ^= 1 // the checksum of what it holds
	for name, in := range map[string][]byte{
		"empty": nil, "text": []byte(strings.Repeat("hello", 1000)), "tar_of_something": tarOf(t, entry{name: "a", text: "b"}), "no_image": tarOf(t, entry{name: "manifest.json", text: "[]"}),
		"cut_off": good[:len(good)/2], "manifest_is_nonsense": tarOf(t, entry{name: "manifest.json", text: "{"}),
		"layer_missing":      tarOf(t, entry{name: "manifest.json", text: `[{"Layers":["x"]}]`}),
		"layer_is_no_tar":    saved(t, []byte(strings.Repeat("nonsense", 1000))),
		"layer_links_itself": tarOf(t, entry{name: "manifest.json", text: `[{"Layers":["x"]}]`}, entry{name: "x", link: "x"}),
		"index_of_itself":    tarOf(t, entry{name: "index.json", text: `{"manifests":[{"digest":"x"}]}`}, entry{name: "blobs/x", text: `{"manifests":[{"digest":"x"}]}`}),
		"gzip_cut_off":       gzipped(good)[:200],
		"layer_changed":      saved(t, changed),
	} {
		if _, err := Image(t.Context(), imageFileOf(t, in), Options{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if _, err := Image(t.Context(), filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, fault.NotFound) {
		t.Errorf("no file: %v", err)
	}
}

func (n *node) depth() int {
	deepest := 0
	for _, child := range n.children {
		deepest = max(deepest, 1+child.depth())
	}
	return deepest
}

// A hostile image costs what its bounds allow: folders are not stacked upon folders through links, and a name that is written a thousand
// times is a thousand files kept.
func TestAHostileImageIsBounded(t *testing.T) {
	t.Parallel()
	apply := func(most int, entries []entry) (*tree, error) {
		b := tarOf(t, entries...)
		f, err := os.Open(imageFileOf(t, b))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		tree := newTree(t.TempDir(), false)
		tree.most = most
		return tree, (&imageFile{file: f, members: map[string]member{"l": {size: int64(len(b))}}}).apply(t.Context(), tree, "l")
	}
	deep := strings.Repeat("d/", 1500)
	entries := []entry{{name: deep}}
	for i := range 4 {
		entries = append(entries, entry{name: fmt.Sprintf("l%d", i+1), link: strings.TrimPrefix(fmt.Sprintf("l%d/", i), "l0/") + deep}, entry{name: fmt.Sprintf("l%d/%s", i+1, deep)})
	}
	if got, err := apply(maxNodes, entries); err != nil || got.root.depth() > maxLevels {
		t.Errorf("%v, %d levels", err, got.root.depth())
	}
	entries = nil
	for range 100 {
		entries = append(entries, entry{name: "lib/apk/db/installed", text: "P:a\n"})
	}
	if _, err := apply(50, entries); err == nil {
		t.Error("the same name for ever")
	}
	if _, err := apply(200, entries); err != nil {
		t.Error(err)
	}
	long := strings.Repeat("n/", 3000)
	f, err := openArchive(t.Context(), imageFileOf(t, tarOf(t, entry{name: long + "x"}, entry{name: "y", link: long}, entry{name: "z"})), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.file.Close() }()
	if len(f.members) != 1 {
		t.Errorf("%d members are kept in memory", len(f.members))
	}
}

func FuzzLayer(f *testing.F) {
	f.Add(tarOf(f, entry{name: "lib", link: "usr/lib"}, entry{name: "lib/apk/db/installed", text: "P:a\nV:1\n"}, entry{name: "usr/.wh.lib"}, entry{name: "a/.wh..wh..opq"}))
	f.Fuzz(func(t *testing.T, layer []byte) {
		outside := t.TempDir()
		a := &imageFile{members: map[string]member{"l": {size: int64(len(layer))}}}
		name := filepath.Join(outside, "l")
		if err := os.WriteFile(name, layer, 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if a.file, err = os.Open(name); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.file.Close() }()
		tree := newTree(t.TempDir(), true)
		for range 2 {
			if err := a.apply(t.Context(), tree, "l"); err != nil {
				break
			}
		}
		if _, err := tree.write(); err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Fatal(err)
		}
	})
}

package inspect

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"io"
	"io/fs"
	"log" //nolint:depguard // it is where the extractors would write
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rustProgram is the least ELF file that carries audit data as cargo-auditable puts it: compressed JSON in a section of its own.
func rustProgram(t testing.TB, audit string) []byte {
	t.Helper()
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	_, _ = z.Write([]byte(audit))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	names := "\x00.shstrtab\x00.dep-v0\x00"
	at := uint64(64)
	sections := []elf.Section64{{},
		{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: at, Size: uint64(len(names)), Addralign: 1},
		{Name: 11, Type: uint32(elf.SHT_PROGBITS), Off: at + uint64(len(names)), Size: uint64(data.Len()), Addralign: 1}}
	end := at + uint64(len(names)+data.Len())
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: end, Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 1}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	var out bytes.Buffer
	for _, part := range []any{h, []byte(names), data.Bytes(), sections} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return append(out.Bytes(), make([]byte, 100<<10)...) // as large as programs are
}

func jar(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("META-INF/maven/org.example/thing/pom.properties")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte("groupId=org.example\nartifactId=thing\nversion=1.2.3\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t testing.TB, root, name string, b []byte, mode fs.FileMode) {
	t.Helper()
	name = filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, mode); err != nil {
		t.Fatal(err)
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "etc/os-release", []byte(debian12), 0o600)
	put(t, root, "var/lib/dpkg/status", []byte(status("python3-six 1.16.0-4")), 0o600)
	put(t, root, "var/lib/dpkg/info/python3-six.list", []byte("/.\n/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA\n"), 0o600) // as before /usr was merged
	put(t, root, "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", []byte("Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n\n"), 0o600)
	put(t, root, "usr/local/lib/python3.11/dist-packages/Flask_Thing-2.0.dist-info/METADATA", []byte("Metadata-Version: 2.1\nName: Flask_Thing\nVersion: 2.0\n\n"), 0o600)
	put(t, root, "srv/app/node_modules/@a/b/package.json", []byte(`{"name":"@a/b","version":"1.0.0"}`), 0o600)
	put(t, root, "srv/app/package.json", []byte(`{"name":"app","version":"9.9.9"}`), 0o600)
	put(t, root, "var/lib/gems/3.1.0/specifications/rack-2.2.6.gemspec", []byte("# -*- encoding: utf-8 -*-\nGem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"2.2.6\"\nend\n"), 0o600)
	put(t, root, "opt/thing.jar", jar(t), 0o600)
	put(t, root, "usr/local/bin/rusty", rustProgram(t, `{"packages":[{"name":"rusty","version":"0.1.0","source":"local","root":true,"dependencies":[1]},{"name":"serde","version":"1.0.1","source":"crates.io"}]}`), 0o700)
	put(t, root, "usr/local/bin/script", []byte("#!/bin/sh\n"+strings.Repeat("#", 100<<10)), 0o700)
	put(t, root, "proc/1/root/node_modules/x/package.json", []byte(`{"name":"x","version":"1"}`), 0o600)
	if err := os.Symlink("/srv", filepath.Join(root, "again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(root, "outside")); err != nil {
		t.Fatal(err)
	}
	got, err := Root(t.Context(), root, Options{Languages: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Debian:12 python3-six amd64 1.16.0-4", "Maven org.example:thing  1.2.3", "PyPI flask-thing  2.0", "RubyGems rack  2.2.6", "crates.io rusty  0.1.0", "crates.io serde  1.0.1", "npm @a/b  1.0.0"}
	if diff := cmp.Diff(want, brief(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1 language packages belong to packages of the distribution, and are judged as those"}, got.Warnings); diff != "" {
		t.Error(diff)
	}
	for _, p := range got.Packages {
		if p.Name == "serde" && p.Location != "usr/local/bin/rusty" {
			t.Errorf("serde was seen in %q", p.Location)
		}
	}
	if plain, err := Root(t.Context(), root, Options{}); err != nil || len(plain.Packages) != 1 {
		t.Errorf("without being asked: %q, %v", brief(plain), err)
	}
}

// What lies about in a package's own tests is not installed, and what a distroless image's packages own is judged as theirs.
func TestLanguagesThatOnlySeemToBeInstalled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "etc/os-release", []byte(debian12), 0o600)
	put(t, root, "var/lib/dpkg/status.d/python3", []byte("Package: python3\nArchitecture: amd64\nVersion: 3.11-1\n"), 0o600)
	put(t, root, "var/lib/dpkg/status.d/python3.md5sums", []byte("0123456789abcdef0123456789abcdef  usr/lib/python3/dist-packages/wheel-0.38.4.egg-info/PKG-INFO\n"), 0o600)
	put(t, root, "usr/lib/python3/dist-packages/wheel-0.38.4.egg-info/PKG-INFO", []byte("Metadata-Version: 2.1\nName: wheel\nVersion: 0.38.4\n\n"), 0o600)
	for _, at := range []string{"resolve/test/resolver/multirepo", "resolve/dist/esm", "@a", "@a/b/fixtures/c"} {
		put(t, root, "srv/node_modules/"+at+"/package.json", []byte(`{"name":"monorepo-symlink-test","version":"0.0.0"}`), 0o600)
	}
	for _, at := range []string{"resolve", "@a/b", "@a/b/node_modules/c", ".pnpm/d@1.0.0/node_modules/d"} {
		put(t, root, "srv/node_modules/"+at+"/package.json", []byte(`{"name":"`+at[strings.LastIndex(at, "/")+1:]+`","version":"1.0.0"}`), 0o600)
	}
	got, err := Root(t.Context(), root, Options{Languages: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Debian:12 python3 amd64 3.11-1", "npm b  1.0.0", "npm c  1.0.0", "npm d  1.0.0", "npm resolve  1.0.0"}
	if diff := cmp.Diff(want, brief(got)); diff != "" {
		t.Error(diff)
	}
}

// A Go program says what it was built from: our own agent does.
func TestLanguagesOfAGoProgram(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("an ELF program is needed")
	}
	agent := filepath.Join(t.TempDir(), "agent")
	if out, err := exec.Command("go", "build", "-o", agent, "github.com/staunch-dev/staunch/cmd/staunch-agent").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(agent)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	put(t, root, "usr/bin/program", b, 0o700)
	got, err := Root(t.Context(), root, Options{Languages: true})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range got.Packages {
		names[p.Ecosystem+" "+p.Name] = true
		if strings.HasPrefix(p.Version, "v") || strings.HasPrefix(p.Version, "go") {
			t.Errorf("%s has version %q", p.Name, p.Version)
		}
	}
	for _, name := range []string{"Go stdlib", "Go github.com/spf13/cobra", "Go github.com/klauspost/compress"} {
		if !names[name] {
			t.Errorf("%s is missing in %d packages", name, len(names))
		}
	}
}

func TestLanguagesOfHostileFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "a/node_modules/x/package.json", []byte(`{"name":`), 0o600)
	put(t, root, "a/node_modules/y/package.json", bytes.Repeat([]byte(" "), maxManifest+1), 0o600)
	put(t, root, "bad.jar", []byte("PK\x03\x04"+strings.Repeat("x", 1000)), 0o600)
	put(t, root, "elf", append([]byte("\x7fELF\x02\x01\x01"), bytes.Repeat([]byte{0xff}, 100<<10)...), 0o700)
	deep := root
	for range maxDepth + 10 {
		deep = filepath.Join(deep, "d")
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := Root(t.Context(), root, Options{Languages: true})
	if err != nil || len(got.Packages) != 0 {
		t.Fatalf("%q, %v", brief(got), err)
	}
	for _, about := range []string{"a/node_modules/x/package.json: not read", "bad.jar: not read", "deeper than 100", "no package database"} {
		if !slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, about) }) {
			t.Errorf("nothing says %q: %q", about, got.Warnings)
		}
	}
}

// The extractors' own log would carry the names of hostile files to the terminal.
func TestExtractorsAreSilent(t *testing.T) {
	root := t.TempDir()
	put(t, root, "\x1b[2Jbad.jar", []byte("PK\x05\x06"), 0o600)
	put(t, root, "specifications/\x1b[2Jbad.gemspec", []byte("nonsense"), 0o600)
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := log.Writer()
	log.SetOutput(written)
	t.Cleanup(func() { log.SetOutput(before) })
	got, err := Root(t.Context(), root, Options{Languages: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = written.Close()
	if said, err := io.ReadAll(read); err != nil || len(said) > 0 {
		t.Errorf("said %q, %v", said, err)
	}
	for _, w := range got.Warnings {
		if strings.ContainsRune(w, 0x1b) {
			t.Errorf("%q", w)
		}
	}
}

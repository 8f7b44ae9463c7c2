package inspect

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"

	config "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
)

// zipOf is a zip of names and texts.
func zipOf(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	for i := 0; i < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What hostile files unpack to is bounded: of what a program says of its crates, of a manifest.
func TestLanguageBombsAreBounded(t *testing.T) { // not parallel: it measures memory
	const bomb, most = 128 << 20, 160 << 20
	spaces := strings.Repeat(" ", bomb)
	rows := strings.Repeat("a: b\n", bomb/5)
	for name, c := range map[string]struct {
		at   string
		file []byte
	}{
		"crates":   {"bin/x", rustProgram(t, `{"packages":[`+spaces+`]}`)},
		"manifest": {"x.jar", zipOf(t, "META-INF/MANIFEST.MF", rows)},
		"gemspec":  {"specifications/x.gemspec", []byte("Gem::Specification.new do |s|\n" + strings.Repeat("require_relative 'x'\n", 1<<19))},
	} {
		root := t.TempDir()
		put(t, root, c.at, c.file, 0o700)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := Root(t.Context(), root, Options{Languages: true})
		runtime.ReadMemStats(&after)
		if err != nil || len(got.Packages) != 0 {
			t.Errorf("%s: %q, %v", name, brief(got), err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s: %d MiB of memory", name, took>>20)
		}
		if said := func(w string) bool { return strings.Contains(w, "not read as") }; name == "crates" && !slices.ContainsFunc(got.Warnings, said) {
			t.Errorf("%s: nothing says that it was not read: %q", name, got.Warnings)
		}
	}
}

// Each name of an archive costs memory, and a directory of nothing but names packs by a factor of a thousand.
func TestAJarsNamesAreCounted(t *testing.T) {
	t.Parallel()
	const text = "PK\x01\x02"
	for _, n := range []int{0, 1, 3, 70_000} {
		in := strings.Repeat(text+strings.Repeat("x", 43), n)
		if got, err := countIn(io.MultiReader(strings.NewReader(in), strings.NewReader("PK\x01")), text); err != nil || got != n {
			t.Errorf("%d of %d, %v", got, n, err)
		}
	}
	j := &jars{left: maxOpened}
	names := strings.Repeat(text+strings.Repeat("x", 43), maxJarEntries+1)
	if err := j.read(t.Context(), "x.jar", strings.NewReader(names), int64(len(names)), 1); !errors.Is(err, errJar) {
		t.Errorf("%v", err)
	}
}

func TestWhatAJarUnpacksToIsCounted(t *testing.T) {
	t.Parallel()
	nested := jar(t)
	for range maxJarDepth {
		nested = zipOf(t, "x.jar", string(nested))
	}
	big := strings.Repeat(" ", 300<<10)
	for name, file := range map[string][]byte{
		"archives one beside the other": zipOf(t, "a.jar", big, "b.jar", big, "c.jar", big, "d.jar", big),
		"texts":                         zipOf(t, "a/MANIFEST.MF", big, "b/MANIFEST.MF", big, "c/MANIFEST.MF", big, "d/MANIFEST.MF", big),
		"archives in each other":        nested,
	} {
		given := 0
		j := &jars{left: 1 << 20, take: func(context.Context, string, fs.FileInfo, *bytes.Reader) error { given++; return nil }}
		if err := j.read(t.Context(), "x.jar", bytes.NewReader(file), int64(len(file)), 1); err == nil || given == 0 {
			t.Errorf("%s: %v, %d archives", name, err, given)
		}
	}
}

// Of sound archives the extractor finds in what we give it just what it finds in the archive itself.
func TestJarsMadeAnewSayTheSame(t *testing.T) {
	t.Parallel()
	pom := func(name string) string { return "groupId=org.example\nartifactId=" + name + "\nversion=1.2.3\n" }
	manifest := "Manifest-Version: 1.0\nBundle-SymbolicName: org.thing.core\nImplementation-Version: 4.5\nImplementation-Title: core\n\n" + strings.Repeat("Name: a/b.class\nSHA-256-Digest: abc\n\n", 100)
	inner := zipOf(t, "META-INF/maven/org.example/inner/pom.properties", pom("inner"), "x.class", "x")
	for name, file := range map[string][]byte{
		"thing-1.0.jar":           jar(t),
		"commons-logging-1.2.jar": zipOf(t, "a.class", "x"),
		"core-4.5.jar":            zipOf(t, "META-INF/MANIFEST.MF", manifest, "a.class", "x"),
		"app.war":                 zipOf(t, "WEB-INF/lib/inner.jar", string(inner), "WEB-INF/lib/log4j-core-2.14.1.jar", string(zipOf(t, "a", "b")), "WEB-INF/lib/core.jar", string(zipOf(t, "META-INF/MANIFEST.MF", manifest))),
		"all.ear":                 zipOf(t, "app.war", string(zipOf(t, "WEB-INF/lib/inner.jar", string(inner))), "META-INF/maven/a/b/pom.properties", pom("all")),
		"shaded.jar":              zipOf(t, "META-INF/maven/a/a/pom.properties", pom("a"), "META-INF/maven/b/b/pom.properties", pom("b")),
		"empty-1.0.jar":           zipOf(t),
		"broken-1.0.jar":          []byte(strings.Repeat("nonsense", 20)),
	} {
		root := t.TempDir()
		put(t, root, name, file, 0o600)
		got, err := Root(t.Context(), root, Options{Languages: true})
		if err != nil {
			t.Fatal(err)
		}
		e, err := archive.New(&config.PluginConfig{PluginSpecific: []*config.PluginSpecificConfig{{Config: &config.PluginSpecificConfig_JavaArchive{JavaArchive: &config.JavaArchiveConfig{HashJars: new(bool)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		found, _ := extract(t.Context(), e, &filesystem.ScanInput{Path: name, Info: sized{bytes: int64(len(file))}, Reader: bytes.NewReader(file)})
		want := map[string]bool{}
		for _, p := range found.Packages {
			want["Maven "+p.Name+"  "+p.Version] = true
		}
		have := map[string]bool{}
		for _, p := range brief(got) {
			have[p] = true
		}
		if a, b := fmt.Sprint(want), fmt.Sprint(have); a != b {
			t.Errorf("%s: %s, and itself %s", name, b, a)
		}
	}
}

func TestCrates(t *testing.T) {
	t.Parallel()
	audit, err := json.Marshal(map[string]any{"packages": []map[string]any{{"name": "a", "version": "1"}, {"name": "b", "version": "2", "kind": "build"}, {"name": "c", "version": "3", "kind": "runtime", "root": true}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := crates(bytes.NewReader(rustProgram(t, string(audit))))
	if err != nil || fmt.Sprint(got) != "[[a 1] [c 3]]" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := crates(strings.NewReader("\x7fELF")); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzCrates(f *testing.F) {
	f.Add(rustProgram(f, `{"packages":[{"name":"a","version":"1"}]}`)[:600])
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = crates(bytes.NewReader(b)) })
}

func FuzzJar(f *testing.F) {
	f.Add(jar(f))
	f.Add(zipOf(f, "a.jar", string(jar(f)), "META-INF/MANIFEST.MF", "a: b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := newReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.extractJar(t.Context(), r.by[java][0], "x.jar", bytes.NewReader(b), sized{bytes: int64(len(b))})
	})
}

package changelog

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

type file struct{ name, text string }

func tarOf(t testing.TB, files ...file) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// arOf is an ar archive, as a .deb is.
func arOf(members ...file) []byte {
	var out bytes.Buffer
	out.WriteString(arMagic)
	for _, m := range members {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", m.name, 0, 0, 0, "100644", len(m.text), m.text)
		if len(m.text)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

func debOf(t testing.TB, control string, data ...file) []byte {
	t.Helper()
	return arOf(file{"debian-binary", "2.0\n"}, file{"control.tar.gz/", gzipped(t, tarOf(t, file{"./md5sums", ""}, file{"./control", control}))}, file{"data.tar", tarOf(t, data...)})
}

const control = "Package: libp1\nSource: pkg (1:2.0-3+deb12u2)\nVersion: 2.0-3+b1\nArchitecture: amd64\nDescription: x\n Package: no\n"

func always(Deb) bool { return true }

func TestReadDeb(t *testing.T) {
	t.Parallel()
	log := file{"./usr/share/doc/libp1/changelog.Debian.gz", gzipped(t, debianText)}
	upstream := file{"./usr/share/doc/libp1/changelog.gz", gzipped(t, "2.0: CVE-2026-0001 is fixed\n")}
	for name, tc := range map[string]struct {
		deb  []byte
		logs bool
		err  error
	}{
		"its changelog":            {debOf(t, control, upstream, log), true, nil},
		"not packed":               {debOf(t, control, file{"usr/share/doc/x/changelog.Debian", debianText}), true, nil},
		"native":                   {debOf(t, control, file{"./usr/share/doc/libp1/changelog.gz", gzipped(t, debianText)}), true, nil},
		"upstream's alone":         {debOf(t, control, upstream), false, nil},
		"elsewhere":                {debOf(t, control, file{"./usr/share/doc/libp1/examples/changelog.Debian.gz", gzipped(t, debianText)}), false, nil},
		"of another source":        {debOf(t, strings.Replace(control, "Source: pkg", "Source: other", 1), log), false, nil},
		"a changelog cut off":      {debOf(t, control, file{log.name, log.text[:len(log.text)-9]}), false, intake.ErrDamaged},
		"no changelog":             {debOf(t, control, file{log.name, "\x1f\x8b"}), false, intake.ErrDamaged},
		"no package":               {debOf(t, "Version: 1\n", log), false, intake.ErrDamaged},
		"a package that is a path": {debOf(t, "Package: ../p\nVersion: 1\n", log), false, intake.ErrDamaged},
		"no version":               {debOf(t, "Package: p\n", log), false, intake.ErrDamaged},
		"no archive":               {[]byte("hello"), false, intake.ErrDamaged},
		"no members":               {[]byte(arMagic), false, intake.ErrDamaged},
		"data before control":      {arOf(file{"data.tar", tarOf(t, log)}, file{"control.tar", tarOf(t, file{"control", control})}), false, intake.ErrDamaged},
		"a head that is none":      {append(arOf(), bytes.Repeat([]byte("x"), arHead)...), false, intake.ErrDamaged},
		"cut off in a head":        {debOf(t, control, log)[:40], false, intake.ErrDamaged},
		"cut off in control":       {debOf(t, control, log)[:160], false, intake.ErrDamaged},
		"cut off in its tar":       {debOf(t, control, log)[:300], false, intake.ErrDamaged},
		"cut off in data":          {debOf(t, control, log)[:len(debOf(t, control, log))-2000], false, intake.ErrDamaged},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			d, err := ReadDeb(t.Context(), bytes.NewReader(tc.deb), intake.Limits{}, always)
			if !errors.Is(err, tc.err) || (len(d.Entries) > 0) != tc.logs {
				t.Fatalf("%v: %+v", err, d)
			}
			if !tc.logs {
				return
			}
			d.Entries = d.Entries[:1]
			entries, _ := Debian(strings.NewReader(debianText))
			want := Deb{Package: "libp1", Architecture: "amd64", Version: "2.0-3+b1", Source: "pkg", SourceVersion: "1:2.0-3+deb12u2", Entries: entries[:1]}
			if diff := cmp.Diff(want, d); diff != "" {
				t.Error(diff)
			}
		})
	}
	bomb := debOf(t, control, file{"usr/share/doc/libp1/changelog.Debian.gz", gzipped(t, strings.Repeat("pkg (1) x; urgency=low\n\n", 8<<20))})
	if _, err := ReadDeb(t.Context(), bytes.NewReader(bomb), intake.Limits{}, always); !errors.Is(err, intake.ErrDamaged) && !errors.Is(err, intake.ErrTooLong) {
		t.Errorf("a bomb: %v", err)
	}
	d, err := ReadDeb(t.Context(), bytes.NewReader(debOf(t, control, log)[:800]), intake.Limits{}, func(Deb) bool { return false })
	if err != nil || d.Source != "pkg" || d.Entries != nil {
		t.Errorf("not wanted: %v: %+v", err, d)
	}
}

// build makes a .deb with dpkg-deb.
func build(t *testing.T, dir, name, control, packed string) {
	t.Helper()
	tree := t.TempDir()
	doc := filepath.Join(tree, "usr", "share", "doc", "libp1")
	for _, folder := range []string{doc, filepath.Join(tree, "DEBIAN")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	full := "Maintainer: Jane Doe <jane@example.org>\n" + control
	for path, text := range map[string]string{filepath.Join(doc, "changelog.Debian.gz"): gzipped(t, debianText), filepath.Join(tree, "DEBIAN", "control"): full} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "dpkg-deb", "--root-owner-group", "-Z"+packed, "--build", tree, filepath.Join(dir, name)).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v: %s", err, out)
	}
}

// Packages as dpkg-deb builds them, in each of its compressions, in a folder such as apt keeps.
func TestStagedDebs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no dpkg-deb here")
	}
	for _, packed := range []string{"gzip", "xz", "zstd", "none"} {
		t.Run(packed, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			build(t, dir, "libp1_2.0-3+b1_amd64.deb", control, packed)
			build(t, dir, "libp2_2.0-3+b1_amd64.deb", strings.Replace(control, "libp1", "libp2", 1), packed) // of the same source: not read again
			build(t, dir, "absent_1_amd64.deb", strings.Replace(control, "libp1", "absent", 1), packed)
			build(t, dir, "moved_1_amd64.deb", strings.Replace(control, "libp1", "moved", 1), packed)
			build(t, dir, "newer_1_amd64.deb", strings.Replace(control, "libp1", "newer", 1), packed)
			if err := os.WriteFile(filepath.Join(dir, "broken.deb"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "folder.deb"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.deb")); err != nil {
				t.Fatal(err)
			}
			installed := func(name, arch string) (source, version string, ok bool) {
				if arch != "amd64" {
					t.Errorf("%s is asked for %s", name, arch)
				}
				switch name {
				case "libp1", "libp2":
					return "pkg", "1:2.0-3", true
				case "moved":
					return "other", "1:2.0-3", true
				case "newer":
					return "pkg", "1:2.0-4", true
				}
				return "", "", false
			}
			var all []advisory.Advisory
			s, err := StagedDebs(t.Context(), dir, "Debian:12", intake.Limits{}, installed, func(a advisory.Advisory) error {
				all = append(all, a)
				return nil
			})
			if err != nil || s.Records != 3 || s.Left != 4 || s.Skipped != 3 || len(s.Problems) != 3 || s.Newest.IsZero() {
				t.Errorf("%v: %+v", err, s)
			}
			fixed := "1:2.0-3+deb12u2"
			if diff := cmp.Diff(map[string]string{"CVE-2026-0001": fixed, "CVE-2026-0002": fixed, "CVE-2026-0003": fixed}, fixes(all)); diff != "" {
				t.Error(diff)
			}
			for _, a := range all {
				if a.Affected[0].Ecosystem != "Debian:12" || a.Affected[0].Package != "pkg" {
					t.Errorf("%+v", a)
				}
			}
			full := errors.New("enough")
			if _, err := StagedDebs(t.Context(), dir, "Debian:12", intake.Limits{}, installed, func(advisory.Advisory) error { return full }); !errors.Is(err, full) {
				t.Errorf("a yield that fails: %v", err)
			}
		})
	}
}

func TestStagedDebsEnds(t *testing.T) {
	t.Parallel()
	never := func(string, string) (string, string, bool) { return "", "", false }
	none := func(advisory.Advisory) error { return nil }
	if _, err := StagedDebs(t.Context(), filepath.Join(t.TempDir(), "none"), "Debian:12", intake.Limits{}, never, none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.deb"), debOf(t, control), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := StagedDebs(t.Context(), dir, "Debian:12", intake.Limits{MaxArchive: 10}, never, none); err != nil || s.Skipped != 1 {
		t.Errorf("a giant: %v: %+v", err, s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := StagedDebs(ctx, dir, "Debian:12", intake.Limits{}, never, none); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
}

func FuzzDeb(f *testing.F) {
	log := file{"./usr/share/doc/libp1/changelog.Debian.gz", gzipped(f, debianText)}
	f.Add(debOf(f, control, log))
	f.Add(debOf(f, "Package: p\nVersion: 1\n", file{"usr/share/doc/p/changelog", debianText}))
	f.Add(arOf(file{"control.tar", "x"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ReadDeb(t.Context(), bytes.NewReader(data), intake.Limits{MaxEntries: 100, MaxRecord: 1 << 16, MaxTotal: 1 << 20}, always)
		if err == nil && (d.Package == "" || d.Source == "" || d.SourceVersion == "") {
			t.Errorf("%+v", d)
		}
		check(t, d.Entries)
	})
}

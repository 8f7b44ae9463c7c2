package apk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

// two has the shape that apk 2.14 of Alpine 3.20 writes: a package's fields, then its folders and files.
const two = `C:Q1abcdefghijklmnopqrstuvwxyz0=
P:libssl3
V:3.3.1-r3
A:x86_64
S:293521
I:724992
T:SSL shared libraries
U:https://www.openssl.org/
L:Apache-2.0
o:openssl
m:Somebody <somebody@example.org>
t:1720093234
c:f0a0a0
D:so:libc.musl-x86_64.so.1 so:libcrypto.so.3
p:so:libssl.so.3=3
r:libressl
F:lib
R:libssl.so.3
a:0:0:755
Z:Q1abc=
F:usr
F:usr/lib

P:musl
V:1.2.5-r0
A:x86_64
`

func TestParse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("so:x ", 40_000)
	for name, c := range map[string]struct {
		in       string
		want     []Package
		problems []string
	}{
		"real_shape":     {two, []Package{{"libssl3", "x86_64", "3.3.1-r3", "openssl"}, {"musl", "x86_64", "1.2.5-r0", "musl"}}, nil},
		"no_last_line":   {"P:a\nV:1", []Package{{"a", "", "1", "a"}}, nil},
		"crlf":           {"P:a\r\nV:1\r\n\r\nP:b\r\nV:2\r\n", []Package{{"a", "", "1", "a"}, {"b", "", "2", "b"}}, nil},
		"long_list":      {"P:a\nD:" + long + "\nV:1\n\n", []Package{{"a", "", "1", "a"}}, nil},
		"twice":          {"P:a\nV:1\n\nP:a\nV:1\n", []Package{{"a", "", "1", "a"}}, []string{`package "a" (1) twice: one of them counts`}},
		"no_name":        {"V:1\n\nP:b\nV:2\n", []Package{{"b", "", "2", "b"}}, []string{`record at line 1: "" of "" is not a package name`}},
		"bad_name":       {"P:a b\nV:1\n", nil, []string{`record at line 1: "a b" of "a b" is not a package name`}},
		"no_version":     {"P:a\n", nil, []string{`record at line 1: package "a": "" is not a version`}},
		"field_twice":    {"P:a\nP:b\nV:1\n", nil, []string{`record at line 1: field P twice`}},
		"no_field":       {"\n\nP:a\nnonsense\nV:1\n", nil, []string{`record at line 3: a line that is no field`}},
		"empty":          {"", nil, nil},
		"wide_architect": {"P:a\nV:1\nA:" + strings.Repeat("x", 33) + "\n", nil, []string{`record at line 1: package "a": "` + strings.Repeat("x", 33) + `" is not an architecture`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := Parse(strings.NewReader(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, db.Packages); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.problems, db.Problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadFindsEitherPlaceAndThePins(t *testing.T) {
	t.Parallel()
	for _, place := range databases {
		dir := t.TempDir()
		write(t, filepath.Join(dir, place), two)
		write(t, filepath.Join(dir, World), "alpine-base\nlibssl3=3.3.1-r3\nmusl~1.2\nnginx>1.20\n!busybox\npython3@edge\n")
		root, err := pkgmgr.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		db, err := Read(root)
		if err != nil || len(db.Packages) != 2 {
			t.Errorf("%s: %d packages, %v", place, len(db.Packages), err)
		}
		if diff := cmp.Diff([]string{"libssl3", "musl"}, db.Held); diff != "" {
			t.Error(diff)
		}
		_ = root.Close()
	}
	root, err := pkgmgr.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if _, err := Read(root); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("empty root: %v, want ErrNoDatabase", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzApkInstalled(f *testing.F) {
	f.Add(two)
	f.Add("P:a\r\nV:1\n\n\nx\n\nP:b\nA:\x00\n")
	f.Fuzz(func(t *testing.T, in string) {
		db, err := Parse(strings.NewReader(in))
		if err != nil {
			t.Fatalf("parsing memory cannot fail: %v", err)
		}
		for i, p := range db.Packages {
			if !pkgmgr.Plain(p.Name) || !pkgmgr.Plain(p.Version) || !pkgmgr.Plain(p.Origin) {
				t.Fatalf("let through: %+v", p)
			}
			if i > 0 && compare(db.Packages[i-1], p) >= 0 {
				t.Fatalf("not sorted at %d", i)
			}
		}
		parseWorld([]byte(in))
	})
}

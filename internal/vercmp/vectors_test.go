package vercmp

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared finds the folder of shared test data, or skips; on CI it must be there.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("STAUNCH_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no shared test data at %s: %v", dir, err)
		}
		t.Skipf("no shared test data at %s; STAUNCH_SHARED names its place", dir)
	}
	return dir
}

type vector struct {
	line     string
	a, op, b string
}

// vectors reads "a TAB op TAB b" or "version TAB valid|invalid" lines; \t stands for a tab, # begins a comment.
func vectors(t testing.TB, path string) []vector {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		f := strings.Split(line, "\t")
		for i := range f {
			f[i] = strings.ReplaceAll(f[i], `\t`, "\t")
		}
		v := vector{line: line, a: f[0], op: f[1]}
		if len(f) == 3 {
			v.b = f[2]
		}
		vs = append(vs, v)
	}
	if len(vs) == 0 {
		t.Fatalf("%s has no vectors", path)
	}
	return vs
}

func opOf(n int) string { return [...]string{"<", "=", ">"}[n+1] }

// checkVector holds Compare both ways round, and keys where both versions have them.
func checkVector(t *testing.T, s Scheme, v vector) {
	t.Helper()
	n, err := Compare(s, v.a, v.b)
	if err != nil {
		t.Errorf("%s %q: %v", s, v.line, err)
		return
	}
	if opOf(n) != v.op {
		t.Errorf("%s: %q %s %q, want %s", s, v.a, opOf(n), v.b, v.op)
	}
	if back, err := Compare(s, v.b, v.a); err != nil || back != -n {
		t.Errorf("%s: %q to %q is %d (%v), the other way round %d", s, v.a, v.b, n, err, back)
	}
	ka, errA := Key(s, v.a)
	kb, errB := Key(s, v.b)
	if errA == nil && errB == nil && bytes.Compare(ka, kb) != n {
		t.Errorf("%s: %q %s %q by compare, %s by key (%x, %x)", s, v.a, opOf(n), v.b, opOf(bytes.Compare(ka, kb)), ka, kb)
	}
}

// sharedFile is a file of shared vectors. Refused is how many of its rows hold a version that the scheme does not allow: a tool, or
// osv-scanner, orders them all the same, and we give an error. Each row that is left must agree.
type sharedFile struct {
	scheme  Scheme
	refused int
	why     string
	differ  map[string]string // rows that the tool itself orders otherwise, and how
}

func sharedFiles() map[string]sharedFile {
	return map[string]sharedFile{
		"deb-apt.tsv":                {scheme: Deb},
		"deb-dpkg.tsv":               {scheme: Deb, refused: 2, why: "a-0 and b-0: dpkg warns that a version must start with a digit, and orders them"},
		"osv-debian.tsv":             {scheme: Deb},
		"rpm-rpmvercmp.tsv":          {scheme: RPM},
		"rpm-rpmvercmp-oddities.tsv": {scheme: RPM},
		"osv-redhat.tsv":             {scheme: RPM},
		"apk-version-data.tsv":       {scheme: APK, refused: 2, why: "23_foo, 1.0bc: apk calls them invalid, and orders what stands before the fault"},
		"osv-alpine.tsv":             {scheme: APK, refused: 37, why: "the same two, and 35 of osv-scanner's own: empty numbers, unknown suffixes, -r without a number, no number first"},
		"osv-semver.tsv":             {scheme: SemVer, refused: 1, why: "1.1.3.4.5"},
		"pacman-vercmp.tsv":          {scheme: Pacman},
		"osv-pypi.tsv":               {scheme: PEP440, refused: 11, why: "0.1-bulbasaur and others from before PEP 440, which packaging refuses"},
		"osv-maven.tsv":              {scheme: Maven, differ: map[string]string{"1-1\t=\t1-ga-1": ">"}}, // Maven 3.8.7 has [1, [1]] > [1, [[1]]]
		"osv-rubygems.tsv":           {scheme: RubyGems, refused: 2, why: "1beta and 1gamma: Gem::Version has them malformed"},
		"osv-nuget.tsv":              {scheme: NuGet},
	}
}

func TestSharedVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shared(t), "data", "vectors")
	for name, f := range sharedFiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := 0
			for _, v := range vectors(t, filepath.Join(dir, name)) {
				if op, ok := f.differ[v.line]; ok {
					v.op = op
				}
				if Valid(f.scheme, v.a) == nil && Valid(f.scheme, v.b) == nil {
					checkVector(t, f.scheme, v)
					continue
				}
				refused++
				var bad *InvalidError
				if _, err := Compare(f.scheme, v.a, v.b); !errors.As(err, &bad) {
					t.Errorf("%q: %v, want it refused", v.line, err)
				}
			}
			if refused != f.refused {
				t.Errorf("%d rows refused, want %d (%s)", refused, f.refused, f.why)
			}
		})
	}
}

func TestSharedValidity(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shared(t), "data", "vectors")
	for name, scheme := range map[string]Scheme{"deb-dpkg-validity.tsv": Deb, "apk-validity.tsv": APK} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range vectors(t, filepath.Join(dir, name)) {
				err := Valid(scheme, v.a)
				if (err == nil) != (v.op == "valid") {
					t.Errorf("%q should be %s: %v", v.a, v.op, err)
				}
				_, keyErr := Key(scheme, v.a)
				_, cmpErr := Compare(scheme, "0", v.a)
				if (keyErr == nil) != (err == nil) || (cmpErr == nil) != (err == nil) {
					t.Errorf("%q: Valid says %v, Key %v, Compare %v", v.a, err, keyErr, cmpErr)
				}
			}
		})
	}
}

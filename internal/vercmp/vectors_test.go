package vercmp

import (
	"bytes"
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

// The files of shared vectors, and the rows in which we differ on purpose: want is what we say instead, "invalid" for a refusal.
func sharedFiles() map[string]struct {
	scheme Scheme
	differ map[string]string
} {
	type file = struct {
		scheme Scheme
		differ map[string]string
	}
	return map[string]file{
		"deb-apt.tsv":                {Deb, nil},
		"deb-dpkg.tsv":               {Deb, lettersFirst()},
		"osv-debian.tsv":             {Deb, nil},
		"rpm-rpmvercmp.tsv":          {RPM, nil},
		"rpm-rpmvercmp-oddities.tsv": {RPM, nil},
		"osv-redhat.tsv":             {RPM, nil},
		"apk-version-data.tsv":       {APK, nil},
		"osv-alpine.tsv":             {APK, nil},
		"osv-semver.tsv":             {SemVer, nil},
		"pacman-vercmp.tsv":          {Pacman, nil},
	}
}

// dpkg orders these and warns: a version must start with a digit, and its own validity tests call such versions bad.
func lettersFirst() map[string]string {
	return map[string]string{"a-0\t<\tb-0": "invalid", "b-0\t>\ta-0": "invalid"}
}

func TestSharedVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shared(t), "data", "vectors")
	for name, f := range sharedFiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			differed := map[string]bool{}
			for _, v := range vectors(t, filepath.Join(dir, name)) {
				want, ok := f.differ[v.line]
				if !ok {
					checkVector(t, f.scheme, v)
					continue
				}
				differed[v.line] = true
				n, err := Compare(f.scheme, v.a, v.b)
				if got := opOf(n); err == nil && got != want || err != nil && want != "invalid" {
					t.Errorf("%q: %s (%v), and our table says %s", v.line, got, err, want)
				}
			}
			if len(differed) != len(f.differ) {
				t.Errorf("%d rows differ, the table has %d", len(differed), len(f.differ))
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

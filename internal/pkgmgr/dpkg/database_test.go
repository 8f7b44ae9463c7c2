package dpkg

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

func stanza(name, status, version string) string {
	return "Package: " + name + "\nStatus: " + status + "\nArchitecture: amd64\nVersion: " + version + "\n\n"
}

// read writes files below a fresh root and reads the database there.
func read(t *testing.T, files map[string]string) (Database, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := pkgmgr.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	return Read(root)
}

// brief is name:arch version state of each package.
func brief(db Database) []string {
	out := []string{}
	for _, p := range db.Packages {
		out = append(out, p.Name+":"+p.Arch+" "+p.Version+" "+p.State)
	}
	return out
}

func TestParse(t *testing.T) {
	t.Parallel()
	ok := "install ok installed"
	long := strings.Repeat("x", 200<<10)
	for name, c := range map[string]struct {
		in       string
		want     []string
		problems []string
	}{
		"sorted":            {stanza("b", ok, "1") + stanza("a", ok, "2"), []string{"a:amd64 2 installed", "b:amd64 1 installed"}, nil},
		"no_final_newline":  {strings.TrimRight(stanza("a", ok, "1"), "\n"), []string{"a:amd64 1 installed"}, []string{"status: what comes after line 4: the file ends there in the middle of a line"}},
		"carriage_returns":  {strings.ReplaceAll(stanza("a", ok, "1")+stanza("b", ok, "1"), "\n", "\r\n"), []string{"a:amd64 1 installed", "b:amd64 1 installed"}, nil},
		"field_name_case":   {"pACKAGE: a\nstatus:install ok installed\nVERSION:\t1\nArchitecture:all\n", []string{"a:all 1 installed"}, nil},
		"continuations":     {"Package: a\nStatus: install ok installed\nDescription: x\n Package: not one\n .\n Version: 9\nVersion: 1\nArchitecture: all\n", []string{"a:all 1 installed"}, nil},
		"long_foreign_line": {"Package: a\nStatus: install ok installed\nDescription: " + long + "\n " + long + "\nVersion: 1\nArchitecture: all\n", []string{"a:all 1 installed"}, nil},
		"long_version":      {"Package: a\nStatus: install ok installed\nVersion: " + long + "\n\n" + stanza("b", ok, "1"), []string{"b:amd64 1 installed"}, []string{`status: stanza at line 1 ("a"): field Version is too long`}},
		"field_twice":       {"Package: a\nVersion: 1\nVersion: 2\n\n" + stanza("b", ok, "1"), []string{"b:amd64 1 installed"}, []string{`status: stanza at line 1 ("a"): field Version twice`}},
		"no_field":          {"Package: a\ngarbage\n\n" + stanza("b", ok, "1"), []string{"b:amd64 1 installed"}, []string{`status: stanza at line 1 ("a"): a line that is neither a field nor a continuation`}},
		"starts_continued":  {" x\nPackage: a\n", []string{}, []string{`status: stanza at line 1 ("a"): a continuation line before any field`}},
		"bad_name":          {stanza("../etc", ok, "1"), []string{}, []string{`status: stanza at line 1: "../etc" is not a package name`}},
		"bad_status":        {stanza("a", "installed", "1"), []string{}, []string{`status: stanza at line 1: package "a": "installed" is not a status`}},
		"bad_version":       {stanza("a", ok, "1 2"), []string{}, []string{`status: stanza at line 1: package "a": "1 2" is not a version`}},
		"no_version":        {"Package: a\nStatus: install ok installed\n", []string{}, []string{`status: stanza at line 1: package "a" is installed without a version`}},
		"half_no_version":   {"Package: a\nStatus: install reinstreq half-installed\nArchitecture: all\n", []string{"a:all  half-installed"}, nil},
		"no_status":         {"Package: a\nArchitecture: all\nVersion: 1\n", []string{"a:all 1 not-installed"}, nil},
		"twice":             {stanza("a", ok, "1") + stanza("a", ok, "2"), []string{"a:amd64 2 installed"}, []string{`status: package "a" (amd64) twice: the later one counts`}},
		"only_blank":        {"\n\n\r\n", []string{}, nil},
		"empty":             {"", []string{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := Parse(strings.NewReader(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, brief(db)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.problems, db.Problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestJournalIsAppliedAsDpkgWould(t *testing.T) {
	t.Parallel()
	ok := "install ok installed"
	db, err := read(t, map[string]string{
		StatusFile:            stanza("a", ok, "1") + stanza("b", ok, "1") + stanza("c", ok, "1"),
		UpdatesDir + "/0000":  stanza("a", "install ok unpacked", "2"),
		UpdatesDir + "/0001":  stanza("a", "install ok half-configured", "2"),
		UpdatesDir + "/0002":  strings.Replace(stanza("b", ok, "2"), "amd64", "all", 1),
		UpdatesDir + "/0003":  stanza("c", "deinstall ok config-files", "1"),
		UpdatesDir + "/tmp.i": "half a stanz",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a:amd64 2 half-configured", "b:all 2 installed", "c:amd64 1 config-files"}
	if diff := cmp.Diff(want, brief(db)); diff != "" {
		t.Error(diff)
	}
	if !db.Interrupted || len(db.Problems) > 0 {
		t.Errorf("interrupted %v, problems %q; want true and none", db.Interrupted, db.Problems)
	}
	db, err = read(t, map[string]string{StatusFile: "", UpdatesDir + "/tmp.i": ""})
	if err != nil || db.Interrupted {
		t.Errorf("scratch alone: interrupted %v, %v; want false", db.Interrupted, err)
	}
}

func TestDistrolessFolder(t *testing.T) {
	t.Parallel()
	db, err := read(t, map[string]string{
		StatusDir + "/libc6":         "Package: libc6\nArchitecture: amd64\nVersion: 2.36-9+deb12u7\nSource: glibc\n",
		StatusDir + "/libc6.md5sums": "abc  usr/lib/libc.so.6\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"libc6:amd64 2.36-9+deb12u7 installed"}, brief(db)); diff != "" {
		t.Error(diff)
	}
	if _, err := read(t, nil); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("empty root: %v, want ErrNoDatabase", err)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	db, err := Parse(strings.NewReader(strings.Repeat("garbage\n\n", 5000)))
	if err != nil || len(db.Problems) != maxProblems+1 || db.Problems[maxProblems] != "and 4900 more" {
		t.Fatalf("%d problems, %v", len(db.Problems), err)
	}
}

func FuzzDpkgStatus(f *testing.F) {
	f.Add(stanza("a", "install ok installed", "1:2-3") + stanza("b", "hold reinstreq half-installed", ""))
	f.Add("Package: a\r\nSource: x (1\r\n\r\n y\n#z\nStatus:\n\t.\n")
	f.Fuzz(func(t *testing.T, in string) {
		db, err := Parse(strings.NewReader(in))
		if err != nil {
			t.Fatalf("parsing memory cannot fail: %v", err)
		}
		for i, p := range db.Packages {
			if !validName(p.Name) || !validArch(p.Arch) || p.State == "installed" && !ValidVersion(p.Version) {
				t.Fatalf("let through: %+v", p)
			}
			if i > 0 && db.Packages[i-1].Name > p.Name {
				t.Fatalf("not sorted at %d", i)
			}
		}
	})
}

// A field of very many short lines costs what its bytes cost: each line is not a copy of all before it.
func TestManyContinuationLinesCostTheirBytes(t *testing.T) { // not parallel: it counts what is allocated
	text := "Package: a\nStatus: install ok installed\nVersion: 1\nOrigin: x\n" + strings.Repeat(" y\n", maxValue/2-10) + "\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := NewReader(strings.NewReader(text), "Package", "Origin").Next()
	runtime.ReadMemStats(&after)
	if err != nil || len(s.Get("Origin")) != 1+2*(maxValue/2-10) {
		t.Fatalf("%d bytes, %v", len(s.Get("Origin")), err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("%d bytes of memory for a field of %d", took, maxValue)
	}
}

// A status file that no host has is refused, however well it is packed on its disk.
func TestAnEndlessStatusFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "var/lib/dpkg"), 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, StatusFile)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1<<40); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	root, err := pkgmgr.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if _, err := Read(root); !errors.Is(err, pkgmgr.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

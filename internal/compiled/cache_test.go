package compiled

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/fault"
)

func TestTheCache(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "staunch")
	c, err := OpenCache(folder)
	if err != nil {
		t.Fatal(err)
	}
	in := []Input{{Path: "kev/x", Size: 1, Modified: time.Unix(1, 0), Inode: 1}}
	base := KeyOf("/f", []string{"b", "a"}, in, "p")
	keys := map[string]Key{
		"folder":   KeyOf("/g", []string{"b", "a"}, in, "p"),
		"releases": KeyOf("/f", []string{"b"}, in, "p"),
		"program":  KeyOf("/f", []string{"b", "a"}, in, "q"),
		"path":     KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/y", Size: 1, Modified: time.Unix(1, 0), Inode: 1}}, "p"),
		"size":     KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/x", Size: 2, Modified: time.Unix(1, 0), Inode: 1}}, "p"),
		"time":     KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/x", Size: 1, Modified: time.Unix(1, 1), Inode: 1}}, "p"),
		"inode":    KeyOf("/f", []string{"b", "a"}, []Input{{Path: "kev/x", Size: 1, Modified: time.Unix(1, 0), Inode: 2}}, "p"),
	}
	if KeyOf("/f", []string{"a", "b"}, in, "p") != base {
		t.Error("the order of releases makes another key")
	}
	for name, k := range keys {
		if k.State == base.State {
			t.Errorf("another %s is the same state", name)
		}
		if same := k.Of == base.Of; same != !slices.Contains([]string{"folder", "releases"}, name) {
			t.Errorf("%s: Of is %v", name, same)
		}
	}
	if _, err := c.Open(base); !errors.Is(err, fault.NotFound) {
		t.Fatalf("an empty cache: %v", err)
	}
	put := func(k Key, age time.Duration) {
		t.Helper()
		path := filepath.Join(folder, k.file())
		if err := sample().compile(path); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put(base, 0)
	l, err := c.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	put(keys["size"], time.Minute)
	put(keys["time"], time.Hour)
	put(keys["folder"], time.Hour)
	old := filepath.Join(folder, tempPrefix+"1")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Prune(time.Now().Add(time.Hour))
	if _, err := os.Stat(old); err != nil {
		t.Error("a young temporary file is gone")
	}
	c.Prune(time.Now().Add(25 * time.Hour))
	left := map[string]bool{}
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		left[e.Name()] = true
	}
	want := map[string]bool{base.file(): true, keys["size"].file(): true, keys["folder"].file(): true}
	if !maps.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
	c.Discard(base)
	if a, err := l.About("Debian:12", "p0"); err != nil || len(a) != 6 {
		t.Errorf("a mapped file that was removed: %d, %v", len(a), err)
	}
	if err := os.WriteFile(filepath.Join(folder, base.file()), []byte("foreign"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(base); !errors.Is(err, ErrDamaged) {
		t.Errorf("a foreign file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, base.file())); err == nil {
		t.Error("a foreign file stays")
	}
	elsewhere := filepath.Join(t.TempDir(), "theirs")
	if err := errors.Join(sample().compile(elsewhere), os.Symlink(elsewhere, filepath.Join(folder, base.file()))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(base); err == nil {
		t.Error("a link out of the folder is followed")
	}
	put(keys["inode"], 0)
	if err := os.Chmod(filepath.Join(folder, keys["inode"].file()), 0o666); err != nil { //nolint:gosec // the case under test
		t.Fatal(err)
	}
	if _, err := c.Open(keys["inode"]); !errors.Is(err, ErrDamaged) {
		t.Errorf("a file that others may write: %v", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil { //nolint:gosec // the case under test
		t.Fatal(err)
	}
	if _, err := OpenCache(folder); !errors.Is(err, fault.Forbidden) {
		t.Errorf("a folder open to others: %v", err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(filepath.Join(folder, "link")); !errors.Is(err, fault.Forbidden) {
		t.Errorf("a link: %v", err)
	}
}

// A folder of feeds, or one in it, may be a link: what changes behind it changes the state, or old answers would be given for ever.
func TestTheSurveySeesWhatIsBehindLinks(t *testing.T) {
	t.Parallel()
	mirror, folder := t.TempDir(), t.TempDir()
	file := filepath.Join(mirror, "osv", "Debian", "all.zip")
	write := func(text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	current := filepath.Join(folder, "current")
	if err := errors.Join(
		os.Symlink(mirror, current),
		os.Symlink(filepath.Join(mirror, "osv"), filepath.Join(folder, "osv")),
		os.Symlink(mirror, filepath.Join(mirror, "osv", "round")), // and round
	); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("osv", "Debian", "all.zip")
	for _, path := range []string{folder, current, mirror} {
		for _, text := range []string{"one", "three"} {
			write(text)
			inputs, err := Survey(path)
			if err != nil || !slices.ContainsFunc(inputs, func(in Input) bool { return in.Path == name && in.Size == int64(len(text)) }) {
				t.Errorf("%s: %v, %+v", path, err, inputs)
			}
		}
	}
}

// A few folders of links to each other have more paths than anybody can walk.
func TestTheSurveyOfLinksAndLinksEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 18 {
		at := filepath.Join(dir, fmt.Sprintf("d%02d", i))
		if err := os.Mkdir(at, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, link := range []string{"a", "b"} {
			if err := os.Symlink(fmt.Sprintf("../d%02d", min(i+1, 17)), filepath.Join(at, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := Survey(dir); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

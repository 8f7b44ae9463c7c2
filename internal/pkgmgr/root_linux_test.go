package pkgmgr

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Whatever stands where a database is expected is looked at before it is opened: opening a device can act (a watchdog restarts the machine,
// a tape winds back), and opening a FIFO can wait for ever.
func TestRootOpensNothingButFilesAndFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("fifo", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(watch) }()
	if _, err := unix.InotifyAddWatch(watch, fifo, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	root, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, name := range []string{"fifo", "link"} {
			if _, err := root.Open(name); err == nil {
				t.Errorf("Open(%q) takes a FIFO", name)
			}
			if _, err := root.ReadFile(name, 10); err == nil {
				t.Errorf("ReadFile(%q) takes a FIFO", name)
			}
			if _, err := root.ReadDir(name); err == nil {
				t.Errorf("ReadDir(%q) takes a FIFO", name)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		if w, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil { // lets the reader go
			_ = w.Close()
		}
		t.Fatal("a FIFO stops us")
	}
	if n, err := unix.Read(watch, make([]byte, 4096)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the FIFO was opened (%d bytes of news, %v)", n, err)
	}
}

// A name that links make longer and longer costs a bounded number of steps: each is a walk from the root on.
func TestRootGivesUpOnEndlessNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Each link goes a thousand folders further down, by the next link: forty thousand in all.
	at, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = at.Close() }()
	for i := range 30 {
		if err := at.Symlink(strings.Repeat("d/../", 700)+"l"+strconv.Itoa(i+1), "l"+strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	deep := dir
	for range 600 {
		deep += "/d"
	}
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(strings.TrimSuffix(strings.Repeat("d/", 600), "/"), filepath.Join(dir, "deep")); err != nil {
		t.Fatal(err)
	}
	root, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for _, name := range []string{"l0", "deep", strings.Repeat("d/../", 3000) + "d"} {
		if _, err := root.Stat(name); !errors.Is(err, errTooLong) {
			t.Errorf("%.20s…: %v", name, err)
		}
	}
	if _, err := root.Stat(strings.Repeat("d/", 100)); err != nil {
		t.Errorf("a hundred folders: %v", err)
	}
}

// A folder is read up to a bound: its names are held in memory.
func TestRootBoundsAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 30 {
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if got, err := root.ReadDir("."); err != nil || len(got) != 30 || got[1].Name() != "1" || got[2].Name() != "10" {
		t.Errorf("%v, %v", got, err)
	}
	root.most = 29
	if got, err := root.ReadDir("."); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d names, %v", len(got), err)
	}
}

// A file is read up to a bound also where it is read piece by piece: a hostile tree may pack a terabyte of blank lines into a megabyte.
func TestOpenUpToStopsAtItsLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	f, err := root.OpenUpTo("f", 5)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if _, err := root.OpenUpTo("f", 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

//go:build unix

package pkgmgr

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRunGivesOutputAndCode(t *testing.T) {
	t.Parallel()
	out, err := Run(t.Context(), Command{Name: "sh", Args: []string{"-c", `echo "$LC_ALL"; echo x >&2; cat; exit 3`}})
	if err != nil || string(out.Stdout) != "C.UTF-8\n" || string(out.Stderr) != "x\n" || out.Code != 3 {
		t.Errorf("%q %q %d %v", out.Stdout, out.Stderr, out.Code, err)
	}
}

// Root's PATH may lead through somebody's own folder: nothing in it is run.
func TestRunTakesTheSystemsOwnPrograms(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"sh", "staunch-no-such-program"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho theirs\n"), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	out, err := Run(t.Context(), Command{Name: "sh", Args: []string{"-c", "echo ours"}})
	if err != nil || string(out.Stdout) != "ours\n" {
		t.Errorf("%q %v", out.Stdout, err)
	}
	if out, err = Run(t.Context(), Command{Name: "staunch-no-such-program"}); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%q %v", out.Stdout, err)
	}
}

func TestRunBoundsOutput(t *testing.T) {
	t.Parallel()
	out, err := Run(t.Context(), Command{Name: "sh", Args: []string{"-c", "yes | head -c 100000"}, Limit: 1000})
	if err == nil || len(out.Stdout) != 1000 {
		t.Errorf("%d bytes, %v; want 1000 and to be told", len(out.Stdout), err)
	}
}

// A program that hangs is killed with all that it started.
func TestRunKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for { // the grandchild lives: now stop it
			if b, err := os.ReadFile(pidFile); err == nil && strings.HasSuffix(string(b), "\n") {
				cancel()
				return
			}
			runtime.Gosched()
		}
	}()
	_, err := Run(ctx, Command{Name: "sh", Args: []string{"-c", "sleep 600 & echo $! > " + pidFile + "; wait"}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want canceled", err)
	}
	b, _ := os.ReadFile(pidFile)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for syscall.Kill(pid, 0) == nil && alive(pid) {
		if time.Now().After(deadline) {
			t.Fatal("the grandchild still lives")
		}
		runtime.Gosched()
	}
}

// alive is false for a zombie that nobody has reaped yet.
func alive(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestRunStopsAtItsTimeout(t *testing.T) {
	t.Parallel()
	if _, err := Run(t.Context(), Command{Name: "sleep", Args: []string{"600"}, Timeout: 10 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "stopped after") {
		t.Errorf("%v", err)
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	n := 0
	count := func(r io.Reader) error {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			n++
		}
		return lines.Err()
	}
	if err := Stream(t.Context(), Command{Name: "seq", Args: []string{"1000"}}, count); err != nil || n != 1000 {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := Stream(t.Context(), Command{Name: "false"}, count); err == nil {
		t.Error("a failing program is no error")
	}
	first := func(r io.Reader) error { _, err := r.Read(make([]byte, 1)); return err }
	if err := Stream(t.Context(), Command{Name: "yes"}, first); err != nil {
		t.Errorf("a reader that has enough: %v", err)
	}
	boom := errors.New("boom")
	if err := Stream(t.Context(), Command{Name: "yes"}, func(io.Reader) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("%v, want the reader's error", err)
	}
}

func TestRootIsNotEscaped(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(outside, "secret"), []byte("outside"), 0o600))
	must(os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "etc/real"), []byte("inside"), 0o600))
	must(os.Symlink(outside, filepath.Join(dir, "out")))
	must(os.Symlink("../../../../"+outside+"/secret", filepath.Join(dir, "etc/up")))
	must(os.Symlink("/etc/real", filepath.Join(dir, "etc/abs")))
	must(os.Symlink("loop", filepath.Join(dir, "etc/loop")))
	must(syscall.Mkfifo(filepath.Join(dir, "etc/fifo"), 0o600))
	root, err := OpenRoot(dir)
	must(err)
	defer func() { _ = root.Close() }()
	for name, want := range map[string]string{"etc/real": "inside", "etc/abs": "inside", "/etc/../etc/real": "inside", "../../etc/real": "inside", "out/secret": "", "etc/up": "", "etc/loop": "", "etc/fifo": "", "etc": ""} {
		b, err := root.ReadFile(name, 100)
		if string(b) != want || (want == "") != (err != nil) {
			t.Errorf("ReadFile(%q) = %q, %v; want %q", name, b, err, want)
		}
	}
	if _, err := root.ReadFile("etc/real", 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestWriteFileReplacesWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	for _, text := range []string{"one", "two"} {
		if err := WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != text {
			t.Fatalf("%q, %v", b, err)
		}
	}
	if err := WriteFile(filepath.Join(dir, "no", "f"), nil, 0o600); err == nil {
		t.Error("no folder, no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Command scanbench measures staunch scan beside dpkg-query on one machine in one run, and ends with 1 when a figure misses its target.
//
//	go run ./test/scanbench -staunch bin/staunch -shared ../shared/data
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	staunch := flag.String("staunch", "bin/staunch", "the program")
	shared := flag.String("shared", "../shared/data", "folder of shared data")
	runs := flag.Int("runs", 40, "runs of each program")
	flag.Parse()
	missed, err := measure(*staunch, *shared, *runs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scanbench:", err)
		os.Exit(2)
	}
	if missed > 0 {
		fmt.Printf("%d figures miss their target\n", missed)
		os.Exit(1)
	}
}

// figures is the table, as it grows.
type figures struct{ missed int }

func (f *figures) line(what, figure, target string, met bool) {
	mark := ""
	if !met {
		mark = "  MISSED"
		f.missed++
	}
	fmt.Printf("%-64s %14s  %s%s\n", what, figure, target, mark)
}

func measure(staunch, shared string, runs int) (int, error) {
	dir, err := os.MkdirTemp("", "scanbench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if shared, err = filepath.Abs(shared); err != nil {
		return 0, err
	}
	w, err := makeWorld(dir, shared)
	if err != nil {
		return 0, err
	}
	if staunch, err = installed(staunch, dir); err != nil {
		return 0, err
	}
	cache := filepath.Join(dir, "cache")
	env := append(os.Environ(), "XDG_CACHE_HOME="+cache)
	scan := []string{staunch, "scan", "--root", w.root, "--feeds", w.feeds}
	list := []string{"dpkg-query", "--admindir", filepath.Join(w.root, "var/lib/dpkg"), "-W"}
	var f figures
	first, err := cpu(env, scan)
	if err != nil {
		return 0, err
	}
	// One after the other, so that whatever the machine does besides falls on all of them alike.
	commands := [][]string{list, {staunch, "--version"}, scan, append(slices.Clone(scan), "-o", "json")}
	times := make([][]time.Duration, len(commands))
	for range runs {
		for i, c := range commands {
			one, err := cpu(env, c)
			if err != nil {
				return 0, err
			}
			times[i] = append(times[i], one)
		}
	}
	base, bare, table, json := median(times[0]), median(times[1]), median(times[2]), median(times[3])
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
	f.line(fmt.Sprintf("dpkg-query -W of %d packages, CPU, median of %d", packages, runs), ms(base), "", true)
	f.line("staunch --version", ms(bare), "", true)
	f.line("staunch scan, compiled feeds, table", ms(table), "", true)
	f.line("  to dpkg-query", fmt.Sprintf("%.2f", float64(table)/float64(base)), "at most 4", table <= 4*base)
	f.line("staunch scan, compiled feeds, -o json", ms(json), "", true)
	f.line("  to dpkg-query", fmt.Sprintf("%.2f", float64(json)/float64(base)), "", true)
	f.line(fmt.Sprintf("compiling %d rows: the first scan less a later one", rows), ms(first-table), "at most 3 s", first-table <= 3*time.Second)
	for i, name := range []string{2: "table", 3: "-o json"} {
		if name == "" {
			continue
		}
		whole, err := resident(env, commands[i])
		if err != nil {
			return 0, err
		}
		what, figure := "staunch scan, "+name+", resident at most (VmHWM), all of it", fmt.Sprintf("%.1f MiB", whole)
		const most = 25
		if name == "table" {
			f.line(what, figure, fmt.Sprintf("at most %d MiB", most), whole <= most)
		} else {
			f.line(what, figure, "", true)
		}
	}
	if err := engine(&f, w, dir); err != nil {
		return 0, err
	}
	return f.missed, nil
}

// installed copies the program and lets the kernel read it from the disk, as one that was installed before the machine was started: what has
// just been written lies in memory in pieces of up to 2 MiB, which are mapped whole.
func installed(program, dir string) (string, error) {
	b, err := os.ReadFile(program) //nolint:gosec // a path of the caller
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.Base(program))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700) //nolint:gosec // a program
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	return path, errors.Join(err, f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close()) //nolint:gosec // a descriptor fits
}

// cpu is the user and system time of one run.
func cpu(env, command []string) (time.Duration, error) {
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...) //nolint:gosec // programs under test
	cmd.Env = env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, stderr.String())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// resident is the most memory that a program had resident, pages of its own file and of whatever it maps included, in MiB, read while it
// waits for somebody to read the rest of its output. (wait4's figure counts what the parent had as well.)
func resident(env, command []string) (whole float64, err error) {
	cmd := exec.CommandContext(context.Background(), command[0], command[1:]...) //nolint:gosec // programs under test
	cmd.Env = env
	out, in, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer out.Close()
	const page = 4096 // the smallest pipe: even a table is longer
	if _, err := unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, page); err != nil {
		return 0, err
	}
	cmd.Stdout = in
	err = cmd.Start()
	_ = in.Close()
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	time.Sleep(300 * time.Millisecond)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			if _, err := fmt.Sscan(fields[1], &whole); err != nil {
				return 0, err
			}
		}
	}
	if whole == 0 {
		return 0, fmt.Errorf("%s: the kernel does not say what was resident", command[0])
	}
	return whole / 1024, nil
}

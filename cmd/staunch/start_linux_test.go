package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatNobodyHasWrittenIsDropped(t *testing.T) {
	t.Parallel()
	one := func(head, anonymous string) string {
		return head + "\nSize:               4096 kB\nRss:                 100 kB\nAnonymous:             " + anonymous + " kB\nVmFlags: rd mr mw me\n"
	}
	smaps := one("00400000-00500000 r-xp 00000000 fd:01 7 /bin/staunch", "0") +
		one("00500000-00600000 r--p 00100000 fd:01 7 /bin/staunch", "0") +
		one("00600000-00700000 r--p 00200000 fd:01 7 /bin/staunch", "8") + // relocated
		one("00700000-00800000 rw-p 00300000 fd:01 7 /bin/staunch", "0") +
		one("00800000-00900000 r--s 00000000 fd:01 8 /var/cache/x.feeds", "0") +
		one("00900000-00a00000 r--p 00000000 fd:01 9 /bin/staunch (deleted)", "0") +
		one("00a00000-00b00000 r--p 00000000 00:00 0", "0") +
		one("zz-00b00000 r--p 00000000 fd:01 7 /bin/staunch", "0")
	want := []mapping{{0x400000, 0x100000}, {0x500000, 0x100000}}
	if d := cmp.Diff(want, unwritten(smaps, "/bin/staunch"), cmp.AllowUnexported(mapping{})); d != "" {
		t.Error(d)
	}
}

// This test's own program goes on without the pages that its start touched.
func TestForgetStart(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	if len(unwritten(string(smaps), path)) < 2 {
		t.Fatalf("no text and constants of %s to drop in:\n%s", path, smaps)
	}
	before := resident(t)
	forgetStart()
	if after := resident(t); after > before*2/3 {
		t.Errorf("%d KiB of the program were resident, and %d KiB are", before, after)
	}
	if _, err := filepath.Glob("*"); err != nil { // code that is needed comes back
		t.Error(err)
	}
}

// resident is how many KiB of files are mapped here and in memory.
func resident(t *testing.T) (kib int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "RssFile:" {
			if kib, err = strconv.Atoi(fields[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kib
}

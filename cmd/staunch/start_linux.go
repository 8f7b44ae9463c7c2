package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetStart unmaps the pages of this program's file that its start has touched: the initialisers of some 300 packages, most of them of
// the server, map 20 MiB of it, and a scan comes back for half of that. Nothing is lost but a page fault where a page is needed again. Where
// it does not work, more stays resident.
func forgetStart() {
	path, err := os.Executable()
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range unwritten(string(smaps), path) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.length, unix.MADV_DONTNEED)
	}
}

// mapping is a part of the address space.
type mapping struct{ start, length uintptr }

// unwritten are the mappings of a file that cannot be written and of which no page has been: what is dropped of one comes back from the
// file as it was. A program that relocates itself at its start has others.
func unwritten(smaps, file string) []mapping {
	var all []mapping
	var one mapping // length 0: none of them
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && !strings.HasSuffix(fields[0], ":"): // start-end, permissions, offset, device, inode, path
			one = mapping{}
			from, to, _ := strings.Cut(fields[0], "-")
			start, err := strconv.ParseUint(from, 16, strconv.IntSize)
			end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
			if len(fields) == 6 && fields[5] == file && (fields[1] == "r--p" || fields[1] == "r-xp") && err == nil && err2 == nil && start < end {
				one = mapping{uintptr(start), uintptr(end - start)}
			}
		case one.length > 0 && len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0":
			all = append(all, one)
		}
	}
	return all
}

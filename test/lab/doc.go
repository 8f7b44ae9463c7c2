// Package lab makes small real hosts on one machine for the end-to-end tests: Debian bookworm booted with systemd as PID 1
// in namespaces, a frozen mirror with Debian's own signatures, and a signed repository of synthetic packages.
//
// Everything runs inside mount, PID and network namespaces that belong to the test binary (Main makes them), so that nothing
// outlives it, however it ends, and no packet leaves it. What is slow to make (the root, the mirror) is made outside, once, and
// kept in Dir.
//
// It must not know what Staunch is: it is given programs and files to put on hosts.
package lab

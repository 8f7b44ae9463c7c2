// Package collect says what a host is and has: its release, packages, pending updates, repositories, kernel, units, hardware. It reads
// files, asks the package manager through pkgmgr, and returns the shapes of apiv1, sorted and free of everything that moves by itself,
// so that an unchanged host gives unchanged bytes.
//
// It is read-only and needs no privilege: what an unprivileged agent cannot read is reported as such. Two things are written, both in
// the agent's own state folder: its copy of the package lists and what it remembers of packages' origins. It must not know of servers,
// enrollment or what the answers are for. Linux with dpkg and apt first; elsewhere the readers say "not supported yet".
package collect

// Package pkgmgr holds what every package manager's reader shares: a host's file tree that cannot be escaped (Root) and the running of
// a package manager's own read-only programs with bounds on time and output (Run). Its subpackages know one manager each: pure parsers
// of bytes and a thin layer that reads files or executes.
//
// Nothing here changes the host. It must not know what its answers are for: no server, no agent, no section.
package pkgmgr

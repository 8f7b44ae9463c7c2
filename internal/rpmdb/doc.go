// Package rpmdb reads rpm's database as a file, without rpm: SQLite (Fedora, RHEL 9 and later, Amazon Linux 2023), NDB (SUSE) and
// BerkeleyDB (RHEL 8 and before, Amazon Linux 2). It reads the few pages and tags that are needed with readers of its own, since a
// mounted root or a container archive is anybody's: each is bounded by the size of the file, whatever the file claims.
//
// Only staunch scan uses it: the agent asks the host's own rpm. It takes no lock and writes nothing.
package rpmdb

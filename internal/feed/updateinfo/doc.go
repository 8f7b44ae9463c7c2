// Package updateinfo reads the errata that a repository of RPM packages carries beside them, as dnf, yum and zypper see them: Amazon's,
// Oracle's, Azure Linux', SUSE's, and those of any repository that a host has. It must not know which release a file is for, nor where
// it comes from.
package updateinfo

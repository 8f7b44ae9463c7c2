// Package changelog reads what packages say of themselves: Debian's and RPM's changelogs, and the changelog inside a .deb that waits to
// be installed. An entry that names a CVE is evidence that its version fixed it, often the only current one; it is also the weakest:
// an entry may name a CVE that it does not fix, and may misspell one. It comes from the host, from no address.
//
// It must not know how this evidence is weighed against advisories.
package changelog

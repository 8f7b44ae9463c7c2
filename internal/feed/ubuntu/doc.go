// Package ubuntu reads what Canonical's security team publishes, twice in two shapes and beside one another:
//
//   - OSV, https://security-metadata.canonical.com/osv/osv-all.tar.xz: by vulnerability (UBUNTU-CVE-…, fixed or not) and by notice
//     (USN-…), the source packages and the versions that fix them.
//   - OpenVEX, https://security-metadata.canonical.com/vex/vex-all.tar.xz: the team's word on each source package: not affected, will not
//     be fixed, deferred, being looked at. OSV has none of these words.
//
// Fixes that need Ubuntu Pro are entries of the release that they are for, with what they need as Entitlement. Variants that are built
// apart (FIPS, real time, Bluefield) are entries with a Stream besides: their versions say nothing of the ordinary package.
//
// It must not know how these are weighed against each other or against others.
package ubuntu

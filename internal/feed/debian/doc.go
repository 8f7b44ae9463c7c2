// Package debian reads what Debian's security teams publish:
//
//   - the security tracker, https://security-tracker.debian.org/tracker/data/json: by source package and vulnerability, what is known in
//     each release. It is whole: of a vulnerability that it does not list under a source in a release, nothing is known there.
//   - the lists of advisories, https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DSA/list and …/DLA/list:
//     what was released, and when. They name fixes and little else: silence says nothing.
//
// The tracker's words for what it will not hurry to fix are kept apart, since they promise different things. It must not know how the
// two sources are weighed against each other or against others.
package debian

// Package apt asks apt what it would do now, without privilege and without changing anything: a simulated dist-upgrade, the reasons
// why a newer version is not taken, the configured repositories and how current their lists are, and the origin of installed versions.
//
// The parsers are pure functions of bytes (simulate.go, policy.go, targets.go, update.go, release.go). Manager runs apt with bounds and
// keeps a folder of its own: package lists that an unprivileged agent can refresh, and the last answer, so that apt is asked again only
// when something that apt reads has changed. It must not know sections' digests, the agent or the server.
package apt

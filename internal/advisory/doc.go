// Package advisory owns what is known about packages, from when to when: advisories in OSV's shape reduced to what matching and
// priority use, and overlays by CVE. It must not know any host, nor where the knowledge came from (feed).
package advisory

// Package alpine reads secdb, the security databases of apk distributions: Alpine's
// https://secdb.alpinelinux.org/v3.20/main.json and …/community.json (or .yaml), Wolfi's https://packages.wolfi.dev/os/security.json and
// Chainguard's https://packages.cgr.dev/chainguard/security.json.
//
// They list, by source package and version, which vulnerabilities that version fixed, and those that never affected the package under
// version 0. That is all: a vulnerability that is not fixed yet is not there, so that silence says nothing.
package alpine

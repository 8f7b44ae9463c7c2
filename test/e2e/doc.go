// Package e2e tests Staunch from end to end: the real programs, a real server, real agents under systemd on booted hosts with
// real package managers. Its tests carry the build tag e2e (make e2e) and, where they take minutes, also nightly.
package e2e

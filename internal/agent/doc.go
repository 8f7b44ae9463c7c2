// Package agent is the unprivileged half of staunch-agent: it enrolls, keeps the host's identity, collects and checks in, waits for
// work, renews its certificate, and says how it is doing. Decisions about when to do what are pure functions of its state and the time
// (next.go); Loop carries them out.
//
// It needs nothing of the server to keep what it has: a server that is away costs attempts that grow rarer, never state. It must not
// import the server's packages, know what a finding is, or change anything on the host.
package agent

// Package agent is the unprivileged half of staunch-agent: it enrolls, keeps the host's identity, collects and checks in, waits for
// work, renews its certificate, and says how it is doing. Decisions about when to do what are pure functions of its state and the time
// (next.go); Loop carries them out.
//
// It answers simulations from the inventory that the server has (simulate.go), and carries runs (runs.go, run.go, deliver.go): it judges
// the offer, tells the server that it took it, downloads exactly the lock's files, hands them to the root half by way of the spool, and
// delivers what both halves report until the server has the outcome. What it knows of a run is on the disk (outbox.go), so that it can be
// killed anywhere. A host without an open run has no goroutine for runs and looks at nothing.
//
// It needs nothing of the server to keep what it has: a server that is away costs attempts that grow rarer, never state. It must not
// import the server's packages, know what a finding is, or change anything on the host.
package agent

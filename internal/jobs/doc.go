// Package jobs runs background work: Nudge asks for a look at something soon, and every kind of work is also looked at in periodic
// sweeps. It owns the queue (River) and is the only importer of it.
//
// Nudge, not truth: what is due is a column in our tables, and a run looks there. A job that is lost, fails or runs twice costs a delay
// or a look, never a result. So jobs have no payload beyond a key, are not retried by the queue (the next sweep looks again), and on
// SQLite live in a file of their own that may be deleted whenever the server is stopped.
//
// It must not know what the work is: kinds and what they run are handed in.
package jobs

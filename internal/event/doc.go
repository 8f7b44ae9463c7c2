// Package event owns the append-only log of what happened (Event, hash-chained: audit, history and notifications read it) and the
// sequence of state changes (Change: what server processes and consoles follow to stay in step). It must not know what any of them means.
package event

// Package store owns every SQL statement and the schema: one *Store answers every Store interface of the spine and of access, with one
// SQL text for SQLite and PostgreSQL (the few differences are one dialect value).
//
// Reads and writes. On SQLite one connection writes (BEGIN IMMEDIATE, WAL, synchronous=FULL) and a pool of others reads; on PostgreSQL
// one pool does both, at READ COMMITTED.
//
// A write that others must learn of (Store.record) begins by taking its change number from the counters row. The row stays locked until
// commit, so on both databases such writes happen one after the other: seq order is commit order, the event chain has no gaps, and a
// check made after the lock still holds at commit. That is why no write here needs SERIALIZABLE. Each change row has a seq of its own;
// an appended event is announced by one more change (ChangeEvent, ref: the event's seq). Methods return the last seq they appended.
//
// Text that no database can keep (NUL, broken UTF-8) is refused with fault.Invalid before it reaches one, on both alike.
//
// It must not know what anything means: no rule about hosts, findings or access is decided here beyond the conditions that the
// interfaces ask to be checked inside the transaction. It never imports api or jobs.
package store

// Package postgres is a [persistence.Store] that servers share: a schema of a
// PostgreSQL database, version 12 or later.
//
// # What lies in the schema
//
//	meta             the format of what is here
//	claims           one row for each id: its newest epoch, the last sequence number
//	                 used, and which snapshot is its newest; what its owner locks
//	events           by id and sequence number
//	snapshots        by id, sequence number and n, which counts the id's snapshots
//	artifacts        one row for each: its size, and when it was put
//	artifact_chunks  the bytes of the artifacts, 4 MiB in a row
//
// Ids are bytes; claims.name shows them as text. Numbers are numeric(20), since
// they have 64 bits without a sign. Each event, snapshot and head (what claims has
// beside the epoch) carries the checksum of [persistence.Checksum], made here and
// not by the database, so that whatever a disk, a restore or a hand in psql has
// changed is found; artifacts are checked by their digests.
//
// # Fencing
//
// A write is one transaction that begins by locking its id's row in claims, and
// looks at the epoch under the lock. A claim changes that row, so it waits for
// the write that has the lock, and every write after it sees the new epoch. A
// writer that froze with the lock held loses it: the database ends transactions
// whose client says nothing for IdleTimeout, and what they had changed is undone.
//
// # Who may touch it
//
// Any goroutine of any number of servers may call any method. A call takes one
// connection of the pool, which has MaxConnections; others wait for one. Nothing
// is kept in the process, so that servers see each other's writes at once.
//
// # What fails how
//
//   - No connection, a restart, a failover, a deadlock: the call is tried again,
//     with growing pauses, for RetryFor. All calls may be repeated.
//   - A statement that takes longer than StatementTimeout, or a server that does
//     not answer at all: an error. Whether a write happened is not known then.
//   - An error of the database comes as an [*Error] with its code and a hint.
//   - Damage: what a checksum or PostgreSQL's own page checksums find is passed
//     over by Load and reported. Where a page cannot be read, Load reads row by
//     row what is readable.
//   - A database that is full refuses writes; what is stored is whole.
//   - A standby is not written to: of several hosts in the URL, the one is used
//     that takes writes.
//   - A newer server's format: Open fails with a [*FormatError] and changes nothing.
//
// Neither the password nor a URL that may hold it is in any error.
package postgres

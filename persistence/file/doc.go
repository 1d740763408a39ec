// Package file is the embedded [persistence.Store] of one node: one directory,
// no server beside it.
//
// # What lies in the directory
//
//	LOCK                   held while a process has the store open; says which
//	state.db               events and snapshots, a bbolt database
//	artifacts/<sha256>     one file for each artifact; sha256sum checks it
//	DAMAGE                 what Open found damaged and nobody has acknowledged
//	state.db.damaged-<when> a database that could not be read, moved aside
//	*.tmp                  what a crash left half-written; removed by Open
//
// Artifacts are files and not values of the database: a database of them would
// never shrink, every copy-on-write page would be written twice, and a file
// that is named by its digest needs no checksum and no index. Their writes are
// atomic all the same: a temporary file, fsync, rename, fsync of the directory.
//
// # The database
//
// Bucket "meta" has the keys "format", "ids", the number of ids, and "epoch", the
// greatest one that was given. Bucket "claims" has each id's newest epoch, also
// when nothing else is left of the id. Bucket "ids" has a bucket for each id
// (numbers are 8 bytes, big-endian):
//
//	'e' seq      an event
//	'h'          the head: the last sequence number used, and the seq and n of
//	             the newest snapshot
//	's' seq n    a snapshot; n counts the id's snapshots
//
// Each value is a CRC-32C, big-endian, over the id, the kind, the number and the
// rest of the value, and then that rest. So bytes that lie under the wrong key
// are found as surely as bytes that changed; and what is missing, although the
// pages hang together, is found by the head and by the number of ids. A claim
// that is damaged or missing needs no word: no other process writes here, and
// the next epoch is greater all the same.
//
// # Who may touch it
//
// Any goroutine may call any method. One goroutine, the writer, changes the
// database: it takes all writes that wait at a moment into one transaction, so
// a thousand actors that snapshot at once cost a few fsyncs and a lone write
// waits for nobody. Readers run beside it on bbolt's own snapshots.
//
// # What fails how
//
//   - A flipped bit in a value: Load passes over it and says so.
//   - A database whose pages do not hang together (truncated, pages overwritten):
//     Open finds it before bbolt sees it, because bbolt answers such a file with
//     panics, faults and endless loops. It moves it aside, starts an empty one and
//     reports that by Store.Damage, also after further restarts, until
//     Store.AcknowledgeDamage. Whoever opens the store then reads the models
//     topic from its beginning.
//   - One of bbolt's two meta pages is bad, so that the last transaction may be
//     lost, or an id is missing: what is there is used, and that is reported in
//     the same way.
//   - The same while running: whatever bbolt panics on, or faults on in its
//     memory map, becomes a [*persistence.DamageError] of that call, and the
//     writer opens the database anew, with the same check.
//   - No space, or any other failed write: the transaction's callers get the
//     error. The database is opened anew, because after a failed fsync nobody
//     knows what the page cache holds; older data is whole, by copy-on-write.
//   - Another process has the directory: Open fails with a [*LockedError].
//   - A newer server's format: Open fails and changes nothing.
package file

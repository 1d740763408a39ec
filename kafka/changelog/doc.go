// Package changelog is a [persistence.Store] on a compacted Kafka topic: what
// one server writes, all servers know a moment later, and a new server has
// everything after reading one topic.
//
// # Two topics
//
// The state topic holds claims, events, snapshots, and which artifacts exist.
// Each store tails all of it into a materialized view: at its own position, in
// no group, read_committed. An object (an id, or an artifact's digest) has one
// partition, so its records have one order.
//
// The artifacts topic holds the bytes of artifacts in chunks. Nobody tails it: a
// chunk is read where its artifact's record says it lies, since compaction never
// changes an offset. So a restart reads no bytes of models that it does not load.
//
// # The log is the truth
//
// A write is produced (acks=all, idempotent) and is done when the own tail has
// read it back: only its place in the log tells what came before it. The rules
// are in idRules and artifactRules, which are pure, and the same in every reader:
//
//   - of two claims of one epoch the first wins; the other server tries the next
//   - a record of a smaller epoch than one before it counts for nothing: it is
//     fenced
//   - of two events of one number the first wins, the second is late
//   - of an artifact's uploads the newest is the artifact; a put or touch of an
//     upload after its condemnation counts for nothing
//
// A write whose outcome is unknown can be repeated: the first that landed wins,
// and the second finds it.
//
// # What compaction may take
//
// The key of every record is its own: kind, epoch and number, a nonce, the
// object. So no record, of a zombie least of all, ever overwrites another; and
// compaction takes only what has a tombstone. Tombstones are written for records
// that are dead: fenced, late, superseded, deleted. Dead records stay dead
// whatever follows, so anybody may bury them at any time; the id's owner does,
// and for artifacts the janitor (RetainArtifacts).
//
// The state of an object is a function of the set of its records that have no
// tombstone ([object]). They are buried in the order in which they died, and a
// fence (a claim, a deletion) only after everything that it stood against: so
// what it refused never rises again for a reader who does not see the fence. A
// reader that the cleaner overtakes meets the tombstone later and judges anew.
// view_test.go checks this with random worlds: whatever servers do, a compacted
// log says what the whole one says.
//
// # Artifacts
//
//	upload    chunks of this upload are about to come
//	chunks    on the artifacts topic
//	put       they are all there, from this offset to that: now it exists
//	touch     it was put again, by whomever: it is young again
//	condemn   its time is over; then tombstones for the chunks and the records
//
// A crash between upload and put leaves chunks that the janitor finds after an
// hour. A touch that comes before the condemnation is seen by whoever condemns,
// one that comes after it is refused, and the artifact is uploaded again: this is
// what makes the grace of RetainArtifacts hold between servers. An artifact's age
// is told by the broker's clock (LogAppendTime). The bytes are checked against
// the digest at each reading.
//
// # Who may touch it
//
// A [Store] is safe for concurrent use; [Store.Restore] comes first, and all
// other methods wait for it. The view belongs to the mutex; the tail, one
// goroutine, is the only one that changes it. One writer at a time has an object.
//
// # Failures
//
//	broker away             calls wait as long as their context allows; the tail
//	                        and the sweeper try for ever
//	topic not compacted,    Restore fails with a *TopicError that says what to set
//	not allowed, missing
//	records gone, topic     the store is broken: every call says so, until the
//	made anew               server starts again
//	value damaged           Load reports it and passes it over; an artifact fails
//	                        with *persistence.DamageError, and putting it mends it
//	claim by another        *persistence.FencedError
//
// # Not obvious
//
//   - Reads tell what the tail has read. After a Claim that is everything of its
//     id; without, all but the last milliseconds.
//   - Partitions may not be added to the state topic: an id would have two
//     orders. The store notices and refuses to go on.
//   - Claims stay for ever, one small record for each id that ever was: the fence
//     must outlive Delete.
//   - A reader that stands still for longer than delete.retention.ms (a day)
//     misses tombstones. A server that slept that long should be started again.
//   - The value of a stored record is copied: it would otherwise hold on to the
//     whole fetch that it came with.
//   - Events and snapshots are never cut: the topic takes records of 64 MiB.
package changelog

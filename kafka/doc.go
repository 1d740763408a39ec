// Package kafka moves records, results and models between Kafka and the actors.
// It is the only package that knows the Kafka client.
//
// Two actors do the work, [Records] ("ingest/records") and [Models]
// ("ingest/models"). [Publisher] and [TailResults] are the other ends of the
// topics, for commands and tests; [History] and [ResultWriter] are what a replay
// reads and writes. The actors that score and load are behind the
// interfaces [Scorer], [ModelTaker] and [Positions].
//
// # A record's way
//
//	poller goroutine   PollRecords → splitter: per partition a chunk,
//	                   per topic and data type a flight (batch)
//	      │ *polled
//	recordsActor       queue the chunks, line the flights up (lane)
//	      │ Scorer.Score(*record.Batch)          ▲ *record.Scored
//	      ▼                                      │
//	   the model of the data type ───────────────┘
//	recordsActor       a chunk whose flights are all answered, and that is the
//	      │            first unsent one of its partition, becomes outputs
//	client goroutines  produce; the last acknowledgement settles the chunk
//	      │ *chunk
//	recordsActor       position = end of the settled chunks without a gap
//	      │
//	commit goroutine   commits positions each CommitInterval
//
// A chunk is the unit of order, a flight the unit of scoring; a flight may hold
// rows of many partitions, a chunk wait for many flights. Files follow the flow:
// poll, split, chunk, datatype; frontier, lane, flight, scoring; order, queue,
// produce, repair, deadletter; progress, commit, transaction, rebalance, tick.
//
// # What is promised
//
// At least once: an offset is committed only when the results and dead letters
// of all records below it are acknowledged by all in-sync replicas. [queue] is
// where this is decided, and nowhere else; it is pure and tested by properties.
//
// Order: results of an input partition leave in its order (with
// results.partition = key: those of each of its data types).
//
// One thing can change that order, with at-least-once delivery only: when a broker
// refuses results for another reason than what is in them (a permission is
// withdrawn), those that the client already holds behind them may get there
// first. They are all there in the end.
//
// Nothing is skipped in silence: each record has a result, a dead letter (some
// have both), or is counted as dropped because no model serves its data type.
//
// Bounded work: at most InFlightRecords are polled and not settled. Backpressure
// is permission: the poller polls once for each permission, and the actor gives
// none while the window is full. Only a partition whose scores are late is
// paused; its records then count apart, so that they do not delay the others.
//
// # Exactly-once
//
// With delivery: exactly-once, results, dead letters, progress and offsets are
// written in one transaction, ended at each commit. Its stages (commitState):
//
//	preparing   brokers are checked, what an earlier client left open is aborted
//	producing   chunks go into the transaction as they are scored
//	sealed      nothing more does; acknowledgements are awaited
//	ending      progress and offsets are written, then the commit
//
// Scoring goes on through all of them. Whatever fails ends the session, and a
// new one begins from the committed offsets: an answer that was lost is never
// guessed. Zombies are fenced twice: by the transactional id, and by the group's
// generation, which the offsets carry (KIP-447).
//
// # Progress
//
// The progress topic (compacted, written by us alone) holds for each partition
// and data type the newest generation that has scored, and statistics. It is
// written in the transaction, or before the offsets are committed; [progressView]
// reads it for the next owner of a partition, which scores nothing before it
// knows. Statistics say up to which offset they count, so that records that are
// scored again are not counted again.
//
// # No way back
//
// Results of a partition and data type never go back to an older generation
// (order.go): batches carry the newest generation so far as their floor, and an
// answer that is older than what went before is asked for once more. Where
// models have an effective_from, timestamps decide instead; the [Frontier] tells
// how far the models topic is known, and records wait for it.
//
// # Who may touch what
//
// The actor's fields belong to its Receive. Everything else sends it signals
// through its [session]: one client with its goroutines and callbacks. When the
// session is replaced, signals of the old one are ignored. Nothing in Receive
// waits for a broker: polling, committing, looking up topics and saving
// positions happen in goroutines, and Produce only buffers.
//
// A *record.Batch never changes after it was sent; a second attempt is a batch
// of its own over the same records, and the first good answer to any attempt
// counts. Fetched memory is never recycled, since an actor that was given up may
// still read it.
//
// # Rebalances
//
// The poller blocks rebalances from the moment it has records until the actor
// has taken them. So when a partition is revoked none of its records is in
// between, and the callback can wait until the actor has produced what is under
// way, commit, and only then let the partition go: an orderly rebalance loses
// and repeats nothing. It waits at most half of the rebalance timeout, and not
// at all for partitions that are held up. Partitions that are lost are dropped at
// once, and a commit under way is cut short: it could undo the next owner's.
//
// # Failures
//
//	broker down           health says so, everything waits and is tried again
//	topic missing         named by health and log, looked for each second
//	topic made anew       the session is replaced, from the committed offsets
//	no answer, transient  the batch is sent again, then dead-lettered
//	malformed, no type    dead letter with Kafka Connect's headers
//	result refused        alone again, then a dead letter in its place
//	dead letter refused   without its value, then without more, then it waits:
//	                      the partition is stuck and health names it
//	commit failed         again with the next interval; exactly-once: a new session
//	transaction refused   named by health (brokers' feature, topics' limits), tried again
//	progress unreadable   nothing of the partition is scored; named by health
//	panic in the actor    restarted by its supervisor, from the committed offsets
//
// # Not obvious
//
//   - A client never takes the new identity of a topic that was deleted and made
//     anew, and purging the topic from it makes its producer count from 0 again:
//     brokers then take records for repeats and drop them. Hence new clients.
//   - A session that is renewed or restarted does not leave the group in order;
//     with a static InstanceID it has its partitions back at once.
//   - ConsumeResetOffset is set: the client's default rewinds a minute.
//   - A pause outlives an assignment; forget resumes.
//   - The idempotent producer retries what can be retried for ever. What comes
//     back as an error is for us to judge: see repair.
//   - Above 100 MiB brokers drop the connection and the producer retries for
//     ever, so models.max_bytes ends at 90 MiB. Larger models go by location.
//   - The end of the models topic may be a transaction's marker: without
//     KeepControlRecords its end would never be reached.
package kafka

// Package lifecycle is the life of a data type's generations as a pure state
// machine: which descriptor becomes a generation, which generation loads, which
// one scores which records, and what takes over when one fails.
//
// It knows no actors, no clock and no disk. A [Machine] takes inputs (a
// descriptor, "generation 8 is ready", "generation 8 panicked", "it is noon") and
// answers with [Effect]s that its owner carries out in order. The owner is one
// ModelActor; nobody else touches the machine, so it needs no lock.
//
// The life of a generation:
//
//	Received → Loading → Verifying → Warming → [Scheduled →] Serving → Draining → Closed
//	    └──────────┴──────────┴─────────┴─────────┴──→ Rejected(reason)
//
// A closed one is loaded again when records need it.
//
// # Which generation scores a record
//
// The newest, in the order of the models topic, of those that are accepted, not
// rejected, and whose effective_from is not after the record's timestamp. One
// without effective_from covers every timestamp, from the moment on that it
// serves; one with an effective_from covers its time from the moment on that it
// is accepted, so that records wait for it while it loads. That is the [Plan]; it
// follows from the descriptors alone, and so is the same on every server that has
// read as far. Only at-arrival generations depend on when a server got there.
//
// # The queue
//
// One generation loads at a time, others wait in the order of the topic. Where a
// newer one covers all the time of an older one (both at arrival, or an
// effective_from that is not later) it goes first: if it is good the older one is
// superseded, if it is rejected the older one is loaded after all. So a storm of
// descriptors does not keep every one of them from serving, and what is rejected
// costs nobody anything. The queue is bounded; Offer says when there is no room.
//
// Every descriptor that is taken gets a number, duplicates too. A duplicate is
// one that repeats the generation right before it, if that is good: it is decided
// by the topic's order, not by how far this server has come, and numbers are the
// same on all.
//
// # What is loaded
//
// The serving generation, which is the newest promoted one; for a while what
// served before; and what records need or will need by their timestamps, until
// some time after the next one's effective_from. When too much is loaded, what is
// farthest from now goes first, and comes back when records ask for it, or shortly
// before its time. Generations are forgotten from the earliest times on, and that
// they are is remembered: no record is scored by another generation because the
// right one is gone.
//
// # Falling back
//
// When the serving generation fails while scoring and serves since its arrival, it
// becomes the suspect and the last good one serves: at once where it is still
// loaded. The batch that failed is then scored there and decides: scored, the
// suspect is rejected ([Machine.Convict]); failed there too, the batch is to blame
// and the suspect serves again ([Machine.Acquit]). A generation that was chosen by
// timestamps has no substitute: it goes on, row by row.
//
// Its behaviour is written down in testdata/*.txt: scripts of inputs with the
// effects and the state that follow. A property test compares it with the rule.
package lifecycle

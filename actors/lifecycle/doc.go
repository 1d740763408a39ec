// Package lifecycle is the life of a data type's generations as a pure state
// machine: which descriptor becomes a generation, which generation loads, which
// one serves, and what takes over when one fails.
//
// It knows no actors, no clock and no disk. A [Machine] takes inputs (a
// descriptor, "generation 8 is ready", "generation 8 panicked") and answers
// with [Effect]s that its owner carries out in order. The owner is one
// ModelActor; nobody else touches the machine, so it needs no lock.
//
// The life of a generation:
//
//	Received → Loading → Verifying → Warming → Serving → Draining → Closed
//	    └──────────┴──────────┴─────────┴─────────┴──→ Rejected(reason)
//
// At most one generation loads at a time and at most one waits behind it; a
// newer descriptor supersedes the one that waits, never the one that loads, so
// that a storm of descriptors cannot keep every one of them from serving.
//
// # Falling back
//
// After a promotion the former generation stays loaded as the standby
// (Draining) until the owner lets it go. When the serving generation fails
// while scoring, it becomes the suspect and the standby serves at once; where
// there is no standby, the last good generation is loaded again. The batch that
// failed is then scored by the new serving generation and decides: scored, the
// suspect is rejected ([Machine.Convict]); failed there too, the batch is to
// blame and the suspect serves again ([Machine.Acquit]).
//
// Its behaviour is written down in testdata/*.txt: scripts of inputs with the
// effects and the state that follow.
package lifecycle

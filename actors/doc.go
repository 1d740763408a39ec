// Package actors is the actor system of the model server: who owns a model,
// who loads it, who scores with it, and who takes over when something fails.
//
//	models                supervisor, one per node: spawns, restarts (with backoff) and stops ModelActors
//	└─ wine               ModelActor, persistent, one per data type: owns the generations, swaps, snapshots, counts
//	   ├─ g7              host of a generation: Serving
//	   └─ g8              host of a generation: Loading … Warming; promoted only when it says it is ready
//
// # Who owns what
//
// [Models] is the door: whatever is outside of the actors (Kafka ingestion, the
// HTTP API) calls it, from any goroutine. It routes by data type and holds no
// payload and no state besides which data types are known and which have a
// ModelActor.
//
// A ModelActor owns the lifecycle of its data type's generations (package
// lifecycle, a pure state machine), its statistics and the batches in flight. It
// sends each batch to the host of the generation that the records' timestamps ask
// for, in portions where they ask for several, and keeps batches, in order, that
// have to wait: for a generation to load, for the models topic to be read up to
// the batch's floor, for the store.
// All of that is touched in its Receive only. It never waits: the store is
// called by its journal, off the mailbox, and answers with messages; loading and
// scoring happen in the hosts.
//
// A host is the actor of one generation. The ready-made one runs any
// [model.Evaluator]: it resolves the artifact, loads, verifies and warms it,
// binds it to the record formats, then decodes, scores and encodes batches. A
// model type that needs another one (a child process, a remote server) gives
// its own props in [Config].Hosts and speaks the messages of protocol.go.
//
// # Coming and going
//
// With [OnDemand], a descriptor is stored and nothing is loaded until the first
// record of its data type comes; with IdleAfter, a ModelActor that has nothing to
// do for so long writes a snapshot and leaves. A data type without ModelActor is
// passive: it costs a map entry, and its state is read from the store. Whatever
// comes for it brings its ModelActor back. See route.go and passivation.go for why
// nothing is lost or overtaken on the way.
//
// # Names
//
// A ModelActor is called models/<data type>, path-escaped, wherever it runs. Its
// persistent id is the data type. A host is called g<number> below it.
//
// # What fails how
//
//   - A record that cannot be decoded or scored is an entry in
//     record.Scored.Failures. The batch goes on.
//   - A generation that cannot be loaded is rejected: log, metric, state, and a
//     ModelOutcome for who brought it. The serving one is not touched.
//   - A generation that panics, fails or does not answer while scoring is
//     replaced by the last good one at once, and the batch is scored again
//     there. When the batch fails there too, it is the batch: the generation
//     serves again and the batch is scored row by row. One that was chosen by
//     timestamps is not replaced: it scores row by row at once.
//   - A record whose generation cannot be had any more (its artifact is gone, or
//     it is forgotten) is scored by no other: a *model.LoadError says which. That
//     no generation covers its timestamp is record.ErrNoModel. Where that concerns
//     some rows of a batch only, it is in record.Scored.Parts.
//   - A batch that waits too long, or beyond what may wait, is answered with a
//     *model.TransientError.
//   - The store failing (disk full) never stops scoring: log and metric.
//   - A ModelActor that panics is respawned by the supervisor with growing
//     delays, and recovers from the store. Batches it had are answered by
//     nobody: senders have a deadline and send them again.
package actors

// Package persistence is what the actors remember across restarts: the
// contract of a [Store], which [the conformance suite] holds every
// implementation to.
//
//   - memory keeps everything in the process: for tests and for servers that
//     restore from the models topic alone.
//   - file is the embedded store of one node and the default.
//
// # Who may touch it
//
// A store is safe for concurrent use, and every method blocks until the disk
// has answered. So no method is called from a mailbox: an actor hands its bytes
// to a goroutine and gets the outcome as a message. One id has one writer, its
// actor, which claims the id before it loads. Where several servers share a
// store, or one was frozen and its successor runs already, the epoch of the
// claim is the fence: the newest owner writes, and a former one is refused,
// whatever it was doing.
//
// # Failures
//
//   - [*ArgumentError], [*DigestError]: the caller is wrong. Nothing was changed.
//   - [*FencedError]: somebody else has claimed this id. The writer stops for good.
//   - [*SequenceError]: a write was lost, or two writers share an epoch.
//   - [*DamageError]: stored bytes are not what was written. Recovery passes
//     over them and tells; the models topic has everything that is needed.
//   - a context's error: the caller gave up waiting. The write may have happened
//     all the same; repeating it is safe.
//   - anything else comes from the disk ("no space left on device"). Nothing of
//     the write is visible, older data is whole, and the store stays usable.
//
// [the conformance suite]: https://pkg.go.dev/github.com/modelstream/modelserver/persistence/persistencetest
package persistence

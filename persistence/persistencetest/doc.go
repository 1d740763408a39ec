// Package persistencetest is the conformance suite that every store passes.
//
// A store's test calls [Exercise]. The suite opens stores through it and checks
// the whole contract of [persistence.Store]: numbering, recovery, what is kept
// and what is dropped, artifacts, arguments, contexts, concurrency (run it with
// -race), that slices are not shared, and random scripts against a model of a
// store. A store that can look at or damage its own data gives the suite the
// means, and is then checked for that too.
//
// The suite is tested itself: a store with one fault after the other is put
// through it, and each fault must be found by the check that is there for it.
package persistencetest

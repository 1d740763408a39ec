// Package graphdef reads and vets TensorFlow graphs before the C++ library sees
// them.
//
// The library runs whatever a graph says, in our process: a graph can read and
// write files, run for ever, ask for any amount of memory, or trip a CHECK that
// ends the process. So a graph that a stranger sent is parsed here under limits
// and then rewritten: only the operations that the requested outputs need are
// kept, each of them has to be on an allow-list (see ops.go), constants and
// shapes have to be consistent, functions must not call themselves. The library
// gets the rewritten graph, never the original bytes, so it cannot understand
// them differently.
//
// What vetting cannot exclude: an operation that computes a huge tensor out of
// small ones, and a defect of an allowed kernel.
//
// The package is pure Go and holds no state. All errors are
// [*model.LoadError].
package graphdef

// Package model is the contract between the server and a model type.
//
// A model type ("pmml", "tensorflow", yours) is a [Type]: a name and a Load
// function that turns an [Artifact] into an [Evaluator]. An evaluator has a
// [Signature] (named, typed inputs and outputs) and scores a [Batch] of rows,
// column by column, into another one.
//
// # Ownership
//
// The package owns no goroutine and no state besides what its values hold. It
// is a leaf: it knows no actors and no Kafka, and everything that scores may
// import it. An [Evaluator] is safe for concurrent use after Load; a [Batch]
// belongs to one goroutine at a time, and a batch that was handed on is not
// changed any more by who handed it on.
//
// # Failures
//
// Errors are typed by what their reader has to do:
//   - [*RecordError]: this row cannot be scored. Skip the row, keep the batch.
//   - [*LoadError]: this model cannot serve. Reject the generation.
//   - [*TransientError]: nothing is wrong with either. Try again.
//
// A panic of an evaluator is contained by its host and treated as a failure of
// the generation; an evaluator need not recover by itself.
package model

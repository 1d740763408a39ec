// Package modeltest is the conformance suite that every model type passes.
//
// A model type's test calls [Exercise] with a good artifact and golden rows.
// The suite then checks the whole contract of package model against them: the
// signature, batches of every size, missing, invalid and extreme values,
// concurrency, broken artifacts and options, cancellation and what stays behind
// after Close. It runs its checks one after the other as subtests; a test that
// calls Exercise must not be parallel, because goroutines and open files are
// counted.
//
// The suite is tested itself: an evaluator with one fault after the other is
// put through it, and each fault must be found by the check that is there for
// it.
package modeltest

// Package lint keeps the architecture as it is drawn: which package may import
// which, who may touch Kafka's client, the actor library and C, and that nothing
// hides in globals. Its tests read the source of the whole module, whatever the
// build tags; rules_test.go holds the rules, and a violation says which one it
// breaks.
//
// It has no other code: what can be found by reading a single file is the
// linters' business.
package lint

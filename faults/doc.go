// Package faults runs servers under faults and proves what came of it.
//
// # Why a folder of its own
//
// It is beside the server, as the benchmarks are: it shares no code with what it
// tests, but the messages. The servers are real processes of cmd/modelserver,
// the brokers are Apache Kafka's own, and the proof reads nothing but topics. It
// is no part of a package's tests, since what it proves is a promise of the
// whole; and it is a library, since tests, the soak and whoever hunts a failure
// run the same thing with other numbers.
//
// # A run
//
//	plan     which faults happen when: from a seed, printed, replayed
//	proxy    between each server and the brokers
//	server   processes that are started, killed, stopped and frozen
//	load     records and models, and the ledger of what was acknowledged
//	check    what the topics prove
//
// [Run] starts brokers and servers, lets records and models flow, does what the
// plan says, ends all faults, waits until every record is committed, stops the
// servers in order and gives all that the topics hold to the checker. The
// [Outcome] has the checker's report, what was done, and how long no results
// came for a partition at each fault.
//
// # Brokers
//
// A broker that is the only replica of its partitions can leave a transaction
// open for ever when it is killed (KAFKA-20734, in 4.3.1): while it starts, its
// transaction coordinator may find partitions without a leader, takes them for
// deleted, and never writes the markers of a commit that was decided on. Readers
// of committed records wait there for ever; offsets of the commit are not
// applied. With three replicas there always is a leader. So runs that kill
// brokers with exactly-once delivery need three of them.
//
// # Failures
//
// An error of [Run] means that the run itself did not come about. What servers do
// wrong is in the outcome: broken rules, complaints of processes, records that
// were never committed. A seed makes the same plan each time but not the same
// run: processes and networks have their own mind. So a failure prints its plan,
// which can be run again and cut down.
package faults

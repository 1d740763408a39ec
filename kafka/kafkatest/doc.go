// Package kafkatest gives tests and benchmarks a Kafka to talk to: kfake
// inside the process ([Fake], milliseconds) or Apache Kafka's own broker as a
// child process ([Run], [Start], [StartCluster], about a second).
//
// # The real broker
//
// It runs from the jars that `make kafka` puts under .cache/kafka, in KRaft
// combined mode on 127.0.0.1, with ports that were free when it started and a
// data directory of its own. It can be stopped, killed, frozen and restarted on
// the same data and ports. Where the jars are missing, [Run] skips the test and
// says how to bring them, or fails it when MODELSERVER_REQUIRE_KAFKA is set.
//
// Tests that share one broker declare a [Shared] in their package and run it
// from TestMain; each takes topics of its own with [Topic].
//
// # Ownership
//
// A [Broker] and a [Cluster] are safe for concurrent use, but freezing or
// stopping one concerns everybody who uses it: such tests start their own. The
// child dies with the process that started it (Linux), even when that one is
// killed. Close removes what was written.
//
// # Failures
//
// A broker that does not start is an error that ends with the last lines of its
// log; [Run] prints them too when a test failed.
package kafkatest

// Package check proves from what the topics hold that a cluster of servers did
// its work: every record has its outcome, none has two, order is kept within a
// partition, each record was scored by a generation that was allowed to, with
// the right answer, and the statistics that the servers kept are those of the
// results.
//
// [Check] is a function over slices of decoded messages. It knows neither
// Kafka nor servers, remembers nothing and has no clock; so it can be tested
// with mistakes that are made on purpose, and run on topics that were saved.
// What it decides about a generation it decides from the models topic, and what
// it decides about statistics it computes from the results: nothing that a
// server says about itself is believed.
//
// A violation is counted under its [Rule], and the first few of each rule are
// kept with the places that they concern. Whether a rule has to hold depends on
// the delivery: at-least-once may double records, and then order, regressions
// and statistics say nothing about a mistake; see [Report.Broken].
package check

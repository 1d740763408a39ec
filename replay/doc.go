// Package replay scores a range of records once more, with the generations that
// were right for them, and compares the results with those that were given.
//
// [Run] is the whole of it. It reads [Range] after [Range] in offset order: joins
// each record with its earlier results, finds out which generation is right for
// it, scores the records of a batch that share one together, hands the results on
// in the order of the records, and counts what differs in a [Summary].
//
// # Which generation is right
//
// [AsOfResults]: the one that the record's earlier result names by its place on
// the models topic, which is what was really used. A record without a result goes
// by the timeline, and is counted.
//
// [AsOfTimeline]: the newest descriptor of the record's data type, in the order
// of the models topic, whose effective_from is not after the record's timestamp.
// One without effective_from counts from its own publication on, which is near
// the moment at which the servers took it up, but is not that moment: how long it
// took to load, and what was superseded before it was, no topic tells. What does
// not decode, load, verify or fit any records is skipped, as it was then.
//
// [AsOfModel]: one given model, for what a candidate would have said.
//
// A generation whose bytes cannot be had any more is not skipped, since that
// would be a guess: its records are counted as not scorable.
//
// # Earlier results
//
// Results of an input partition lie on one partition of theirs, in its order, but
// for what was scored twice. So they are merged: a window of the results ahead
// finds repeats that are not further away than it is long. Results that come
// later than that are counted as late. Where they have no such order (they go by
// key, or the number of partitions was changed), an [Index] of all results of the
// ranges takes the window's place, up to a limit.
//
// # Ownership and bounds
//
// There are no goroutines and no locks here: everything belongs to who calls Run.
// Memory does not grow with the ranges: a batch of records, the window (or the
// index), a number of loaded models, and a line of the summary for each data type
// and pair of generations, of which there are at most [MaxLines].
//
// # Failures
//
//	a record that cannot be decoded or scored   an outcome; compared like any other
//	a model that does not load                  skipped by the timeline; otherwise unavailable
//	an artifact that cannot be had              its records are unavailable
//	a transient failure, a broker, the sink     Run ends with the error
package replay

package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// repair is the state of a partition whose outputs were not all produced. New
// chunks wait; when everything that is with the producer has come back, what
// failed is produced again, in order.
//
// The client itself retries what can be retried. What comes back is either
// refused for good (a record or its batch is too large or invalid): then the
// outputs are sent one by one, and one that is refused alone becomes a dead
// letter; or it failed for another reason (no permission, a topic is gone):
// then it is sent again after a pause for as long as it takes, and the
// partition is reported as stuck.
type repair struct {
	flying   int  // chunks with the producer
	broken   bool // some output has to be produced again
	alone    bool // the output under way was sent alone
	failed   bool // something has failed since the last attempt
	attempts int  // without success
	at       time.Time
}

const (
	repairBackoff    = 100 * time.Millisecond
	maxRepairBackoff = 10 * time.Second
)

// refusedForGood says that sending the same bytes again is pointless.
func refusedForGood(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) ||
		errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.InvalidTimestamp) ||
		errors.Is(err, kerr.UnsupportedForMessageFormat)
}

// refused takes back outputs that were not produced. Those of a chunk that was
// sent whole are in its order; one that was sent alone was the first.
func (r *recordsActor) refused(part *partition, c *chunk, failed []failure) {
	rep, first := &part.repair, &failed[0]
	r.metrics.produceFailures.Add(context.Background(), int64(len(failed)))
	if !rep.failed { // the first of this attempt's
		rep.failed = true
		rep.attempts++
		rep.at = time.Now().Add(backoff(repairBackoff, maxRepairBackoff, rep.attempts))
	}
	switch alone := rep.alone && refusedForGood(first.err); {
	case alone && !first.output.dead:
		rep.attempts, rep.at = 0, time.Time{} // a dead letter in its place is progress
		if !r.replaceByDeadLetter(c, first) {
			failed = failed[1:]
		}
	case alone:
		r.letters.lessen(&first.output.record, c.records[first.output.input], first.err)
		r.reportStuck(part, c, first)
	case errors.Is(first.err, kerr.UnknownTopicID):
		r.stale = remadeReason(first.output.record.Topic)
	case !refusedForGood(first.err):
		r.reportStuck(part, c, first)
		if r.commits.stage != noTransactions {
			r.stale = "the transaction has failed: " + first.err.Error()
		}
	}
	c.again = append(failed, c.again...)
	rep.alone, rep.broken = false, true
}

func (r *recordsActor) reportStuck(part *partition, c *chunk, f *failure) {
	if !r.status.stuck(part.partitionID, f.err) && part.repair.attempts < 8 {
		return // told already
	}
	r.log.Error("cannot produce; trying again until it works", "topic", f.output.record.Topic,
		"from_topic", c.topic, "from_partition", c.partition,
		"from_offset", c.records[f.output.input].Offset, "attempt", part.repair.attempts, "error", f.err)
}

// replaceByDeadLetter turns a result that the broker refuses into the dead
// letter of its record. It returns false where there is no topic for it.
func (r *recordsActor) replaceByDeadLetter(c *chunk, f *failure) bool {
	why := &rejection{stage: stageProduce, class: classRefused, err: f.err}
	in := c.records[f.output.input]
	c.results--
	c.run(f.output.input).refuse(f.output.input)
	c.deadLettered++
	r.metrics.deadLettered(why)
	r.log.Warn("the broker refuses a result; its record is dead-lettered", "topic", c.topic,
		"partition", c.partition, "offset", in.Offset, "dead_letter_topic", r.letters.topic, "error", f.err)
	if r.letters.topic == "" {
		return false
	}
	f.output.dead = true
	f.err = nil
	r.letters.letter(&f.output.record, in, why)
	return true
}

// mend produces again what failed, once nothing is with the producer.
func (r *recordsActor) mend(part *partition, now time.Time) {
	rep := &part.repair
	if !rep.broken || rep.flying > 0 || now.Before(rep.at) {
		return
	}
	rep.failed = false
	for _, c := range part.chunks[:part.sent] {
		again := c.again
		if len(again) == 0 {
			continue
		}
		if anyRefused(again) {
			// One at a time, and nothing behind it: the order stays.
			c.again, rep.alone = again[1:], true
			r.produceAgain(part, c, again[:1])
			return
		}
		c.again = nil
		r.produceAgain(part, c, again)
	}
}

func (r *recordsActor) produceAgain(part *partition, c *chunk, again []failure) {
	part.repair.flying++
	c.unacked.Store(int32(len(again)))
	for i := range again {
		rec := &again[i].output.record
		rec.Partition = c.partition // the client has put the one it picked
		r.session.client.Produce(context.Background(), rec, c.promise)
	}
}

func anyRefused(failures []failure) bool {
	for i := range failures {
		if refusedForGood(failures[i].err) {
			return true
		}
	}
	return false
}

// mended notes that outputs were produced at last: on with the next, or with
// new chunks when none is left.
func (r *recordsActor) mended(part *partition) {
	rep := &part.repair
	rep.attempts, rep.alone, rep.at = 0, false, time.Time{}
	if rep.flying > 0 {
		return
	}
	for _, c := range part.chunks[:part.sent] {
		if len(c.again) > 0 {
			r.mend(part, time.Now())
			return
		}
	}
	rep.broken = false
	r.status.unstuck(part.partitionID)
	r.advance(part)
}

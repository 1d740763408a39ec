package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// advance produces what is ready at the front of a partition's queue.
func (r *recordsActor) advance(part *partition) {
	if part.repair.broken || r.commits.closed() || r.stale != "" {
		return // what was refused goes first; or a transaction is being ended, or the session
	}
	for c := part.next(); c != nil; c = part.next() {
		if r.outdated(part, c) {
			return
		}
		part.send()
		part.headSince = time.Now()
		r.produce(part, c)
	}
	if part.held && part.waiting() == nil {
		r.hold(part, false)
	}
}

// produce hands a chunk's results and dead letters to the client, in the order
// of the records.
func (r *recordsActor) produce(part *partition, c *chunk) {
	r.collect(c)
	if len(c.outputs) == 0 {
		r.settleChunk(part, c)
		return
	}
	r.commits.produced = true
	c.promise = c.acknowledge
	c.unacked.Store(int32(len(c.outputs)))
	part.repair.flying++
	for i := range c.outputs {
		r.session.client.Produce(context.Background(), &c.outputs[i].record, c.promise)
	}
}

// collect makes the chunk's outputs.
func (r *recordsActor) collect(c *chunk) {
	now := time.Now()
	c.outputs = r.outputs.get(len(c.records) + c.failed()) // must not grow once produced
	for i := range c.runs {
		run := &c.runs[i]
		switch f := run.flight; {
		case f == nil:
			run.dead++
			r.deadLetter(c, run.from, run.rejected)
		case f.err == nil:
			r.collectScores(c, run, now)
		case errors.Is(f.err, record.ErrNoModel) && r.config.Records.NoModel != NoModelDeadLetter:
			c.dropped += run.n
		default:
			why := unscored(f.err)
			run.dead = run.n
			for k := range run.n {
				r.deadLetter(c, run.from+k, why)
			}
		}
	}
}

// collectScores makes the outputs of a run whose batch was scored.
func (r *recordsActor) collectScores(c *chunk, run *run, now time.Time) {
	f := run.flight
	c.part.entry(f.dataType).scoredBy(f.answer, run)
	failures := f.failuresFrom(run.row, run.row+run.n)
	defer func() { c.results += run.results }()
	for k := range run.n {
		failed := len(failures) > 0 && failures[0].Row == run.row+k
		result := f.answer.Result(run.row + k)
		if len(result) == 0 && !failed {
			r.collectUnscored(c, run, k)
			continue
		}
		if len(result) == 0 {
			run.dead++
		} else if run.results++; failed {
			run.errors++
		}
		if len(result) > 0 {
			c.outputs = append(c.outputs, output{input: int32(run.from + k), record: kgo.Record{
				Topic:     r.config.Results.Topic,
				Partition: c.partition,
				Key:       f.dataType.key,
				Value:     result,
				Timestamp: now,
			}})
		}
		if failed {
			r.deadLetter(c, run.from+k, recordRejection(failures[0].Err))
			for len(failures) > 0 && failures[0].Row == run.row+k {
				failures = failures[1:]
			}
		}
	}
}

// unscored says why a record is dead-lettered that no model has scored.
func unscored(err error) *rejection {
	if errors.Is(err, record.ErrNoModel) {
		return &rejection{stage: stageTransformation, class: classNoModel, err: err}
	}
	return &rejection{stage: stageTransformation, class: classScoring, err: err}
}

// collectUnscored makes the output of a record of a scored batch that has
// neither a result nor a failure: no generation was there for its timestamp.
func (r *recordsActor) collectUnscored(c *chunk, run *run, k int) {
	err := partOf(run.flight.answer.Parts, run.row+k).Err
	if err == nil {
		err = errNoOutcome
	}
	if errors.Is(err, record.ErrNoModel) && r.config.Records.NoModel != NoModelDeadLetter {
		c.dropped++
		run.dropped = append(run.dropped, int32(run.from+k))
		return
	}
	run.dead++
	r.deadLetter(c, run.from+k, unscored(err))
}

// partOf returns the part that a row is in.
func partOf(parts []record.Part, row int) record.Part {
	for _, p := range parts {
		if row < p.End {
			return p
		}
	}
	return record.Part{}
}

// errNoOutcome is about a record that a scorer has passed over.
var errNoOutcome = errors.New("the model gave neither a result nor an error for this record")

// recordRejection says why a record that was scored badly is dead-lettered.
func recordRejection(err *model.RecordError) *rejection {
	why := &rejection{stage: stageTransformation, class: err.Kind.String(), err: err}
	if err.Kind == model.Malformed {
		why.stage = stageValueConverter
	}
	return why
}

// deadLetter adds the dead letter of a record to the chunk's outputs, or logs
// it where there is no topic for them.
func (r *recordsActor) deadLetter(c *chunk, i int, why *rejection) {
	c.deadLettered++
	r.metrics.deadLettered(why)
	if r.letters.topic == "" {
		if r.troubles.dead.allow("no topic") {
			r.log.Warn("records that cannot be processed are dropped: no dead-letter topic is configured; this is one of them",
				"topic", c.topic, "partition", c.partition, "offset", c.records[i].Offset, "error", why.err)
		}
		return
	}
	c.outputs = append(c.outputs, output{input: int32(i), dead: true})
	r.letters.letter(&c.outputs[len(c.outputs)-1].record, c.records[i], why)
}

// produced takes back a chunk whose outputs are all acknowledged or refused.
func (r *recordsActor) produced(c *chunk) {
	part := c.part
	if part == nil {
		return // given up meanwhile
	}
	part.repair.flying--
	failed := c.failures
	c.failures = nil
	if len(failed) > 0 {
		if errors.Is(failed[0].err, kgo.ErrClientClosed) {
			return // we are going down; the records are read again
		}
		r.refused(part, c, failed)
	}
	if len(c.again) == 0 {
		r.settleChunk(part, c)
	}
	if part.repair.broken && (len(failed) == 0 || len(c.again) == 0) {
		r.mended(part)
	}
	r.endSealed()
	r.permit()
	r.checkLeaving(time.Now())
}

// settleChunk notes that a chunk is done: its offsets may be committed.
func (r *recordsActor) settleChunk(part *partition, c *chunk) {
	r.window.remove(c)
	r.metrics.settled(c)
	r.status.settled(c)
	passed := part.settle(c)
	for _, c := range passed {
		part.count(c)
		c.part = nil
		r.outputs.put(c.outputs)
		c.outputs = nil
		for _, f := range c.flights {
			f.leave()
		}
	}
	clear(passed)
}

package kafka

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/modelstream/modelserver/record"
)

// chunk is consecutive records of one partition: the unit of order. The poll
// goroutine makes it, the actor owns it from then on; while it is with the
// producer, only acknowledge touches it.
type chunk struct {
	span
	topic     string
	partition int32
	part      *partition // set when the actor takes it; nil once it was given up
	records   []*kgo.Record
	runs      []run
	flights   []*flight // of the runs, each once
	bytes     int64
	highWater int64

	outputs  []output
	unacked  atomic.Int32
	failures []failure                // outputs that were not produced; by acknowledge
	done     func(*chunk)             // told when the last output is acknowledged or refused
	promise  func(*kgo.Record, error) // acknowledge, bound once
	again    []failure                // failures that wait to be produced again

	held         bool // counts as held in the window
	results      int  // of its records that have one
	dropped      int  // no model serves them
	deadLettered int  // cannot be processed
}

// run is consecutive records of a chunk that share their fate: rows of one
// batch, or a rejection.
type run struct {
	flight   *flight // nil for a rejection
	rejected *rejection
	from, n  int // records[from : from+n]
	row      int // the first one's row in the batch

	// How many of its records have a result, one that carries an error, or a
	// dead letter only; and whose result was refused by the broker.
	results, errors, dead int
	refused               []int32
	dropped               []int32 // whose timestamps no generation covers
}

// output is one record to produce and the input that it is from.
type output struct {
	record kgo.Record
	input  int32 // index in the chunk's records
	dead   bool  // a dead letter, not a result
}

// failure is an output that was not produced.
type failure struct {
	output *output
	err    error
}

func newChunk(topic string, fp *kgo.FetchPartition) *chunk {
	first, last := fp.Records[0], fp.Records[len(fp.Records)-1]
	return &chunk{
		span:      span{first: first.Offset, end: last.Offset + 1, epoch: last.LeaderEpoch},
		topic:     topic,
		partition: fp.Partition,
		records:   fp.Records,
		highWater: fp.HighWatermark,
	}
}

// assign makes record i the next row of a batch.
func (c *chunk) assign(i int, f *flight) {
	c.bytes += int64(len(c.records[i].Value) + len(c.records[i].Key))
	if n := len(c.runs); n > 0 && c.runs[n-1].flight == f {
		c.runs[n-1].n++
	} else {
		c.runs = append(c.runs, run{flight: f, from: i, n: 1, row: f.count})
	}
	if n := len(f.chunks); n == 0 || f.chunks[n-1] != c {
		f.chunks = append(f.chunks, c)
		c.flights = append(c.flights, f)
		c.unscored++
	}
	f.count++
}

// reject says that record i is not for a model.
func (c *chunk) reject(i int, why *rejection) {
	c.bytes += int64(len(c.records[i].Value) + len(c.records[i].Key))
	c.runs = append(c.runs, run{rejected: why, from: i, n: 1})
}

// run returns the run that record i is in.
func (c *chunk) run(i int32) *run {
	at, found := slices.BinarySearchFunc(c.runs, int(i), func(r run, i int) int { return cmp.Compare(r.from, i) })
	if !found {
		at--
	}
	return &c.runs[at]
}

// refuse notes that the broker does not take the result of record i.
func (r *run) refuse(i int32) {
	r.results--
	r.dead++
	r.refused = append(r.refused, i)
}

// failed is how many of the chunk's records have failed in batches that were
// scored: at most that many outputs come on top of one for each record.
func (c *chunk) failed() int {
	n := 0
	for i := range c.runs {
		if f := c.runs[i].flight; f != nil && f.err == nil {
			n += len(f.failuresFrom(c.runs[i].row, c.runs[i].row+c.runs[i].n))
		}
	}
	return n
}

// age is the time since the timestamp of the chunk's oldest record; 0 where
// there is none, or where it is of a clock that is ahead.
func (c *chunk) age() time.Duration {
	at := c.records[0].Timestamp
	if at.UnixMilli() <= 0 {
		return 0
	}
	return max(0, time.Since(at))
}

// fill copies the chunk's records into their batches.
func (c *chunk) fill() {
	for _, r := range c.runs {
		if r.flight == nil {
			continue
		}
		rows := r.flight.rows()
		for i := range r.n {
			in := c.records[r.from+i]
			rows[r.row+i] = record.Raw{
				Payload:   in.Value,
				Partition: in.Partition,
				Offset:    in.Offset,
				TimeMS:    in.Timestamp.UnixMilli(),
			}
		}
	}
}

// acknowledge is the promise of all of the chunk's outputs. The client calls it
// from one goroutine at a time.
func (c *chunk) acknowledge(r *kgo.Record, err error) {
	if err != nil {
		c.failures = append(c.failures, failure{output: c.outputOf(r), err: err})
	}
	if c.unacked.Add(-1) == 0 {
		c.done(c)
	}
}

// outputOf finds the output that a produced record is part of.
func (c *chunk) outputOf(r *kgo.Record) *output {
	for i := range c.outputs {
		if &c.outputs[i].record == r {
			return &c.outputs[i]
		}
	}
	return nil // cannot be: the promise is only given to the chunk's outputs
}

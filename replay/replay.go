package replay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/record"
)

// AsOf says how the generation of a record is found.
type AsOf string

// The ways to find a generation.
const (
	AsOfResults  AsOf = "results"
	AsOfTimeline AsOf = "timeline"
	AsOfModel    AsOf = "model"
)

// Range is consecutive records of one partition: offsets From to To-1.
type Range struct {
	Source    *record.Source
	Partition int32
	From, To  int64
}

// String shows a range as "topic/partition@from-to".
func (r Range) String() string {
	return fmt.Sprintf("%s/%d@%d-%d", r.Source.Topic, r.Partition, r.From, r.To)
}

// Record is a record of a range.
type Record struct {
	record.Raw
	DataType string
	Err      error // why it has no data type or no value: it has no result
}

// Result is what lies on the results topic.
type Result struct {
	Partition int32
	Offset    int64
	Result    *messages.ServingResult
	Err       error // why it is no result; Result is nil then
}

// Records are the records of a range, in offset order.
type Records interface {
	// Next returns some records, or io.EOF. They are valid until the next call.
	Next(ctx context.Context) ([]Record, error)
	Close()
}

// Results are results, each partition of theirs in its order.
type Results interface {
	// Next returns some results, or io.EOF.
	Next(ctx context.Context) ([]Result, error)
	Close()
}

// Log is where records and earlier results come from.
type Log interface {
	Records(ctx context.Context, r Range) (Records, error)
	// Results returns what may hold the results of a range, in its order.
	Results(ctx context.Context, r Range) (Results, error)
}

// Output is a result that was made anew.
type Output struct {
	Partition int32 // of the record
	DataType  string
	Payload   []byte // valid during the call
}

// Config is what [Run] needs.
type Config struct {
	Ranges []Range
	Log    Log
	Models *Generations

	AsOf  AsOf
	Model *Descriptor // for AsOfModel

	// Diff compares with the earlier results.
	Diff bool
	// Tolerance is the relative difference of two numbers that still are equal.
	Tolerance float64
	// Format is how results are written; that of the earlier ones is the Log's.
	Format record.ResultFormat

	// Window is how many results are looked at ahead. Default 16,384.
	Window int
	// Index, when set, is where earlier results are looked up instead.
	Index *Index

	DataTypes map[string]bool // empty: all
	Limit     int64           // records; 0: all
	Batch     int             // records scored at a time; default 1,024

	Sink     func(context.Context, Output) error // nil: results are not written
	Finding  func(*Finding)                      // called with what differs; may be nil
	Progress func(Progress)                      // called after each batch; may be nil
}

// Progress is how far a replay has come.
type Progress struct {
	Range    Range
	Next     int64 // the offset to be read next
	Records  int64 // so far, of all ranges
	Findings int64
}

// errLimit ends a replay early.
var errLimit = errors.New("limit")

// Run replays the ranges, one after the other. The summary holds what was done
// even when there is an error.
func Run(ctx context.Context, c Config) (*Summary, error) {
	if c.Window == 0 {
		c.Window = 16 << 10
	}
	if c.Batch == 0 {
		c.Batch = 1024
	}
	if c.AsOf == AsOfModel && c.Model == nil {
		return nil, errors.New("replay: AsOfModel without a model")
	}
	r := &run{Config: c, summary: newSummary()}
	for _, rng := range c.Ranges {
		err := r.one(ctx, rng)
		if errors.Is(err, errLimit) {
			break
		}
		if err != nil {
			return r.summary, fmt.Errorf("replay %s: %w", rng, err)
		}
	}
	return r.summary, nil
}

// run is a Run under way.
type run struct {
	Config
	summary *Summary
	rng     Range
	earlier joiner // nil: there is nothing to join
	batch   []*task
	scorer  scorer
}

// joiner finds the earlier results of records, which come in offset order.
type joiner interface {
	take(ctx context.Context, offset int64) ([]Result, error)
	// end accounts for what is left when the range has ended; cut says that it
	// was left early.
	end(ctx context.Context, s *Summary, cut bool) error
}

// one replays a range.
func (r *run) one(ctx context.Context, rng Range) (err error) {
	r.rng = rng
	records, err := r.Log.Records(ctx, rng)
	if err != nil {
		return err
	}
	defer records.Close()
	if r.earlier, err = r.join(ctx, rng); err != nil {
		return err
	}
	if m, ok := r.earlier.(*merge); ok {
		defer m.results.Close()
	}
	err = r.records(ctx, records)
	if err == nil || errors.Is(err, errLimit) {
		err = errors.Join(r.flush(ctx), err)
	}
	if r.earlier != nil && (err == nil || errors.Is(err, errLimit)) {
		if e := r.earlier.end(ctx, r.summary, err != nil || !r.Diff); e != nil {
			return e
		}
	}
	return err
}

func (r *run) join(ctx context.Context, rng Range) (joiner, error) {
	switch {
	case !r.Diff && r.AsOf != AsOfResults:
		return nil, nil
	case r.Index != nil:
		return r.Index.of(rng, r.DataTypes), nil
	}
	results, err := r.Log.Results(ctx, rng)
	if err != nil {
		return nil, err
	}
	return newMerge(results, rng, r.Window, r.DataTypes), nil
}

func (r *run) records(ctx context.Context, from Records) error {
	for {
		got, err := from.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range got {
			if err := r.add(ctx, &got[i]); err != nil {
				return err
			}
		}
	}
}

// add takes a record into the batch, which is scored when it is full.
func (r *run) add(ctx context.Context, rec *Record) error {
	if r.Limit > 0 && r.summary.Records >= r.Limit {
		return errLimit
	}
	t := &task{record: *rec}
	if r.earlier != nil {
		var err error
		if t.earlier, err = r.earlier.take(ctx, rec.Offset); err != nil {
			return err
		}
	}
	if len(r.DataTypes) > 0 && !r.DataTypes[rec.DataType] {
		return nil
	}
	r.summary.Records++
	if rec.Err == nil {
		if err := r.choose(ctx, t); err != nil {
			return err
		}
	}
	r.batch = append(r.batch, t)
	if len(r.batch) >= r.Batch {
		return r.flush(ctx)
	}
	return nil
}

// choose finds the generation of a record. When all loaded models are in use by
// the batch, the batch is scored first.
func (r *run) choose(ctx context.Context, t *task) error {
	err := r.generation(ctx, t)
	if errors.Is(err, errAllInUse) {
		if err = r.flush(ctx); err == nil {
			err = r.generation(ctx, t)
		}
	}
	var gone *UnavailableError
	if errors.As(err, &gone) {
		t.failed, err = gone, nil
	}
	return err
}

func (r *run) generation(ctx context.Context, t *task) (err error) {
	switch {
	case r.AsOf == AsOfModel:
		if d := r.Model; d.DataType == t.record.DataType {
			t.by, t.name = AsOfModel, d.generation()
			t.generation, err = r.Models.named(ctx, d)
		}
		return err
	case r.AsOf == AsOfResults && len(t.earlier) > 0:
		t.by, t.name = AsOfResults, t.earlier[0].Result.GetGeneration()
		t.generation, err = r.Models.of(ctx, t.record.DataType, t.name)
		return err
	}
	d, g, err := r.Models.at(ctx, t.record.DataType, t.record.TimeMS)
	if d != nil {
		t.by, t.name = AsOfTimeline, d.generation()
	}
	t.generation = g
	return err
}

// flush scores the batch and gives its results out, in order.
func (r *run) flush(ctx context.Context) error {
	if err := r.scorer.score(ctx, r.Format, r.rng.Source, r.Models.config.ScoreTimeout, r.batch); err != nil {
		return err
	}
	for _, t := range r.batch {
		if err := r.give(ctx, t); err != nil {
			return err
		}
	}
	r.Models.release()
	if n := len(r.batch); n > 0 && r.Progress != nil {
		r.Progress(Progress{
			Range: r.rng, Next: r.batch[n-1].record.Offset + 1, Records: r.summary.Records, Findings: r.summary.Findings(),
		})
	}
	clear(r.batch)
	r.batch = r.batch[:0]
	return nil
}

// give writes a result and judges it.
func (r *run) give(ctx context.Context, t *task) error {
	if len(t.payload) > 0 {
		r.summary.Results++
		if r.Sink != nil {
			if err := r.Sink(ctx, Output{Partition: r.rng.Partition, DataType: t.record.DataType, Payload: t.payload}); err != nil {
				return err
			}
		}
	}
	f, err := r.judge(t)
	if err != nil {
		return err
	}
	r.summary.count(f, t.by)
	if r.Finding != nil && f.differs() {
		r.Finding(f)
	}
	return nil
}

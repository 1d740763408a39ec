package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// split is a batch whose records need several generations: a batch of its own
// for each goes its own way, and the answers become one.
type split struct {
	flight   *flight // the whole
	of       []int32 // of each row: its portion
	portions []*portion
	waiting  int // portions without an answer
}

// portion is the rows of a split batch that one generation scores.
type portion struct {
	generation *lifecycle.Generation // nil: none covers them
	flight     *flight
	rows       []int32 // in the whole batch
	answer     *record.Scored
}

// split divides a batch by the generations of its records. The portions are on
// their way afterwards, or wait in front of everything else.
func (a *modelActor) split(ctx actor.Context, f *flight, plan lifecycle.Plan) bool {
	s := &split{flight: f, of: make([]int32, len(f.batch.Records))}
	s.assign(plan)
	a.splits[f.batch] = s
	s.waiting = len(s.portions)
	var wait []*flight
	for _, p := range s.portions {
		sub := s.subBatch(p)
		p.flight = &flight{batch: sub, split: s, portion: p, isolate: f.isolate, accused: f.accused, deaths: f.deaths, timed: true}
		switch {
		case p.generation == nil:
			a.answer(p.flight, &record.Scored{Batch: sub, Err: a.uncovered(sub.Records[0].TimeMS)})
		case len(wait) > 0 || !a.dispatch(ctx, p.flight, p.generation):
			wait = append(wait, p.flight)
		}
	}
	if len(wait) > 0 {
		a.held = append(wait, a.held...)
		a.arm()
	}
	return true
}

// assign finds the portion of each row.
func (s *split) assign(plan lifecycle.Plan) {
	for i := range s.of {
		g := plan.At(s.flight.batch.Records[i].TimeMS)
		at := 0
		for at < len(s.portions) && s.portions[at].generation != g {
			at++
		}
		if at == len(s.portions) {
			s.portions = append(s.portions, &portion{generation: g})
		}
		s.of[i] = int32(at)
		s.portions[at].rows = append(s.portions[at].rows, int32(i))
	}
}

func (s *split) subBatch(p *portion) *record.Batch {
	whole := s.flight.batch
	b := &record.Batch{DataType: whole.DataType, Source: whole.Source, Deadline: whole.Deadline, Records: make([]record.Raw, len(p.rows))}
	for i, row := range p.rows {
		b.Records[i] = whole.Records[row]
	}
	return b
}

// take keeps a portion's answer. With the last one the whole is answered.
func (a *modelActor) take(p *portion, s *split, scored *record.Scored) {
	p.answer = scored
	if s.waiting--; s.waiting > 0 {
		return
	}
	delete(a.splits, s.flight.batch)
	a.answer(s.flight, s.merge())
}

// merge makes one answer of all.
func (s *split) merge() *record.Scored {
	defer s.release()
	bytes, failed := 0, 0
	for _, p := range s.portions {
		var transient *model.TransientError
		if errors.As(p.answer.Err, &transient) {
			return &record.Scored{Batch: s.flight.batch, Err: p.answer.Err}
		}
		if p.answer.Err != nil {
			failed++
		}
		bytes += len(p.answer.Payloads)
	}
	if failed == len(s.portions) {
		return &record.Scored{Batch: s.flight.batch, Err: s.portions[0].answer.Err}
	}
	whole := record.NewScored(s.flight.batch, bytes)
	s.mergeRows(whole)
	for _, p := range s.portions {
		whole.Generation = max(whole.Generation, p.answer.Generation)
		for _, e := range p.answer.Failures {
			whole.Failures = append(whole.Failures, model.RowError{Row: int(p.rows[e.Row]), Err: e.Err})
		}
	}
	return whole
}

// mergeRows puts results and parts in the order of the whole batch.
func (s *split) mergeRows(whole *record.Scored) {
	type cursor struct{ row, part int }
	cursors := make([]cursor, len(s.portions))
	last, lastPart := int32(-1), -1
	for i, at := range s.of {
		answer, c := s.portions[at].answer, &cursors[at]
		part := record.Part{Err: answer.Err}
		if answer.Err == nil {
			for answer.Parts[c.part].End <= c.row {
				c.part++
			}
			part = answer.Parts[c.part]
			whole.Payloads = append(whole.Payloads, answer.Result(c.row)...)
		}
		c.row++
		whole.Ends = append(whole.Ends, int32(len(whole.Payloads)))
		part.End = i + 1
		if at == last && c.part == lastPart {
			whole.Parts[len(whole.Parts)-1].End = i + 1
			continue
		}
		whole.Parts = append(whole.Parts, part)
		last, lastPart = at, c.part
	}
}

// release gives the memory of the portions' answers back.
func (s *split) release() {
	for _, p := range s.portions {
		p.answer.Release()
		p.answer = nil
	}
}

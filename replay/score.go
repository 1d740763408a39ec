package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// task is a record on its way.
type task struct {
	record     Record
	earlier    []Result
	by         AsOf                 // how its generation was found; "": there is none
	name       *messages.Generation // of its generation, as results say it
	generation *generation          // nil: none, or failed
	failed     *UnavailableError    // why its generation cannot be had

	payload []byte             // its result; empty when it has none
	err     *model.RecordError // why it could not be scored
}

// scorer scores tasks. It holds scratch memory only.
type scorer struct {
	in, out model.Batch
	raws    []record.Raw
	group   []*task
	payload []byte
}

// groupKey is what tasks that are scored together have in common.
type groupKey struct {
	generation *generation
	number     uint64
}

// score scores the tasks that have a generation, those of one generation
// together.
func (s *scorer) score(ctx context.Context, format record.ResultFormat, source *record.Source, limit time.Duration, tasks []*task) error {
	s.payload = nil // tasks hold parts of it
	done := map[groupKey]bool{}
	for _, first := range tasks {
		key := groupKey{first.generation, first.name.GetNumber()}
		if first.generation == nil || done[key] {
			continue
		}
		done[key] = true
		s.group = s.group[:0]
		for _, t := range tasks {
			if (groupKey{t.generation, t.name.GetNumber()}) == key {
				s.group = append(s.group, t)
			}
		}
		if err := s.scoreGroup(ctx, format, source, limit); err != nil {
			return err
		}
	}
	return nil
}

func (s *scorer) scoreGroup(ctx context.Context, format record.ResultFormat, source *record.Source, limit time.Duration) error {
	x, name := s.group[0].generation, s.group[0].name
	label := Label(x.descriptor.generation())
	decoder := x.decoders[source.Format]
	var err error
	var encoder *record.ResultEncoder
	if decoder == nil {
		err = errors.New("the records of topic " + source.Topic + " do not have its inputs")
	} else {
		encoder, err = x.encoder(format, source.Topic, name)
	}
	if err != nil { // the server dead-lettered such records
		for _, t := range s.group {
			t.failed = &UnavailableError{label, err}
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = contain("scoring", func() error { return s.rows(ctx, x, decoder, encoder, s.group) })
	if err == nil {
		return nil
	}
	if err := fatal(ctx, label, limit, err); err != nil {
		return err
	}
	// As a server does: row by row, and what fails by itself is to blame.
	for _, t := range s.group {
		err := contain("scoring", func() error { return s.rows(ctx, x, decoder, encoder, []*task{t}) })
		if err == nil {
			continue
		}
		if err := fatal(ctx, label, limit, err); err != nil {
			return err
		}
		reason, _, _ := strings.Cut(err.Error(), "\n")
		t.err = &model.RecordError{Kind: model.Panicked, Rule: "the model fails on this record alone: " + reason}
		s.encode(encoder, t, 0, record.TimesOf(time.Now(), 1))
	}
	return nil
}

// fatal returns the error that ends the replay, if a failure to score has to.
func fatal(ctx context.Context, label string, limit time.Duration, err error) error {
	var transient *model.TransientError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s did not score a batch within %v (models.score_timeout): %w", label, limit, err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &transient):
		return fmt.Errorf("%s: %w", label, err)
	}
	return nil
}

// rows decodes, scores and encodes tasks.
func (s *scorer) rows(ctx context.Context, x *generation, decoder *record.Decoder, encoder *record.ResultEncoder, tasks []*task) error {
	start := time.Now()
	s.raws = s.raws[:0]
	for _, t := range tasks {
		s.raws = append(s.raws, t.record.Raw)
	}
	decoder.Decode(s.raws, &s.in)
	if err := x.evaluator.Score(ctx, &s.in, &s.out); err != nil {
		return err
	}
	for _, t := range tasks {
		t.err = nil
	}
	for _, e := range s.out.Errors {
		tasks[e.Row].err = e.Err
	}
	for _, e := range s.in.Errors {
		tasks[e.Row].err = e.Err
	}
	times := record.TimesOf(start, len(tasks))
	for row, t := range tasks {
		s.encode(encoder, t, row, times)
	}
	return nil
}

// encode writes a task's result. A malformed record has none.
func (s *scorer) encode(e *record.ResultEncoder, t *task, row int, times record.Times) {
	from := len(s.payload)
	switch {
	case t.err == nil:
		s.payload = e.Append(s.payload, &t.record.Raw, &s.out, row, times)
	case t.err.Kind != model.Malformed:
		s.payload = e.AppendError(s.payload, &t.record.Raw, t.err, times)
	}
	t.payload = s.payload[from:len(s.payload):len(s.payload)]
}

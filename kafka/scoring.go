package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// send hands a batch to its model.
func (r *recordsActor) send(f *flight, now time.Time) {
	b := f.attempt(now.Add(r.config.Records.ScoringTimeout))
	r.pending[b] = f
	r.scorer.Score(b, r.session.actor)
}

// scored takes an answer. The first good answer to any attempt counts; whatever
// comes later finds no flight and is discarded.
func (r *recordsActor) scored(s *record.Scored) {
	f := r.pending[s.Batch]
	if f == nil {
		r.metrics.lateAnswers.Add(context.Background(), 1)
		return
	}
	delete(r.pending, s.Batch)
	err := s.Err
	if err == nil {
		err = checkScored(s, len(f.records))
	}
	if err == nil && r.config.Records.NoModel == NoModelHold && lacksModel(s.Parts) {
		err = record.ErrNoModel // some wait, so all do: order
	}
	if err == nil {
		f.settle(s)
		r.settleFlight(f)
		r.permit()
		return
	}
	if current := f.attempts[len(f.attempts)-1]; current != s.Batch {
		return // an attempt that was given up; a later one is under way
	}
	r.scoringFailed(f, err)
	r.permit()
}

// lacksModel says that no generation covers some of the rows.
func lacksModel(parts []record.Part) bool {
	for i := range parts {
		if errors.Is(parts[i].Err, record.ErrNoModel) {
			return true
		}
	}
	return false
}

// scoringFailed decides what an attempt's failure means.
func (r *recordsActor) scoringFailed(f *flight, err error) {
	f.lastErr = err
	hold := errors.Is(err, record.ErrNoModel) && r.config.Records.NoModel == NoModelHold
	var transient *model.TransientError
	switch {
	case hold, errors.As(err, &transient) && f.sent < r.config.Records.Attempts:
		f.retryAt = time.Now().Add(r.config.Records.backoff(f.sent))
		r.retries = append(r.retries, f)
	default:
		f.err = err
		r.settleFlight(f)
	}
}

// overdue looks for batches whose answer did not come, and sends those again
// whose pause is over.
func (r *recordsActor) overdue(now time.Time) {
	var late []*flight
	for b, f := range r.pending {
		if b == f.attempts[len(f.attempts)-1] && (now.After(f.deadline) || !f.wanted()) {
			late = append(late, f)
		}
	}
	for _, f := range late {
		if !f.wanted() { // its partitions are gone
			r.leave(f)
			continue
		}
		// A silent actor and one that holds the batch look the same from here:
		// where records are held, they are never given up.
		f.lastErr = &model.TransientError{Reason: fmt.Sprintf("no answer within %v", r.config.Records.ScoringTimeout)}
		if f.sent >= r.config.Records.Attempts && r.config.Records.NoModel != NoModelHold {
			f.err = fmt.Errorf("given up after %d attempts: %w", f.sent, f.lastErr)
			r.settleFlight(f)
			continue
		}
		r.again(f, now)
	}
	r.resend(now)
}

// resend sends those flights again whose pause is over.
func (r *recordsActor) resend(now time.Time) {
	waiting := r.retries
	r.retries = nil
	for _, f := range waiting {
		switch {
		case f.settled:
		case !f.wanted():
			r.leave(f)
		case now.Before(f.retryAt):
			r.retries = append(r.retries, f)
		default:
			r.again(f, now)
		}
	}
}

func (r *recordsActor) again(f *flight, now time.Time) {
	r.metrics.retries.Add(context.Background(), 1)
	r.send(f, now)
}

// settleFlight ends a flight: its chunks wait for one batch less.
func (r *recordsActor) settleFlight(f *flight) {
	r.leave(f)
	r.metrics.scored(f)
	for _, c := range f.chunks {
		c.unscored--
		if c.part != nil && c.unscored == 0 {
			r.advance(c.part)
		}
	}
}

// backoff is the pause before attempt n+1.
func (r *RecordsConfig) backoff(n int) time.Duration {
	return backoff(r.RetryBackoff, r.MaxRetryBackoff, n)
}

func backoff(first, most time.Duration, n int) time.Duration {
	d := first
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

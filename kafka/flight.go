package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// flight is a batch on its way to a model and back, over all of its attempts.
// The poll goroutine makes it, the actor owns it from then on.
type flight struct {
	dataType *dataType
	source   *record.Source
	records  []record.Raw
	count    int      // rows given out while splitting
	chunks   []*chunk // that wait for it, each once
	left     int      // how many of them are settled
	lane     *lane
	again    bool         // its records were scored before, by an older generation
	atLeast  record.Place // than this

	latest int64 // the greatest timestamp of its records, at most the present; 0: not known

	attempts []*record.Batch // that may still be answered; the last is current
	sent     int             // how often it was sent
	deadline time.Time       // of the current attempt
	retryAt  time.Time       // when to send again; zero while an answer is awaited
	lastErr  error           // of the last attempt

	settled  bool
	answer   *record.Scored   // the scores, when err is nil
	failures []model.RowError // of answer, by row
	err      error            // why there are no scores
}

// rows returns the batch's records, allocated once all rows are counted.
func (f *flight) rows() []record.Raw {
	if f.records == nil {
		f.records = make([]record.Raw, f.count)
	}
	return f.records
}

// attempt returns a new batch to send. A batch never changes after it was sent,
// so each attempt is a batch of its own over the same records.
func (f *flight) attempt(deadline time.Time) *record.Batch {
	b := &record.Batch{DataType: f.dataType.name, Source: f.source, Records: f.records, Deadline: deadline, Floor: f.floor()}
	f.attempts = append(f.attempts, b)
	f.sent++
	f.deadline, f.retryAt = deadline, time.Time{}
	return b
}

// wanted says that some chunk still waits for the flight.
func (f *flight) wanted() bool {
	for _, c := range f.chunks {
		if c.part != nil {
			return true
		}
	}
	return false
}

// leave notes that one of its chunks is done with the flight's answer. After the
// last one nothing refers to the answer's payloads any more, and its memory goes
// back. A chunk that is given up never leaves: then the collector gets it.
func (f *flight) leave() {
	if f.left++; f.left == len(f.chunks) && f.answer != nil {
		f.answer.Release()
		f.answer, f.failures = nil, nil
	}
}

// settle keeps the scores that the flight's rows get.
func (f *flight) settle(s *record.Scored) {
	f.answer = s
	f.failures = slices.Clone(s.Failures) // the answer is not ours to sort
	slices.SortStableFunc(f.failures, func(a, b model.RowError) int { return cmp.Compare(a.Row, b.Row) })
}

// failuresFrom returns the failures of rows from to to-1.
func (f *flight) failuresFrom(from, to int) []model.RowError {
	lo, _ := slices.BinarySearchFunc(f.failures, from, func(e model.RowError, row int) int { return cmp.Compare(e.Row, row) })
	hi := lo
	for hi < len(f.failures) && f.failures[hi].Row < to {
		hi++
	}
	return f.failures[lo:hi]
}

// checkScored returns what is wrong with an answer's shape, so that a faulty
// scorer cannot make a record vanish.
func checkScored(s *record.Scored, rows int) error {
	if len(s.Ends) != rows {
		return fmt.Errorf("the scorer answered %d of %d records", len(s.Ends), rows)
	}
	var from int32
	for i, end := range s.Ends {
		if end < from || int(end) > len(s.Payloads) {
			return fmt.Errorf("the scorer's result %d is out of bounds", i)
		}
		from = end
	}
	for _, e := range s.Failures {
		if e.Row < 0 || e.Row >= rows || e.Err == nil {
			return fmt.Errorf("the scorer's failure of record %d of %d is none", e.Row, rows)
		}
	}
	return nil
}

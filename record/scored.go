package record

import (
	"errors"
	"sync"

	"github.com/modelstream/modelserver/model"
)

// Scored answers a [Batch]: it goes back to whoever sent the batch.
type Scored struct {
	Batch *Batch

	// Err says that the batch was not scored at all: [ErrNoModel], a
	// *model.TransientError (send it again), or the failure of every
	// generation that could have scored it. Nothing else is set then.
	Err error

	// Payloads is the encoded results, one after another; Ends[i] is where that
	// of record i ends. A record that was malformed has none (length 0).
	Payloads []byte
	Ends     []int32

	// Failures are the records that could not be decoded or scored. All but the
	// malformed ones have a result that carries the error, too.
	Failures []model.RowError

	// Generation is the number of the newest generation that scored records of
	// the batch.
	Generation uint64

	// Parts says which rows which generation scored, in the order of the rows.
	// There is one part unless the batch lies across a switch in record time, or
	// was scored row by row.
	Parts []Part
}

// Part is consecutive rows of a batch that one generation scored, or none.
type Part struct {
	End   int    // the row after the last one
	Place Place  // of the generation
	NS    uint64 // what its results have as scoring_ns
	Timed bool   // the records' timestamps have chosen the generation
	// Err says why these rows have neither results nor failures although others
	// of the batch have: [ErrNoModel] when no generation covers their
	// timestamps, or a *model.LoadError when the one that does cannot be had any
	// more. It is what Scored.Err would say of a batch of such rows alone.
	Err error
}

// buffers recycles the memory of answers: a buffer of a megabyte that is made
// anew for each batch costs more to clear and to collect than to fill.
var buffers sync.Pool

// NewScored returns an empty answer to a batch with room for n bytes of payload.
func NewScored(b *Batch, n int) *Scored {
	s, ok := buffers.Get().(*Scored)
	if !ok {
		s = &Scored{}
	}
	s.Batch = b
	if cap(s.Payloads) < n {
		s.Payloads = make([]byte, 0, n)
	}
	if cap(s.Ends) < len(b.Records) {
		s.Ends = make([]int32, 0, len(b.Records))
	}
	return s
}

// Release gives the answer's memory back, for another batch. It is called at
// most once, by who received the answer, when nothing refers to it or to its
// payloads any more; never to call it is safe.
func (s *Scored) Release() {
	clear(s.Failures)
	clear(s.Parts)
	*s = Scored{Payloads: s.Payloads[:0], Ends: s.Ends[:0], Failures: s.Failures[:0], Parts: s.Parts[:0]}
	buffers.Put(s)
}

// ErrNoModel says that no model serves the batch's data type yet.
var ErrNoModel = errors.New("no model serves this data type yet")

// Result returns the encoded result of a record, or nothing.
func (s *Scored) Result(i int) []byte {
	var from int32
	if i > 0 {
		from = s.Ends[i-1]
	}
	return s.Payloads[from:s.Ends[i]:s.Ends[i]]
}

package kafka

// queue is the bookkeeping of one assigned partition: what was taken from it,
// in offset order, how far each piece has come, and up to where the offset may
// be committed. It is a pure state machine: no clock, no client, no actor.
//
// A chunk is pushed when it was polled; it is scored when all of its batches
// are answered; the chunk that next returns is sent (produced) when all chunks
// before it were sent, so results leave in input order; it is settled when the
// broker has acknowledged all that it produced. The position is the end of the
// longest run of settled chunks from the start: everything below it is safe.
type queue struct {
	chunks []*chunk // in the order they came; chunks[:sent] are with the producer
	sent   int

	position int64 // offset that may be committed; -1: nothing to commit yet
	epoch    int32 // leader epoch of the record before position
}

// span is what the queue knows of a chunk: consecutive records of one
// partition.
type span struct {
	first, end int64 // offsets: first record, after the last record
	epoch      int32 // leader epoch of the last record
	unscored   int   // batches that are not answered
	settled    bool
}

func newQueue() queue { return queue{position: -1} }

// push takes a chunk. Offsets normally go up; when the log was truncated the
// client starts again from lower ones, and so does the position.
func (q *queue) push(c *chunk) { q.chunks = append(q.chunks, c) }

// next returns the chunk to produce now, or nil: the first that was not sent,
// if it is scored.
func (q *queue) next() *chunk {
	if c := q.waiting(); c != nil && c.unscored == 0 {
		return c
	}
	return nil
}

// waiting returns the chunk that holds up all behind it, or nil: the first that
// was not sent.
func (q *queue) waiting() *chunk {
	if q.sent == len(q.chunks) {
		return nil
	}
	return q.chunks[q.sent]
}

// send notes that the chunk that next returned is with the producer.
func (q *queue) send() { q.sent++ }

// settle notes that everything a sent chunk produced is acknowledged, and
// advances the position over the settled chunks at the front. It returns those,
// in order; the caller clears the slice when it is done with them.
func (q *queue) settle(c *chunk) (passed []*chunk) {
	c.settled = true
	n := 0
	for n < q.sent && q.chunks[n].settled {
		q.position, q.epoch = q.chunks[n].end, q.chunks[n].epoch
		n++
	}
	passed, q.chunks = q.chunks[:n:n], q.chunks[n:]
	q.sent -= n
	return passed
}

// idle says that nothing is under way.
func (q *queue) idle() bool { return len(q.chunks) == 0 }

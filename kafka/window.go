package kafka

// window bounds the work in flight: what was polled and is not settled. It
// tells how many records the next poll may bring.
type window struct {
	maxRecords, pollRecords int
	maxBytes                int64

	active load // counts against the limits
	held   load // of partitions that are held up; counts against heldFactor times them
}

// load is an amount of records.
type load struct {
	records int
	bytes   int64
}

// heldFactor is how much more may be held than be active.
const heldFactor = 4

func (w *window) of(held bool) *load {
	if held {
		return &w.held
	}
	return &w.active
}

func (w *window) add(c *chunk) {
	l := w.of(c.held)
	l.records += len(c.records)
	l.bytes += c.bytes
}

func (w *window) remove(c *chunk) {
	l := w.of(c.held)
	l.records -= len(c.records)
	l.bytes -= c.bytes
}

// hold moves a chunk to or from the held ones.
func (w *window) hold(c *chunk, held bool) {
	w.remove(c)
	c.held = held
	w.add(c)
}

// room is how many records may be polled now. It is 0 until a poll is worth its
// while.
func (w *window) room() int {
	if w.active.bytes >= w.maxBytes || w.held.bytes >= heldFactor*w.maxBytes ||
		w.held.records >= heldFactor*w.maxRecords {
		return 0
	}
	n := min(w.pollRecords, w.maxRecords-w.active.records)
	if n < (w.pollRecords+1)/2 {
		return 0
	}
	return n
}

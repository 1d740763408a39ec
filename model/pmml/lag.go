package pmml

import (
	"math"
	"strconv"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// A Lag looks at the rows before the current one (DMG 4.4, Transformation
// Dictionary: Lag). The standard speaks of the records of a data set in their
// order; here the data set is the batch, as it is the table in the reference:
// rows of an earlier batch are never seen, so a caller who wants them puts a
// whole series into one batch. A server that cuts a stream into batches as they
// come cannot promise that and refuses such documents, see Options.Streaming.

// maxWindow bounds the rows that an aggregate looks back at for each row.
const maxWindow = 10_000

// lagInput fills a slot from earlier values of an input's column. Values are
// those of the caller, checked and treated as the field's current value is.
type lagInput struct {
	boundInput
	n         int
	aggregate string // or "none"
	blocks    []int  // inputs: rows with the same values are one block
}

// lag compiles a Lag: a slot that is filled with the inputs.
func (s *scope) lag(e *document.Lag) expr {
	if e.N < 1 {
		s.c.refuseAttr(e, "n", "%d is less than 1", e.N)
	}
	if e.Aggregate != "none" && e.N > maxWindow {
		s.c.refuseAttr(e, "n", "%d is more than %d", e.N, maxWindow)
	}
	sl := s.lagged(e)
	return &fieldExpr{slot: sl, t: s.c.info(sl).typ}
}

// lagged is the slot of a Lag, with the treatments of all mining schemas.
func (s *scope) lagged(e *document.Lag) slot {
	mf := s.mining[e.Field]
	if s.parent != nil {
		if s.local[e.Field] != nil {
			s.c.refuseAttr(e, "field", "%q is derived; only fields of the data have earlier values", e.Field)
		}
		from := s.parent.lagged(e)
		if mf == nil {
			return from
		}
		return s.treated(from, mf)
	}
	df := s.c.data[e.Field]
	if mf == nil || df == nil {
		s.c.refuseAttr(e, "field", "%q is no field of the data that the model uses; only those have earlier values", e.Field)
	}
	info := s.c.inputInfo(df, mf)
	if e.Aggregate != "none" {
		if !info.typ.numeric() {
			s.c.refuseAttr(e, "aggregate", "field %q is no number", e.Field)
		}
		if e.Aggregate != "max" && e.Aggregate != "min" {
			info.typ = tDouble
		}
	}
	to := s.c.slot(info)
	l := lagInput{boundInput: s.c.boundInput(to, df, mf), n: e.N, aggregate: e.Aggregate}
	for i := range e.Blocks {
		b := &e.Blocks[i]
		of := s.c.data[b.Field]
		if of == nil {
			s.c.refuseAttr(b, "field", "%q is no field of the data", b.Field)
		}
		l.blocks = append(l.blocks, s.c.addInput(of, dataTypeOf(of.DataType)))
	}
	if s.c.plan.lags == nil {
		s.c.plan.lagAt = e.Position()
	}
	s.c.plan.lags = append(s.c.plan.lags, l)
	return to
}

// history is what a frame knows of the batch's rows before the block under way:
// the latest rows of each block that a Lag tells apart.
type history struct {
	blocks map[string]*rowsOf
	key    []byte
	window []int
	values []float64
}

// rowsOf is the latest rows of a block, in order.
type rowsOf struct{ rows []int }

// maxKept bounds the blocks whose memory a frame keeps for the next batch.
const maxKept = 1024

func (h *history) forget() {
	if h.blocks == nil || len(h.blocks) > maxKept {
		h.blocks = map[string]*rowsOf{}
	}
	for _, b := range h.blocks {
		b.rows = b.rows[:0]
	}
}

// loadLags fills the slots of the Lags for rows lo … lo+n of a batch. The rows
// before have been through here.
func (f *frame) loadLags(in *model.Batch, lo, n int) {
	if f.history == nil {
		f.history = make([]history, len(f.plan.lags))
	}
	for i := range f.plan.lags {
		l, h := &f.plan.lags[i], &f.history[i]
		if lo == 0 {
			h.forget()
		}
		for row := range n {
			f.put(l.to, int32(row), l.value(in, lo+row, h))
		}
	}
}

func (l *lagInput) value(in *model.Batch, at int, h *history) value {
	if l.aggregate == "none" && len(l.blocks) == 0 {
		if at < l.n {
			return l.missing()
		}
		return l.prepare(l.raw(in, at-l.n))
	}
	before := l.before(in, at, h)
	if l.aggregate == "none" {
		if len(before) < l.n {
			return l.missing()
		}
		return l.prepare(l.raw(in, before[len(before)-l.n]))
	}
	h.values = h.values[:0]
	for _, row := range before[max(0, len(before)-l.n):] {
		v := l.raw(in, row).cast(tDouble)
		if v.isMissing() || l.texts[v.s] == "missing" || !v.isFailed() && l.values[key(v)] == "missing" {
			continue
		}
		if v.isFailed() {
			return failure("an earlier value is no number")
		}
		h.values = append(h.values, v.n)
	}
	if len(h.values) == 0 {
		return l.missing()
	}
	return l.apply(value{t: l.typ, n: summary(l.aggregate, h.values)})
}

// before lists the rows of the block that come before a row, at least the
// latest n of them, and adds the row to the block.
func (l *lagInput) before(in *model.Batch, at int, h *history) []int {
	if len(l.blocks) == 0 {
		h.window = h.window[:0]
		for row := max(0, at-l.n); row < at; row++ {
			h.window = append(h.window, row)
		}
		return h.window
	}
	if in.Err(at) != nil {
		return nil // nobody knows its block
	}
	h.key = h.key[:0]
	for _, source := range l.blocks {
		h.key = appendKey(h.key, rawValue(&in.Columns[source], at))
	}
	b := h.blocks[string(h.key)]
	if b == nil {
		b = &rowsOf{}
		h.blocks[string(h.key)] = b
	}
	if n := len(b.rows); n/2 >= l.n {
		b.rows = b.rows[:copy(b.rows, b.rows[n-l.n:])]
	}
	before := b.rows
	b.rows = append(b.rows, at)
	return before
}

// appendKey adds a value to the key of a block; missing ones are alike.
func appendKey(key []byte, v value) []byte {
	switch {
	case v.isMissing():
		key = append(key, 1)
	case v.t.numeric():
		key = strconv.AppendFloat(key, v.n, 'g', -1, 64)
	default:
		key = append(key, v.format()...)
	}
	return append(key, 0)
}

// raw is what the caller gave in a row; of a row without a record, nothing.
func (l *lagInput) raw(in *model.Batch, row int) value {
	if in.Err(row) != nil {
		return missing
	}
	return rawValue(&in.Columns[l.source], row)
}

// summary is an aggregate of numbers. The deviation is that of a sample, and 0
// of a single number, as in the reference.
func summary(aggregate string, x []float64) float64 {
	switch aggregate {
	case "avg":
		return mean(x)
	case "max":
		return extreme(x, func(a, b float64) bool { return a > b })
	case "min":
		return extreme(x, func(a, b float64) bool { return a < b })
	case "median":
		return median(x) // sorts them; they are the caller's scratch
	case "product":
		return product(x, tDouble)
	case "sum":
		return sum(x, tDouble)
	}
	return deviation(x)
}

func extreme(x []float64, better func(a, b float64) bool) float64 {
	best := x[0]
	for _, v := range x[1:] {
		if better(v, best) {
			best = v
		}
	}
	return best
}

// mean adds the mean of what rounding has left over.
func mean(x []float64) float64 {
	m := sum(x, tDouble) / float64(len(x))
	rest := 0.0
	for _, v := range x {
		rest += v - m
	}
	return m + rest/float64(len(x))
}

func deviation(x []float64) float64 {
	if len(x) == 1 {
		return 0
	}
	m := mean(x)
	squares, rest := 0.0, 0.0
	for _, v := range x {
		d := v - m
		squares += float64(d * d)
		rest += d
	}
	n := float64(len(x))
	return math.Sqrt((squares - float64(rest*rest)/n) / (n - 1))
}

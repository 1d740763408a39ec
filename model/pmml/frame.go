package pmml

import (
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// state says whether a row of a slot has a value.
type state uint8

const (
	valid     state = iota
	absent          // missing
	failed          // could not be computed; the row fails when somebody asks for the value
	undefined       // the segment that makes it was not evaluated; fails likewise
)

// column is a slot's values for the rows of a block.
type column struct {
	num   []float64 // numbers, booleans, dates; of strings the dictionary code
	str   []string  // of string slots
	state []state
	clean bool     // every row is valid: state need not be read
	why   []string // of failed rows; allocated at the first one
}

// frame is the memory that one evaluation of a block works in. It belongs to
// one goroutine and is reused through a pool.
type frame struct {
	plan    *plan
	n       int // rows in the block
	cols    []column
	results []results
	common  results // of targets that have none, for a while
	errs    []*model.RecordError
	bad     int     // rows with an error
	regs    []value // parameters of functions
	args    []value // a stack of arguments
	nums    []float64
	temps   [][]float64           // of column expressions
	scratch [][]float64           // what evaluators asked for
	keys    []uint64              // what the trees of a forest compare
	texts   [][]tokens            // by TextIndex and row
	terms   []map[string][]string // by TextIndex
	history []history             // by Lag
	series  []runningSeries       // by baseline model: what the batch has had
	ordered bool                  // the rows of the batch are a data set in their order
	pool    [][]int32
	all     []int32
}

// blockRows is how many rows are evaluated at a time at most: enough to
// amortize what a block costs, few enough to stay in the cache. A plan with
// many fields has smaller blocks, see plan.fit.
const blockRows = 256

func newFrame(p *plan) *frame {
	f := &frame{
		plan: p, cols: make([]column, len(p.slots)), results: make([]results, len(p.targets)),
		series: make([]runningSeries, p.series),
		regs:   make([]value, p.regs), texts: make([][]tokens, p.texts), terms: make([]map[string][]string, p.texts),
	}
	for i := range f.cols {
		f.cols[i].num = make([]float64, p.rows)
		f.cols[i].state = make([]state, p.rows)
		if p.slots[i].hasText() {
			f.cols[i].str = make([]string, p.rows)
		}
	}
	for i, t := range p.targets {
		if !t.lent {
			f.results[i] = newResults(t, p.rows)
		}
	}
	for i := range f.texts {
		f.texts[i] = make([]tokens, p.rows)
	}
	for _, n := range p.scratch {
		f.scratch = append(f.scratch, make([]float64, n))
	}
	f.keys = make([]uint64, p.keys*(p.rows+lanes))
	f.errs = make([]*model.RecordError, p.rows)
	f.all = make([]int32, p.rows)
	for i := range f.all {
		f.all[i] = int32(i)
	}
	return f
}

// begin prepares the frame for a block of n rows.
func (f *frame) begin(n int) {
	f.n = n
	if f.bad > 0 {
		clear(f.errs)
		f.bad = 0
	}
	for i := range f.cols {
		f.cols[i].clean = true
	}
	for _, s := range f.plan.resets {
		f.cols[s].fill(undefined, n)
	}
}

func (c *column) fill(s state, n int) {
	c.clean = s == valid
	for i := range c.state[:n] {
		c.state[i] = s
	}
}

// mark sets a row's state.
func (c *column) mark(row int32, s state) {
	if c.clean {
		if s == valid {
			return
		}
		clear(c.state)
		c.clean = false
	}
	c.state[row] = s
}

// ok says whether a row has a value.
func (c *column) ok(row int32) bool { return c.clean || c.state[row] == valid }

// get returns a row of a slot as a value.
func (f *frame) get(s slot, row int32) value {
	c := &f.cols[s]
	if !c.clean {
		switch c.state[row] {
		case absent:
			return missing
		case failed:
			return failure(c.why[row])
		case undefined:
			return failure("field \"" + f.plan.slots[s].name + "\" is not defined: the segment that makes it was not evaluated")
		}
	}
	v := value{t: f.plan.slots[s].typ, n: c.num[row]}
	if c.str != nil {
		v.s = c.str[row]
	}
	return v
}

// put stores a value that has the slot's type already.
func (f *frame) put(s slot, row int32, v value) {
	c := &f.cols[s]
	switch v.t {
	case tMissing:
		c.mark(row, absent)
	case tFailed:
		c.mark(row, failed)
		if c.why == nil {
			c.why = make([]string, f.plan.rows)
		}
		c.why[row] = v.s
		if c.str != nil {
			c.str[row] = "" // what an earlier block left is not this row's
		}
	case tString:
		c.mark(row, valid)
		c.str[row] = v.s
		c.num[row] = f.plan.slots[s].words.code(v.s)
	default:
		c.mark(row, valid)
		c.num[row] = v.n
		if c.str != nil {
			c.str[row] = v.s
		}
	}
}

// fail says that a row has no result.
func (f *frame) fail(row int32, kind model.RecordErrorKind, field, text, rule string) {
	if f.errs[row] != nil {
		return
	}
	f.errs[row] = &model.RecordError{Kind: kind, Field: field, Value: document.Short(text), Rule: rule}
	f.bad++
}

// need returns a row of a slot; a value that could not be computed fails the
// row and comes back as missing.
func (f *frame) need(s slot, row int32) value {
	v := f.get(s, row)
	if v.t == tFailed {
		f.refuse(s, row)
		return missing
	}
	return v
}

// refuse fails a row because a slot's value could not be computed.
func (f *frame) refuse(s slot, row int32) {
	c := &f.cols[s]
	if c.state[row] == undefined {
		f.fail(row, model.NoResult, f.plan.slots[s].name, "", "is not defined: the segment that makes it was not evaluated")
		return
	}
	var shown string
	if c.str != nil {
		shown = c.str[row]
	}
	kind := model.InvalidInput
	if f.plan.slots[s].data == nil {
		kind = model.NoResult
	}
	f.fail(row, kind, f.plan.slots[s].name, shown, c.why[row])
}

// rows returns an empty list of rows to fill; give it back with done.
func (f *frame) rows() []int32 {
	if n := len(f.pool); n > 0 {
		r := f.pool[n-1]
		f.pool = f.pool[:n-1]
		return r[:0]
	}
	return make([]int32, 0, f.plan.rows)
}

func (f *frame) done(r []int32) { f.pool = append(f.pool, r) }

// alive returns the rows without an error, in a list that must be given back
// when mine is true.
func (f *frame) alive(rows []int32) (live []int32, mine bool) {
	if f.bad == 0 {
		return rows, false
	}
	live = f.rows()
	for _, r := range rows {
		if f.errs[r] == nil {
			live = append(live, r)
		}
	}
	return live, true
}

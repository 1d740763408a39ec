package pmml

// numbersExpr is an expression that yields a number for every row, of a type
// that is known, when the fields that it reads have values in every row.
type numbersExpr interface {
	expr
	// numbers returns a column: of the frame, or temp filled.
	numbers(f *frame, rows []int32, temp int) (x []float64, t dataType, ok bool)
}

// numbers is the field's own column.
func (e *fieldExpr) numbers(f *frame, _ []int32, _ int) ([]float64, dataType, bool) {
	c := &f.cols[e.slot]
	return c.num, e.t, c.clean && e.t.numeric()
}

func (e constExpr) numbers(f *frame, rows []int32, temp int) ([]float64, dataType, bool) {
	if !e.v.t.numeric() {
		return nil, 0, false
	}
	x := f.temp(temp)
	for _, r := range rows {
		x[r] = e.v.n
	}
	return x, e.v.t, true
}

func (e *refExpr) numbers(f *frame, rows []int32, temp int) ([]float64, dataType, bool) {
	if k, ok := e.of.(numbersExpr); ok {
		return k.numbers(f, rows, temp)
	}
	return nil, 0, false
}

// maxTemps bounds how deep column arithmetic nests.
const maxTemps = 16

func (e *arithExpr) numbers(f *frame, rows []int32, temp int) ([]float64, dataType, bool) {
	a, okA := e.a.(numbersExpr)
	b, okB := e.b.(numbersExpr)
	if !okA || !okB || temp >= maxTemps {
		return nil, 0, false
	}
	x, tx, okA := a.numbers(f, rows, temp)
	if !okA {
		return nil, 0, false
	}
	y, ty, okB := b.numbers(f, rows, temp+1)
	t := max(tx, ty)
	if !okB || e.op == '/' && t == tInteger { // which may fail
		return nil, 0, false
	}
	out := f.temp(temp)
	switch e.op {
	case '+':
		for _, r := range rows {
			out[r] = x[r] + y[r]
		}
	case '-':
		for _, r := range rows {
			out[r] = x[r] - y[r]
		}
	case '*':
		for _, r := range rows {
			out[r] = x[r] * y[r]
		}
	default:
		for _, r := range rows {
			out[r] = x[r] / y[r]
		}
	}
	if t == tFloat {
		for _, r := range rows {
			out[r] = single(out[r])
		}
	}
	sum := 0.0
	for _, r := range rows {
		sum += 0 * out[r]
	}
	return out, t, sum == 0 // neither NaN, which is no result, nor what might be
}

// temp is a column to work with.
func (f *frame) temp(i int) []float64 {
	for len(f.temps) <= i {
		f.temps = append(f.temps, make([]float64, f.plan.rows))
	}
	return f.temps[i]
}

// fillNumbers fills a slot of type double or float from a numbers expression,
// or does nothing when it cannot.
func fillNumbers(e numbersExpr, f *frame, rows []int32, to slot, typ dataType) bool {
	if typ != tDouble && typ != tFloat {
		return false
	}
	x, _, ok := e.numbers(f, rows, 0)
	if !ok {
		return false
	}
	c := &f.cols[to]
	if typ == tFloat {
		for _, r := range rows {
			c.num[r] = single(x[r])
		}
	} else {
		for _, r := range rows {
			c.num[r] = x[r]
		}
	}
	return settled(c, rows)
}

// column computes a block at once.
func (e *arithExpr) column(f *frame, rows []int32, to slot, typ dataType) bool {
	return fillNumbers(e, f, rows, to, typ)
}

// column copies numbers.
func (e *fieldExpr) column(f *frame, rows []int32, to slot, typ dataType) bool {
	return fillNumbers(e, f, rows, to, typ)
}

// column compares dictionary codes.
func (e *indicatorExpr) column(f *frame, rows []int32, to slot, typ dataType) bool {
	in, ok := e.of.(*fieldExpr)
	if !ok || typ != tDouble && typ != tFloat && typ != tInteger || !f.cols[in.slot].clean || in.t != e.want.t || in.t == tList {
		return false
	}
	c, from := &f.cols[to], f.cols[in.slot].num
	for _, r := range rows {
		c.num[r] = 0
		if from[r] == e.want.n {
			c.num[r] = 1
		}
	}
	return settled(c, rows)
}

// settled marks rows of a column as valid where some may be not.
func settled(c *column, rows []int32) bool {
	if !c.clean {
		for _, r := range rows {
			c.state[r] = valid
		}
	}
	return true
}

package pmml

import (
	"math"
)

// sum adds the table up for the rows, term by term: row r goes to
// out[r×stride+offset]. A row without a needed value becomes missing, and
// nothing more of it is read: a later value that is invalid does no harm.
func (t *regressionTable) sum(f *frame, rows []int32, a arith, res *results, out []float64, stride, offset int) {
	for _, row := range rows {
		out[int(row)*stride+offset] = 0
	}
	for i := range t.numeric {
		t.numeric[i].add(f, rows, a, res, out, stride, offset)
	}
	t.finish(f, rows, a, res, out, stride, offset)
}

// rest is sum where the numeric predictors have been added up into a column.
func (t *regressionTable) rest(f *frame, rows []int32, a arith, res *results, column, out []float64, stride, offset int) {
	for _, row := range rows {
		out[int(row)*stride+offset] = column[row]
	}
	t.finish(f, rows, a, res, out, stride, offset)
}

// finish adds what follows the numeric predictors.
func (t *regressionTable) finish(f *frame, rows []int32, a arith, res *results, out []float64, stride, offset int) {
	for i := range t.groups {
		t.groups[i].add(f, rows, a, res, out, stride, offset)
	}
	for i := range t.terms {
		t.terms[i].add(f, rows, a, res, out, stride, offset)
	}
	for _, row := range rows {
		at := int(row)*stride + offset
		out[at] = a.add(out[at], t.intercept)
	}
}

func (n *numericTerm) add(f *frame, rows []int32, a arith, res *results, out []float64, stride, offset int) {
	c := &f.cols[n.slot]
	if c.clean && n.exponent == 1 && !a.single {
		x := c.num
		for _, row := range rows {
			out[int(row)*stride+offset] += float64(n.coefficient * x[row])
		}
		return
	}
	for _, row := range rows {
		if res.state[row] != valid {
			continue
		}
		if !f.usable(n.slot, row) {
			res.state[row] = absent
			continue
		}
		x := a.round(c.num[row])
		if n.exponent != 1 {
			x = a.round(math.Pow(x, n.exponent))
		}
		at := int(row)*stride + offset
		out[at] = a.madd(out[at], n.coefficient, x)
	}
}

// usable says whether a row has a value; one that failed fails the row.
func (f *frame) usable(s slot, row int32) bool {
	c := &f.cols[s]
	if c.clean || c.state[row] == valid {
		return true
	}
	if c.state[row] != absent {
		f.refuse(s, row)
	}
	return false
}

// add adds the coefficient of the value that the field has; a missing value
// adds nothing.
func (g *categoricalGroup) add(f *frame, rows []int32, a arith, res *results, out []float64, stride, offset int) {
	c := &f.cols[g.slot]
	for _, row := range rows {
		if res.state[row] != valid || !f.usable(g.slot, row) {
			continue
		}
		for i, v := range g.values {
			if v == c.num[row] {
				at := int(row)*stride + offset
				out[at] = a.add(out[at], g.betas[i])
				break
			}
		}
	}
}

func (t *interaction) add(f *frame, rows []int32, a arith, res *results, out []float64, stride, offset int) {
	for _, row := range rows {
		if res.state[row] != valid {
			continue
		}
		product := t.coefficient
		for _, s := range t.slots {
			if !f.usable(s, row) {
				res.state[row] = absent
				break
			}
			product = a.mul(product, a.round(f.cols[s].num[row]))
		}
		at := int(row)*stride + offset
		out[at] = a.add(out[at], product)
	}
}

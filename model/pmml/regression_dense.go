package pmml

// denseTables is how a regression computes all its tables at once where the
// predictors are plain numbers in double precision: the fields are a matrix,
// each table a vector of coefficients.
type denseTables struct {
	slots []slot
	from  [][]int32 // by table: the columns of its terms
	betas [][]float64
	x     int // scratch: the fields' columns
	sums  int // scratch: the tables' columns
}

// denseTables prepares the matrix, or returns nil where a predictor is a power
// or the arithmetic is single.
func (r *regressionModel) denseTables(mc *modelCompiler) *denseTables {
	d := &denseTables{}
	index := map[slot]int32{}
	for i := range r.tables {
		var from []int32
		var betas []float64
		for _, n := range r.tables[i].numeric {
			if n.exponent != 1 || r.math.single {
				return nil
			}
			at, ok := index[n.slot]
			if !ok {
				at = int32(len(d.slots))
				index[n.slot] = at
				d.slots = append(d.slots, n.slot)
			}
			from, betas = append(from, at), append(betas, n.coefficient)
		}
		d.from, d.betas = append(d.from, from), append(d.betas, betas)
	}
	if len(d.slots) == 0 || len(d.slots) > maxDense {
		return nil
	}
	d.x, d.sums = mc.c.scratch(len(d.slots)*columnStride), mc.c.scratch(len(r.tables)*columnStride)
	return d
}

// maxDense bounds the matrix to what the second-level cache holds.
const maxDense = 128

// sum adds the numeric predictors of all tables up for the block's rows, or
// does nothing where a field has missing values or few rows are wanted.
func (d *denseTables) sum(f *frame, rows []int32) bool {
	if !f.most(rows) {
		return false
	}
	for _, s := range d.slots {
		if !f.cols[s].clean {
			return false
		}
	}
	x, sums := f.scratch[d.x], f.scratch[d.sums]
	for i, s := range d.slots {
		copy(x[i*columnStride:], f.cols[s].num[:f.n])
	}
	for at := 0; at < f.n; at += lanes {
		for i := range d.from {
			dense((*[lanes]float64)(sums[i*columnStride+at:]), x, at, d.from[i], d.betas[i])
		}
	}
	return true
}

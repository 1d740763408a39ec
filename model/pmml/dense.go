package pmml

// columnStride is the distance of neighbouring columns in a matrix. A power of
// two would put the rows of all columns into the same few lines of the cache.
const columnStride = blockRows + lanes

// dense adds weighted columns up for eight rows at a time: the sums stay in
// registers, and each is made in document order. x is a matrix of columns; the
// rows from at on are computed.
func dense(out *[lanes]float64, x []float64, at int, from []int32, weights []float64) {
	var s0, s1, s2, s3, s4, s5, s6, s7 float64
	from = from[:len(weights)]
	for j, w := range weights {
		c := (*[lanes]float64)(x[int(from[j])*columnStride+at:])
		// The conversions keep Go from fusing the two operations where it could.
		s0 += float64(w * c[0])
		s1 += float64(w * c[1])
		s2 += float64(w * c[2])
		s3 += float64(w * c[3])
		s4 += float64(w * c[4])
		s5 += float64(w * c[5])
		s6 += float64(w * c[6])
		s7 += float64(w * c[7])
	}
	*out = [lanes]float64{s0, s1, s2, s3, s4, s5, s6, s7}
}

// most says that computing all rows of a block costs less than picking some.
func (f *frame) most(rows []int32) bool { return 2*len(rows) > f.n && !f.plan.general }

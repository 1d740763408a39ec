package pmml

import "github.com/modelstream/modelserver/model/pmml/jmath"

// The vectors of a kernel model stand in groups of kernelLanes: first the first
// field of each vector of the group, then the second, and so on. So a loop over
// the fields adds to kernelLanes independent sums, which hides the latency of an
// addition, and suits instructions that work on several numbers at once. Each
// sum goes in the order of the fields.
const kernelLanes = 16

// laneMatrix is vectors in groups; rows beyond the last vector are zero.
type laneMatrix struct {
	fields int
	groups int
	x      []float64 // group × field × lane
	wide   bool      // the processor has the instructions for it
	// wideExp is wide for exponentials.
	wideExp bool
}

// newLaneMatrix arranges vectors of some fields, vector × field.
func newLaneMatrix(vectors []float64, fields int) laneMatrix {
	count := len(vectors) / fields
	m := laneMatrix{fields: fields, groups: (count + kernelLanes - 1) / kernelLanes, wide: wideKernels(), wideExp: jmath.Wide()}
	m.x = make([]float64, m.groups*fields*kernelLanes)
	for i, v := range vectors {
		row, field := i/fields, i%fields
		m.x[((row/kernelLanes)*fields+field)*kernelLanes+row%kernelLanes] = v
	}
	return m
}

// rows is how many values products and squares write.
func (m *laneMatrix) rows() int { return m.groups * kernelLanes }

// products computes the dot products of x with the vectors.
func (m *laneMatrix) products(x, out []float64) {
	if m.wide && m.groups > 0 {
		products16(&m.x[0], &x[0], &out[0], m.fields, m.groups)
		return
	}
	m.each(x, out, func(s *[4]float64, v float64, y []float64) {
		s[0] += float64(v * y[0])
		s[1] += float64(v * y[1])
		s[2] += float64(v * y[2])
		s[3] += float64(v * y[3])
	})
}

// squares computes the squared distances of x to the vectors.
func (m *laneMatrix) squares(x, out []float64) {
	if m.wide && m.groups > 0 {
		squares16(&m.x[0], &x[0], &out[0], m.fields, m.groups)
		return
	}
	m.each(x, out, func(s *[4]float64, v float64, y []float64) {
		d0, d1, d2, d3 := v-y[0], v-y[1], v-y[2], v-y[3]
		s[0] += float64(d0 * d0)
		s[1] += float64(d1 * d1)
		s[2] += float64(d2 * d2)
		s[3] += float64(d3 * d3)
	})
}

// each goes through the lanes four at a time.
func (m *laneMatrix) each(x, out []float64, add func(s *[4]float64, v float64, y []float64)) {
	for lane := 0; lane < m.rows(); lane += 4 {
		at := lane/kernelLanes*m.fields*kernelLanes + lane%kernelLanes
		var s [4]float64
		for _, v := range x[:m.fields] {
			add(&s, v, m.x[at:at+4])
			at += kernelLanes
		}
		copy(out[lane:], s[:])
	}
}

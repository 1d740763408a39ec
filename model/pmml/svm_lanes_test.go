package pmml

import (
	"testing"

	"pgregory.net/rapid"
)

// TestLanes compares the kernels' inner loops, with and without wide
// instructions, with the sums as they are written.
func TestLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.IntRange(1, 20).Draw(t, "fields")
		count := rapid.IntRange(0, 40).Draw(t, "vectors")
		vectors := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), fields*count, fields*count).Draw(t, "values")
		x := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), fields, fields).Draw(t, "x")
		m := newLaneMatrix(vectors, fields)
		for _, wide := range []bool{false, m.wide} {
			m.wide = wide
			out, squared := make([]float64, m.rows()), make([]float64, m.rows())
			m.products(x, out)
			m.squares(x, squared)
			for i := range count {
				product, square := 0.0, 0.0
				for k, v := range vectors[i*fields : (i+1)*fields] {
					d := x[k] - v
					product += float64(x[k] * v)
					square += float64(d * d)
				}
				if out[i] != product || squared[i] != square {
					t.Fatalf("vector %d, wide %v: %v and %v, want %v and %v", i, wide, out[i], squared[i], product, square)
				}
			}
		}
	})
}

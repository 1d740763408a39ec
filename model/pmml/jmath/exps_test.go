package jmath

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExpsAreExp compares many at once with one by one, bit by bit.
func TestExpsAreExp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for size := range 70 {
		x, want := make([]float64, size), make([]float64, size)
		for _, spread := range []float64{1e-9, 1, 40, 707, 1e4} {
			for i := range x {
				x[i] = (2*rnd.Float64() - 1) * spread
				want[i] = Exp(x[i])
			}
			if size == 7 {
				x[3], want[3] = math.NaN(), math.NaN()
			}
			given := append([]float64(nil), x...)
			Exps(x, Wide())
			for i := range x {
				if math.Float64bits(x[i]) != math.Float64bits(want[i]) {
					t.Fatalf("exp(%v) is %v, want %v", given[i], x[i], want[i])
				}
			}
		}
	}
}

func BenchmarkExps(b *testing.B) {
	x := make([]float64, 256)
	b.SetBytes(int64(len(x)))
	for b.Loop() {
		for i := range x {
			x[i] = -float64(i) / 10
		}
		Exps(x, Wide())
	}
}

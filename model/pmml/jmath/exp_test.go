package jmath

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exact computes eˣ to 200 bits: the series at x/2^k, squared k times.
func exact(x float64) *big.Float {
	const prec, halvings = 250, 20
	y := new(big.Float).SetPrec(prec).SetFloat64(x)
	y.SetMantExp(y, -halvings)
	sum, term := big.NewFloat(1).SetPrec(prec), big.NewFloat(1).SetPrec(prec)
	for k := 1; k < 40; k++ {
		term.Mul(term, y).Quo(term, new(big.Float).SetPrec(prec).SetInt64(int64(k)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

func TestExpIsCorrectlyRoundedAlmostAlways(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const n = 20_000
	wrong, java := 0, 0
	for range n {
		x := rnd.NormFloat64() * 20
		want, _ := exact(x).Float64()
		got := Exp(x)
		if got != want {
			wrong++
			if math.Abs(got-want) > 1.01*(math.Nextafter(want, math.Inf(1))-want) {
				t.Fatalf("Exp(%v) = %v, want %v", x, got, want)
			}
		}
		if math.Exp(x) != want {
			java++
		}
	}
	if wrong > n/100 {
		t.Errorf("%d of %d results are not the nearest (math.Exp: %d)", wrong, n, java)
	}
	t.Logf("not the nearest: %d of %d; math.Exp: %d", wrong, n, java)
}

func TestExpAtTheEdges(t *testing.T) {
	for _, x := range []float64{0, 1, -1, 708, 709.78, 710, -745, -746, -709, math.Inf(1), math.Inf(-1), 1e-300, -1e-17} {
		got, want := Exp(x), math.Exp(x)
		if got != want && math.Abs(got-want) > 1e-15*want {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(Exp(math.NaN())) {
		t.Error("Exp(NaN) is a number")
	}
}

func BenchmarkExp(b *testing.B) {
	s := 0.0
	for i := range b.N {
		s += Exp(float64(i&1023) * 0.01)
	}
	_ = s
}

func BenchmarkMathExp(b *testing.B) {
	s := 0.0
	for i := range b.N {
		s += math.Exp(float64(i&1023) * 0.01)
	}
	_ = s
}

package jmath

import "math"

// Exps replaces each number by its [Exp]; wide says that the processor can
// work on four at once, see [Wide].
func Exps(x []float64, wide bool) {
	n := 0
	if wide && inRange(x) {
		n = len(x) &^ 3
	}
	if n > 0 {
		exps(&x[0], n/4, &powers[0].bits, &constants{
			inverseLn2, shift, ln2High, ln2Low, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120,
		})
	}
	for i := n; i < len(x); i++ {
		x[i] = Exp(x[i])
	}
}

// shift, added, rounds a number to an integer; limit is where results are not
// normal any more.
const (
	shift = 0x1.8p52
	limit = 708
)

// constants are the coefficients of the method, as the wide code reads them.
type constants [8]float64

// inRange says whether all results are normal numbers.
func inRange(x []float64) bool {
	for _, v := range x {
		if !(math.Abs(v) < limit) {
			return false
		}
	}
	return true
}

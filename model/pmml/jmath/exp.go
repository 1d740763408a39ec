package jmath

import "math"

//go:generate go run gen.go

// Exp returns eˣ with an error of about 0.51 units in the last place.
//
// x is k × ln2/128 + r with an integer k and a small r; 2^(k/128) comes from a
// table with a tail for the bits that a float64 cannot hold, eʳ from the first
// terms of its series.
func Exp(x float64) float64 {
	if !(math.Abs(x) < limit) { // NaN, and where the result is not normal
		return math.Exp(x)
	}
	kd := x*inverseLn2 + shift
	k := int64(math.Float64bits(kd)) << 12 >> 12
	kd -= shift
	r := x - float64(kd*ln2High)
	r -= float64(kd * ln2Low)
	i := k & (tableSize - 1)
	scale := math.Float64frombits(powers[i].bits + uint64(k>>tableBits)<<52)
	r2 := r * r
	p := powers[i].tail + r + float64(r2*(1.0/2+float64(r*(1.0/6)))) + float64(r2*r2*(1.0/24+float64(r*(1.0/120))))
	return scale + float64(scale*p)
}

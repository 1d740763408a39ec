package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/jmath"
)

// arith is a model's arithmetic: double precision, or with the vendor
// attribute x-mathContext="float" single precision. A single-precision value
// is kept in a float64; rounding each result of +, −, × and ÷ in double
// precision gives exactly the single-precision result.
type arith struct{ single bool }

func (a arith) round(x float64) float64 {
	if a.single {
		return float64(float32(x))
	}
	return x
}

// madd is s + c×x, with both results rounded; Go must not fuse them.
func (a arith) madd(s, c, x float64) float64 {
	if a.single {
		return float64(float32(s + float64(float32(single(c)*single(x)))))
	}
	return s + float64(c*x)
}

func (a arith) add(x, y float64) float64 { return a.round(x + y) }
func (a arith) sub(x, y float64) float64 { return a.round(x - y) }
func (a arith) mul(x, y float64) float64 { return a.round(x * y) }
func (a arith) div(x, y float64) float64 { return a.round(x / y) }

// e32 is Euler's number in single precision.
const e32 = float64(float32(math.E))

// exp in single precision is the reference's: the rounded number e to a power.
func (a arith) exp(x float64) float64 {
	if a.single {
		return single(math.Pow(e32, x))
	}
	return jmath.Exp(x)
}

func (a arith) logistic(x float64) float64 { return a.div(1, a.add(1, a.exp(-x))) }

func (a arith) cauchit(x float64) float64 {
	return a.round(0.5 + float64((1/math.Pi)*math.Atan(x)))
}

func (a arith) cloglog(x float64) float64 { return a.sub(1, a.exp(-a.exp(x))) }
func (a arith) loglog(x float64) float64  { return a.exp(-a.exp(-x)) }

// probit is the standard normal distribution function.
func (a arith) probit(x float64) float64 { return a.round(normalCDF(x)) }

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// softmax turns numbers into shares of their exponentials.
func (a arith) softmax(x []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range x {
		x[i] = a.exp(a.sub(v, top))
		sum = a.add(sum, x[i])
	}
	for i := range x {
		x[i] = a.div(x[i], sum)
	}
}

// simplemax turns numbers into shares of their sum; of a sum of 0 into NaN.
func (a arith) simplemax(x []float64) {
	sum := 0.0
	for _, v := range x {
		sum = a.add(sum, v)
	}
	for i := range x {
		x[i] = a.div(x[i], sum)
	}
}

// link applies an inverse link function of the standard by its name.
func (a arith) link(method string, x float64) float64 {
	switch method {
	case "exp":
		return a.exp(x)
	case "logit", "softmax":
		return a.logistic(x)
	case "probit":
		return a.probit(x)
	case "cloglog":
		return a.cloglog(x)
	case "loglog":
		return a.loglog(x)
	case "cauchit":
		return a.cauchit(x)
	}
	return x
}

func (a arith) tanh(x float64) float64 {
	if a.single {
		e := a.exp(-2 * x)
		return a.div(a.sub(1, e), a.add(1, e))
	}
	return math.Tanh(x)
}

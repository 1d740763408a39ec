package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model/pmml/jmath"
)

func trunc(x float64) float64 { return math.Trunc(x) }
func ceil(x float64) float64  { return math.Ceil(x) }
func floor(x float64) float64 { return math.Floor(x) }

func addMath(m map[string]builtin) {
	for name, fn := range map[string]func(float64) float64{
		"log10": math.Log10, "ln": math.Log, "sqrt": math.Sqrt, "exp": jmath.Exp, "expm1": math.Expm1, "ln1p": math.Log1p,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "asin": math.Asin, "acos": math.Acos, "atan": math.Atan,
		"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh,
		"rint": math.RoundToEven, "erf": math.Erf, "stdNormalCDF": normalCDF, "stdNormalPDF": normalPDF, "stdNormalIDF": normalIDF,
	} {
		m[name] = builtin{min: 1, max: 1, result: always(tDouble), fn: func(_ *frame, a []value) value { return real1(a[0], fn) }}
	}
	m["abs"] = builtin{min: 1, max: 1, result: widest, fn: func(_ *frame, a []value) value {
		v := a[0].asNumber()
		v.n = math.Abs(v.n)
		return v
	}}
	for name, fn := range map[string]func(float64) float64{"floor": math.Floor, "ceil": math.Ceil, "round": roundHalfUp} {
		m[name] = builtin{min: 1, max: 1, result: always(tInteger), fn: func(_ *frame, a []value) value { return whole(a[0], fn) }}
	}
	for name, fn := range map[string]func(x, mu, sigma float64) float64{
		"normalCDF": func(x, mu, sigma float64) float64 { return normalCDF((x - mu) / sigma) },
		"normalPDF": func(x, mu, sigma float64) float64 { return normalPDF((x-mu)/sigma) / sigma },
		"normalIDF": func(p, mu, sigma float64) float64 { return mu + float64(sigma*normalIDF(p)) },
	} {
		m[name] = builtin{min: 3, max: 3, result: always(tDouble), fn: func(_ *frame, a []value) value { return real3(a, fn) }}
	}
}

// roundHalfUp rounds halves up, as the reference. It does not add ½, which
// rounds by itself.
func roundHalfUp(x float64) float64 {
	r := math.Floor(x)
	if x-r >= 0.5 {
		r++
	}
	return r
}

// whole rounds to an integer.
func whole(v value, fn func(float64) float64) value {
	if v = v.asNumber(); v.isFailed() {
		return v
	}
	if x := fn(v.n); math.Abs(x) < 1<<63 {
		return integer(x)
	}
	return failure(v.format() + " is no integer")
}

func real1(v value, fn func(float64) float64) value {
	if v = v.asNumber(); v.isFailed() {
		return v
	}
	return number(fn(v.n))
}

func real2(a []value, fn func(x, y float64) float64) value {
	x, y := a[0].asNumber(), a[1].asNumber()
	switch {
	case x.isFailed():
		return x
	case y.isFailed():
		return y
	}
	return number(fn(x.n, y.n))
}

func real3(a []value, fn func(x, y, z float64) float64) value {
	x, y, z := a[0].asNumber(), a[1].asNumber(), a[2].asNumber()
	switch {
	case x.isFailed():
		return x
	case y.isFailed():
		return y
	case z.isFailed():
		return z
	}
	return number(fn(x.n, y.n, z.n))
}

// modulo has the sign of the divisor.
func modulo(a, b value) value {
	if a.isMissing() || b.isMissing() {
		return missing
	}
	if a, b = a.asNumber(), b.asNumber(); a.isFailed() {
		return a
	} else if b.isFailed() {
		return b
	}
	t := max(a.t, b.t)
	if b.n == 0 && t == tInteger {
		return failure("division by zero")
	}
	r := a.n - float64(math.Floor(a.n/b.n)*b.n)
	if t == tInteger {
		if r = math.Mod(a.n, b.n); r != 0 && (r < 0) != (b.n < 0) {
			r += b.n
		}
	}
	if t == tFloat {
		r = single(r)
	}
	return value{t: t, n: r}
}

func power(a, b value) value {
	if a, b = a.asNumber(), b.asNumber(); a.isFailed() {
		return a
	} else if b.isFailed() {
		return b
	}
	t := max(a.t, b.t)
	x := math.Pow(a.n, b.n)
	switch {
	case t == tFloat:
		x = single(x)
	case t == tInteger && x != math.Trunc(x):
		t = tDouble
	}
	return value{t: t, n: x}
}

func threshold(a, b value) value {
	if a, b = a.asNumber(), b.asNumber(); a.isFailed() {
		return a
	} else if b.isFailed() {
		return b
	}
	v := value{t: max(a.t, b.t)}
	if a.n > b.n {
		v.n = 1
	}
	return v
}

func normalPDF(x float64) float64 { return jmath.Exp(-0.5*x*x) / math.Sqrt(2*math.Pi) }

func normalIDF(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

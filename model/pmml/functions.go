package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// builtin is a built-in function (DMG 4.4, Built-in Functions).
type builtin struct {
	min, max int // arguments; max −1 is any number
	fn       func(f *frame, args []value) value
	result   func(args []expr) dataType
	lenient  bool // deals with missing arguments itself
	// prepare makes fn where it depends on the arguments: a constant pattern is
	// compiled once.
	prepare func(s *scope, at *document.Apply, args []expr) func(f *frame, args []value) value
}

// Types of results.
func always(t dataType) func([]expr) dataType {
	return func([]expr) dataType { return t }
}

// widest is the widest numeric type of the arguments, if all are known.
func widest(args []expr) dataType {
	t := tInteger
	for _, a := range args {
		if k, ok := a.(constExpr); ok && k.v.isMissing() {
			continue
		}
		if !a.typ().numeric() {
			return tDouble
		}
		t = max(t, a.typ())
	}
	return t
}

// continuous is float for floats, double for anything else.
func continuous(args []expr) dataType {
	if len(args) > 0 && args[0].typ() == tFloat {
		return tFloat
	}
	return tDouble
}

// branches is the common type of what an "if" may give.
func branches(args []expr) dataType {
	t := tMissing
	for _, a := range args[1:] {
		switch k := a.typ(); {
		case t == tMissing || k == t:
			t = k
		case k == tMissing:
		case k.numeric() && t.numeric():
			t = max(t, k)
		default:
			return tString
		}
	}
	return t
}

// makeBuiltins returns the table of the built-in functions.
func makeBuiltins() map[string]builtin {
	m := map[string]builtin{
		"if":           {min: 2, max: 3, lenient: true, result: branches},
		"isMissing":    {min: 1, max: 1, lenient: true, result: always(tBoolean), fn: func(_ *frame, a []value) value { return boolean(a[0].isMissing()) }},
		"isNotMissing": {min: 1, max: 1, lenient: true, result: always(tBoolean), fn: func(_ *frame, a []value) value { return boolean(!a[0].isMissing()) }},
		"isValid":      {min: 1, max: 1, lenient: true, result: always(tBoolean), fn: func(_ *frame, a []value) value { return boolean(!a[0].isMissing()) }},
		"isNotValid":   {min: 1, max: 1, lenient: true, result: always(tBoolean), fn: func(_ *frame, a []value) value { return boolean(a[0].isMissing()) }},
		"isIn":         {min: 2, max: -1, lenient: true, result: always(tBoolean), fn: func(_ *frame, a []value) value { return among(a, true) }},
		"isNotIn":      {min: 2, max: -1, lenient: true, result: always(tBoolean), fn: func(_ *frame, a []value) value { return among(a, false) }},
		"not":          {min: 1, max: 1, result: always(tBoolean), fn: func(_ *frame, a []value) value { return negate(a[0]) }},
		"and":          {min: 2, max: -1, result: always(tBoolean), fn: func(_ *frame, a []value) value { return junction(a, 0) }},
		"or":           {min: 2, max: -1, result: always(tBoolean), fn: func(_ *frame, a []value) value { return junction(a, 1) }},
		"modulo":       {min: 2, max: 2, lenient: true, result: widest, fn: func(_ *frame, a []value) value { return modulo(a[0], a[1]) }},
		"pow":          {min: 2, max: 2, result: widest, fn: func(_ *frame, a []value) value { return power(a[0], a[1]) }},
		"threshold":    {min: 2, max: 2, result: widest, fn: func(_ *frame, a []value) value { return threshold(a[0], a[1]) }},
		"atan2":        {min: 2, max: 2, result: continuous, fn: func(_ *frame, a []value) value { return real2(a, math.Atan2) }},
		"hypot":        {min: 2, max: 2, result: continuous, fn: func(_ *frame, a []value) value { return real2(a, math.Hypot) }},
	}
	for _, op := range []byte("+-*/") {
		m[string(op)] = builtin{min: 2, max: 2, lenient: true, result: widest, fn: func(_ *frame, a []value) value { return arithmetic(op, a[0], a[1]) }}
	}
	for name, holds := range map[string]func(int) bool{
		"lessThan": func(d int) bool { return d < 0 }, "lessOrEqual": func(d int) bool { return d <= 0 },
		"greaterThan": func(d int) bool { return d > 0 }, "greaterOrEqual": func(d int) bool { return d >= 0 },
	} {
		m[name] = builtin{min: 2, max: 2, result: always(tBoolean), fn: func(_ *frame, a []value) value { return compared(a, holds) }}
	}
	m["equal"] = builtin{min: 2, max: 2, result: always(tBoolean), fn: func(_ *frame, a []value) value { return boolean(a[0].equal(a[1])) }}
	m["notEqual"] = builtin{min: 2, max: 2, result: always(tBoolean), fn: func(_ *frame, a []value) value { return boolean(!a[0].equal(a[1])) }}
	addAggregates(m)
	addMath(m)
	addStrings(m)
	addDates(m)
	return m
}

func among(a []value, want bool) value {
	found := slices.ContainsFunc(a[1:], func(v value) bool {
		if v.isMissing() || a[0].isMissing() {
			return v.isMissing() && a[0].isMissing()
		}
		return a[0].equal(v)
	})
	return boolean(found == want)
}

func negate(v value) value {
	if v = v.cast(tBoolean); v.isFailed() {
		return v
	}
	return boolean(v.n == 0)
}

// junction is "and" (decided by 0) or "or" (decided by 1).
func junction(a []value, decides float64) value {
	result := boolean(decides == 0)
	for _, v := range a {
		if v = v.cast(tBoolean); v.isFailed() {
			return v
		}
		if v.n == decides {
			return v
		}
	}
	return result
}

func compared(a []value, holds func(int) bool) value {
	d, ok := a[0].compare(a[1])
	if !ok {
		if a[0].t == tDouble && a[1].t == tDouble {
			return boolean(false) // with NaN
		}
		return failure("cannot compare " + a[0].t.String() + " and " + a[1].t.String())
	}
	return boolean(holds(d))
}

func addAggregates(m map[string]builtin) {
	add := func(name string, result func([]expr) dataType, fn func([]float64, dataType) value) {
		m[name] = builtin{min: 1, max: -1, lenient: true, result: result, fn: func(f *frame, a []value) value {
			return aggregate(f, a, fn)
		}}
	}
	add("min", widest, func(x []float64, t dataType) value { return value{t: t, n: slices.Min(x)} })
	add("max", widest, func(x []float64, t dataType) value { return value{t: t, n: slices.Max(x)} })
	add("sum", widest, func(x []float64, t dataType) value { return value{t: t, n: sum(x, t)} })
	add("product", widest, func(x []float64, t dataType) value { return value{t: t, n: product(x, t)} })
	add("avg", continuous, func(x []float64, t dataType) value { return number(sum(x, tDouble) / float64(len(x))) })
	add("median", continuous, func(x []float64, _ dataType) value { return number(median(x)) })
}

// aggregate applies fn to the arguments that are not missing.
func aggregate(f *frame, a []value, fn func([]float64, dataType) value) value {
	f.nums = f.nums[:0]
	t := tInteger
	for _, v := range a {
		if v.isMissing() {
			continue
		}
		if v = v.asNumber(); v.isFailed() {
			return v
		}
		t = max(t, v.t)
		f.nums = append(f.nums, v.n)
	}
	if len(f.nums) == 0 {
		return missing
	}
	return fn(f.nums, t)
}

func sum(x []float64, t dataType) float64 {
	s := 0.0
	for _, v := range x {
		if s += v; t == tFloat {
			s = single(s)
		}
	}
	return s
}

func product(x []float64, t dataType) float64 {
	p := 1.0
	for _, v := range x {
		if p *= v; t == tFloat {
			p = single(p)
		}
	}
	return p
}

// median sorts its argument.
func median(x []float64) float64 {
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return x[n/2-1] + float64(0.5*(x[n/2]-x[n/2-1]))
	}
	return x[len(x)/2]
}

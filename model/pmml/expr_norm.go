package pmml

import (
	"strings"

	"github.com/modelstream/modelserver/model/pmml/document"
)

func containsAny(s, chars string) bool { return strings.ContainsAny(s, chars) }

// normExpr interpolates (DMG 4.4, Normalization: NormContinuous).
type normExpr struct {
	of        expr
	norms     []document.LinearNorm
	outliers  outliers
	ifMissing value
}

func (s *scope) normContinuous(e *document.NormContinuous, p params) expr {
	n := &normExpr{of: s.operand(e.Field, e, p), norms: e.Norms}
	if len(e.Norms) < 2 {
		s.c.refuse(e, "two <LinearNorm> are wanted at least")
	}
	switch e.Outliers {
	case "asMissingValues":
		n.outliers = dropOutliers
	case "asExtremeValues":
		n.outliers = clampOutliers
	}
	if e.MapMissingTo.Set {
		n.ifMissing = number(e.MapMissingTo.V)
	}
	return n
}

func (e *normExpr) typ() dataType { return tDouble }

func (e *normExpr) eval(f *frame, row int32) value {
	v := e.of.eval(f, row)
	if v.isMissing() {
		return e.ifMissing
	}
	if v = v.cast(tDouble); v.isFailed() {
		return v
	}
	return e.at(v.n)
}

// at interpolates. Where several intervals have the value, because some have no
// width, binary search decides, as in the reference.
func (e *normExpr) at(x float64) value {
	last := len(e.norms) - 1
	a, b := &e.norms[0], &e.norms[last]
	switch {
	case x >= a.Orig && x <= b.Orig:
		i := e.interval(x)
		a, b = &e.norms[i], &e.norms[i+1]
		if a.Orig == b.Orig {
			return number(a.Norm)
		}
	case e.outliers == dropOutliers:
		return e.ifMissing
	case e.outliers == clampOutliers && x < a.Orig:
		return number(a.Norm)
	case e.outliers == clampOutliers:
		return number(b.Norm)
	case x < a.Orig:
		b = &e.norms[1]
	default:
		a = &e.norms[last-1]
	}
	return number(a.Norm + float64((x-a.Orig)/(b.Orig-a.Orig)*(b.Norm-a.Norm)))
}

// interval finds the interval of a value from the first to the last.
func (e *normExpr) interval(x float64) int {
	low, high := 0, len(e.norms)-2
	for low < high {
		mid := low + (high+1-low)/2
		switch {
		case x < e.norms[mid].Orig:
			high = mid - 1
		case x <= e.norms[mid+1].Orig:
			return mid
		default:
			low = mid + 1
		}
	}
	return low
}

// inverse turns a normalized value back (DMG 4.4, Neural Network: outputs).
func (e *normExpr) inverse(a arith, y float64) float64 {
	last := len(e.norms) - 1
	lo, hi := &e.norms[0], &e.norms[last]
	for i := 1; i < last; i++ {
		if y < e.norms[i].Norm {
			hi = &e.norms[i]
			break
		}
		lo = &e.norms[i]
	}
	y = a.div(a.sub(y, lo.Norm), a.round(hi.Norm-lo.Norm))
	return a.add(a.mul(y, a.round(hi.Orig-lo.Orig)), lo.Orig)
}

func (e *normExpr) column(f *frame, rows []int32, to slot, typ dataType) bool {
	in, ok := e.of.(*fieldExpr)
	if !ok || typ != tDouble || !in.t.numeric() || !f.cols[in.slot].clean || e.outliers == dropOutliers {
		return false
	}
	c, from := &f.cols[to], f.cols[in.slot].num
	for _, r := range rows {
		c.num[r] = e.at(from[r]).n
	}
	return settled(c, rows)
}

// indicatorExpr is 1 or 0 (DMG 4.4, Normalization: NormDiscrete).
type indicatorExpr struct {
	of        expr
	want      value
	ifMissing value
}

func (s *scope) normDiscrete(e *document.NormDiscrete, p params) expr {
	if e.Method == "thermometer" {
		return s.thermometer(e, p)
	}
	n := &indicatorExpr{of: s.operand(e.Field, e, p), want: text(e.Value)}
	if t := n.of.typ(); t != tMissing && t != tString {
		v := parse(e.Value, t)
		if v.isFailed() {
			s.c.refuseAttr(e, "value", "%q is no value of field %q, which is of type %s", e.Value, e.Field, t)
		}
		n.want = v
	} else if f, ok := n.of.(*fieldExpr); ok && t == tString {
		n.want, _ = s.c.constant(f.slot, e.Value) // with the code that the column has
	}
	if e.MapMissingTo.Set {
		n.ifMissing = number(e.MapMissingTo.V)
	}
	return n
}

func (e *indicatorExpr) typ() dataType { return tDouble }

func (e *indicatorExpr) eval(f *frame, row int32) value {
	v := e.of.eval(f, row)
	switch {
	case v.isMissing():
		return e.ifMissing
	case v.isFailed():
		return v
	case v.equal(e.want):
		return number(1)
	}
	return number(0)
}

// discretizeExpr maps ranges to values (DMG 4.4, Discretize).
type discretizeExpr struct {
	of        expr
	bins      []*document.Interval
	values    []value
	otherwise value
	ifMissing value
	t         dataType
}

func (s *scope) discretize(e *document.Discretize, p params) expr {
	d := &discretizeExpr{of: s.operand(e.Field, e, p), t: orString(dataTypeOf(e.DataType))}
	for i := range e.Bins {
		d.bins = append(d.bins, e.Bins[i].Interval)
		d.values = append(d.values, s.typed(&e.Bins[i], document.Some(e.Bins[i].BinValue), d.t))
	}
	d.otherwise = s.typed(e, e.DefaultValue, d.t)
	d.ifMissing = s.typed(e, e.MapMissingTo, d.t)
	return d
}

// typed parses an attribute's text as a type.
func (s *scope) typed(at document.Located, o document.Opt[string], t dataType) value {
	if !o.Set {
		return missing
	}
	v := parse(o.V, t)
	if v.isFailed() {
		s.c.refuse(at, "%q is no %s", document.Short(o.V), t)
	}
	return v
}

func (e *discretizeExpr) typ() dataType { return e.t }

func (e *discretizeExpr) eval(f *frame, row int32) value {
	v := e.of.eval(f, row)
	if v.isMissing() {
		return e.ifMissing
	}
	if v = v.cast(tDouble); v.isFailed() {
		return v
	}
	for i, b := range e.bins {
		if b.Contains(v.n) {
			return e.values[i]
		}
	}
	return e.otherwise
}

// thermometerExpr is 1 for its value and those behind it in the order of the
// field, so that the i-th value fills i tubes (PMML 3.1, Normalization:
// NormDiscrete, method thermometer).
type thermometerExpr struct {
	of        expr
	ranks     map[string]int
	from      int
	ifMissing value
}

func (s *scope) thermometer(e *document.NormDiscrete, p params) expr {
	t := &thermometerExpr{of: s.operand(e.Field, e, p)}
	f, ok := t.of.(*fieldExpr)
	if ok {
		t.ranks = s.c.info(f.slot).ranks
	}
	if t.from, ok = t.ranks[e.Value]; !ok {
		s.c.refuseAttr(e, "method", "a thermometer needs an ordinal field that lists the value %q", document.Short(e.Value))
	}
	if e.MapMissingTo.Set {
		t.ifMissing = number(e.MapMissingTo.V)
	}
	return t
}

func (e *thermometerExpr) typ() dataType { return tDouble }

func (e *thermometerExpr) eval(f *frame, row int32) value {
	v := e.of.eval(f, row)
	switch {
	case v.isMissing():
		return e.ifMissing
	case v.isFailed():
		return v
	}
	rank, ok := e.ranks[v.format()]
	if !ok || rank < e.from {
		return number(0)
	}
	return number(1)
}

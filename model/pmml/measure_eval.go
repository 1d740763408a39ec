package pmml

import "math"

// best says whether a is better than b.
func (m *measure) best(a, b float64) bool {
	if m.largest {
		return a > b
	}
	return a < b
}

// compare compares a record with one reference.
func (m *measure) compare(x []float64, adjust float64, reference int) float64 {
	y := m.refs[reference*len(x) : (reference+1)*len(x)]
	switch {
	case m.kind == measureBinary:
		return m.similarity(x, y)
	case m.plain && adjust == 1 && !m.gaps:
		sum := 0.0
		for i, v := range x {
			d := v - y[i]
			sum += float64(d * d)
		}
		if m.kind == measureEuclidean {
			return math.Sqrt(sum)
		}
		return sum
	}
	return m.distance(x, y, adjust)
}

// distance aggregates the comparisons of the fields of which both values are
// there.
func (m *measure) distance(x, y []float64, adjust float64) float64 {
	a, sum := m.math, 0.0
	if m.gaps {
		adjust = m.adjustment(x, y)
	}
	for i := range x {
		if x[i] != x[i] || y[i] != y[i] {
			continue
		}
		d := m.inner(&m.fields[i], x[i], y[i])
		if m.kind == measureChebychev {
			sum = max(sum, d)
		} else {
			sum = a.add(sum, d)
		}
	}
	if adjust != 1 {
		sum = a.mul(sum, adjust)
	}
	switch m.kind {
	case measureEuclidean:
		return a.round(math.Sqrt(sum))
	case measureMinkowski:
		return a.round(math.Pow(sum, a.div(1, a.round(m.p))))
	}
	return sum
}

// adjustment is the factor of missing values where references have some, too.
func (m *measure) adjustment(x, y []float64) float64 {
	present := 0.0
	for i := range x {
		if x[i] == x[i] && y[i] == y[i] {
			present = m.math.add(present, m.weight(i))
		}
	}
	if present == m.total {
		return 1
	}
	return m.math.div(m.total, present)
}

// inner is one field's weighted comparison, to the power of the measure.
func (m *measure) inner(f *comparedField, x, y float64) float64 {
	a, d := m.math, 0.0
	switch f.fn {
	case compareAbsDiff:
		d = math.Abs(a.sub(x, y))
	case compareGaussSim:
		z := a.sub(x, y)
		d = a.exp(a.mul(a.round(f.scale), a.mul(z, z)))
	case compareDelta, compareEqual:
		if (x == y) == (f.fn == compareEqual) {
			d = 1
		}
	case compareTable:
		i, ok := f.index[x]
		if !ok {
			return math.NaN()
		}
		d = f.table[int(i)*len(f.index)+int(f.index[y])]
	}
	switch m.p {
	case 1:
	case 2:
		d = a.mul(d, d)
	default:
		d = a.round(math.Pow(d, a.round(m.p)))
	}
	if f.weight != 1 {
		d = a.mul(d, f.weight)
	}
	return d
}

// similarity compares binary values.
func (m *measure) similarity(x, y []float64) float64 {
	var n00, n01, n10, n11 float64
	for i := range x {
		switch {
		case x[i] != 0 && y[i] != 0:
			n11++
		case x[i] != 0:
			n10++
		case y[i] != 0:
			n01++
		default:
			n00++
		}
	}
	a, b := m.math, m.binary
	sum := func(c11, c10, c01, c00 float64) float64 {
		s := a.madd(0, a.round(c11), n11)
		s = a.madd(s, a.round(c10), n10)
		s = a.madd(s, a.round(c01), n01)
		return a.madd(s, a.round(c00), n00)
	}
	return a.div(sum(b.C11, b.C10, b.C01, b.C00), sum(b.D11, b.D10, b.D01, b.D00))
}

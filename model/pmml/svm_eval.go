package pmml

import (
	"math"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/jmath"
)

func (s *supportVectorMachines) eval(f *frame, rows []int32) {
	r := &f.results[s.target.id]
	x, values := f.scratch[s.input], f.scratch[s.values]
	for _, row := range rows {
		r.state[row] = absent
		if !s.gather(f, row, x) {
			continue
		}
		s.kernels(x, values)
		if s.target.numeric {
			r.state[row], r.num[row] = valid, s.machines[0].sum(s.math, values)
			continue
		}
		s.classify(f, r, row, values)
	}
}

// gather reads the coordinates of a row; the model cannot do without any.
func (s *supportVectorMachines) gather(f *frame, row int32, x []float64) bool {
	for i := range s.fields {
		v := &s.fields[i]
		c := &f.cols[v.slot]
		switch {
		case c.ok(row) && !v.indicator:
			x[i] = s.math.round(c.num[row])
		case c.ok(row):
			x[i] = 0
			if c.num[row] == v.value {
				x[i] = s.math.round(v.coefficient)
			}
		case c.state[row] != absent:
			f.refuse(v.slot, row)
			return false
		case !v.ifMissing.none():
			x[i] = s.math.round(v.ifMissing.n)
		default:
			f.fail(row, model.MissingInput, f.plan.slots[v.slot].name, "", "the model cannot do without it")
			return false
		}
	}
	return true
}

// kernels computes K(x, y) for all vectors y.
func (s *supportVectorMachines) kernels(x, out []float64) {
	switch {
	case s.kernel.kind == kernelUnit:
		copy(out, x)
	case s.math.single:
		s.singles(x, out)
	case s.kernel.kind == kernelRadial:
		s.lanes.squares(x, out)
		for i, d := range out[:s.count] {
			out[i] = -s.kernel.gamma * d
		}
		jmath.Exps(out[:s.count], s.lanes.wideExp)
	default:
		s.lanes.products(x, out)
		s.kernel.finish(out[:s.count])
	}
}

// finish turns dot products into kernel values.
func (k *kernel) finish(out []float64) {
	switch k.kind {
	case kernelPolynomial:
		for i, d := range out {
			t := float64(k.gamma*d) + k.coef0
			switch k.whole {
			case 1:
				out[i] = t
			case 2:
				out[i] = t * t
			case 3:
				out[i] = t * t * t
			default:
				out[i] = math.Pow(t, k.degree)
			}
		}
	case kernelSigmoid:
		for i, d := range out {
			out[i] = math.Tanh(float64(k.gamma*d) + k.coef0)
		}
	}
}

// singles is kernels in single precision, each operation rounded.
func (s *supportVectorMachines) singles(x, out []float64) {
	a, k := s.math, &s.kernel
	for i := range out[:s.count] {
		y := s.vectors[i*len(x):][:len(x)]
		sum := 0.0
		for j, v := range x {
			if k.kind == kernelRadial {
				d := a.sub(v, y[j])
				sum = a.add(sum, a.mul(d, d))
			} else {
				sum = a.madd(sum, v, y[j])
			}
		}
		switch k.kind {
		case kernelRadial:
			sum = a.exp(a.mul(-k.gamma, sum))
		case kernelPolynomial:
			sum = a.round(math.Pow(a.add(a.mul(k.gamma, sum), k.coef0), k.degree))
		case kernelSigmoid:
			sum = a.tanh(a.add(a.mul(k.gamma, sum), k.coef0))
		}
		out[i] = sum
	}
}

// sum is the machine's value.
func (m *machine) sum(a arith, values []float64) float64 {
	sum := 0.0
	if a.single {
		for i, v := range m.vectors {
			sum = a.madd(sum, m.alphas[i], values[v])
		}
		return a.add(sum, m.b)
	}
	alphas := m.alphas[:len(m.vectors)]
	for i, v := range m.vectors {
		sum += float64(alphas[i] * values[v])
	}
	return sum + m.b
}

// classify lets the machines decide: each against all others, or by votes
// between pairs of classes. Of equals the class wins that came first.
func (s *supportVectorMachines) classify(f *frame, r *results, row int32, values []float64) {
	if !s.vote {
		best, top := -1, 0.0
		for i := range s.machines {
			x := s.machines[i].sum(s.math, values)
			if best < 0 || s.maxWins && x > top || !s.maxWins && x < top {
				best, top = s.machines[i].category, x
			}
		}
		r.state[row], r.num[row], r.hasP[row] = valid, float64(best), false
		return
	}
	votes, sides := s.target.row(r.prob, row), f.scratch[s.sides]
	clear(votes)
	for i := range s.machines {
		class, ok := s.decide(f, row, &s.machines[i], values)
		if !ok {
			return
		}
		sides[i] = float64(class)
		votes[class]++
	}
	best := int(sides[0])
	for _, side := range sides {
		if votes[int(side)] > votes[best] {
			best = int(side)
		}
	}
	for i := range votes {
		votes[i] = s.math.div(votes[i], float64(len(s.machines)))
	}
	r.state[row], r.num[row], r.hasP[row] = valid, float64(best), true
}

// decide is the class on whose side of the threshold a machine puts a row.
func (s *supportVectorMachines) decide(f *frame, row int32, m *machine, values []float64) (class int, ok bool) {
	x := m.sum(s.math, values)
	switch {
	case m.rounds && roundHalfUp(x) == 0:
		return m.alternate, true
	case m.rounds && roundHalfUp(x) == 1:
		return m.category, true
	case m.rounds:
		f.fail(row, model.NoResult, s.target.name, number(x).format(), "the machine's value must round to 0 or 1")
		return 0, false
	case s.maxWins && x > m.threshold || !s.maxWins && x < m.threshold:
		return m.category, true
	}
	return m.alternate, true
}

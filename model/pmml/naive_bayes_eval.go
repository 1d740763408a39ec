package pmml

import (
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
)

// eval goes through the inputs, each for all rows, and adds up logarithms in
// the place of the probabilities.
func (b *naiveBayes) eval(f *frame, rows []int32) {
	r := &f.results[b.target.id]
	for _, row := range rows {
		r.state[row] = valid
		copy(b.target.row(r.prob, row), b.prior)
	}
	for i := range b.inputs {
		b.inputs[i].add(b, f, r, rows)
	}
	for _, row := range rows {
		if r.state[row] == valid {
			b.conclude(r, row)
		}
	}
}

// add takes in one field. A missing value, and a value that was not counted,
// says nothing.
func (in *bayesInput) add(b *naiveBayes, f *frame, r *results, rows []int32) {
	c := &f.cols[in.slot]
	for _, row := range rows {
		if !f.usable(in.slot, row) {
			if f.errs[row] != nil {
				r.state[row] = absent
			}
			continue
		}
		p := b.target.row(r.prob, row)
		if in.stats == nil {
			if at, ok := in.places[c.num[row]]; ok {
				for k, x := range in.logs[at*len(p) : (at+1)*len(p)] {
					p[k] = b.math.add(p[k], x)
				}
			}
			continue
		}
		for i := range in.stats {
			s := &in.stats[i]
			x, ok := s.log(c.num[row])
			if !ok {
				f.fail(row, model.InvalidInput, f.plan.slots[in.slot].name, f.get(in.slot, row).format(), "must be a whole number for a Poisson distribution")
				r.state[row] = absent
				break
			}
			p[s.class] = b.math.add(p[s.class], max(b.math.round(x), b.floor))
		}
	}
}

// log is the logarithm of the density of x.
func (s *bayesStat) log(x float64) (float64, bool) {
	switch s.kind {
	case bayesUniform:
		if x < s.mean || x > s.sd {
			return math.Inf(-1), true
		}
		return s.logNorm, true
	case bayesPoisson:
		if x != math.Trunc(x) {
			return 0, false
		}
		if x < 0 {
			return math.Inf(-1), true
		}
		lg, _ := math.Lgamma(x + 1)
		return float64(x*s.logNorm) - s.mean - lg, true
	}
	z := (x - s.mean) / s.sd
	return s.logNorm - float64(0.5*z)*z, true
}

// conclude turns logarithms into probabilities and picks the class. Where none
// is possible there is no prediction.
func (b *naiveBayes) conclude(r *results, row int32) {
	p := b.target.row(r.prob, row)
	if math.IsInf(slices.Max(p), -1) {
		r.state[row] = absent
		return
	}
	b.math.softmax(p)
	best := b.order[0]
	for _, class := range b.order {
		if p[class] > p[best] {
			best = class
		}
	}
	r.num[row], r.hasP[row] = float64(best), true
}

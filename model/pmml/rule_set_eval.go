package pmml

import "math"

func (s *ruleSet) eval(f *frame, rows []int32) {
	r := &f.results[s.target.id]
	for _, row := range rows {
		r.state[row], r.hasP[row] = absent, false
		if r.entity != nil {
			r.entity[row] = -1
		}
		conf := s.target.row(r.conf, row)
		clear(conf)
		hits := s.fire(f, row)
		switch {
		case f.errs[row] != nil:
		case len(hits) > 0:
			k := s.selected(f, hits, conf)
			r.state[row], r.num[row], r.entity[row] = valid, float64(k.class), int32(k.number)
			s.setShares(r, row, k.shares)
		case s.fallback >= 0:
			r.state[row], r.num[row] = valid, float64(s.fallback)
			conf[s.fallback] = s.confidence.V
			s.setShares(r, row, s.shares)
		}
	}
}

// fire returns the simple rules that fire, in document order. A predicate that
// is unknown does not fire.
func (s *ruleSet) fire(f *frame, row int32) []float64 {
	hits := f.scratch[s.hits][:0]
	for i := 0; i < len(s.rules); {
		k := &s.rules[i]
		switch {
		case k.test.eval(f, row) != yes:
			i = k.skip
			continue
		case k.class >= 0:
			hits = append(hits, float64(i))
			if !s.every {
				return hits
			}
		}
		i++
	}
	return hits
}

// selected picks one of the rules that fire and sets the confidences of their
// classes.
func (s *ruleSet) selected(f *frame, hits, conf []float64) *rule {
	switch s.criterion {
	case "firstHit":
		for i := len(hits) - 1; i >= 0; i-- {
			k := &s.rules[int(hits[i])]
			conf[k.class] = k.confidence
		}
		return &s.rules[int(hits[0])]
	case "weightedMax":
		return s.weightedMax(f, hits, conf)
	}
	return s.weightedSum(f, hits, conf)
}

// weightedMax picks the rule with the largest weight, of equals the first.
func (s *ruleSet) weightedMax(f *frame, hits, conf []float64) *rule {
	weights := f.scratch[s.weights]
	for i := range weights {
		weights[i] = math.Inf(-1)
	}
	best := &s.rules[int(hits[0])]
	for _, h := range hits {
		k := &s.rules[int(h)]
		if k.weight > best.weight {
			best = k
		}
		if k.weight > weights[k.class] {
			weights[k.class], conf[k.class] = k.weight, k.confidence
		}
	}
	return best
}

// weightedSum picks the class with the largest sum of weights, of equals the
// first in the data dictionary; its weightiest rule stands for it. Confidences
// are the sums divided by the number of rules that fire.
func (s *ruleSet) weightedSum(f *frame, hits, conf []float64) *rule {
	weights := f.scratch[s.weights]
	clear(weights)
	class := -1
	for _, h := range hits {
		k := &s.rules[int(h)]
		weights[k.class] = s.math.add(weights[k.class], k.weight)
	}
	for _, h := range hits {
		k := s.rules[int(h)].class
		conf[k] = s.math.div(weights[k], float64(len(hits)))
		if class < 0 || weights[k] > weights[class] || weights[k] == weights[class] && k < class {
			class = k
		}
	}
	var best *rule
	for _, h := range hits {
		if k := &s.rules[int(h)]; k.class == class && (best == nil || k.weight > best.weight) {
			best = k
		}
	}
	return best
}

func (s *ruleSet) setShares(r *results, row int32, shares []float64) {
	if shares == nil {
		return
	}
	r.hasP[row] = true
	copy(s.target.row(r.prob, row), shares)
}

// feature knows the id of the rule.
func (s *ruleSet) feature(f *frame, row int32, o *output) (value, bool) {
	switch o.doc.Feature {
	case "ruleId":
	case "ruleValue":
		if o.doc.RuleFeature != "ruleId" {
			return missing, false
		}
	case "confidence":
		r := &f.results[s.target.id]
		if !s.confidence.Set && (r.entity == nil || r.entity[row] < 0) && o.class < 0 {
			return missing, true // the default has none
		}
		return missing, false
	default:
		return missing, false
	}
	return o.entity(row, &f.results[s.target.id]), true
}

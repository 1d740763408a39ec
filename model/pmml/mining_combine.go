package pmml

import (
	"cmp"
	"math"
	"slices"

	"github.com/modelstream/modelserver/model"
)

// combine evaluates all segments and adds up, averages, sorts or counts.
func (m *miningModel) combine(f *frame, rows []int32) {
	if m.ensemble == nil || f.plan.general {
		m.combineSegments(f, rows)
		return
	}
	odd := m.ensemble.combine(f, rows)
	if len(odd) > 0 {
		m.combineSegments(f, odd)
	}
	if odd != nil {
		f.done(odd)
	}
}

// combineSegments evaluates one segment after another.
func (m *miningModel) combineSegments(f *frame, rows []int32) {
	t := m.targets[0]
	r := &f.results[t.id]
	weights, lost := f.scratch[m.weights], f.scratch[m.lost]
	for _, row := range rows {
		weights[row], lost[row], r.num[row] = 0, 0, 0
		if !t.numeric {
			clear(t.row(r.prob, row))
		}
	}
	if m.method == methodVote {
		first := f.scratch[m.first]
		for i := range first {
			first[i] = math.Inf(1)
		}
	}
	if m.values > 0 {
		values := f.scratch[m.values]
		for i := range values {
			values[i] = math.NaN() // no prediction
		}
	}
	rest := append(f.rows(), rows...)
	for i, s := range m.segments {
		picked, mine := s.pick(f, rest)
		if len(picked) > 0 {
			f.lend(s.of[0])
			s.model.run(f, picked)
			m.collect(f, picked, i)
			if m.onMissing == missingReturns { // no further segment can help, or do harm
				some := s.predicted(f, picked)
				rest = m.abandoned(f, rest, picked, some)
				f.done(some)
			}
		}
		if mine {
			f.done(picked)
		}
	}
	f.done(rest)
	for _, row := range rows {
		switch {
		case m.usable(weights[row], lost[row]):
			m.conclude(f, row, r)
		case m.void(weights[row], lost[row]):
			f.fail(row, model.NoResult, t.name, "", "no segment has a prediction")
		}
	}
}

// usable applies the treatment of missing predictions.
func (m *miningModel) usable(weight, lost float64) bool {
	switch {
	case weight == 0:
		return false // no segment at all
	case lost == 0:
		return true
	case m.onMissing == missingReturns:
		return false
	case m.onMissing == missingContinues && m.method != methodVote:
		return false
	}
	return lost/weight <= m.threshold && lost < weight
}

// void says that all segments are left out and nothing limits how many may be:
// the reference refuses to make a result of nothing, it is not missing.
func (m *miningModel) void(weight, lost float64) bool {
	skips := m.onMissing == missingSkips || m.onMissing == missingContinues && m.method == methodVote
	return skips && weight > 0 && lost == weight && m.threshold >= 1
}

// collect takes in one segment's predictions.
func (m *miningModel) collect(f *frame, rows []int32, i int) {
	s, t := m.segments[i], m.targets[0]
	from := s.of[0]
	in, out := &f.results[from.id], &f.results[t.id]
	weights, lost := f.scratch[m.weights], f.scratch[m.lost]
	for _, row := range rows {
		weight, ok := s.weightOf(f, row)
		if !ok {
			continue
		}
		weights[row] += weight
		switch {
		case in.state[row] != valid:
			lost[row] += weight
		case t.numeric && m.method == methodMedian:
			f.scratch[m.values][int(row)*len(m.segments)+i] = m.math.round(in.num[row])
		case t.numeric:
			m.addNumber(out, row, in.num[row], weight)
		case m.method == methodVote:
			class := s.classes[0][int(in.num[row])]
			p := t.row(out.prob, row)
			p[class] = m.math.add(p[class], weight)
			if first := t.row(f.scratch[m.first], row); float64(i) < first[class] {
				first[class] = float64(i)
			}
		case !in.hasP[row]:
			f.fail(row, model.NoResult, t.name, "", "segment "+s.id+" gives no probabilities")
		case m.method == methodAverage:
			p, q := t.row(out.prob, row), from.row(in.prob, row)
			for k, class := range s.classes[0] {
				p[class] = m.addWeighted(p[class], q[k], weight)
			}
		default:
			m.keep(f, row, i, from.row(in.prob, row))
		}
	}
}

// weightOf is the segment's weight for a row; one that is no weight fails it.
func (s *segment) weightOf(f *frame, row int32) (weight float64, ok bool) {
	if s.varies < 0 {
		return s.weight, true
	}
	v := f.need(s.varies, row)
	switch {
	case f.errs[row] != nil:
		return 0, false
	case v.isMissing():
		f.fail(row, model.MissingInput, f.plan.slots[s.varies].name, "", "is the weight of segment "+s.id)
		return 0, false
	case !(v.n >= 0) || math.IsInf(v.n, 1):
		f.fail(row, model.InvalidInput, f.plan.slots[s.varies].name, v.format(), "must not be less than 0: it is the weight of segment "+s.id)
		return 0, false
	}
	return v.n, true
}

func (m *miningModel) addWeighted(sum, x, weight float64) float64 {
	return m.math.add(sum, m.weighted(x, weight))
}

// weighted is what a number counts in a sum.
func (m *miningModel) weighted(x, weight float64) float64 {
	if weight == 1 {
		return m.math.round(x)
	}
	return m.math.mul(m.math.round(weight), m.math.round(x))
}

func (m *miningModel) addNumber(out *results, row int32, x, weight float64) {
	if m.method == methodMax {
		if x = m.math.round(x); out.state[row] != valid || x > out.num[row] {
			out.num[row] = x
		}
		out.state[row] = valid
		return
	}
	out.num[row] = m.addWeighted(out.num[row], x, weight)
}

// keep stores a segment's probabilities for max and median.
func (m *miningModel) keep(f *frame, row int32, i int, p []float64) {
	k := len(m.targets[0].classes)
	kept := f.scratch[m.values][(int(row)*len(m.segments)+i)*k:][:k]
	clear(kept)
	for j, class := range m.segments[i].classes[0] {
		kept[class] = m.math.round(p[j])
	}
}

// conclude turns what was collected into the row's result.
func (m *miningModel) conclude(f *frame, row int32, r *results) {
	t := m.targets[0]
	weight := m.math.sub(f.scratch[m.weights][row], f.scratch[m.lost][row])
	r.state[row] = valid
	switch {
	case t.numeric:
		switch m.method {
		case methodAverage:
			r.num[row] = m.math.div(r.num[row], weight)
		case methodMedian:
			r.num[row] = m.medianOf(f, row, f.scratch[m.values][int(row)*len(m.segments):][:len(m.segments)])
		}
		return
	case m.method == methodVote:
		m.elect(f, row, r)
		return
	case m.method == methodAverage:
		p := t.row(r.prob, row)
		for i := range p {
			p[i] = m.math.div(p[i], weight)
		}
	default:
		m.closest(f, row, r)
	}
	r.hasP[row] = true
	r.num[row] = float64(t.likeliest(t.row(r.prob, row)))
}

// elect counts the votes; of equals the class wins that was voted for first.
func (m *miningModel) elect(f *frame, row int32, r *results) {
	t := m.targets[0]
	votes, first := t.row(r.prob, row), t.row(f.scratch[m.first], row)
	best := -1
	for i, v := range votes {
		if v > 0 && (best < 0 || v > votes[best] || v == votes[best] && first[i] < first[best]) {
			best = i
		}
	}
	if best < 0 || m.onMissing == missingContinues && f.scratch[m.lost][row] > votes[best] {
		r.state[row] = absent
		return
	}
	r.num[row], r.hasP[row] = float64(best), true
	m.math.simplemax(votes)
}

// medianOf is the middle of the values, or with weights the first value at
// which half of the weight is reached.
func (m *miningModel) medianOf(f *frame, row int32, values []float64) float64 {
	type weighted struct{ x, w float64 }
	list := make([]weighted, 0, len(values))
	total := 0.0
	equal := true
	for i, x := range values {
		if x == x {
			weight, _ := m.segments[i].weightOf(f, row)
			list = append(list, weighted{x, weight})
			total += weight
			equal = equal && weight == 1
		}
	}
	slices.SortStableFunc(list, func(a, b weighted) int { return cmp.Compare(a.x, b.x) })
	if n := len(list); equal {
		if n%2 == 1 {
			return list[n/2].x
		}
		return m.math.add(list[n/2-1].x, m.math.mul(0.5, m.math.sub(list[n/2].x, list[n/2-1].x)))
	}
	sum := 0.0
	for _, e := range list {
		if sum += e.w; sum >= 0.5*total {
			return e.x
		}
	}
	return list[len(list)-1].x
}

// closest is "max" and "median" of probabilities: the class with the greatest
// maximum or median decides, and the result is the mean of the segments that
// come closest to it.
func (m *miningModel) closest(f *frame, row int32, r *results) {
	t := m.targets[0]
	k := len(t.classes)
	kept := f.scratch[m.values][int(row)*len(m.segments)*k:][:len(m.segments)*k]
	best, bestAt := math.Inf(-1), 0
	column := make([]float64, 0, len(m.segments))
	for class := range k {
		column = column[:0]
		for i := range m.segments {
			if x := kept[i*k+class]; x == x {
				column = append(column, x)
			}
		}
		x := slices.Max(column)
		if m.method == methodMedian {
			x = median(column)
		}
		if x > best {
			best, bestAt = x, class
		}
	}
	least := math.Inf(1)
	for i := range m.segments {
		if x := kept[i*k+bestAt]; x == x {
			least = min(least, math.Abs(best-x))
		}
	}
	p, n := t.row(r.prob, row), 0.0
	for i := range m.segments {
		if x := kept[i*k+bestAt]; x == x && math.Abs(best-x) <= least {
			for class := range p {
				p[class] = m.math.add(p[class], kept[i*k+class])
			}
			n++
		}
	}
	for class := range p {
		p[class] = m.math.div(p[class], n)
	}
}

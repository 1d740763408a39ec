package pmml

import (
	"strings"

	"github.com/modelstream/modelserver/model"
)

// eval evaluates the segments one after another, each for the rows that its
// predicate selects, and combines their results.
func (m *miningModel) eval(f *frame, rows []int32) {
	for _, t := range m.targets {
		r := &f.results[t.id]
		for _, row := range rows {
			r.state[row] = absent
			if r.entity != nil {
				r.entity[row] = -1
			}
		}
	}
	switch m.method {
	case methodFirst:
		m.selectFirst(f, rows)
	case methodAll:
		m.selectAll(f, rows)
	case methodChain, methodMulti:
		m.chain(f, rows)
	default:
		m.combine(f, rows)
	}
}

// pick returns the rows that a segment is for. Give them back when mine.
func (s *segment) pick(f *frame, rows []int32) (picked []int32, mine bool) {
	if s.asked {
		for _, t := range s.model.targets {
			for _, row := range rows {
				f.results[t.id].state[row] = absent
			}
		}
	}
	live, mine := f.alive(rows)
	for _, step := range s.before {
		step.run(f, live)
	}
	if s.always {
		return live, mine
	}
	picked = f.rows()
	for _, row := range live {
		if s.test.eval(f, row) == yes && f.errs[row] == nil {
			picked = append(picked, row)
		}
	}
	if mine {
		f.done(live)
	}
	return picked, true
}

func (m *miningModel) chain(f *frame, rows []int32) {
	rest := append(f.rows(), rows...)
	defer func() { f.done(rest) }()
	for i, s := range m.segments {
		picked, mine := s.pick(f, rest)
		if len(picked) > 0 {
			s.model.run(f, picked)
			done := picked
			if m.onMissing != missingContinues {
				done = s.predicted(f, picked)
				if m.onMissing == missingReturns {
					rest = m.abandoned(f, rest, picked, done)
				}
			}
			s.delivered(f, done)
			m.adopt(f, done, i)
			if m.onMissing != missingContinues {
				f.done(done)
			}
		}
		if mine {
			f.done(picked)
		}
	}
	if len(m.targets) > 1 && m.method == methodChain {
		m.decided(f, rows)
	}
}

// predicted returns the rows for which the segment has a prediction.
func (s *segment) predicted(f *frame, rows []int32) []int32 {
	some := f.rows()
	state := f.results[s.model.targets[0].id].state
	for _, row := range rows {
		if state[row] == valid {
			some = append(some, row)
		}
	}
	return some
}

// abandoned returns rest without the picked rows that have no prediction:
// nothing comes after them, and what an earlier segment predicted does not count
// (missingPredictionTreatment is returnMissing).
func (m *miningModel) abandoned(f *frame, rest, picked, predicted []int32) []int32 {
	lost := without(append(f.rows(), picked...), predicted)
	for _, t := range m.targets {
		for _, row := range lost {
			f.results[t.id].state[row] = absent
		}
	}
	rest = without(rest, lost)
	f.done(lost)
	return rest
}

// decided fails rows that no segment was for, where there are several targets:
// none of them is the one without a value.
func (m *miningModel) decided(f *frame, rows []int32) {
	for _, row := range rows {
		if f.results[m.targets[0].id].entity[row] < 0 {
			f.fail(row, model.NoResult, "", "", "no segment is for this row")
		}
	}
}

// delivered fails rows for which a segment has no outputs: the segments after
// it could not tell.
func (s *segment) delivered(f *frame, rows []int32) {
	for _, o := range s.model.outputs {
		c := &f.cols[o.to]
		for _, row := range rows {
			if !c.clean && c.state[row] == undefined {
				f.fail(row, model.NoResult, o.doc.Name, "", "segment "+s.id+" has no prediction")
			}
		}
	}
}

func (m *miningModel) selectFirst(f *frame, rows []int32) {
	rest := append(f.rows(), rows...)
	for i, s := range m.segments {
		picked, mine := s.pick(f, rest)
		if len(picked) > 0 {
			s.model.run(f, picked)
			done := picked
			if m.onMissing == missingSkips { // the next segment that suits may have a prediction
				done = s.predicted(f, picked)
			}
			m.adopt(f, done, i)
			rest = without(rest, done)
			if m.onMissing == missingSkips {
				f.done(done)
			}
		}
		if mine {
			f.done(picked)
		}
		if len(rest) == 0 {
			break
		}
	}
	f.done(rest)
}

// without removes picked from rows; both are ascending.
func without(rows, picked []int32) []int32 {
	out, k := rows[:0], 0
	for _, row := range rows {
		if k < len(picked) && picked[k] == row {
			k++
			continue
		}
		out = append(out, row)
	}
	return out
}

// adopt makes a segment's results the model's.
func (m *miningModel) adopt(f *frame, rows []int32, i int) {
	s := m.segments[i]
	for k, t := range m.targets {
		r := &f.results[t.id]
		if m.method != methodMulti || s.of[k] != nil {
			for _, row := range rows {
				r.entity[row] = int32(i)
			}
		}
		if s.of[k] == nil {
			if m.method != methodMulti {
				for _, row := range rows {
					r.state[row] = absent
				}
			}
			continue
		}
		t.adopt(f, rows, s.of[k], s.classes[k])
	}
	for _, e := range m.exported {
		for _, row := range rows {
			switch {
			case e.from[i] >= 0:
				f.put(e.to, row, f.outputOf(e.from[i], row))
			case m.method != methodMulti:
				f.cols[e.to].mark(row, undefined)
			}
		}
	}
}

// adopt copies another target's results.
func (t *target) adopt(f *frame, rows []int32, from *target, classes []int32) {
	to, r := &f.results[t.id], &f.results[from.id]
	for _, row := range rows {
		to.state[row] = r.state[row]
		if r.state[row] != valid {
			continue
		}
		if t.numeric {
			to.num[row] = r.num[row]
			continue
		}
		to.num[row] = float64(classes[int(r.num[row])])
		to.hasP[row] = r.hasP[row]
		spread(t.row(to.prob, row), from.row(r.prob, row), classes)
		if to.conf != nil && r.conf != nil {
			spread(t.row(to.conf, row), from.row(r.conf, row), classes)
		}
		if to.aff != nil && r.aff != nil {
			spread(t.row(to.aff, row), from.row(r.aff, row), classes)
		}
	}
}

// spread copies numbers of one order of classes to another one.
func spread(to, from []float64, classes []int32) {
	if len(to) > len(from) {
		clear(to)
	}
	for i, c := range classes {
		to[c] = from[i]
	}
}

func (m *miningModel) selectAll(f *frame, rows []int32) {
	t := m.targets[0]
	r := &f.results[t.id]
	lists := map[int32][]string{}
	for _, s := range m.segments {
		picked, mine := s.pick(f, rows)
		if len(picked) > 0 {
			s.model.run(f, picked)
			for _, row := range picked {
				lists[row] = append(lists[row], orNull(s.of[0].value(f, row)))
			}
		}
		if mine {
			f.done(picked)
		}
	}
	for row, list := range lists {
		r.state[row], r.text[row] = valid, "["+strings.Join(list, ", ")+"]"
	}
}

// orNull shows a missing member of a collection as the reference does.
func orNull(v value) string {
	if v.isMissing() {
		return "null"
	}
	return v.format()
}

// feature passes questions about the result on to the segment that made it.
func (m *miningModel) feature(f *frame, row int32, o *output) (value, bool) {
	if !m.delegates() || m.method == methodAll || o.doc.Feature == "entityId" || o.target.id != m.targets[0].id {
		return value{}, false
	}
	decided := f.results[m.targets[0].id].entity[row]
	if decided < 0 {
		return value{}, false // an output of an expression, where no segment has a prediction
	}
	s := m.segments[decided]
	if own, ok := s.model.eval.(featurer); ok {
		return own.feature(f, row, o)
	}
	return value{}, false
}

package pmml

import (
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// scorecard is a Scorecard (DMG 4.4, Scorecard).
type scorecard struct {
	target          *target
	math            arith
	initial         float64
	above           bool // points above the baseline are reasons, not points below
	characteristics []characteristic
	reasons         []string // reason codes, or nil where they are not used
	points          int      // scratch: row × reason: its points
	turns           int      // scratch: row × reason: the characteristic that gave it first, or −1
}

type characteristic struct {
	name       string
	baseline   float64
	attributes []attribute
}

type attribute struct {
	test    test
	partial float64
	complex expr // in place of partial, or nil
	reason  int
}

func compileScorecard(mc *modelCompiler, m *document.Scorecard) evaluator {
	if m.FunctionName != "regression" {
		mc.c.refuseAttr(m, "functionName", "%q is not supported here", m.FunctionName)
	}
	s := &scorecard{target: mc.target(), math: mc.math, initial: mc.math.round(m.InitialScore), above: m.ReasonCodeAlgorithm == "pointsAbove"}
	codes := map[string]int{}
	for _, doc := range m.Characteristics.Characteristics {
		c := characteristic{name: doc.Name}
		if m.UseReasonCodes {
			c.baseline = mc.math.round(mc.baseline(m, doc))
		}
		for _, a := range doc.Attributes {
			c.attributes = append(c.attributes, mc.attribute(s, m, doc, a, codes))
		}
		s.characteristics = append(s.characteristics, c)
	}
	if m.UseReasonCodes {
		s.points = mc.c.scratch(blockRows * len(s.reasons))
		s.turns = mc.c.scratch(blockRows * len(s.reasons))
	}
	return s
}

// baseline is a characteristic's baseline score. The method tells how the
// producer found it; where it left the score out, the extremes can be found
// again.
func (mc *modelCompiler) baseline(m *document.Scorecard, c *document.Characteristic) float64 {
	switch {
	case c.BaselineScore.Set:
		return c.BaselineScore.V
	case m.BaselineScore.Set:
		return m.BaselineScore.V
	case m.BaselineMethod != "max" && m.BaselineMethod != "min":
		mc.c.refuseAttr(c, "baselineScore", "the attribute is missing here and in <Scorecard>; reason codes need it")
	}
	var best document.Opt[float64]
	for _, a := range c.Attributes {
		if !a.PartialScore.Set || a.Complex != nil {
			mc.c.refuseAttr(c, "baselineScore", "the attribute is missing, and the partial scores are not all numbers")
		}
		if x := a.PartialScore.V; !best.Set || (x > best.V) == (m.BaselineMethod == "max") {
			best = document.Some(x)
		}
	}
	return best.V
}

func (mc *modelCompiler) attribute(s *scorecard, m *document.Scorecard, c *document.Characteristic, doc *document.ScorecardAttribute, codes map[string]int) attribute {
	a := attribute{test: mc.predicate(doc.Predicate), partial: mc.math.round(doc.PartialScore.V)}
	switch {
	case doc.Complex != nil:
		a.complex = mc.expr(doc.Complex.Expression, nil)
	case !doc.PartialScore.Set:
		mc.c.refuseAttr(doc, "partialScore", "the attribute is missing")
	}
	if !m.UseReasonCodes {
		return a
	}
	code := doc.ReasonCode
	if !code.Set {
		code = c.ReasonCode
	}
	if !code.Set {
		mc.c.refuseAttr(doc, "reasonCode", "the attribute is missing here and in <Characteristic>")
	}
	i, known := codes[code.V]
	if !known {
		i = len(s.reasons)
		if i >= maxReasons {
			mc.c.refuse(doc, "more than %d reason codes", maxReasons)
		}
		codes[code.V] = i
		s.reasons = append(s.reasons, code.V)
	}
	a.reason = i
	return a
}

// maxReasons bounds the memory of a frame.
const maxReasons = 10_000

func (s *scorecard) eval(f *frame, rows []int32) {
	r := &f.results[s.target.id]
	for _, row := range rows {
		r.state[row] = absent
		if x, ok := s.score(f, row); ok {
			r.state[row], r.num[row] = valid, x
		}
	}
}

// row returns one row's part of a row × reason slice.
func (s *scorecard) row(x []float64, row int32) []float64 {
	n := len(s.reasons)
	return x[int(row)*n : (int(row)+1)*n]
}

// score adds up the partial scores. A characteristic of which no attribute is
// true makes the whole invalid; a computed score that is missing, missing.
func (s *scorecard) score(f *frame, row int32) (sum float64, ok bool) {
	var points, turns []float64
	if s.reasons != nil {
		points, turns = s.row(f.scratch[s.points], row), s.row(f.scratch[s.turns], row)
		for i := range turns {
			points[i], turns[i] = 0, -1
		}
	}
	sum = s.initial
	for i := range s.characteristics {
		c := &s.characteristics[i]
		a := c.match(f, row)
		if a == nil {
			f.fail(row, model.NoResult, s.target.name, "", "no attribute of characteristic \""+c.name+"\" is true")
			return 0, false
		}
		partial, ok := a.score(f, row, s.math)
		if !ok {
			return 0, false
		}
		sum = s.math.add(sum, partial)
		if s.reasons == nil {
			continue
		}
		d := s.math.sub(c.baseline, partial)
		if s.above {
			d = s.math.sub(partial, c.baseline)
		}
		points[a.reason] = s.math.add(points[a.reason], d)
		if turns[a.reason] < 0 {
			turns[a.reason] = float64(i)
		}
	}
	return sum, true
}

// match is the first attribute that is true, or nil.
func (c *characteristic) match(f *frame, row int32) *attribute {
	for i := range c.attributes {
		if c.attributes[i].test.eval(f, row) == yes {
			return &c.attributes[i]
		}
	}
	return nil
}

func (a *attribute) score(f *frame, row int32, math arith) (float64, bool) {
	if a.complex == nil {
		return a.partial, true
	}
	v := a.complex.eval(f, row)
	if !v.none() {
		v = v.cast(tDouble)
	}
	if v.isFailed() {
		f.fail(row, model.NoResult, "", "", "a partial score "+v.s)
	}
	return math.round(v.n), !v.none()
}

// feature gives the reason codes by rank: those with the most points first, of
// equals the one of the earlier characteristic. Codes with negative points are
// no reasons.
func (s *scorecard) feature(f *frame, row int32, o *output) (value, bool) {
	if o.doc.Feature != "reasonCode" {
		return missing, false
	}
	if s.reasons == nil {
		return failure("the scorecard does not use reason codes"), true
	}
	points, turns := s.row(f.scratch[s.points], row), s.row(f.scratch[s.turns], row)
	before := func(i, j int) bool {
		if given := turns[i] >= 0; given != (turns[j] >= 0) {
			return given // codes that nobody gave come last
		}
		return points[i] > points[j] || points[i] == points[j] && (turns[i] < turns[j] || turns[i] == turns[j] && i < j)
	}
	i := nth(len(points), o.doc.Rank, before)
	if i < 0 || turns[i] < 0 || points[i] < 0 {
		return missing, true
	}
	return text(s.reasons[i]), true
}

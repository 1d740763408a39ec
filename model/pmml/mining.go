package pmml

import (
	"slices"
	"strconv"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// miningModel combines the models of its segments (DMG 4.4, Multiple Models).
type miningModel struct {
	plan      *modelPlan
	targets   []*target
	math      arith
	ensemble  *treeEnsemble // where all segments are trees
	method    method
	segments  []*segment
	onMissing missingPrediction
	threshold float64
	weights   int // scratch: row: weights of the segments evaluated
	lost      int // scratch: row: weights of those without a prediction
	values    int // scratch: row × segment, for medians; or row × class
	first     int // scratch: row × class: which segment voted first
	exported  []exported
}

// segment is one model with the condition of its use.
type segment struct {
	id      string
	weight  float64
	varies  slot   // holds the weight for each row, or −1
	before  []step // what the predicate needs
	test    test
	always  bool
	model   *modelPlan
	asked   bool      // an output asks for this segment's result
	of      []*target // by target of the mining model: the segment's, or nil
	classes [][]int32 // by target: the segment's classes as the mining model's
}

// exported is an output field that comes from whichever segment decides.
type exported struct {
	to   slot
	from []slot // by segment, or −1
}

type method uint8

const (
	methodSum method = iota
	methodAverage
	methodMedian
	methodMax
	methodVote
	methodFirst
	methodAll
	methodChain
	methodMulti
)

var methods = map[string]struct {
	method   method
	weighted bool
}{
	"majorityVote": {methodVote, false}, "weightedMajorityVote": {methodVote, true},
	"average": {methodAverage, false}, "weightedAverage": {methodAverage, true},
	"median": {methodMedian, false}, "weightedMedian": {methodMedian, true}, "x-weightedMedian": {methodMedian, true},
	"max": {methodMax, false},
	"sum": {methodSum, false}, "weightedSum": {methodSum, true}, "x-weightedSum": {methodSum, true},
	"selectFirst": {methodFirst, false}, "selectAll": {methodAll, false},
	"modelChain": {methodChain, false}, "multiModelChain": {methodMulti, false}, "x-multiModelChain": {methodMulti, false},
}

type missingPrediction uint8

const (
	missingContinues missingPrediction = iota
	missingReturns
	missingSkips
)

func compileMining(mc *modelCompiler, m *document.MiningModel) evaluator {
	g := m.Segmentation
	mm := &miningModel{plan: mc.plan, targets: mc.targets, math: mc.math, method: methods[g.Method].method, threshold: g.MissingThreshold}
	mm.onMissing = map[string]missingPrediction{"continue": missingContinues, "returnMissing": missingReturns, "skipSegment": missingSkips}[g.MissingPredictionTreatment]
	if len(g.Segments) == 0 {
		mc.c.refuse(g, "<Segment> is missing inside")
	}
	for i, doc := range g.Segments {
		s := mc.segment(mm, i, doc)
		if !methods[g.Method].weighted {
			s.weight, s.varies = 1, -1
		}
		if s.weight < 0 {
			mc.c.refuseAttr(doc, "weight", "is less than 0")
		}
		if mm.delegates() {
			continue
		}
		if doc.Model.Base().FunctionName != m.FunctionName {
			mc.c.refuseAttr(doc.Model.Base(), "functionName", "%q differs from the %q of the whole", doc.Model.Base().FunctionName, m.FunctionName)
		}
	}
	mc.late = &mc.plan.after
	if mm.delegates() {
		mc.inherit(mm)
	}
	mc.bind(mm)
	mc.check(mm, m)
	mm.list()
	mm.scratch(mc)
	mc.export(mm)
	return mm
}

// delegates says that the result is that of a segment, not a combination.
func (m *miningModel) delegates() bool { return m.method >= methodFirst }

// chains says that segments see the outputs of those before.
func (m *miningModel) chains() bool { return m.method >= methodChain }

func (mc *modelCompiler) segment(mm *miningModel, i int, doc *document.Segment) *segment {
	s := &segment{id: doc.ID.Or(strconv.Itoa(i + 1)), weight: doc.Weight, varies: -1}
	mm.segments = append(mm.segments, s)
	mc.late = &s.before
	if v := doc.VariableWeight; v != nil {
		s.varies = mc.numericField(v.Field, v)
	}
	s.test = mc.predicate(doc.Predicate)
	s.always = s.test.op == opTrue
	s.model = mc.c.model(doc.Model, mc.scope)
	if mm.chains() {
		for _, o := range s.model.outputs {
			mc.c.info(o.to).late = mc.scope
			mc.declare(o.doc.Name, o.to)
		}
	}
	return s
}

func (m *miningModel) segment(id string) *segment {
	for _, s := range m.segments {
		if s.id == id {
			return s
		}
	}
	return nil
}

// inherit gives each target the nature of what the segments predict: a chain
// may predict numbers and classes.
func (mc *modelCompiler) inherit(mm *miningModel) {
	for _, t := range mm.targets {
		from := mm.lastOf(t)
		if from == nil {
			continue
		}
		if t.name == "" {
			t.name, t.data = from.name, from.data
		}
		if t.numeric != from.numeric || t.data == nil {
			t.numeric, t.typ = from.numeric, from.typ
		}
	}
}

// lastOf finds the target of the last segment that predicts t.
func (m *miningModel) lastOf(t *target) *target {
	for i := len(m.segments) - 1; i >= 0; i-- {
		targets := m.segments[i].model.targets
		for _, k := range targets {
			if k.name == t.name {
				return k
			}
		}
		if len(m.targets) == 1 && len(targets) == 1 {
			return targets[0]
		}
	}
	return nil
}

// bind connects the targets of the segments to those of the whole.
func (mc *modelCompiler) bind(mm *miningModel) {
	for _, s := range mm.segments {
		s.of = make([]*target, len(mm.targets))
		s.classes = make([][]int32, len(mm.targets))
		for i, t := range mm.targets {
			for _, k := range s.model.targets {
				same := k.name == t.name || len(mm.targets) == 1 && len(s.model.targets) == 1
				if same && (k.numeric == t.numeric || !mm.chains()) {
					s.of[i] = k
				}
			}
			if k := s.of[i]; k != nil && !t.numeric {
				for _, label := range k.classes {
					s.classes[i] = append(s.classes[i], int32(mc.c.class(t, label, mc.base)))
				}
			}
		}
	}
}

// list makes the order of classes that of the first segment, whose classes the
// reference sees first, or where one segment decides of the last.
func (m *miningModel) list() {
	s := m.segments[0]
	if m.delegates() {
		s = m.segments[len(m.segments)-1]
	}
	for i, t := range m.targets {
		from := s.of[i]
		if from == nil || t.numeric {
			continue
		}
		order := slices.Clone(s.classes[i])
		for at, class := range from.order {
			order[at] = s.classes[i][class]
		}
		t.list(order)
	}
}

func (mc *modelCompiler) check(mm *miningModel, m *document.MiningModel) {
	g := m.Segmentation
	if mm.delegates() {
		for _, s := range mm.segments {
			for i, t := range mm.targets {
				if k := s.of[i]; k != nil && k.numeric != t.numeric && mm.method != methodAll {
					mc.c.refuse(g, "segment %q does not predict what the whole predicts", s.id)
				}
			}
		}
		return
	}
	t := mc.target()
	for _, s := range mm.segments {
		if len(s.model.targets) != 1 {
			mc.c.refuse(g, "segment %q predicts more than one field", s.id)
		}
	}
	switch {
	case t.numeric && mm.method == methodVote, !t.numeric && mm.method == methodSum:
		mc.c.refuseAttr(g, "multipleModelMethod", "%q does not suit functionName %q", g.Method, m.FunctionName)
	}
}

func (m *miningModel) scratch(mc *modelCompiler) {
	m.weights, m.lost = mc.c.scratch(blockRows), mc.c.scratch(blockRows)
	t := m.targets[0]
	switch {
	case m.delegates():
		for i := range m.segments {
			for _, t := range m.targets {
				t.entities = append(t.entities, m.segments[i].id)
			}
		}
		if m.method == methodAll {
			t.typ = tList
		}
	case t.numeric:
		if m.method == methodMedian {
			m.values = mc.c.scratch(blockRows * len(m.segments))
		}
	case m.method == methodVote:
		m.first = mc.c.scratch(blockRows * len(t.classes))
	case m.method == methodMax || m.method == methodMedian:
		m.values = mc.c.scratch(blockRows * len(m.segments) * len(t.classes))
	}
}

// export makes the output fields of the segments that may decide visible to
// the model's user, as the reference does.
func (mc *modelCompiler) export(mm *miningModel) {
	var candidates []int
	switch mm.method {
	case methodFirst:
		for i, s := range mm.segments {
			candidates = append(candidates, i)
			if s.always {
				break
			}
		}
	case methodChain:
		for i := len(mm.segments) - 1; i >= 0; i-- {
			candidates = append([]int{i}, candidates...)
			if mm.segments[i].always {
				break
			}
		}
	case methodMulti:
		for i := range mm.segments {
			candidates = append(candidates, i)
		}
	}
	index := map[string]int{}
	for _, i := range candidates {
		for _, e := range mm.segments[i].model.exports {
			at, ok := index[e.name]
			if !ok {
				at = len(mm.exported)
				index[e.name] = at
				to := mc.c.slot(slotInfo{name: e.name, typ: mc.c.info(e.slot).typ, op: e.op, again: true})
				mm.exported = append(mm.exported, exported{to: to, from: make([]slot, len(mm.segments))})
				for k := range mm.segments {
					mm.exported[at].from[k] = -1
				}
				mc.plan.exports = append(mc.plan.exports, export{e.name, to, e.op})
			}
			mm.exported[at].from[i] = e.slot
		}
	}
}

package pmml

import (
	"slices"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// target is one thing that a model predicts. Its results for the rows of a
// block are in the frame under its number.
type target struct {
	id      int
	name    string // of the field, or "" where the mining schema has none
	data    *document.DataField
	elem    *document.Target
	typ     dataType
	math    arith
	numeric bool // a number is predicted, not one of the classes

	classes []string // canonical text, in the order in which ties are decided
	labels  []value  // the same as values of typ
	order   []int32  // the order of classes in the model's elements, or nil where it is theirs
	byLabel map[string]int

	lent      bool     // has results only for the time that its segment is evaluated, see frame.lend
	confident bool     // has confidences
	affine    bool     // has affinities
	entities  []string // what entityId may say

	ifMissing float64   // the default prediction
	hasDef    bool      // there is one
	priors    []float64 // by class, or nil
	prior     int       // the likeliest class by them
}

// results are what a model found for the rows of a block.
type results struct {
	state  []state
	num    []float64 // the predicted number, or the index of the predicted class
	text   []string  // a predicted collection, as text
	prob   []float64 // row × class
	hasP   []bool    // the row has probabilities
	conf   []float64 // row × class
	aff    []float64 // row × class: affinities
	entity []int32   // of the row, an index into the target's entities, or −1
}

func newResults(t *target, rows int) results {
	r := results{state: make([]state, rows), num: make([]float64, rows)}
	if t.typ == tList {
		r.text = make([]string, rows)
	}
	if !t.numeric {
		r.prob = make([]float64, rows*len(t.classes))
		r.hasP = make([]bool, rows)
	}
	if t.confident {
		r.conf = make([]float64, rows*len(t.classes))
	}
	if t.affine {
		r.aff = make([]float64, rows*len(t.classes))
	}
	if len(t.entities) > 0 {
		r.entity = make([]int32, rows)
	}
	return r
}

// lend gives a target without results of its own the frame's common ones.
func (f *frame) lend(t *target) {
	if !t.lent {
		return
	}
	if f.common.state == nil {
		all := *t
		all.classes, all.confident, all.affine = make([]string, f.plan.lentClasses), true, false
		all.numeric, all.entities = false, []string{""}
		f.common = newResults(&all, f.plan.rows)
	}
	r := f.common
	if !t.confident {
		r.conf = nil
	}
	f.results[t.id] = r
}

// row returns one row's part of a row × class slice.
func (t *target) row(x []float64, row int32) []float64 {
	n := len(t.classes)
	return x[int(row)*n : (int(row)+1)*n]
}

// class returns the index of a class and adds it if it is new.
func (c *compiler) class(t *target, label string, at document.Located) int {
	v := parse(label, t.typ)
	if v.isFailed() {
		c.refuse(at, "%q is no value of the target, which is of type %s", document.Short(label), t.typ)
	}
	name := v.format()
	if i, ok := t.byLabel[name]; ok {
		return i
	}
	if len(t.classes) >= maxClasses {
		c.refuse(at, "more than %d classes", maxClasses)
	}
	t.byLabel[name] = len(t.classes)
	t.classes = append(t.classes, name)
	t.labels = append(t.labels, v)
	return len(t.classes) - 1
}

// maxClasses bounds the memory of a frame.
const maxClasses = 10_000

// value is the prediction for a row, or missing.
func (t *target) value(f *frame, row int32) value {
	r := &f.results[t.id]
	if r.state[row] != valid {
		return missing
	}
	switch {
	case r.text != nil && r.text[row] == "":
		return missing // likewise; an empty collection is "[]"
	case r.text != nil:
		return value{t: tList, s: r.text[row]}
	case t.numeric:
		return value{t: t.typ, n: r.num[row]}
	}
	class := int(r.num[row])
	if class < 0 {
		return missing // there is a result, but it is no value: neighbors, rules
	}
	return t.labels[class]
}

// likeliest picks the class with the largest probability; of equals the one that
// comes first in the order of the model.
func (t *target) likeliest(p []float64) int {
	if t.order == nil {
		return argmax(p)
	}
	best := t.order[0]
	for _, class := range t.order {
		if p[class] > p[best] {
			best = class
		}
	}
	return int(best)
}

// list says in which order the model's own elements have its classes; the others
// follow in the order of the data dictionary.
func (t *target) list(classes []int32) {
	order := slices.Clone(classes)
	for i := range t.classes {
		if !slices.Contains(order, int32(i)) {
			order = append(order, int32(i))
		}
	}
	if !slices.IsSorted(order) {
		t.order = order
	}
}

// argmax picks the class with the largest number; the first of equals.
func argmax(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// targets makes the targets of a model from its mining schema: those that the
// schema names, or one without a name.
func (c *compiler) targets(m *document.ModelBase, math arith) []*target {
	var ts []*target
	for _, f := range m.MiningSchema.Fields {
		if !f.IsTarget() {
			continue
		}
		t := c.target(m, math)
		t.name, t.data = f.Name, c.data[f.Name]
		if t.data != nil {
			t.typ = dataTypeOf(t.data.DataType)
			c.declareClasses(t)
		}
		ts = append(ts, t)
	}
	if len(ts) == 0 {
		ts = append(ts, c.target(m, math))
	}
	c.bindTargets(m, ts)
	return ts
}

// target makes a target without a field: a number as the model computes it, or
// a text.
func (c *compiler) target(m *document.ModelBase, math arith) *target {
	t := &target{math: math, byLabel: map[string]int{}, typ: tString, numeric: m.FunctionName == "regression" || m.FunctionName == "timeSeries" || m.FunctionName == "anomalyDetection"}
	if t.numeric {
		t.typ = tDouble
		if math.single {
			t.typ = tFloat
		}
	}
	t.id = len(c.plan.targets)
	c.plan.targets = append(c.plan.targets, t)
	return t
}

func (c *compiler) declareClasses(t *target) {
	if t.numeric {
		if !t.typ.numeric() {
			t.typ = tDouble // the field's type cannot hold what is predicted
		}
		return
	}
	for i := range t.data.Values {
		if v := &t.data.Values[i]; v.Property == "valid" {
			c.class(t, v.Value, v)
		}
	}
}

func (c *compiler) bindTargets(m *document.ModelBase, ts []*target) {
	if m.Targets == nil {
		return
	}
	for _, e := range m.Targets.Targets {
		i := slices.IndexFunc(ts, func(t *target) bool { return t.name == e.Field })
		if i < 0 {
			if e.Field != "" || len(ts) != 1 {
				c.refuseAttr(e, "field", "%q is no target of the model", e.Field)
			}
			i = 0
		}
		ts[i].elem = e
		c.defaults(ts[i], e)
	}
}

// defaults reads what is predicted where the model cannot (DMG 4.4, Targets).
func (c *compiler) defaults(t *target, e *document.Target) {
	if t.numeric {
		for _, v := range e.Values {
			if v.DefaultValue.Set {
				t.ifMissing, t.hasDef = v.DefaultValue.V, true
			}
		}
		return
	}
	sum := 0.0
	for _, v := range e.Values {
		if !v.PriorProbability.Set || !v.Value.Set {
			continue
		}
		i := c.class(t, v.Value.V, v)
		for len(t.priors) <= i {
			t.priors = append(t.priors, 0)
		}
		t.priors[i] = v.PriorProbability.V
		sum += v.PriorProbability.V
	}
	if sum == 0 {
		t.priors = nil
		return
	}
	for i := range t.priors {
		t.priors[i] /= sum
	}
	t.prior = argmax(t.priors)
}

// finish turns what the model computed into target values: defaults, limits,
// scale, whole numbers, type.
func (t *target) finish(f *frame, rows []int32) {
	r := &f.results[t.id]
	if !t.numeric {
		if t.priors != nil {
			t.finishClasses(r, rows)
		}
		return
	}
	if t.elem == nil && (t.typ == tDouble || t.typ == tFloat && t.math.single) {
		return
	}
	for _, row := range rows {
		x := r.num[row]
		switch {
		case r.state[row] == valid:
		case t.hasDef:
			x = t.ifMissing
			r.state[row] = valid
		default:
			continue
		}
		v := t.settle(x)
		if v.isFailed() {
			f.fail(row, model.NoResult, t.name, number(t.scale(x)).format(), "the prediction "+v.s)
			continue
		}
		r.num[row] = v.n
	}
}

// settle turns a number that was predicted into the target's value.
func (t *target) settle(x float64) value {
	v := number(t.scale(x))
	if t.typ.numeric() {
		return v.cast(t.typ)
	}
	return v
}

func (t *target) finishClasses(r *results, rows []int32) {
	for _, row := range rows {
		if r.state[row] == valid {
			continue
		}
		r.state[row], r.num[row], r.hasP[row] = valid, float64(t.prior), true
		p := t.row(r.prob, row)
		clear(p)
		copy(p, t.priors)
	}
}

func (t *target) scale(x float64) float64 {
	e := t.elem
	if e == nil {
		return x
	}
	if e.Min.Set {
		x = max(x, t.math.round(e.Min.V))
	}
	if e.Max.Set {
		x = min(x, t.math.round(e.Max.V))
	}
	if e.RescaleFactor != 1 {
		x = t.math.mul(x, t.math.round(e.RescaleFactor))
	}
	if e.RescaleConstant != 0 {
		x = t.math.add(x, t.math.round(e.RescaleConstant))
	}
	switch e.CastInteger {
	case "round":
		return roundHalfUp(x)
	case "ceiling":
		return ceil(x)
	case "floor":
		return floor(x)
	}
	return x
}

package pmml

import (
	"math"
	"slices"
	"strings"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// output is a compiled output field (DMG 4.4, Output). It is a step: it fills
// its slot for the rows that have a prediction.
type output struct {
	doc    *document.OutputField
	to     slot
	typ    dataType
	source featurer  // who may know the feature, or nil
	target *target   // whose result it is about
	others []*target // tried next where a chain may predict one or the other
	class  int       // of value, −1 without one, −2 for a class that never comes
	expr   expr
	actual slot // the observed target, for residuals
	shown  []value
	other  slot    // an output of another segment, or −1
	plain  bool    // see direct
	width  float64 // of half a confidence interval, in standard errors
}

// export is an output field that the user of a model sees.
type export struct {
	name string
	slot slot
	op   string
}

// outputs compiles a model's Output element.
func (s *scope) outputs(mc *modelCompiler) {
	p := mc.plan
	if mc.base.Output == nil {
		return
	}
	for _, f := range mc.base.Output.Fields {
		o := s.output(mc, f)
		p.outputs = append(p.outputs, o)
		p.after = append(p.after, o)
		if !f.Inner {
			p.exports = append(p.exports, export{f.Name, o.to, f.OpType})
		}
	}
}

func (s *scope) output(mc *modelCompiler, f *document.OutputField) *output {
	o := &output{doc: f, class: -1, other: -1}
	o.source, _ = mc.plan.eval.(featurer)
	o.target = s.outputTarget(mc, o)
	if f.SegmentID != "" {
		o.source, _ = mc.plan.eval.(*miningModel).segment(f.SegmentID).model.eval.(featurer)
	}
	s.dirty = false
	natural := s.feature(mc, o)
	o.typ = dataTypeOf(f.DataType)
	if o.typ == tMissing || natural == tList {
		o.typ = orString(natural)
	}
	o.to = s.c.slot(slotInfo{name: f.Name, typ: o.typ, op: f.OpType, again: true, late: s})
	s.declare(f.Name, o.to)
	o.plain = o.direct()
	return o
}

// outputTarget finds the result that an output field is about: of a segment,
// of the named target, or the first.
func (s *scope) outputTarget(mc *modelCompiler, o *output) *target {
	f := o.doc
	targets := mc.targets
	if f.SegmentID != "" {
		mm, ok := mc.plan.eval.(*miningModel)
		if !ok {
			s.c.refuseAttr(f, "segmentId", "only a <MiningModel> has segments")
		}
		seg := mm.segment(f.SegmentID)
		if seg == nil {
			s.c.refuseAttr(f, "segmentId", "there is no segment %q", f.SegmentID)
		}
		seg.asked = true
		targets = seg.model.targets
	}
	if f.TargetField == "" {
		o.others = targets[1:]
		return targets[0]
	}
	i := slices.IndexFunc(targets, func(t *target) bool { return t.name == f.TargetField })
	if i < 0 {
		s.c.refuseAttr(f, "targetField", "%q is no target", f.TargetField)
	}
	return targets[i]
}

// feature prepares a result feature and returns its natural type.
func (s *scope) feature(mc *modelCompiler, o *output) dataType {
	f, t := o.doc, o.target
	switch f.Feature {
	case "predictedValue":
		return t.typ
	case "predictedDisplayValue":
		o.shown = s.displayValues(t)
		return tString
	case "transformedValue", "decision":
		return s.transformed(mc, o)
	case "probability", "confidence", "affinity", "entityAffinity", "clusterAffinity":
		s.distribution(o)
		if f.IsMultiValued == "1" {
			return tList
		}
		return tDouble
	case "residual":
		if t.name == "" || t.data == nil {
			s.c.refuse(f, "a residual needs a target field")
		}
		o.actual = s.field(t.name, f)
		return tDouble
	case "warning":
		return tList
	case "entityId", "clusterId", "x-report", "reasonCode", "ruleValue", "antecedent", "consequent", "rule", "ruleId":
		if f.Rank < 1 && (f.Rank < 0 || f.IsMultiValued == "0") {
			s.c.refuseAttr(f, "rank", "%d is less than 1", f.Rank)
		}
		return ruleType(f)
	case "standardError", "standardDeviation", "support", "lift", "leverage":
		return ruleType(f)
	case "confidenceIntervalLower", "confidenceIntervalUpper":
		s.interval(mc, o)
		return tDouble
	}
	s.c.refuseAttr(f, "feature", "%q is not supported", f.Feature)
	return tMissing
}

// interval reads the level of a confidence interval, a percentage.
func (s *scope) interval(mc *modelCompiler, o *output) {
	t, ok := mc.plan.eval.(*timeSeries)
	if !ok || o.doc.SegmentID != "" {
		s.c.refuseAttr(o.doc, "feature", "%q: only a forecast has an interval", o.doc.Feature)
	}
	if !t.hasErrors(o.target) {
		s.c.refuseAttr(o.doc, "feature", "%q: the document does not tell how far forecasts err", o.doc.Feature)
	}
	level, err := document.ParseFloat(o.doc.Value.V)
	if err != nil || !(level > 0 && level < 100) {
		s.c.refuseAttr(o.doc, "value", "%q is no percentage between 0 and 100", document.Short(o.doc.Value.V))
	}
	o.width = math.Sqrt2 * math.Erfinv(level/100)
}

// ruleType is the type of what a feature tells about a rule.
func ruleType(f *document.OutputField) dataType {
	feature := f.Feature
	if feature == "ruleValue" {
		feature = f.RuleFeature
	}
	switch {
	case f.IsMultiValued == "1" || feature == "antecedent" || feature == "consequent":
		return tList
	case feature == "confidence", feature == "support", feature == "lift", feature == "leverage", feature == "affinity", strings.HasPrefix(feature, "standard"):
		return tDouble
	}
	return tString
}

func (s *scope) transformed(mc *modelCompiler, o *output) dataType {
	f := o.doc
	if f.SegmentID != "" {
		if !f.Value.Set || f.Expression != nil {
			s.c.refuseAttr(f, "value", "the name of an output field of the segment is wanted, and no expression")
		}
		for _, e := range mc.plan.eval.(*miningModel).segment(f.SegmentID).model.exports {
			if e.name == f.Value.V {
				o.other = e.slot
				return s.c.info(e.slot).typ
			}
		}
		s.c.refuseAttr(f, "value", "segment %q has no output field %q", f.SegmentID, f.Value.V)
	}
	if f.Expression == nil {
		s.c.refuse(f, "an expression is missing inside")
	}
	o.expr = s.expr(f.Expression, nil)
	return o.expr.typ()
}

// distribution resolves the class that a feature is about.
func (s *scope) distribution(o *output) {
	f, t := o.doc, o.target
	if !f.Value.Set {
		return
	}
	o.class = -2
	if v := parse(f.Value.V, t.typ); !v.isFailed() {
		if i, ok := t.byLabel[v.format()]; ok {
			o.class = i
		}
	}
}

// displayValues are the texts of the classes (DMG 4.4, Output:
// predictedDisplayValue).
func (s *scope) displayValues(t *target) []value {
	shown := slices.Clone(t.labels)
	for i, label := range t.classes {
		shown[i] = shown[i].cast(tString)
		if t.data != nil {
			for _, v := range t.data.Values {
				if v.DisplayValue != "" && parse(v.Value, t.typ).format() == label {
					shown[i] = text(v.DisplayValue)
				}
			}
		}
		if t.elem != nil {
			for _, v := range t.elem.Values {
				if v.DisplayValue.Set && v.Value.Set && parse(v.Value.V, t.typ).format() == label {
					shown[i] = text(v.DisplayValue.V)
				}
			}
		}
	}
	return shown
}

// run fills the slot. Without a prediction there is no value either, unless it
// comes from an expression.
func (o *output) run(f *frame, rows []int32) {
	if o.plain && !f.plan.general && o.column(f, rows) {
		return
	}
	for _, row := range rows {
		t := o.about(f, row)
		r := &f.results[t.id]
		if r.state[row] != valid && o.expr == nil && o.doc.Feature != "warning" {
			if o.doc.Inner {
				f.put(o.to, row, missing)
			}
			continue
		}
		v := o.value(f, row, t, r)
		if v.isFailed() {
			f.fail(row, model.NoResult, o.doc.Name, "", v.s)
			continue
		}
		v = v.cast(o.typ)
		if v.isFailed() {
			f.fail(row, model.NoResult, o.doc.Name, "", v.s)
			continue
		}
		f.put(o.to, row, v)
	}
}

// about is the target whose result the output takes for a row.
func (o *output) about(f *frame, row int32) *target {
	if len(o.others) > 0 && f.results[o.target.id].state[row] != valid {
		for _, t := range o.others {
			if f.results[t.id].state[row] == valid {
				return t
			}
		}
	}
	return o.target
}

func (o *output) value(f *frame, row int32, t *target, r *results) value {
	if o.source != nil {
		if v, known := o.source.feature(f, row, o); known {
			return v
		}
	}
	switch o.doc.Feature {
	case "predictedValue":
		return t.value(f, row)
	case "predictedDisplayValue":
		if t.numeric {
			return t.value(f, row).cast(tString)
		}
		return o.shown[int(r.num[row])]
	case "transformedValue", "decision":
		if o.other >= 0 {
			return f.outputOf(o.other, row)
		}
		return o.expr.eval(f, row)
	case "probability":
		return o.share(f, row, r.prob, r.hasP, "the model gives no probabilities here")
	case "confidence":
		return o.share(f, row, r.conf, nil, "the model gives no confidences")
	case "affinity", "entityAffinity", "clusterAffinity":
		return o.share(f, row, r.aff, nil, "the model gives no affinities")
	case "residual":
		return o.residual(f, row, r)
	case "entityId", "clusterId":
		return o.entity(row, r)
	case "warning":
		return value{t: tList, s: "[]"} // there is nothing that is worth one
	case "x-report":
		return missing
	}
	return failure("the model does not give " + o.doc.Feature)
}

// outputOf is an output field's value; one that was not made is missing.
func (f *frame) outputOf(s slot, row int32) value {
	c := &f.cols[s]
	if !c.clean && c.state[row] == undefined {
		return missing
	}
	return f.get(s, row)
}

// share is the number of the asked class, or of the predicted one.
func (o *output) share(f *frame, row int32, x []float64, has []bool, otherwise string) value {
	t := o.target
	if x == nil || has != nil && !has[row] {
		return failure(otherwise)
	}
	class := o.class
	switch class {
	case -2:
		return number(0)
	case -1:
		class = int(f.results[t.id].num[row])
	}
	return number(t.row(x, row)[class])
}

func (o *output) residual(f *frame, row int32, r *results) value {
	t := o.target
	actual := f.get(o.actual, row)
	switch {
	case actual.isMissing():
		return failure("the observed value of " + t.name + " is missing")
	case actual.isFailed():
		return actual
	}
	if t.numeric {
		return number(actual.n - r.num[row])
	}
	if !r.hasP[row] {
		return failure("the model gives no probabilities here")
	}
	p := t.row(r.prob, row)[int(r.num[row])]
	if actual.equal(t.labels[int(r.num[row])]) {
		return number(1 - p)
	}
	return number(-p)
}

func (o *output) entity(row int32, r *results) value {
	if r.entity == nil {
		return failure("the model has no entities")
	}
	if e := r.entity[row]; e >= 0 && o.doc.Rank == 1 {
		return text(o.target.entities[e])
	}
	return missing
}

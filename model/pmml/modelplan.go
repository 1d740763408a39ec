package pmml

import (
	"github.com/modelstream/modelserver/model/pmml/document"
)

// modelPlan is a compiled model element: what to prepare, how to evaluate, what
// to make of the result.
type modelPlan struct {
	steps   []step // derived and treated fields, on entry
	eval    evaluator
	targets []*target
	after   []step // output fields and what they need, in document order
	outputs []*output
	exports []export // the output fields that the model's user sees
}

// evaluator is a family's compiled model. It is immutable; what it needs to
// remember during an evaluation is in the frame.
type evaluator interface {
	// eval predicts the rows and writes the results of the model's targets. A
	// row that cannot be predicted is failed (frame.fail) or left missing.
	eval(f *frame, rows []int32)
}

// featurer is an evaluator with output features of its own. feature returns
// the value for a row; known is false when the feature is not its own.
type featurer interface {
	evaluator
	feature(f *frame, row int32, o *output) (v value, known bool)
}

// modelCompiler is what a family's compile function works with.
type modelCompiler struct {
	*scope
	base    *document.ModelBase
	math    arith
	targets []*target
	plan    *modelPlan
}

// model compiles a model element and everything below.
func (c *compiler) model(m document.Model, parent *scope) *modelPlan {
	b := m.Base()
	c.at = b.Pos
	if c.models++; c.models > maxModels {
		c.refuse(b, "models are nested more than %d deep", maxModels)
	}
	defer func() { c.models-- }()
	if !b.IsScorable {
		c.refuseAttr(b, "isScorable", "the model is not made for scoring")
	}
	base := *b // what refers to it later must not hold on to the whole model
	b = &base
	s := c.scope(b, parent)
	if parent == nil {
		c.listInputs(b)
	}
	p := &modelPlan{}
	mc := &modelCompiler{scope: s, base: b, math: arith{single: b.MathContext == "float"}, plan: p}
	mc.targets = c.targets(b, mc.math)
	p.targets = mc.targets
	p.eval = c.family(b).compile(mc, m)
	s.late = &p.after
	s.outputs(mc)
	p.steps = s.steps
	return p
}

func (c *compiler) family(b *document.ModelBase) family {
	for _, f := range families() {
		if f.element == b.Kind() {
			return f
		}
	}
	c.refuse(b, "the model is not supported")
	return family{}
}

// listInputs fixes the order of the inputs: that of the mining schema.
func (c *compiler) listInputs(b *document.ModelBase) {
	for _, f := range b.MiningSchema.Fields {
		if f.UsageType != "active" && f.UsageType != "group" && f.UsageType != "order" {
			continue
		}
		df := c.data[f.Name]
		if df == nil {
			c.refuseAttr(f, "name", "field %q is not in the data dictionary", f.Name)
		}
		c.addInput(df, dataTypeOf(df.DataType))
	}
}

// target returns the model's only target; a family that knows one result
// refuses others.
func (mc *modelCompiler) target() *target {
	if len(mc.targets) != 1 {
		mc.c.refuse(mc.base.MiningSchema, "the model predicts one field, %d are targets", len(mc.targets))
	}
	return mc.targets[0]
}

// scratch reserves numbers for an evaluator to work with; they are in the
// frame under the returned index.
func (c *compiler) scratch(n int) int {
	c.plan.scratch = append(c.plan.scratch, n)
	return len(c.plan.scratch) - 1
}

// run evaluates the model for the rows.
func (p *modelPlan) run(f *frame, rows []int32) {
	if f.bad > 0 {
		live, mine := f.alive(rows)
		if mine {
			defer f.done(live)
		}
		rows = live
	}
	for _, s := range p.steps {
		s.run(f, rows)
	}
	p.eval.eval(f, rows)
	for _, t := range p.targets {
		t.finish(f, rows)
	}
	if len(p.after) == 0 {
		return
	}
	live, mine := f.alive(rows)
	for _, s := range p.after {
		s.run(f, live)
	}
	if mine {
		f.done(live)
	}
}

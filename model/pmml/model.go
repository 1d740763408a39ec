package pmml

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/model/pmml/document"
)

// Model is a loaded document. It implements [model.Evaluator] and
// [model.Verifier] and is safe for concurrent use.
type Model struct {
	plan         *plan
	verification *document.ModelVerification
	signature    model.Signature
	outputs      []outputColumn
	pool         sync.Pool // of *frame
	streaming    bool      // see Options
}

// outputColumn is where a column of the output comes from: a target's result
// or an output field.
type outputColumn struct {
	target *target
	slot   slot
	typ    dataType
}

// anonymousTarget names the prediction of a model whose mining schema has no
// target field, as the reference does.
const anonymousTarget = "_target"

// describe makes the signature: inputs are the active fields of the model's
// mining schema, then what else it needs; outputs are its targets, then the
// output fields of deciding segments, then its own, in document order.
func (m *Model) describe() {
	for i, in := range m.plan.inputs {
		m.signature.Inputs = append(m.signature.Inputs, model.Field{
			Name: in.name, Type: elementType(in.typ), Optional: m.optional(i),
		})
	}
	for _, t := range m.plan.root.targets {
		name := t.name
		if name == "" {
			name = anonymousTarget
		}
		m.addOutput(name, outputColumn{target: t, typ: t.typ})
	}
	for _, e := range m.plan.root.exports {
		m.addOutput(e.name, outputColumn{slot: e.slot, typ: m.plan.slots[e.slot].typ})
	}
}

// addOutput adds a column; an output field named like one before replaces it.
func (m *Model) addOutput(name string, from outputColumn) {
	f := model.Field{Name: name, Type: elementType(from.typ)}
	if i := slices.IndexFunc(m.signature.Outputs, func(o model.Field) bool { return o.Name == name }); i >= 0 {
		m.signature.Outputs[i], m.outputs[i] = f, from
		return
	}
	m.signature.Outputs = append(m.signature.Outputs, f)
	m.outputs = append(m.outputs, from)
}

// optional says that an input is never read, or that all who read it replace a
// missing value.
func (m *Model) optional(input int) bool {
	for i := range m.plan.bound {
		if b := &m.plan.bound[i]; b.source == input && b.replacement.none() {
			return false
		}
	}
	return true
}

func elementType(t dataType) model.ElementType {
	switch {
	case t == tDouble || t == tFloat:
		return model.Float64
	case t == tInteger:
		return model.Int64
	case t == tBoolean:
		return model.Bool
	}
	return model.String
}

// Signature returns the inputs and outputs. Numbers of type double and float
// are Float64, integers Int64, booleans Bool; all else, dates and times in ISO
// 8601 included, is String. An input is optional when the model does not read
// it or declares a replacement for a missing value.
func (m *Model) Signature() *model.Signature { return &m.signature }

// Close does nothing.
func (m *Model) Close() error { return nil }

// Score evaluates a batch; see [model.Evaluator].
func (m *Model) Score(ctx context.Context, in, out *model.Batch) (err error) {
	return m.score(ctx, in, out, !m.streaming)
}

// score evaluates a batch whose rows may be a data set in their order.
func (m *Model) score(ctx context.Context, in, out *model.Batch, ordered bool) (err error) {
	defer containScore(&err)
	if len(in.Columns) != len(m.signature.Inputs) {
		return fmt.Errorf("pmml: a batch with %d columns for %d inputs", len(in.Columns), len(m.signature.Inputs))
	}
	out.Reset(m.signature.Outputs, in.Rows)
	f := m.pool.Get().(*frame)
	f.ordered = ordered
	for i := range f.series {
		f.series[i].reset()
	}
	for lo := 0; lo < in.Rows; lo += m.plan.rows {
		if err := ctx.Err(); err != nil {
			m.pool.Put(f)
			return err
		}
		m.block(f, in, out, lo, min(m.plan.rows, in.Rows-lo))
	}
	m.pool.Put(f) // not after a panic: nobody knows what is in it
	return nil
}

// block evaluates rows lo … lo+n.
func (m *Model) block(f *frame, in, out *model.Batch, lo, n int) {
	f.begin(n)
	for i := range m.plan.bound {
		b := &m.plan.bound[i]
		b.load(f, &in.Columns[b.source], lo)
	}
	if len(m.plan.lags) > 0 {
		f.loadLags(in, lo, n)
	}
	rows := f.all[:n]
	var picked []int32
	if len(in.Errors) > 0 {
		picked = f.rows()
		for _, row := range rows {
			if in.Err(lo+int(row)) == nil {
				picked = append(picked, row)
			}
		}
		rows = picked
	}
	m.plan.root.run(f, rows)
	for i := range m.outputs {
		m.outputs[i].store(f, rows, &out.Columns[i], out.Rows, lo)
	}
	if f.bad > 0 {
		for _, row := range rows {
			if f.errs[row] != nil {
				out.Fail(lo+int(row), f.errs[row])
			}
		}
	}
	if picked != nil {
		f.done(picked)
	}
}

// store writes a column of the output.
func (o *outputColumn) store(f *frame, rows []int32, c *model.Column, total, lo int) {
	if o.storeColumn(f, rows, c, lo) {
		return
	}
	for _, row := range rows {
		if f.bad > 0 && f.errs[row] != nil {
			continue
		}
		var v value
		if o.target != nil {
			v = o.target.value(f, row)
		} else {
			v = f.outputOf(o.slot, row)
		}
		at := lo + int(row)
		if v.none() {
			c.SetState(at, total, model.Missing)
			continue
		}
		switch c.Type {
		case model.Float64:
			c.Float64[at] = v.n
		case model.Int64:
			c.Int64[at] = int64(v.n)
		case model.Bool:
			c.Bool[at] = v.n != 0
		case model.String:
			c.String[at] = v.format()
		}
		c.SetState(at, total, model.Valid)
	}
}

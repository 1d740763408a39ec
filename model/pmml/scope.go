package pmml

import (
	"strings"

	"github.com/modelstream/modelserver/model/pmml/document"
)

// scope resolves the names that a model can see to slots. Scopes nest as
// models do; resolving a name the first time adds the step that fills its slot.
//
// A name is, in this order: the output of a segment or of an earlier output
// field; a field of the model's mining schema, which comes from the parent
// scope or from the data; a derived field of the model; whatever the parent
// scope knows by it; a derived field of the document. The latter belong to the
// outermost model whose mining schema lets their inputs through unchanged.
type scope struct {
	base   *document.ModelBase
	c      *compiler
	parent *scope
	mining map[string]*document.MiningField
	treats bool // a mining field changes values: global fields are computed anew
	local  map[string]*document.DerivedField
	known  map[string]slot
	busy   map[string]bool // derived fields being compiled: a second visit is a cycle

	steps []step  // fill the slots of this scope when its model begins
	late  *[]step // where steps go that need what segments have made
	dirty bool    // the expression being compiled uses a slot that is late here
}

// step fills a slot for the selected rows.
type step interface {
	run(f *frame, rows []int32)
}

func (c *compiler) scope(m *document.ModelBase, parent *scope) *scope {
	s := &scope{
		c: c, base: m, parent: parent,
		mining: map[string]*document.MiningField{}, known: map[string]slot{}, busy: map[string]bool{},
		local: c.transformations(m.LocalTransformations),
	}
	s.late = &s.steps
	for _, f := range m.MiningSchema.Fields {
		if s.mining[f.Name] != nil {
			c.refuseAttr(f, "name", "field %q is there twice", f.Name)
		}
		s.mining[f.Name] = f
		s.treats = s.treats || f.Outliers != "asIs" || f.MissingValueReplacement.Set || strings.HasSuffix(f.MissingValueTreatment, "eturnInvalid")
	}
	return s
}

// field returns the slot of a name or refuses the element that uses it.
func (s *scope) field(name string, at document.Located) slot {
	sl, ok := s.lookup(name, at)
	if !ok {
		s.c.refuse(at, "field %q is not defined here", name)
	}
	return sl
}

func (s *scope) lookup(name string, at document.Located) (slot, bool) {
	sl, ok := s.known[name]
	if !ok {
		if sl, ok = s.resolve(name, at); !ok {
			return 0, false
		}
		s.known[name] = sl
	}
	if s.c.info(sl).late == s {
		s.dirty = true
	}
	return sl, true
}

func (s *scope) resolve(name string, at document.Located) (slot, bool) {
	if mf := s.mining[name]; mf != nil {
		if s.parent == nil {
			return s.input(name, mf)
		}
		from, ok := s.parent.lookup(name, at)
		if !ok {
			return 0, false
		}
		return s.treated(from, mf), true
	}
	if df := s.local[name]; df != nil {
		return s.derived(df), true
	}
	df := s.c.global[name]
	if df != nil && (s.parent == nil || s.treats) {
		return s.derived(df), true
	}
	if s.parent != nil {
		return s.parent.lookup(name, at)
	}
	return 0, false
}

// input makes a slot for a field of the data with the treatments of the
// outermost mining schema.
func (s *scope) input(name string, mf *document.MiningField) (slot, bool) {
	df := s.c.data[name]
	if df == nil {
		return 0, false
	}
	sl := s.c.slot(s.c.inputInfo(df, mf))
	s.c.plan.bound = append(s.c.plan.bound, s.c.boundInput(sl, df, mf))
	return sl, true
}

// inputInfo is what is known about a slot for a field of the data.
func (c *compiler) inputInfo(df *document.DataField, mf *document.MiningField) slotInfo {
	info := slotInfo{name: df.Name, typ: dataTypeOf(df.DataType), op: df.OpType, data: df}
	if mf.OpType != "" {
		info.op = mf.OpType
	}
	if info.op == "ordinal" {
		info.ranks = ranks(df.Values)
	}
	return info
}

func ranks(values []document.Value) map[string]int {
	m := map[string]int{}
	for _, v := range values {
		if v.Property == "valid" {
			m[v.Value] = len(m)
		}
	}
	return m
}

// treated is a parent's field with the treatments of a nested mining schema;
// the same slot where there are none.
func (s *scope) treated(from slot, mf *document.MiningField) slot {
	t := s.c.treatment(from, mf)
	if t.outliers == keepOutliers && t.replacement.none() && !t.missingFails {
		return from
	}
	info := *s.c.info(from)
	info.late, info.again = nil, false
	to := s.c.slot(info)
	// The words that others compare the parent's field with do not concern this one.
	t.replacement, _ = s.c.retype(to, t.replacement)
	s.steps = append(s.steps, &treatStep{from: from, to: to, treatment: t})
	return to
}

// derived compiles a derived field and the step that fills it.
func (s *scope) derived(df *document.DerivedField) slot {
	if s.busy[df.Name] {
		s.c.refuseAttr(df, "name", "derived field %q depends on itself", df.Name)
	}
	s.busy[df.Name] = true
	outer := s.dirty
	s.dirty = false
	e := s.expr(df.Expression, nil)
	info := slotInfo{name: df.Name, typ: dataTypeOf(df.DataType), op: df.OpType}
	if info.typ == tMissing {
		info.typ = orString(e.typ())
	}
	if info.op == "ordinal" {
		info.ranks = ranks(df.Values)
	}
	if s.dirty {
		info.late = s
	}
	to := s.c.slot(info)
	steps := &s.steps
	if s.dirty {
		steps = s.late
	}
	*steps = append(*steps, &deriveStep{to: to, typ: info.typ, expr: e})
	s.dirty = s.dirty || outer
	delete(s.busy, df.Name)
	return to
}

func orString(t dataType) dataType {
	if t == tMissing {
		return tString
	}
	return t
}

// declare makes the result of a segment or an output field known by its name.
func (s *scope) declare(name string, sl slot) { s.known[name] = sl }

// deriveStep fills a derived field.
type deriveStep struct {
	to   slot
	typ  dataType
	expr expr
}

func (d *deriveStep) run(f *frame, rows []int32) {
	if k, ok := d.expr.(columnExpr); ok && !f.plan.general && k.column(f, rows, d.to, d.typ) {
		return
	}
	for _, r := range rows {
		f.put(d.to, r, d.expr.eval(f, r).cast(d.typ))
	}
}
